"""Connections that views over several name: counted, kept from being deleted, followed when they get another name."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apiserver.resources.models import Resource
from apiserver.resources.services import create
from apiserver.server import configuration
from apiserver.server.configuration_protocol import ConfigurationError
from connections import services, uses
from connections.derived_several import describe_several
from connections.models import Connection
from connections.services import save_connection
from connections.view_names import ListedNames, connections_read, renamed_in

pytestmark = pytest.mark.django_db
JOIN = "SELECT o.Id, o.Buyer, p.sum FROM shop.Orders o JOIN [books].paid p ON p.order_id = o.Id"


@pytest.fixture(autouse=True)
def books(connection: Connection, tmp_path: Path) -> Connection:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE paid (order_id INTEGER, sum DECIMAL(10,2))")
    found = save_connection(name="books", connector="sqlite", values={"Database": str(path)})
    for item in (connection, found):
        services.list_tables(item, now=timezone.now())
    return found


@pytest.fixture
def view() -> Resource:
    return create("Paid", None, describe_several(JOIN), sql=JOIN)


def read(sql: str) -> set[str]:
    names = {item.pk: item.name for item in Connection.objects.all()}
    return {names[pk] for pk in connections_read(sql, ListedNames())}


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        (JOIN, {"shop", "books"}),
        ("SELECT * FROM Orders", {"shop"}),
        ("SELECT * FROM SHOP.gone", {"shop"}),
        ("SELECT * FROM Nowhere", set()),
        ("SELECT * FROM sys_tables", set()),
        ("SELECT * FROM books.sys_tables", {"books"}),
        ("WITH paid AS (SELECT * FROM Orders) SELECT * FROM paid", {"shop"}),
        ("WITH paid AS (SELECT * FROM paid) SELECT * FROM paid", {"books"}),
        ("WITH RECURSIVE paid AS (SELECT Id FROM Orders UNION SELECT Id + 1 FROM paid WHERE Id < 9) SELECT * FROM paid", {"shop"}),
        ("SELECT * FROM shop.Orders WHERE Id IN (SELECT order_id FROM paid)", {"shop", "books"}),
        ("SELECT 1 AS one FROM (SELECT sum FROM books.paid) b UNION SELECT Id FROM Orders", {"shop", "books"}),
        ("no SQL at all", set()),
    ],
)
def test_connections_are_told_from_the_text(sql: str, wanted: set[str]) -> None:
    assert read(sql) == wanted


def test_columns_and_tables_follow_a_new_name() -> None:
    sql = "WITH shop AS (SELECT [shop].Orders.Id FROM shop.Orders) SELECT s.Id, 'shop' AS t FROM shop s, books.paid"

    assert renamed_in(sql, "shop", "web shop") == (
        "WITH shop AS (SELECT [web shop].Orders.Id FROM [web shop].Orders) SELECT s.Id, 'shop' AS t FROM shop s, books.paid"
    )


def test_list_counts_views_and_delete_names_them(as_admin: Client, books: Connection, view: Resource) -> None:
    page = as_admin.get(reverse("connections:list")).content.decode()
    asked = as_admin.get(reverse("connections:delete", args=[books.pk])).content.decode()
    refused = as_admin.post(reverse("connections:delete", args=[books.pk]))

    assert page.count('aria-label="1 resource">1</a>') == 2
    assert (">Paid</a>" in asked, "danger" in asked, refused.status_code) == (True, False, 409)
    assert Connection.objects.filter(name="books").exists()
    view.delete()
    assert as_admin.post(reverse("connections:delete", args=[books.pk])).status_code == 302


def test_the_verb_itself_refuses(books: Connection, view: Resource) -> None:
    with pytest.raises(uses.InUse) as refused:
        services.delete_connection(books)

    assert refused.value.names == ("Paid",)


def test_rename_is_followed_and_the_view_still_reads(as_admin: Client, books: Connection, view: Resource) -> None:
    as_admin.post(reverse("connections:edit", args=[books.pk]), {"name": "ledger", "Database": books.properties["Database"]})

    view.refresh_from_db()
    assert view.sql == "SELECT o.Id, o.Buyer, p.sum FROM shop.Orders o JOIN [ledger].paid p ON p.order_id = o.Id"
    assert [column.name for column in describe_several(view.sql).columns] == ["Id", "Buyer", "sum"]
    assert view.version == 2


def applied(data: dict[str, Any], *, prune: bool = True) -> list[str]:
    return configuration.apply(data, now=timezone.now(), prune=prune).deleted


def test_apply_refuses_to_delete_what_a_kept_view_reads(view: Resource) -> None:
    kept = {"connections": {"shop": {}}, "resources": {"Paid": {"sql": JOIN}}}

    with pytest.raises(ConfigurationError, match=r"resources\.Paid\.sql reads the connection books, which is deleted"):
        applied(kept)

    assert Connection.objects.filter(name="books").exists()


def test_apply_deletes_a_connection_with_the_view_that_reads_it(view: Resource) -> None:
    assert applied({"connections": {"shop": {}}}) == ["connections/books", "resources/Paid"]
