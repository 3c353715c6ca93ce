"""Resources served from kept answers: the source is asked once, writes through the server are seen at once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apiserver.odata.kept import Answers
from tests.served import Served, publish

BOSS = {"x-cdata-authtoken": "kept-answers-token-of-boss-01"}
LEAD = {"x-cdata-authtoken": "kept-answers-token-of-lead-01"}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "shop.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT)")
        made.executemany("INSERT INTO goods VALUES (?, ?)", [(1, "a"), (2, "b"), (3, "c")])
    return path


@pytest.fixture(scope="module")
def served(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    goods = {"connection": "shop", "table": "goods"}
    users = {"role": "query", "privileges": ["GET", "POST", "PATCH", "DELETE"]}
    file: dict[str, Any] = {
        "connections": {"shop": {"connector": "sqlite", "properties": {"Database": str(database)}}},
        "resources": {"Kept": {**goods, "serve": "cached 10"}, "Live": goods},
        "users": {
            "boss": {**users, "authtoken": BOSS["x-cdata-authtoken"]},
            "lead": {**users, "authtoken": LEAD["x-cdata-authtoken"], "resources": {"Kept": {"filter": "id gt 1"}}},
        },
    }
    server = publish(file, tmp_path_factory.mktemp("served"), extra={"APISERVER_WEB_WORKERS": "2"})
    yield server
    assert server.stop() == 0


def names(served: Served, resource: str, who: dict[str, str] = BOSS) -> list[str]:
    status, _, body = served.get(f"/api.rsc/{resource}?$orderby=id", who)
    assert status == 200, body
    return [row["name"] for row in json.loads(body)["value"]]


def often(served: Served, resource: str, who: dict[str, str] = BOSS) -> set[tuple[str, ...]]:
    """Return what all workers answer."""
    return {tuple(names(served, resource, who)) for _ in range(12)}


def logged(served: Served) -> list[str]:
    with sqlite3.connect(served.data_dir / "requests.sqlite3") as log:
        if not log.execute("SELECT 1 FROM sqlite_master WHERE name = 'requests'").fetchall():
            return []  # no worker has written yet
        return [row[0] or "" for row in log.execute("SELECT sql FROM requests WHERE resource = 'Kept'")]


def test_answers_are_kept_until_something_is_written(served: Served, database: Path) -> None:
    before = often(served, "Kept")
    mine = often(served, "Kept", LEAD)
    with sqlite3.connect(database) as made:
        made.execute("UPDATE goods SET name = 'x' WHERE id = 3")

    # A worker that was not asked before has kept nothing.
    assert (before, mine) == ({("a", "b", "c")}, {("b", "c")})
    assert ("a", "b", "c") in often(served, "Kept")
    assert ("b", "c") in often(served, "Kept", LEAD)
    assert often(served, "Live") == {("a", "b", "x")}

    status, _, _ = served.get("/api.rsc/Live(1)", BOSS, "PATCH", {"name": "y"})

    assert (status in (200, 204), often(served, "Kept"), often(served, "Kept", LEAD)) == (True, {("y", "b", "x")}, {("b", "x")})


def test_answers_tell_whether_they_are_kept_ones(served: Served) -> None:
    found = [served.get("/api.rsc/Kept?$orderby=id", BOSS)[1] for _ in range(12)]

    assert {(headers["served-from"], "data-as-of" in headers) for headers in found} <= {("live", False), ("cache", True)}
    assert found[-1]["served-from"] == "cache"
    assert "served-from" not in served.get("/api.rsc/Live", BOSS)[1]


def test_hits_stand_in_the_request_log(served: Served) -> None:
    often(served, "Kept")
    deadline = time.monotonic() + 20
    while not (found := [sql for sql in logged(served) if "-- kept, " in sql]) and time.monotonic() < deadline:
        time.sleep(0.2)

    assert found


def test_what_is_kept_is_bounded_and_grows_old() -> None:
    now = [0.0]
    answers = Answers(lambda: now[0])
    for number in range(1200):
        answers.put(number, [[("x",) * 100] * 10])

    assert answers.get(0, 60) is None
    assert answers.get(1199, 60) == ([[("x",) * 100] * 10], 0)

    now[0] = 60

    assert answers.get(1199, 60) is None
