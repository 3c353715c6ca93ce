"""What an administrator does with one resource: rename, key, relations, duplicate, repoint, try."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from django.test import Client

from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import save_connection
from tests.console import NOW
from users.models import User

LIST = "/console/api/"
ALL = {"methods": ["GET", "POST"], "publish-0": "on", "publish-1": "on", "publish-2": "on"}


@pytest.fixture
def orders(connection: Connection) -> Resource:
    return publish_tables(connection, [TableRef("", "Orders")], now=NOW)[0]


@pytest.fixture
def goods(connection: Connection) -> Resource:
    return publish_tables(connection, [TableRef("", "Goods")], now=NOW)[0]


def test_rename_takes_rights_and_relations_along(as_admin: Client, orders: Resource, goods: Resource) -> None:
    User.objects.create_user("rob", resources={"Orders": {"filter": "Id gt 1"}, "Goods": {}})
    goods.relations = {"Bought": {"to": "Orders", "columns": {"Id": "Id"}, "collection": True}}
    goods.save()

    as_admin.post(f"{LIST}{orders.pk}", {**ALL, "name": "Purchases"})

    goods.refresh_from_db()
    assert Resource.objects.get(pk=orders.pk).name == "Purchases"
    assert User.objects.get(name="rob").resources == {"Purchases": {"filter": "Id gt 1"}, "Goods": {}}
    assert goods.relations["Bought"]["to"] == "Purchases"


@pytest.mark.parametrize(("name", "problem"), [("1 2", "no simple identifier"), ("goods", "Another resource has this name.")])
def test_rename_refuses(as_admin: Client, orders: Resource, goods: Resource, name: str, problem: str) -> None:
    answer = as_admin.post(f"{LIST}{orders.pk}", {**ALL, "name": name})

    assert (answer.status_code, problem in answer.content.decode()) == (422, True)


def test_save_keeps_key_search_and_details_of_columns(as_admin: Client, orders: Resource) -> None:
    given = {**ALL, "key": ["Id", "Buyer"], "search": ["Note"], "check_column": "Id", "etag": "none", "about-1": "Who", "locked-2": "on"}

    as_admin.post(f"{LIST}{orders.pk}", given)

    orders.refresh_from_db()
    assert (orders.key, orders.search, orders.check_column, orders.etag) == (["Id", "Buyer"], ["Note"], "Id", "none")
    assert orders.columns == {"Id": {}, "Buyer": {"description": "Who"}, "Note": {"read_only": True}}


@pytest.mark.parametrize("name", ["items", "keys", "values"])
def test_relation_page_opens_whatever_resources_are_called(as_admin: Client, orders: Resource, goods: Resource, name: str) -> None:
    Resource.objects.filter(pk=goods.pk).update(name=name)

    answer = as_admin.get(f"{LIST}{orders.pk}/relations/add")

    assert (answer.status_code, f"<strong>{name}</strong>" in answer.content.decode()) == (200, True)


def test_relation_is_added_followed_and_removed(as_admin: Client, orders: Resource, goods: Resource) -> None:
    given = {"name": "Thing", "to": "Goods", "here": "Id", "there": "Id", "partner": "Sales"}
    User.objects.filter(name="ada").update(privileges=["GET"])
    as_admin.post(f"{LIST}{orders.pk}/relations/add", given)

    tried = as_admin.get(f"/console/try/{orders.pk}", {"expand": "Thing", "top": "5"}).content.decode()
    page = as_admin.get(f"{LIST}{goods.pk}").content.decode()
    as_admin.post(f"{LIST}{orders.pk}/relations/Thing/remove")

    orders.refresh_from_db()
    assert ('<th scope="col">Thing</th>' in tried, "<code>Sales</code>" in page, orders.relations) == (True, True, {})


def test_relation_to_a_column_that_is_not_there_is_refused(as_admin: Client, orders: Resource, goods: Resource) -> None:
    given = {"name": "Thing", "to": "Goods", "here": "Id", "there": "Idd"}

    answer = as_admin.post(f"{LIST}{orders.pk}/relations/add", given)

    assert (answer.status_code, "the nearest is Id" in answer.content.decode()) == (422, True)


def test_duplicate_publishes_the_table_once_more(as_admin: Client, orders: Resource) -> None:
    answer = as_admin.post(f"{LIST}{orders.pk}/duplicate")

    copy = Resource.objects.exclude(pk=orders.pk).get()
    assert (answer["Location"], copy.name, copy.table) == (f"{LIST}{copy.pk}", "Orders_2", "Orders")


def test_repoint_compares_then_moves(as_admin: Client, orders: Resource, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "live.db") as made:
        made.execute("CREATE TABLE Orders (Id INTEGER PRIMARY KEY, Buyer INTEGER)")
    live = save_connection(name="live", connector="sqlite", values={"Database": str(tmp_path / "live.db")})

    compared = as_admin.get(f"{LIST}{orders.pk}/repoint?connection={live.pk}").content.decode()
    as_admin.post(f"{LIST}{orders.pk}/repoint?connection={live.pk}")

    orders.refresh_from_db()
    assert ("(VARCHAR(40))" in compared, "<td>Note</td>" in compared) == (True, True)
    assert (orders.connection_id, orders.name) == (live.pk, "Orders")


def test_repoint_to_where_the_table_is_missing_changes_nothing(as_admin: Client, orders: Resource, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").executescript("CREATE TABLE other (id)")
    empty = save_connection(name="empty", connector="sqlite", values={"Database": str(tmp_path / "empty.db")})

    page = as_admin.post(f"{LIST}{orders.pk}/repoint?connection={empty.pk}").content.decode()

    assert ("There is no table Orders" in page, Resource.objects.get().connection_id) == (True, orders.connection_id)


def test_try_it_shows_rows_and_the_address(as_admin: Client, orders: Resource) -> None:
    User.objects.filter(name="ada").update(privileges=["GET"])

    page = as_admin.get(f"/console/try/{orders.pk}", {"filter": "Id eq 1", "top": "5"}).content.decode()

    assert "&lt;b&gt;Aoi&lt;/b&gt;" in page
    assert '<a href="/console/api/" aria-current="page">' in page
    assert "/api.rsc/Orders?$filter=Id%20eq%201&amp;$top=5" in page


def test_try_it_shows_errors_in_words(as_admin: Client, orders: Resource) -> None:
    User.objects.filter(name="ada").update(privileges=["GET"])

    page = as_admin.get(f"/console/try/{orders.pk}", {"filter": "Nope eq 1"}).content.decode()

    assert ("<strong>400</strong>" in page, "Nope" in page) == (True, True)


def test_try_it_sends_with_the_own_rights_unless_told(as_admin: Client, orders: Resource) -> None:
    User.objects.create_user("aaron")

    page = as_admin.get(f"/console/try/{orders.pk}", {"filter": "Id eq 1"}).content.decode()

    assert '<option value="ada" selected>' in page


def test_try_it_shows_status_time_and_count(as_admin: Client, orders: Resource) -> None:
    User.objects.filter(name="ada").update(privileges=["GET"])

    page = as_admin.get(f"/console/try/{orders.pk}").content.decode()

    assert ("<strong>200</strong> OK" in page, "1 row · " in page, '<td class="number"><div class="cell">1</div>' in page) == (
        True,
        True,
        True,
    )


def test_try_it_holds_to_the_rights_of_the_chosen_user(as_admin: Client, as_operator: Client, orders: Resource) -> None:
    User.objects.create_user("rob", privileges=["GET"], resources={"Orders": {"filter": "Id gt 1", "columns": ["Id"]}})

    page = as_admin.get(f"/console/try/{orders.pk}", {"user": "rob"}).content.decode()
    refused = as_operator.get(f"/console/try/{orders.pk}", {"user": "rob"}).content.decode()

    assert ("No row fits." in page, "Aoi" in page) == (True, False)
    assert "<strong>403</strong>" in refused  # the operator's own rights: it has none


def test_list_is_searched_and_paged(as_admin: Client, orders: Resource, goods: Resource) -> None:
    page = as_admin.get(f"{LIST}?q=good").content.decode()

    assert (f'href="{LIST}{goods.pk}"' in page, f'href="{LIST}{orders.pk}"' in page) == (True, False)
