"""Readers of the destination while tables are replaced: they see all the old rows or all the new ones."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.databases import KINDS
from tests.jobs.moves import Pair, pair

pytestmark = pytest.mark.django_db
ROWS, REFRESHES = 1000, 6


@pytest.fixture(params=[*KINDS, "parquet"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    found = pair(request, tmp_path, "sqlite", request.param, "readers")
    found.source.create("t", {"id": "integer", "name": "varchar(20)"}, "PRIMARY KEY (id)")
    found.source.insert("t", [(number, "x") for number in range(ROWS)])
    return found


def test_readers_never_see_half_a_table(ends: Pair) -> None:
    ends.move("REPLICATE [t]")
    seen: set[int] = set()
    failed: list[str] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            try:
                seen.add(ends.destination.run("SELECT count(*) FROM t")[0][0])
            except Exception as error:  # noqa: BLE001 any is one too many
                failed.append(str(error))
            stop.wait(0.01)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(REFRESHES):
        ends.source.insert("t", [(2 * ROWS + number, "y")])
        ends.move("REPLICATE [t]" if number % 2 else "REPLICATE [t] WITH TruncateTable")
    stop.set()
    reader.join()

    assert failed == []
    assert ROWS <= min(seen) <= max(seen) <= ROWS + REFRESHES
