"""The SQL page: rows, errors with their place, explain, history, CSV, cancel; who may use it."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apiserver.server.models import Audit
from chaos.derived_views import PLANTED, POSTGRES, SQLITE
from connections import sql_running
from connections.models import Connection
from connections.services import save_connection

pytestmark = pytest.mark.django_db


def asked(client: Client, sql: str, connection: Connection | None = None, **more: Any) -> Any:
    number = more.pop("run", uuid.uuid4().hex)
    return client.post(reverse("sql:explorer"), {"sql": sql, "connection": connection.pk if connection else "", "run": number, **more})


@pytest.fixture
def other(connection: Connection, tmp_path: Path) -> Connection:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE paid (order_id INTEGER, sum DECIMAL(10,2), said TEXT)")
        made.executemany("INSERT INTO paid VALUES (?, ?, ?)", [(1, 5.5, "=1+1"), (2, 7, "no")])
    return save_connection(name="books", connector="sqlite", values={"Database": str(path)})


def test_rows_of_one_connection_are_shown(as_operator: Client, connection: Connection) -> None:
    page = asked(as_operator, "SELECT Id, Buyer FROM Orders", connection)

    assert page.status_code == 200
    assert "&lt;b&gt;Aoi&lt;/b&gt;" in page.content.decode()
    assert page.context["plan"].path == "whole"


def test_rows_of_two_connections_are_joined(as_admin: Client, connection: Connection, other: Connection) -> None:
    page = asked(as_admin, "SELECT o.Buyer, p.sum FROM shop.Orders o JOIN books.paid p ON p.order_id = o.Id WHERE p.sum > 5")

    assert page.context.get("failure") is None
    assert [[cell.text for cell in row] for row in page.context["answer"]["rows"]] == [["<b>Aoi</b>", "5.50"]]
    assert [table.name for table in page.context["plan"].tables] == ["books.paid", "shop.Orders"]


def test_explain_asks_nothing_and_tells_what_would_be_asked(as_admin: Client, connection: Connection, other: Connection) -> None:
    sql = "SELECT o.Buyer FROM shop.Orders o JOIN books.paid p ON p.order_id = o.Id WHERE o.Buyer LIKE 'A%' AND p.sum > 1"

    page = asked(as_admin, sql, explain="1")

    tables = {table.name: table for table in page.context["plan"].tables}
    assert tables["shop.Orders"].asked == ("Buyer STARTSWITH 'A'",)
    assert tables["books.paid"].again == ("sum > '1'",)
    assert tables["books.paid"].narrowed == ("order_id IN (values of Id)",)
    assert "answer" not in page.context


def test_an_error_says_where_and_what_is_nearest(as_admin: Client, connection: Connection) -> None:
    page = asked(as_admin, "SELECT Byer FROM Orders", connection)

    assert page.status_code == 422
    assert "Line 1, column 8: There is no column Byer." in page.content.decode()
    assert "Did you mean Buyer?" in page.content.decode()


def test_a_connection_that_is_named_and_cant_be_reached_is_the_error(as_admin: Client, connection: Connection, tmp_path: Path) -> None:
    save_connection(name="away", connector="sqlite", values={"Database": str(tmp_path / "none" / "away.db")})

    page = asked(as_admin, "SELECT * FROM away.paid")

    assert type(page.context["failure"]).__name__ == "ConnectionFailed"
    assert asked(as_admin, "SELECT Id FROM Orders").context.get("failure") is None


def test_only_so_many_rows_are_shown_and_the_page_says_so(as_admin: Client, connection: Connection, shop: Path) -> None:
    with sqlite3.connect(shop) as made:
        made.executemany("INSERT INTO Goods VALUES (?, 'x')", [(n,) for n in range(1, 302)])

    page = asked(as_admin, "SELECT Id FROM Goods ORDER BY Id", connection)

    assert len(page.context["answer"]["rows"]) == 200
    assert "there are more" in page.content.decode()


def test_system_tables_cover_one_connection_or_all(as_admin: Client, connection: Connection, other: Connection) -> None:
    everything = asked(as_admin, "SELECT CatalogName, TableName FROM sys_tables ORDER BY 1, 2")
    one = asked(as_admin, "SELECT * FROM sys_primarykeys WHERE TableName = 'Orders'", connection)
    values = asked(as_admin, "SELECT Name, Value, Sensitivity FROM books.sys_connection_props WHERE Name = 'Database'")

    assert [[cell.text for cell in row] for row in everything.context["answer"]["rows"]] == [
        ["books", "paid"],
        ["shop", "Goods"],
        ["shop", "Orders"],
    ]
    assert [cell.text for cell in one.context["answer"]["rows"][0]] == ["shop", "", "Orders", "Id", "1"]
    assert values.context["answer"]["rows"][0][1].text.endswith("other.db")


def test_the_own_last_queries_are_offered_again(as_admin: Client, as_operator: Client, connection: Connection) -> None:
    asked(as_admin, "SELECT 1 AS one", connection)
    asked(as_operator, "SELECT 2 AS two", connection)

    page = as_admin.get(reverse("sql:explorer"))
    again = as_admin.get(reverse("sql:explorer"), {"again": page.context["history"][0].pk})
    foreign = as_admin.get(reverse("sql:explorer"), {"again": Audit.objects.get(who="olga").pk})

    assert [item.sql for item in page.context["history"]] == ["SELECT 1 AS one"]
    assert (again.context["sql"], again.context["chosen"]) == ("SELECT 1 AS one", connection)
    assert foreign.context["sql"] == ""


def test_each_run_leaves_an_entry_in_the_audit(as_admin: Client, connection: Connection) -> None:
    asked(as_admin, "SELECT Id FROM Orders", connection)
    asked(as_admin, "SELECT nothing", connection)

    entries = [
        (e.who, e.subject, e.detail["sql"], e.detail["rows"], bool(e.detail["error"])) for e in Audit.objects.filter(action="SQL run")
    ]
    assert sorted(entries) == [("ada", "shop", "SELECT Id FROM Orders", 1, False), ("ada", "shop", "SELECT nothing", 0, True)]


def test_a_download_defuses_what_a_spreadsheet_would_run(as_admin: Client, other: Connection) -> None:
    given = {"sql": "SELECT order_id AS [=id], said FROM paid ORDER BY 1", "connection": other.pk, "run": uuid.uuid4().hex}

    answer = as_admin.post(reverse("sql:csv"), given)

    assert b"".join(answer).decode() == "'=id,said\r\n1,'=1+1\r\n2,no\r\n"  # type: ignore[arg-type]


def test_a_download_that_fails_at_once_shows_why(as_admin: Client, connection: Connection) -> None:
    answer = as_admin.post(reverse("sql:csv"), {"sql": "DELETE FROM Orders", "connection": connection.pk, "run": uuid.uuid4().hex})

    assert (answer.status_code, "This is no SELECT." in answer.content.decode()) == (422, True)


SLOW = "SELECT COUNT(*) FROM Goods a, Goods b, Goods c, Goods d, Goods e WHERE a.Id + b.Id + c.Id + d.Id + e.Id < 0"


@pytest.mark.parametrize("is_joined", [False, True], ids=["at the database", "here"])
def test_a_running_query_is_cancelled(as_admin: Client, connection: Connection, shop: Path, other: Connection, is_joined: bool) -> None:
    with sqlite3.connect(shop) as made:
        made.executemany("INSERT INTO Goods VALUES (?, 'x')", [(n,) for n in range(1, 402)])
    sql = SLOW.replace("FROM ", "FROM books.paid p, ") if is_joined else SLOW
    number, started = uuid.uuid4().hex, time.monotonic()
    stopper = threading.Timer(0.7, sql_running.cancel, [number])
    stopper.start()

    page = asked(as_admin, sql, connection, run=number)

    assert page.context["failure"].message == "The query was cancelled."
    assert time.monotonic() - started < 20


def test_tables_and_columns_come_as_parts_of_the_page(as_operator: Client, connection: Connection) -> None:
    tables = as_operator.get(reverse("sql:tree", args=[connection.pk]), {"q": "ord"}).content.decode()
    columns = as_operator.get(reverse("sql:columns", args=[connection.pk]), {"table": "Orders"}).content.decode()

    assert ("Orders" in tables, "Goods" in tables) == (True, False)
    assert "Buyer" in columns


@pytest.mark.parametrize("name", ["sql:explorer", "sql:csv", "sql:cancel"])
def test_readers_of_the_api_have_no_sql(as_reader: Client, connection: Connection, name: str) -> None:
    assert as_reader.post(reverse(name), {"sql": "SELECT 1", "run": uuid.uuid4().hex}).url.startswith("/console/sign-in")


def test_a_forged_number_is_refused(as_admin: Client, connection: Connection) -> None:
    assert asked(as_admin, "SELECT 1", run="../../x").status_code == 400
    assert as_admin.post(reverse("sql:cancel"), {"run": "../../x"}).status_code == 400


def test_no_statement_that_views_refuse_does_anything_here(as_admin: Client, connection: Connection, shop: Path) -> None:
    with sqlite3.connect(shop) as made:
        made.execute("CREATE TABLE victims (id integer PRIMARY KEY, name text)")
        made.execute("INSERT INTO victims VALUES (1, 'a'), (2, 'b')")
    statements = [*POSTGRES, *SQLITE]

    answers = [asked(as_admin, sql, connection) for sql in statements]

    # Endless, but its first rows are there before it is stopped.
    endless = "WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r) SELECT id FROM r"
    assert [sql for sql, page in zip(statements, answers, strict=True) if page.status_code != 422] == [endless]
    with sqlite3.connect(shop) as made:
        assert made.execute("SELECT * FROM victims").fetchall() == [(1, "a"), (2, "b")]
    assert not PLANTED.exists()
