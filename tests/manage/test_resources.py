"""Published resources by the management API."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from apiserver.resources.models import Resource
from tests.manage.conftest import Caller, audited, error
from users.models import User

ALL = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def test_created_resource_has_the_name_of_its_table_and_the_form_of_the_file(connected: Caller) -> None:
    made = connected("POST", "/resources/", {"connection": "shop", "table": "Orders", "methods": ["GET"]})

    assert made.status_code == 201, made.content
    assert made.json() == {
        "name": "Orders",
        "connection": "shop",
        "table": "Orders",
        "title": "",
        "description": "",
        "check_column": "",
        "serve": "live",
        "etag": "row",
        "methods": ["GET"],
        "key": [],
        "columns": None,
        "search": [],
        "replica": {},
        "relations": {},
    }  # fmt: skip
    assert audited()[-1] == ("ada", "resource published")
    assert Resource.objects.get().public_id == "Orders"


def test_second_resource_of_a_table_gets_a_name_of_its_own(published: Caller) -> None:
    made = published("POST", "/resources/", {"connection": "shop", "table": "Orders"})

    assert (made.status_code, made.json()["name"]) == (201, "shop_Orders")


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_was_read_can_be_sent_back(published: Caller, method: str) -> None:
    published("PATCH", "/resources/Orders/", {"columns": {"Id": "OrderId", "Buyer": {"label": "Who"}}, "title": "All orders"})
    read, count = published("GET", "/resources/Orders/"), len(audited())

    answer = published(method, "/resources/Orders/", read.json(), If_Match=read["ETag"])

    assert (answer.status_code, answer.json(), len(audited())) == (200, read.json(), count)


def test_patch_keeps_and_put_forgets_what_is_not_named(published: Caller) -> None:
    published("PATCH", "/resources/Orders/", {"title": "All orders", "methods": ["GET"]})
    changed = published("PATCH", "/resources/Orders/", {"description": "Since 2020"}).json()
    replaced = published("PUT", "/resources/Orders/", {"connection": "shop", "table": "Orders"}).json()

    assert (changed["title"], changed["methods"], changed["description"]) == ("All orders", ["GET"], "Since 2020")
    assert (replaced["title"], replaced["methods"], replaced["description"]) == ("", ALL, "")


def test_rename_takes_rights_along(published: Caller) -> None:
    published("POST", "/users/", {"name": "flow", "privileges": ["GET"], "resources": {"Orders": {"methods": ["GET"]}}})

    answer = published("PATCH", "/resources/Orders/", {"name": "Sales", "title": "Sold"})

    assert (answer.status_code, answer.json()["name"], answer.json()["title"]) == (200, "Sales", "Sold")
    assert User.objects.get(name="flow").resources == {"Sales": {"methods": ["GET"]}}
    assert published("GET", "/resources/Orders/").status_code == 404


@pytest.mark.parametrize(("name", "status"), [("Or ders", 422), ("", 422), (5, 422), ("orders2", 422), ("Goods", 409)])
def test_bad_new_names_are_refused(published: Caller, name: Any, status: int) -> None:
    published("POST", "/resources/", {"connection": "shop", "table": "Goods"})
    published("POST", "/resources/", {"connection": "shop", "table": "Goods", "name": "ORDERS2"})

    answer = published("PATCH", "/resources/Orders/", {"name": name})

    assert (answer.status_code, error(answer)["target"]) == (status, "name")
    assert published("GET", "/resources/Orders/").status_code == 200


def test_refresh_finds_new_columns(published: Caller, shop: str) -> None:
    same = published("POST", "/resources/Orders/refresh/").json()
    with sqlite3.connect(shop) as made:
        made.execute("ALTER TABLE Orders ADD COLUMN Total NUMERIC")

    assert (same, published("POST", "/resources/Orders/refresh/").json()) == ({"changed": False}, {"changed": True})
    assert audited()[-1] == ("ada", "resource changed")


def test_refresh_of_a_table_that_is_gone_says_so(published: Caller, shop: str) -> None:
    with sqlite3.connect(shop) as made:
        made.execute("DROP TABLE Orders")

    answer = published("POST", "/resources/Orders/refresh/")

    assert (answer.status_code, error(answer)["code"]) == (502, "SourceTableGone")


def test_duplicate_and_repoint(published: Caller, shop: str) -> None:
    published("POST", "/connections/", {"name": "live", "connector": "sqlite", "properties": {"Database": shop}})

    copy = published("POST", "/resources/Orders/duplicate/")
    moved = published("POST", f"/resources/{copy.json()['name']}/repoint/", {"connection": "live"})

    assert (copy.status_code, copy.json()["name"], moved.json()["connection"]) == (201, "Orders_2", "live")
    assert [action for _, action in audited()][-2:] == ["resource published", "resource repointed"]


@pytest.mark.parametrize("body", [{}, {"connection": "shopp"}, {"connection": 5}])
def test_repoint_to_nowhere_is_refused(published: Caller, body: Any) -> None:
    answer = published("POST", "/resources/Orders/repoint/", body)

    assert (answer.status_code, error(answer)["target"]) == (422, "connection")


def test_unpublish(published: Caller) -> None:
    assert published("DELETE", "/resources/Orders/").status_code == 204
    assert published("DELETE", "/resources/Orders/").status_code == 404
    assert audited()[-1] == ("ada", "resource unpublished")


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({}, "name"),
        ({"table": "Orders"}, "connection"),
        ({"connection": "shopp", "table": "Orders"}, "connection"),
        ({"connection": "shop", "name": "A"}, "table"),
        ({"connection": "shop", "table": "Ordrs"}, ""),
        ({"connection": "shop", "table": "Orders", "tabel": 1}, "tabel"),
        ({"connection": "shop", "table": "Orders", "name": "a b"}, ""),
        ({"connection": "shop", "table": "Orders", "methods": ["FETCH"]}, "methods"),
        ({"connection": "shop", "table": "Orders", "key": ["Nr"]}, "key"),
        ({"connection": "shop", "table": "Orders", "columns": {"Byer": "B"}}, "columns"),
        ({"connection": "shop", "table": "Orders", "columns": {"Buyer": "a b"}}, "columns.Buyer"),
        ({"connection": "shop", "table": "Orders", "title": {"file": "/etc/passwd"}}, "title"),
        ({"connection": "shop", "table": "Orders", "relations": {"a": {"to": "Nothing"}}}, "relations.a.to"),
    ],
)
def test_bad_entries_are_refused_by_field(connected: Caller, body: Any, target: str) -> None:
    answer = connected("POST", "/resources/", body)

    assert (answer.status_code, error(answer).get("target", "")) == (422, target), answer.content
    assert not Resource.objects.exists()
