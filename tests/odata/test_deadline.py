"""The time limit of a request: refused between two statements, in reading and in writing, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from apiserver.odata import deadline
from apiserver.odata.parser_errors import Limits
from tests import databases
from tests.compliance import rows
from tests.odata.service_harness import Service, open_service

LATE = Limits(request_seconds=-1)


@pytest.fixture
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    database = databases.make("sqlite", "deadline", request, tmp_path)
    rows.fill(database)
    service = open_service(database, ("customers", "orders"))
    yield service
    service.session.close()


def test_expansion_beyond_the_time_is_504_and_names_the_setting(api: Service) -> None:
    reply = replace(api, limits=LATE).get("customers?$expand=orders")

    assert (reply.status, reply.error["code"]) == (504, "SourceTimeout")
    assert "server.request_limits.request_seconds" in reply.error["message"]


def test_write_beyond_the_time_changes_nothing(api: Service) -> None:
    reply = replace(api, limits=LATE).request("POST", "customers", {"id": 900, "name": "late"})

    assert reply.status == 504
    assert api.get("customers(900)").status == 404


def test_time_of_one_request_is_not_the_next_ones(api: Service) -> None:
    deadline.begin(-1)

    assert api.get("customers?$expand=orders").status == 200
