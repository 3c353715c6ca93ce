"""Two small tables that people's SQL is tried on, and a catalog over open sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connections.connectors.registry import get_connector
from connections.contract.connector import Session
from connections.engine.sql_lower import native
from connections.engine.sql_nodes import Found
from connections.engine.sql_queries import bind
from tests import databases
from tests.databases import Database

NOW = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
CUSTOMERS = {"id": "integer PRIMARY KEY", "name": "varchar(40)", "country": "varchar(2)", "vip": "bool", "born": "date"}
ORDERS = {"id": "integer PRIMARY KEY", "customer_id": "integer", "total": "decimal(10,2)", "note": "varchar(40)", "placed": "timestamp"}
PEOPLE = [(1, "Aoi", "JP", True, "1990-01-05"), (2, "Bob", "US", False, None), (3, "bob", None, None, "2001-02-03")]
BOUGHT = [
    (1, 1, "1.10", "late", "2026-01-31 10:00:00"),
    (2, 1, "2.20", "in % time", "2026-02-28 23:59:59.5"),
    (3, 2, None, None, None),
    (4, 9, "5.00", "x", "2025-12-31 00:00:00"),
]


@dataclass(frozen=True)
class Tables:
    """A catalog over the tables of some sessions: connection name -> session."""

    sessions: dict[str, Session]

    def find(self, parts: Sequence[str]) -> Found | None:
        for name, session in self.sessions.items():
            for info in session.list_tables():
                path = [item.lower() for item in (name, info.ref.schema, info.ref.name) if item]
                wanted = [item.lower() for item in parts]
                if path[-len(wanted) :] == wanted or wanted == [name, path[-1]]:
                    return Found(name, session, session.describe([info.ref])[0])
        return None

    def known(self, parts: Sequence[str]) -> list[str]:
        return [info.ref.name for session in self.sessions.values() for info in session.list_tables()]


def filled(kind: str, name: str, request: pytest.FixtureRequest, folder: Path) -> Database:
    """Return a database with both tables."""
    found = databases.make(kind, name, request, folder)
    found.create("customers", CUSTOMERS)
    found.create("orders", ORDERS)
    found.insert("customers", PEOPLE)
    found.insert("orders", BOUGHT)
    return found


def opened(database: Database) -> Session:
    """Return our session to a database."""
    connector = get_connector(database.kind)
    return connector.open(connector.clean(database.connection["properties"]))


def rows_of(session: Session, sql: str, tables: Tables) -> list[tuple[Any, ...]]:
    """Return the rows of people's SQL that one source runs whole."""
    statement = native(bind(sql, tables, now=NOW), session.dialect)
    found: Iterable[Sequence[Sequence[Any]]] = session.query(statement.sql, statement.binds).batches
    return [
        tuple(value if value is None or decode is None else decode(value) for value, decode in zip(row, statement.decoders, strict=True))
        for batch in found
        for row in batch
    ]
