"""Methods and privileges: MERGE is PATCH to rights, and refusals of every gate reach the log."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.contract.small import EVERY, small
from tests.served import Served, publish

TOKENS = {"patching": "merge-token-of-patching-0123", "merging": "merge-token-of-merging-01234", "reading": "merge-token-of-reading-01234"}
PRIVILEGES = {"patching": ["GET", "PATCH"], "merging": ["GET", "MERGE"], "reading": ["GET"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("merge")
    found = small(folder)
    for name, token in TOKENS.items():
        found["users"][name] = {"role": "query", "privileges": PRIVILEGES[name], "authtoken": token}
    found["resources"]["fixed"] = {"connection": "shop", "table": "items", "methods": [method for method in EVERY if method != "PATCH"]}
    server = publish(found, folder / "data")
    yield server
    assert server.stop() == 0


def change(served: Served, user: str, resource: str, method: str, override: bool) -> int:
    headers = {"x-cdata-authtoken": TOKENS[user]} | ({"X-HTTP-Method": method} if override else {})
    return served.get(f"/api.rsc/{resource}(1)", headers, "POST" if override else method, {"name": "changed"})[0]


@pytest.mark.parametrize("override", [False, True])
@pytest.mark.parametrize("method", ["MERGE", "PATCH"])
def test_merge_needs_the_privilege_patch(served: Served, method: str, override: bool) -> None:
    assert change(served, "patching", "items", method, override) == 204
    assert change(served, "reading", "items", method, override) == 403
    assert change(served, "merging", "items", method, override) == 403
    assert change(served, "patching", "fixed", method, override) == 403


def test_refusals_are_logged(served: Served) -> None:
    served.get("/api.rsc/items?mark=none")
    served.get("/api.rsc/items?mark=forwarded", {"X-Forwarded-For": "10.0.0.1"})
    served.get("/api.rsc/nothing?mark=unknown", {"x-cdata-authtoken": TOKENS["reading"]})
    time.sleep(1.5)
    with closing(sqlite3.connect(served.data_dir / "requests.sqlite3")) as log:
        found = log.execute("SELECT query, status FROM requests WHERE query LIKE 'mark=%' ORDER BY query").fetchall()

    assert found == [("mark=forwarded", 403), ("mark=none", 401), ("mark=unknown", 404)]
