"""Two connections and a user who reads and writes what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.resources.services import publish_tables
from apiserver.server import options, stamp
from connections.contract.table import TableRef
from connections.services import SESSIONS, save_connection
from tests import databases
from users.models import User
from users.tokens import generate

TOKEN = "package-token-0123456789abcdef"


@pytest.fixture
def flow(db: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    """Clients of the user `flow`: orders and customers of one connection, notes of another."""
    SESSIONS.close()
    shop = databases.sqlite("shop", request, tmp_path)
    shop.create("customers", {"id": "integer PRIMARY KEY", "name": "text NOT NULL"})
    shop.create("orders", {"id": "integer PRIMARY KEY", "customer_id": "integer REFERENCES customers (id)", "total": "numeric(10,2)"})
    shop.run("INSERT INTO customers VALUES (1, 'Ann')")
    desk = databases.sqlite("desk", request, tmp_path)
    desk.create("notes", {"id": "integer PRIMARY KEY", "note": "text"})
    for name, database, tables in (("shop", shop, ("customers", "orders")), ("desk", desk, ("notes",))):
        connection = save_connection(name=name, connector="sqlite", values=database.connection["properties"])
        publish_tables(connection, [TableRef("", table) for table in tables], now=timezone.now())
    generate(User.objects.create_user("flow", privileges=["GET", "POST", "PATCH"]), now=timezone.now(), text=TOKEN)
    options.save({"public_url": "https://api.example.com", "allow_authtoken_in_url": True, "api": {"title": "Sales data"}})
    stamp.forget()
    yield Client(headers={"x-cdata-authtoken": TOKEN, "host": "testserver"})
    stamp.forget()
