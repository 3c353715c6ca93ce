"""What the pages that take something away say before they do."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.resources.models import Resource
from apiserver.resources.services import create, publish_tables
from connections.contract.table import TableRef
from connections.derived import describe_view, reads
from connections.models import Connection
from users import tokens
from users.models import Group, User

RESOURCES, USERS = "/console/api/", "/console/users/"


@pytest.fixture
def orders(connection: Connection) -> Resource:
    return publish_tables(connection, [TableRef("", "Orders")], now=timezone.now())[0]


@pytest.fixture
def asked(own_log: Callable[[], sqlite3.Connection]) -> None:
    """Rob asked twice for Orders today and once, weeks ago, for what is gone."""
    with closing(own_log()) as log:
        sql = "INSERT INTO requests (at, user, method, path, query, status, ms, resource) VALUES (?, 'rob', 'GET', '/', '', 200, 1, ?)"
        log.executemany(sql, [(time.time(), "Orders"), (time.time(), "Orders"), (time.time() - 20 * 86400, "Gone")])


def test_unpublish_names_who_asks_and_who_may(as_admin: Client, orders: Resource, asked: None) -> None:
    User.objects.create_user("confined", resources={})
    User.objects.create_user("off", is_active=False)
    User.objects.create_user("member").groups.add(Group.objects.create(name="team", resources={}))
    User.objects.create_user("open").groups.add(Group.objects.create(name="silent"))

    answer = as_admin.get(f"{RESOURCES}{orders.pk}/unpublish")

    assert answer.context["callers"] == [("rob", 2)]
    assert answer.context["everyone"] == 2  # the administrator and "open"
    assert "2 users see every resource" in answer.content.decode()


def test_unpublish_names_the_views_over_the_same_table(as_admin: Client, connection: Connection, orders: Resource) -> None:
    for name, sql in (("Late", "SELECT Id FROM orders"), ("Stock", "SELECT Id FROM Goods")):
        create(name, connection, describe_view(connection, sql), sql=sql)

    page = as_admin.get(f"{RESOURCES}{orders.pk}/unpublish").content.decode()

    assert (">Late<" in page, ">Stock<" in page) == (True, False)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT * FROM sales.orders", True),
        ("SELECT * FROM Orders o JOIN x ON x.id = o.id", True),
        ("SELECT * FROM archive.orders", False),
        ("WITH orders AS (SELECT 1 AS id) SELECT id FROM orders", False),
        ("WITH late AS (SELECT id FROM orders) SELECT id FROM late", True),
    ],
)
def test_view_reads_a_table(sql: str, found: bool) -> None:
    assert reads(sql, "postgresql", TableRef("sales", "orders")) is found


def test_delete_user_names_authtokens_and_what_was_asked_for(as_admin: Client, asked: None) -> None:
    rob = User.objects.create_user("rob")
    for _number in range(2):
        tokens.generate(rob, now=timezone.now())

    page = as_admin.get(f"{USERS}{rob.pk}/delete").content.decode()

    assert ("2 authtokens of the user end" in page, ">Orders<" in page, "Gone" in page) == (True, True, False)


def test_delete_user_who_does_nothing(as_admin: Client) -> None:
    olga = User.objects.create_user("olga", role="operator")

    page = as_admin.get(f"{USERS}{olga.pk}/delete").content.decode()

    assert ("no program loses access" in page, "no longer sign in" in page, "asked for no resource" in page) == (True, True, True)
