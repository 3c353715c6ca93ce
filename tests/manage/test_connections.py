"""Connections by the management API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connections import vault
from connections.models import Connection
from tests.connections.oauth import connection_to, grant_to
from tests.fakes.oauth_provider import Provider
from tests.manage.conftest import Caller, audited, error

POSTGRES = {
    "name": "sales",
    "connector": "postgresql",
    "properties": {"Server": "db.example.com", "User": "reader", "Password": "hidden words", "Database": "sales"},
}


def stored(name: str = "sales") -> Connection:
    return Connection.objects.get(name=name)


def password() -> str:
    return vault.reveal(stored().secrets["Password"])


def test_created_connection_is_shown_without_its_secrets(operator: Caller) -> None:
    made = operator("POST", "/connections/", POSTGRES)
    read = operator("GET", "/connections/sales/")

    assert made.status_code == 201, made.content
    assert made["Location"].endswith("/manage/api/connections/sales/")
    assert read.json() == {
        "name": "sales",
        "connector": "postgresql",
        "labels": [],
        "properties": {"Server": "db.example.com", "User": "reader", "Database": "sales"},
        "read_only": False,
        "max_rows": 0,
        "secrets": ["Password"],
        "last_test": None,
    }  # fmt: skip
    assert (b"hidden words" in made.content + read.content, password()) == (False, "hidden words")
    assert (audited(), made["ETag"]) == ([("olga", "connection saved")], read["ETag"])


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_was_read_can_be_sent_back(admin: Caller, method: str) -> None:
    admin("POST", "/connections/", POSTGRES)
    read = admin("GET", "/connections/sales/").json()

    answer = admin(method, "/connections/sales/", read)

    assert (answer.status_code, answer.json(), password()) == (200, read, "hidden words")
    assert audited() == [("ada", "connection saved")]  # the second changed nothing


def test_patch_changes_what_it_names(admin: Caller) -> None:
    admin("POST", "/connections/", POSTGRES)

    answer = admin("PATCH", "/connections/sales/", {"properties": {"Port": 5433, "User": None}, "max_rows": 10})

    assert answer.json()["properties"] == {"Server": "db.example.com", "Database": "sales", "Port": 5433}
    assert (answer.json()["max_rows"], password()) == (10, "hidden words")


@pytest.mark.parametrize("value", ["", None])
def test_secret_is_forgotten_only_when_named(admin: Caller, value: str | None) -> None:
    admin("POST", "/connections/", POSTGRES)

    answer = admin("PATCH", "/connections/sales/", {"properties": {"Password": value}})

    assert (answer.status_code, answer.json()["secrets"], stored().secrets) == (200, [], {})


def test_put_replaces_and_creates(admin: Caller) -> None:
    first = admin("PUT", "/connections/sales/", {**POSTGRES, "labels": ["a"], "max_rows": 5})
    second = admin("PUT", "/connections/sales/", {"connector": "postgresql", "properties": {"Server": "other"}})

    assert (first.status_code, second.status_code) == (201, 200)
    assert (second.json()["properties"], second.json()["labels"], second.json()["max_rows"]) == ({"Server": "other"}, [], 0)
    assert password() == "hidden words"


def test_rename_keeps_everything(admin: Caller) -> None:
    admin("POST", "/connections/", POSTGRES)

    answer = admin("PATCH", "/connections/sales/", {"name": "crm"})

    assert (answer.status_code, answer.json()["name"], stored("crm").properties["User"]) == (200, "crm", "reader")
    assert admin("GET", "/connections/sales/").status_code == 404


def test_delete_is_refused_while_resources_use_it(published: Caller) -> None:
    refused = published("DELETE", "/connections/shop/")
    published("DELETE", "/resources/Orders/")
    done = published("DELETE", "/connections/shop/")

    assert (refused.status_code, "Orders" in error(refused)["message"], done.status_code) == (409, True, 204)
    assert audited()[-1] == ("ada", "connection deleted")


def test_test_and_tables(connected: Caller) -> None:
    tested = connected("POST", "/connections/shop/test/").json()
    tables = connected("GET", "/connections/shop/tables/?q=ord&refresh=true").json()

    assert (tested["ok"], all(step["ok"] for step in tested["steps"])) == (True, True)
    assert tables == {"count": 1, "results": [{"schema": "", "table": "Orders", "kind": "table", "comment": "", "is_published": False}]}
    assert connected("GET", "/connections/shop/").json()["last_test"]["ok"] is True


def test_failed_test_is_an_answer_and_unreachable_tables_an_error(admin: Caller) -> None:
    admin("POST", "/connections/", {**POSTGRES, "properties": {"Server": "127.0.0.1", "Port": 1, "User": "x"}})

    tested = admin("POST", "/connections/sales/test/")
    tables = admin("GET", "/connections/sales/tables/")

    assert (tested.status_code, tested.json()["ok"]) == (200, False)
    assert (tables.status_code, error(tables)["code"]) == (503, "SourceUnavailable")


@pytest.mark.parametrize(
    ("body", "status", "target"),
    [
        ({"connector": "postgresql"}, 422, "name"),
        ({"name": "a", "connector": "orakle"}, 422, "connector"),
        ({"name": "a"}, 422, "connector"),
        ({"name": 5, "connector": "postgresql"}, 422, "name"),
        ({"name": "a/b", "connector": "postgresql"}, 422, ""),
        ({"name": "a\n", "connector": "postgresql"}, 422, ""),
        ({"name": "a", "connector": "postgresql", "propertys": {}}, 422, "propertys"),
        ({"name": "a", "connector": "postgresql", "properties": {"Sever": "x"}}, 422, "properties.Sever"),
        ({"name": "a", "connector": "postgresql", "properties": {"Port": "many"}}, 422, "properties.Port"),
        ({"name": "a", "connector": "postgresql", "properties": {"Password": {"env": "HOME"}}}, 422, "properties.Password"),
        ({"name": "a", "connector": "postgresql", "properties": []}, 422, "properties"),
        ({"name": "a", "connector": "postgresql", "labels": "x"}, 422, "labels"),
        ({"name": "a", "connector": "postgresql", "labels": ["crm", 5]}, 422, "labels[1]"),
        ({"name": "a", "connector": "postgresql", "max_rows": -1}, 422, "max_rows"),
        ({"name": "a", "connector": "postgresql", "max_rows": 10**12}, 422, "max_rows"),
        ({"name": "shop", "connector": "sqlite"}, 409, "name"),
    ],
)
def test_bad_entries_are_refused_by_field(connected: Caller, body: Any, status: int, target: str) -> None:
    answer = connected("POST", "/connections/", body)

    assert (answer.status_code, error(answer).get("target", "")) == (status, target), answer.content
    assert Connection.objects.count() == 1


@pytest.mark.parametrize(
    ("raw", "media", "status"),
    [
        (b"", "application/json", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"name":"a\\u0000"}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"name=a", "application/x-www-form-urlencoded", 415),
        (b'{"a":"' + b"x" * 3_000_000 + b'"}', "application/json", 413),
    ],
    ids=range(9),
)
def test_bad_bodies_are_refused(admin: Caller, raw: bytes, media: str, status: int) -> None:
    answer = admin("POST", "/connections/", raw, media=media)

    assert answer.status_code == status, answer.content
    assert set(error(answer)) >= {"code", "message"}


def test_own_database_stays_out_of_reach(admin: Caller, settings: Any) -> None:
    path = settings.DATA_DIR / "requests.sqlite3"
    path.touch()

    answer = admin("POST", "/connections/", {"name": "own", "connector": "sqlite", "properties": {"Database": str(path)}})

    assert (answer.status_code, error(answer)["target"]) == (422, "properties.Database")


def test_change_of_what_changed_meanwhile_is_refused(connected: Caller) -> None:
    read = connected("GET", "/connections/shop/")
    connected("PATCH", "/connections/shop/", {"max_rows": 1})

    stale = connected("PATCH", "/connections/shop/", {"max_rows": 2}, If_Match=read["ETag"])
    fresh = connected("PATCH", "/connections/shop/", {"max_rows": 3}, If_Match=connected("GET", "/connections/shop/")["ETag"])

    assert (stale.status_code, error(stale)["code"], fresh.status_code) == (412, "PreconditionFailed", 200)
    assert connected("DELETE", "/connections/shop/", If_Match='"no"').status_code == 412


def test_lists_are_paged_and_searched(admin: Caller) -> None:
    for number in range(5):
        admin("POST", "/connections/", {**POSTGRES, "name": f"c{number}"})

    page = admin("GET", "/connections/?limit=2&offset=2").json()

    assert (page["count"], [item["name"] for item in page["results"]]) == (5, ["c2", "c3"])
    assert admin("GET", "/connections/?q=C4").json()["count"] == 1
    for bad in ("limit=x", "limit=-1", "limit=5000", "offset=99999999999999999999", "q=%00"):
        assert admin("GET", f"/connections/?{bad}").status_code == 400


def test_audit_says_from_where(connected: Caller) -> None:
    found = json.loads(connected("GET", "/audit/").content)["results"][0]

    assert (found["who"], found["address"], found["subject"]) == ("ada", "127.0.0.1", "shop")


def test_grant_is_shown_without_its_tokens(admin: Caller, probe: str, provider: Provider) -> None:
    connection = connection_to(provider)
    grant_to(connection, provider)

    read = admin("GET", "/connections/cloud/")
    again = admin("PUT", "/connections/cloud/", read.json())

    found = read.json()["grant"]
    assert (sorted(found), found["problem"], again.status_code) == (["account", "connected", "problem", "scopes"], "", 200)
    assert provider.families[0].access not in read.content.decode()


def test_delete_is_refused_while_a_view_over_several_names_it(connected: Caller) -> None:
    made = connected("POST", "/resources/", {"name": "Late", "sql": "SELECT Id FROM shop.Orders"})
    refused = connected("DELETE", "/connections/shop/")

    assert (made.status_code, refused.status_code, error(refused)["code"]) == (201, 409, "Conflict")
    assert error(refused)["message"].startswith("Resources or jobs use the connection shop: Late.")


def test_search_looks_into_names_sources_and_labels(connected: Caller) -> None:
    connected("POST", "/connections/", {**POSTGRES, "labels": ["販売"]})

    found = {text: connected("GET", f"/connections/?q={text}").json() for text in ("%E8%B2%A9", "postgres", "sho", "s", "nothing")}

    assert {text: [item["name"] for item in page["results"]] for text, page in found.items()} == {
        "%E8%B2%A9": ["sales"], "postgres": ["sales"], "sho": ["shop"], "s": ["sales", "shop"], "nothing": [],
    }  # fmt: skip
