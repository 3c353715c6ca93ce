"""What differs between a published table and the table as it is now."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from django.test import Client

from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from connections.contract.table import TableRef
from connections.models import Connection
from tests.console import NOW

LIST = "/console/api/"


@pytest.fixture
def orders(connection: Connection) -> Resource:
    return publish_tables(connection, [TableRef("", "Orders")], now=NOW)[0]


def test_drift_shows_new_columns_and_changes_nothing(as_admin: Client, orders: Resource, shop: Path) -> None:
    with sqlite3.connect(shop) as made:
        made.execute("ALTER TABLE Orders ADD COLUMN Total INTEGER")

    page = as_admin.get(f"{LIST}{orders.pk}/drift").content.decode()

    assert ("<td>Total</td>" in page, "<td>Buyer</td>" in page, ">Refresh<" in page) == (True, False, True)
    assert Resource.objects.get().snapshot == orders.snapshot


def test_drift_says_when_nothing_differs(as_operator: Client, orders: Resource) -> None:
    page = as_operator.get(f"{LIST}{orders.pk}/drift").content.decode()

    assert ("The table has not changed." in page, ">Refresh<" in page) == (True, False)


def test_drift_says_that_the_table_is_gone(as_admin: Client, orders: Resource, shop: Path) -> None:
    with sqlite3.connect(shop) as made:
        made.execute("DROP TABLE Orders")

    answer = as_admin.get(f"{LIST}{orders.pk}/drift")

    assert (answer.status_code, "There is no table Orders" in answer.content.decode()) == (200, True)


def test_drift_is_closed_to_query_users(as_reader: Client, orders: Resource) -> None:
    assert as_reader.get(f"{LIST}{orders.pk}/drift").status_code in (302, 403)
