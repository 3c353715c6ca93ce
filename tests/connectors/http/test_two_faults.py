"""Two faults in a row: whatever comes second, all rows or a named error; and all rows once the service is well."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from connections.connectors.http.calls import Caller
from connections.contract.errors import ConnectorError
from connections.contract.scan import Scan
from connections.contract.table import Table
from tests.connectors.http.notes import manifest, open_session, rows_of
from tests.connectors.http.test_faults import PLAIN, ROWS
from tests.fakes.upstream import Upstream
from tests.fakes.upstream_faults import FAULTS, whole

KINDS = ("storm", "http_503", "http_502", "closed", "short_body", "half_json", "html", "refused_key", "bad_gzip", "error_as_200")
PAGES = 3


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    monkeypatch.setattr(Caller, "_pause", lambda self, number, wait, ends: True)
    monkeypatch.setattr("connections.connectors.http.calls.REST", 0.0)
    with Upstream() as running:
        yield running


def page(handler: Any, upstream: Upstream, seen: Any) -> None:
    """Give one of three pages of ten rows."""
    number = int(seen.params.get("page", "0"))
    body: dict[str, Any] = {"values": [{"id": number * 10 + place, "name": "x"} for place in range(10)]}
    if number < PAGES - 1:
        body["next"] = f"{upstream.url}{seen.path}?page={number + 1}"
    whole(handler, 200, json.dumps(body).encode())


@pytest.mark.parametrize(("first", "second"), list(itertools.product(KINDS, KINDS)))
def test_two_faults_in_the_middle_of_a_list_lose_nothing(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    left = [first, second]

    def faulty(handler: Any, running: Upstream, seen: Any) -> None:
        is_middle = seen.params.get("page") == "1" and left
        (FAULTS[left.pop(0)] if is_middle else page)(handler, running, seen)

    monkeypatch.setitem(FAULTS, "pair", faulty)
    session = open_session(upstream, manifest(PLAIN.replace("FAULT", "pair")), URL=upstream.url, Timeout=5, MaxRetries=1)
    found: list[Any] = []
    failures = 0
    while not found and failures < 3:
        try:
            found = rows_of(session, session.offer(Scan(Table(ROWS), ("Id",))))
        except ConnectorError as error:
            assert error.hint
            failures += 1

    assert found == [(number,) for number in range(10 * PAGES)]
    assert not left
