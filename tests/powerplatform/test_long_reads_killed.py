"""Long reads through kill -9 of web and worker: each ends with exactly the rows, and a statement ends with its read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests import databases
from tests.databases import Database
from tests.powerplatform.long_client import HEADERS, expected, readings, served
from tests.served import Served

ROWS = 20_000
PATHS = [f"/api.rsc/items?$orderby=name&$top={top}" for top in range(ROWS - 8, ROWS)]


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    return databases.make("postgresql", "async5_killed", request, tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="module")
def server(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    database.run("CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(600)::text AS name")
    found = served(database, tmp_path_factory.mktemp("server"), ROWS, "slow")
    yield found
    assert found.stop() == 0


def test_each_read_ends_with_exactly_its_rows(server: Served) -> None:
    found, killed = readings(server, PATHS, clients=4, kills=2, every=2)

    assert killed
    wanted = expected(server, PATHS)
    assert [(status, body == wanted[path]) for path, (status, body) in zip(PATHS, found, strict=True)] == [(200, True)] * len(PATHS)


def test_a_cancelled_read_ends_its_statement(server: Served, database: Database) -> None:
    _, headers, _ = server.get("/api.rsc/slow", {**HEADERS, "Prefer": "respond-async"})
    where = headers["location"].removeprefix(server.base)
    until(lambda: under_way(database) == 1)

    assert server.get(where, HEADERS, "DELETE")[0] == 204
    until(lambda: under_way(database) == 0)
    assert server.get(where, HEADERS)[0] == 404


def under_way(database: Database) -> int:
    """Return how many statements read the slow view."""
    asked = "FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"
    return int(database.run(f"SELECT count(*) {asked} AND query LIKE '%slow%'")[0][0])


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.1)
