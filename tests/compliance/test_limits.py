"""Requests an hour: refused with 429, Retry-After and RateLimit headers; other users are not touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import databases
from tests.compliance import rows
from tests.compliance.conftest import Client
from tests.served import publish

FEW, MANY = "few-requests-0123456789abcdef", "many-requests-0123456789abcdef"


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("limits")
    database = databases.make("sqlite", "limits", request, folder)
    rows.fill(database)
    users = {
        "few": {"role": "query", "privileges": ["GET"], "authtoken": FEW, "requests_per_hour": 3, "concurrent_requests": 2},
        "many": {"role": "query", "privileges": ["GET"], "authtoken": MANY},
    }
    resources = {"customers": {"connection": "shop", "table": "customers"}}
    server = publish({"connections": {"shop": database.connection}, "resources": resources, "users": users}, folder / "data")
    yield Client(server, "sqlite", FEW)
    server.dismiss()


def test_hourly_limit_holds_over_all_workers(served: Client) -> None:
    answers = [served.get("customers(1)") for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 3601
    assert answers[-1].error["code"] == "TooManyRequests"
    assert Client(served.served, served.kind, MANY).get("customers(1)").status == 200
