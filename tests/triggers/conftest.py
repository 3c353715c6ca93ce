"""A table that changes, published from each kind of database, and people who wait for its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from apiserver.server import options, stamp
from apiserver.triggers.detection import look
from apiserver.triggers.looking import claim
from connections.contract.table import TableRef
from connections.services import SESSIONS, save_connection
from tests import databases
from tests.databases import KINDS, Database
from users.models import User
from users.tokens import generate

COLUMNS = {
    "id": "serial",
    "name": "varchar(40)",
    "secret": "varchar(40)",
    "created": "datetime NOT NULL",
    "updated": "datetime NOT NULL",
}
DAY = "2026-11-21 "


@dataclass
class Shop:
    """The table, and how rows come into it."""

    database: Database
    resource: Resource
    users: dict[str, Client] = field(default_factory=dict)

    def add(self, name: str, at: str = "10:00:00", number: int | None = None) -> None:
        """Insert a row; `at` is the time of day of both columns."""
        columns = "name, secret, created, updated" if number is None else "id, name, secret, created, updated"
        values: list[Any] = [name, f"s-{name}", DAY + at, DAY + at]
        given = values if number is None else [number, *values]
        marks = ", ".join([self.database.mark] * len(given))
        self.database.run(f"INSERT INTO orders ({columns}) VALUES ({marks})", given)

    def change(self, name: str, at: str, to: str | None = None) -> None:
        mark = self.database.mark
        self.database.run(f"UPDATE orders SET updated = {mark}, name = {mark} WHERE name = {mark}", [DAY + at, to or name, name])

    def user(self, name: str, **rights: Any) -> Client:
        user = User.objects.create_user(name, privileges=["GET"], **rights)
        self.users[name] = Client(headers={"x-cdata-authtoken": generate(user, now=timezone.now()), "host": "testserver"})
        stamp.changed()
        return self.users[name]


def look_at_all(*, now: datetime | None = None) -> None:
    """Look at every table that is due, as the worker's threads do, in this one."""
    for _ in range(4):  # two of one connection at a time
        for watch in claim((), 8, now=now or timezone.now()):
            look(watch)


def publish(database: Database) -> Shop:
    """Create the table and publish it."""
    SESSIONS.close()
    database.create("orders", COLUMNS)
    connection = save_connection(name="shop", connector=database.connection["connector"], values=database.connection["properties"])
    schema = {"postgresql": "public", "mysql": database.connection["properties"].get("Database", "")}.get(database.kind, "")
    (resource,) = publish_tables(connection, [TableRef(schema, "orders")], now=timezone.now())
    return Shop(database, resource)


@pytest.fixture(params=KINDS)
def shop(db: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    yield publish(databases.make(request.param, "triggers", request, tmp_path))
    stamp.forget()


@pytest.fixture
def small(db: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    yield publish(databases.make("sqlite", "triggers", request, tmp_path))
    stamp.forget()


@pytest.fixture
def settings_of() -> Callable[..., None]:
    """Change settings of triggers."""
    return lambda **values: (options.save({"triggers": values}), None)[1]


class Poller:
    """Somebody who polls, and does with the answers as the facts say."""

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self.address = address
        self.told: list[Any] = []

    def __call__(self, address: str = "") -> HttpResponse:
        """Ask once and go on where the answer says."""
        answer: HttpResponse = self.client.get(address or self.address)
        if answer.status_code in (200, 202):
            parts = urlsplit(answer["Location"])
            self.address = f"{parts.path}?{parts.query}"
            self.told += answer.json() if answer.status_code == 200 else []
        return answer

    def names(self) -> list[str]:
        """Ask until nothing is new; return the names of the rows that came."""
        before = len(self.told)
        while self().status_code == 200:
            pass
        return [row["name"] for row in self.told[before:]]
