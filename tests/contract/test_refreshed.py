"""A column that settings and rights name is dropped, and the resource refreshed: nobody sees more, the file still applies."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.small import EVERY, small
from tests.served import Served, manage, publish

TOKENS = {name: f"refreshed-token-of-{name}-0123" for name in ("boss", "flow", "lead", "few")}
READS = ("items", "items(1)", "items/$count", "items?$search=item")


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("refreshed")
    found = small(folder)
    query = {"role": "query", "privileges": EVERY}
    found["users"] = {
        "boss": {"role": "admin", "privileges": EVERY, "authtoken": TOKENS["boss"]},
        "flow": {**query, "authtoken": TOKENS["flow"]},
        "lead": {**query, "authtoken": TOKENS["lead"], "resources": {"items": {"filter": "amount gt 3"}}},
        "few": {**query, "authtoken": TOKENS["few"], "resources": {"items": {"columns": ["amount"]}}},
    }
    amount = {"check_column": "amount", "etag": "amount", "columns": {"id": "id", "name": "name", "amount": "amount"}}
    relation = {"relations": {"same": {"to": "items", "columns": {"amount": "amount"}}}}
    found["resources"]["items"] |= {"key": ["id"], "search": ["name"], **amount, **relation}
    server = publish(found, folder / "data")
    with closing(sqlite3.connect(folder / "small.db")) as link:
        link.execute("ALTER TABLE items DROP COLUMN amount")
        link.commit()
    assert server.get("/manage/api/resources/items/refresh/", header("boss"), "POST", {})[0] == 200
    time.sleep(1)
    yield server
    assert server.stop() == 0


def header(user: str) -> dict[str, str]:
    return {"x-cdata-authtoken": TOKENS[user]}


@pytest.mark.parametrize("path", READS)
def test_rows_go_on_without_the_column(refreshed: Served, path: str) -> None:
    status, _, body = refreshed.get(f"/api.rsc/{path}", header("flow"))

    assert (status, b"amount" in body) == (200, False)


@pytest.mark.parametrize("path", READS)
def test_row_filter_that_names_the_column_shows_no_row(refreshed: Served, path: str) -> None:
    status, _, body = refreshed.get(f"/api.rsc/{path}", header("lead"))

    told = json.loads(body)["error"]
    assert (status, told["code"]) == (403, "Forbidden")
    assert "row filter" in told["message"] and "amount" not in told["message"]


@pytest.mark.parametrize(("method", "path"), [("POST", "items"), ("PATCH", "items(1)"), ("PUT", "items(1)"), ("DELETE", "items(1)")])
def test_row_filter_that_names_the_column_lets_nobody_write(refreshed: Served, method: str, path: str) -> None:
    body = None if method == "DELETE" else {"id": 70, "name": "written"} if method == "POST" else {"name": "written"}

    assert refreshed.get(f"/api.rsc/{path}", header("lead"), method, body)[0] == 403
    assert b"written" not in refreshed.get("/api.rsc/items", header("flow"))[2]


@pytest.mark.parametrize("path", READS)
def test_resource_of_which_nothing_is_left_to_a_user_is_absent(refreshed: Served, path: str) -> None:
    assert refreshed.get(f"/api.rsc/{path}", header("few"))[0] == 404
    assert b"items" not in refreshed.get("/api.rsc/$metadata", header("few"))[2]


def test_documents_answer_everybody(refreshed: Served) -> None:
    statuses = {refreshed.get(f"/api.rsc/{path}", header(user))[0] for user in TOKENS for path in ("", "$metadata", "$oas")}

    assert statuses == {200}


def test_export_applies_again_here_and_elsewhere_but_for_rights_that_would_widen(refreshed: Served, tmp_path: Path) -> None:
    file, data = tmp_path / "export.yaml", tmp_path / "data"
    data.mkdir()
    secrets = {f"APISERVER_SECRET_USERS_{name.upper()}_AUTHTOKEN": token for name, token in TOKENS.items()}
    exported = manage(refreshed.data_dir, "export").stdout
    file.write_text(exported, encoding="utf-8")
    refused = manage(data, "apply", str(file), extra=secrets)
    file.write_text(exported.split("users:")[0], encoding="utf-8")

    assert (refused.returncode, "amount" in refused.stderr) == (1, True)
    assert "amount" not in exported.split("users:")[0]
    assert manage(refreshed.data_dir, "apply", str(file)).returncode == 0
    assert manage(refreshed.data_dir, "diff", str(file)).returncode == 0
    assert manage(data, "apply", str(file)).returncode == 0
    assert manage(data, "export").stdout == exported.split("users:")[0]
