"""Answers that are as long as the table are sent within the places for such; short ones need none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiserver.server import slow_clients
from tests import databases
from tests.compliance import rows
from tests.odata.service_harness import Service, open_service


@pytest.fixture
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    database = databases.sqlite("streams", request, tmp_path)
    rows.fill(database)
    service = open_service(database, ("customers",))
    yield service
    service.session.close()


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> threading.BoundedSemaphore:
    """One place, which is taken."""
    found = threading.BoundedSemaphore(1)
    found.acquire()
    monkeypatch.setattr(slow_clients, "STREAMS_OF_WORKER", found)
    return found


@pytest.mark.parametrize("path", ["customers", "customers?$top=5000", "customers?$top=1000000&$select=id"])
def test_long_answers_wait_for_a_place(api: Service, places: threading.BoundedSemaphore, path: str) -> None:
    endless = api.seen_with(page_size=0, max_page_size=0)

    refused = endless.get(path)
    places.release()

    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    assert endless.get(path).status == 200


@pytest.mark.parametrize("path", ["customers?$top=2000", "customers(1)", "customers/$count"])
def test_short_answers_need_no_place(api: Service, places: threading.BoundedSemaphore, path: str) -> None:
    assert api.seen_with(page_size=0, max_page_size=0).get(path).status == 200
