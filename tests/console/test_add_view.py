"""Add View: from the SQL page to a published resource; the key must name one row."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apiserver.resources.models import Resource
from connections.models import Connection
from connections.services import save_connection

pytestmark = pytest.mark.django_db
JOIN = "SELECT o.Id, o.Buyer, p.sum FROM shop.Orders o JOIN books.paid p ON p.order_id = o.Id"


@pytest.fixture(autouse=True)
def other(connection: Connection, tmp_path: Path) -> Connection:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE paid (order_id INTEGER, sum DECIMAL(10,2))")
        made.executemany("INSERT INTO paid VALUES (?, ?)", [(1, 5.5), (1, 7)])
    return save_connection(name="books", connector="sqlite", values={"Database": str(path)})


def publish(client: Client, **given: Any) -> Any:
    return client.post(reverse("resources:add_view"), {"publish": "1", "name": "Paid", "sql": JOIN, **given})


def test_the_select_of_the_sql_page_gets_whole_names(as_admin: Client, connection: Connection) -> None:
    sql = "SELECT o.Buyer, g.Name FROM Orders o, [Goods] g WHERE o.Id = g.Id"

    page = as_admin.post(reverse("resources:add_view"), {"sql": sql, "connection": connection.pk, "run": uuid.uuid4().hex})

    assert page.context["form"].initial["sql"] == "SELECT o.Buyer, g.Name FROM [shop].[Orders] o, [shop].[Goods] g WHERE o.Id = g.Id"
    assert [item["it"].name for item in page.context["columns"]] == ["Buyer", "Name"]
    assert Resource.objects.count() == 0


def test_it_is_published_read_only(as_admin: Client) -> None:
    page = publish(as_admin, key=["sum"])

    found = Resource.objects.get()
    assert page.url == reverse("resources:edit", args=[found.pk])
    assert (found.name, found.connection, found.sql, found.key, found.methods) == ("Paid", None, JOIN, ["sum"], ["GET"])
    assert as_admin.get(page.url).status_code == 200
    assert as_admin.get(reverse("resources:list")).status_code == 200


def test_a_key_that_names_several_rows_is_refused(as_admin: Client) -> None:
    page = publish(as_admin, key=["Id"])

    assert page.context["failure"].message == "Several rows have the same Id, or a row has none."
    assert Resource.objects.count() == 0


def test_a_mistake_is_shown_with_its_place(as_admin: Client) -> None:
    page = publish(as_admin, sql="SELECT Id FROM shop.Ordres")

    assert page.status_code == 422
    assert page.context["failure"].message == "Line 1, column 16: There is no table shop.Ordres."


def test_a_taken_name_is_refused(as_admin: Client) -> None:
    publish(as_admin)

    page = publish(as_admin, name="paid")

    assert page.context["form"].errors["name"] == ["Another resource has this name."]


def test_readers_of_the_api_have_no_views(as_reader: Client) -> None:
    assert publish(as_reader).url.startswith("/console/sign-in")
