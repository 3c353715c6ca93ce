"""The product's own database missing a part while the server runs: API requests say 503 and when to ask again, never 500."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.small import HEADERS, small
from tests.served import Served, publish

TABLES = ("server_serversettings", "server_stamp", "users_authtoken", "users_user_groups", "resources_resource", "connections_connection")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("own")
    server = publish(small(folder, anonymous=False), folder / "data")
    yield server
    assert server.stop() == 0


def run(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database, timeout=10)) as link:
        for statement in statements:
            link.execute(statement)
        link.commit()


@pytest.mark.parametrize("table", TABLES)
def test_missing_part_is_told_with_503_until_it_is_back(served: Served, table: str) -> None:
    database = served.data_dir / "apiserver.sqlite3"
    assert served.get("/api.rsc/items", HEADERS)[0] == 200
    # A change of configuration makes every cache look again.
    run(database, "UPDATE server_stamp SET number = number + 1", "UPDATE connections_connection SET version = version + 1")
    run(database, "PRAGMA legacy_alter_table=ON", f"ALTER TABLE {table} RENAME TO hidden")
    time.sleep(1)
    answers = [served.get("/api.rsc/items", HEADERS) for _ in range(6)]
    health = served.get("/healthz")[0]
    run(database, "PRAGMA legacy_alter_table=ON", f"ALTER TABLE hidden RENAME TO {table}")
    time.sleep(2)

    assert {status for status, _, _ in answers} == {503}
    assert {headers["retry-after"] for _, headers, _ in answers} <= {"2", "5"}
    assert {json.loads(body)["error"]["code"] for _, _, body in answers} == {"Unavailable"}
    assert health == 200
    assert {served.get("/api.rsc/items", HEADERS)[0] for _ in range(6)} == {200}
