"""Add Table: pick a connection, search and tick tables, confirm names and methods."""

from __future__ import annotations

import re
import sqlite3
from html import unescape
from pathlib import Path

import pytest
from django.test import Client

from apiserver.resources.models import ALL_METHODS, Resource
from apiserver.resources.services import publish_tables
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import SESSIONS, save_connection
from tests.console import NOW

LIST = "/console/api/"


@pytest.fixture
def tables(connection: Connection) -> str:
    return f"{LIST}add/{connection.pk}"


def ticked(page: str) -> list[str]:
    """Return the values of ticked boxes and of hidden ticks."""
    found = re.findall(r'<input type="(?:checkbox|hidden)" name="table" value="([^"]*)"( checked)?', page)
    hidden = re.findall(r'<input type="hidden" name="table" value="([^"]*)"', page)
    return sorted(unescape(value) for value, tick in found if tick or value in hidden)


def connected(path: Path, statements: str) -> Connection:
    """Return a connection to a new SQLite file with these tables."""
    with sqlite3.connect(path) as made:
        made.executescript(statements)
    SESSIONS.close()
    return save_connection(name=path.stem, connector="sqlite", values={"Database": str(path)})


def names_given(page: str) -> list[str]:
    return re.findall(r'name="name:[^"]*" value="([^"]*)"', page)


def test_tables_are_searched(as_admin: Client, tables: str) -> None:
    page = as_admin.get(f"{tables}?q=goo").content.decode()

    assert ("|Goods" in page, "|Orders" in page, ">Next<" in page) == (True, False, True)


def test_search_and_database_without_tables_say_what_to_do(as_admin: Client, tables: str, tmp_path: Path) -> None:
    empty = connected(tmp_path / "empty.db", "")

    searched = as_admin.get(f"{tables}?q=nothing").content.decode()
    page = as_admin.get(f"{LIST}add/{empty.pk}").content.decode()

    assert ("No table fits the search." in searched, "its user can read no table" in page) == (True, True)


def test_newest_connection_that_works_is_proposed(as_admin: Client, connection: Connection, tmp_path: Path) -> None:
    for name, ok in (("alpha", True), ("beta", False)):
        other = connected(tmp_path / f"{name}.db", "")
        Connection.objects.filter(pk=other.pk).update(last_test={"ok": ok, "steps": []})

    page = as_admin.get(f"{LIST}add").content.decode()

    assert re.findall(r"selected>(\w+)<", page.partition("<main")[2]) == ["alpha"]


def test_ticks_survive_a_search(as_admin: Client, tables: str) -> None:
    page = as_admin.post(tables, {"q": "goo", "table": ["|Orders", "|None"]}).content.decode()

    assert (ticked(page), "1 ticked table is not shown" in page) == (["|Orders"], True)


def test_all_shown_are_ticked_without_javascript(as_admin: Client, tables: str) -> None:
    page = as_admin.post(tables, {"q": "goo", "all": "1"}).content.decode()

    assert ticked(page) == ["|Goods"]


def test_published_tables_are_marked(as_admin: Client, connection: Connection, tables: str) -> None:
    publish_tables(connection, [TableRef("", "Orders")], now=NOW)

    page = as_admin.get(tables).content.decode()

    assert page.count("✓ Published") == 1


def test_confirm_shows_names_keys_and_methods(as_admin: Client, tables: str) -> None:
    page = as_admin.post(f"{tables}/confirm", {"table": ["|Goods", "|Orders"]}).content.decode()

    assert (names_given(page), page.count(">Id</td>"), Resource.objects.count()) == (["Goods", "Orders"], 2, 0)
    assert all(page.count(f'value="{method}" checked') == 2 for method in ALL_METHODS)


def test_confirm_gives_a_name_of_its_own_where_one_is_taken(as_admin: Client, connection: Connection, tables: str) -> None:
    publish_tables(connection, [TableRef("", "Orders")], now=NOW)

    page = as_admin.post(f"{tables}/confirm", {"table": ["|Orders"]}).content.decode()

    assert names_given(page) == ["shop_Orders"]


def test_confirm_publishes_under_the_given_names_and_methods(as_admin: Client, tables: str) -> None:
    given = {"table": ["|Goods", "|Orders"], "name:|Goods": "Things", "name:|Orders": "Orders", "publish": "1"}
    methods = {"methods:|Goods": ["GET"], "methods:|Orders": ["DELETE", "GET", "NONE"]}

    page = as_admin.post(f"{tables}/confirm", given | methods, follow=True).content.decode()

    assert "2 resources were published." in page
    assert list(Resource.objects.values_list("name", "table", "methods")) == [
        ("Orders", "Orders", ["GET", "DELETE"]),
        ("Things", "Goods", ["GET"]),
    ]


@pytest.mark.parametrize(
    ("name", "methods", "problem"),
    [
        ("1 2", ["GET"], "_1_2 is."),
        ("", ["GET"], "Goods is."),
        ("ORDERS", ["GET"], "Another resource has this name."),
        ("Things", [], "Tick one method at least."),
    ],
)
def test_confirm_marks_what_is_wrong_and_publishes_nothing(
    as_admin: Client, tables: str, name: str, methods: list[str], problem: str
) -> None:
    given = {"table": ["|Goods", "|Orders"], "name:|Orders": "Orders", "methods:|Orders": ["GET"], "publish": "1"}
    twice = {"name:|Goods": name, "methods:|Goods": methods}

    answer = as_admin.post(f"{tables}/confirm", given | twice)

    shown = re.findall(r'id="problem-\d+"><li>(.*?)</li>', answer.content.decode())
    assert (answer.status_code, len(shown), Resource.objects.count()) == (422, 1, 0)
    assert problem in shown[0]


def test_confirm_takes_methods_from_all_lines_at_once(as_admin: Client, tables: str) -> None:
    given = {"table": ["|Goods"], "name:|Goods": "Things", "methods:|Goods": list(ALL_METHODS), "preset": "read"}

    page = as_admin.post(f"{tables}/confirm", given).content.decode()

    assert (names_given(page), re.findall(r'value="(\w+)" checked> \w', page)) == (["Things"], ["GET"])


def test_confirm_of_what_has_no_key_says_so_and_offers_reading(as_admin: Client, tmp_path: Path) -> None:
    loose = connected(tmp_path / "loose.db", "CREATE TABLE Lines (Note TEXT); CREATE VIEW Notes AS SELECT Note FROM Lines")

    page = as_admin.post(f"{LIST}add/{loose.pk}/confirm", {"table": ["|Lines", "|Notes"]}).content.decode()

    assert all(text in page for text in ("read only: no key", "read only: a view"))
    assert ('value="GET"' in page, 'value="POST"' in page) == (True, False)


def test_confirm_without_a_tick_asks_for_one(as_admin: Client, tables: str) -> None:
    page = as_admin.post(f"{tables}/confirm", follow=True).content.decode()

    assert ("Tick one table at least." in page, Resource.objects.count()) == (True, 0)


def test_confirm_of_a_dropped_table_names_it_and_keeps_the_ticks(as_admin: Client, tables: str, shop: Path) -> None:
    as_admin.get(tables)
    with sqlite3.connect(shop) as changed:
        changed.execute("DROP TABLE Goods")

    answer = as_admin.post(f"{tables}/confirm", {"table": ["|Goods", "|Orders"]})

    page = answer.content.decode()
    assert (answer.status_code, "There is no table Goods" in page, ticked(page)) == (422, True, ["|Goods", "|Orders"])


def test_five_hundred_tables_are_published_at_once(as_admin: Client, tmp_path: Path) -> None:
    wide = connected(tmp_path / "wide.db", ";".join(f"CREATE TABLE T{number} (Id INTEGER PRIMARY KEY)" for number in range(500)))
    values = [f"|T{number}" for number in range(500)]
    given: dict[str, list[str]] = {"table": values, "publish": ["1"]}
    given |= {f"name:{value}": [value[1:]] for value in values} | {f"methods:{value}": list(ALL_METHODS) for value in values}

    shown = as_admin.get(f"{LIST}add/{wide.pk}").content.decode()
    answer = as_admin.post(f"{LIST}add/{wide.pk}/confirm", given)

    assert (shown.count('name="table"'), answer.status_code, Resource.objects.count()) == (500, 302, 500)


def test_tables_are_those_of_the_place_that_the_connection_leads_to_now(as_admin: Client, tmp_path: Path) -> None:
    first = connected(tmp_path / "first.db", "CREATE TABLE before (id INTEGER PRIMARY KEY)")
    other = connected(tmp_path / "other.db", "CREATE TABLE afterwards (id INTEGER PRIMARY KEY)")
    seen = as_admin.get(f"{LIST}add/{first.pk}").content.decode()

    save_connection(name="first", connector="sqlite", values=dict(other.properties), existing=Connection.objects.get(pk=first.pk))
    page = as_admin.get(f"{LIST}add/{first.pk}").content.decode()

    assert ("|before" in seen, "|before" in page, "|afterwards" in page) == (True, False, True)
