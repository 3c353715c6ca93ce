"""A statement that runs is stopped from another thread, on every database; the session goes on serving."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from connections.contract.errors import ConnectorError
from tests.connectors.conftest import Source, rows_of

SLOW = {
    "postgresql": "SELECT pg_sleep(60)",
    "mysql": "SELECT SLEEP(60)",
    "sqlite": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
}


@pytest.mark.parametrize("stream", [False, True])
def test_a_running_statement_is_stopped(source: Source, stream: bool) -> None:
    started = time.monotonic()
    stops: list[Callable[[], None]] = []

    def watch(stop: Callable[[], None]) -> None:
        stops.append(stop)
        threading.Timer(1, stop).start()

    # MySQL's SLEEP ends without an error when it is stopped.
    try:
        rows = [row for batch in source.session.query(SLOW[source.kind], (), stream=stream, watch=watch).batches for row in batch]
        assert source.kind == "mysql", rows
    except ConnectorError:
        pass

    assert len(stops) == 1
    assert time.monotonic() - started < 20
    assert rows_of(source.session, "SELECT 1") == [(1,)]
