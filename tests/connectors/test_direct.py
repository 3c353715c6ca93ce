"""Statements that go straight through libpq: marks, types, changed tables, lost connections."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connections.connectors.sql import direct_postgresql
from connections.connectors.sql.direct_postgresql import DirectCursor, Statements, numbered
from tests import databases
from tests.databases import Database


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return databases.make("postgresql", "direct", request, tmp_path)


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as opened:
        opened.autocommit = True
        yield opened


def rows(statements: Statements, sql: str, *binds: Any) -> list[tuple[Any, ...]]:
    cursor = DirectCursor(statements)
    cursor.execute(sql, binds)
    return cursor.fetchall()


@pytest.mark.parametrize(
    ("sql", "found"),
    [("SELECT 1", b"SELECT 1"), ("a = %s AND b = %s", b"a = $1 AND b = $2"), ('"100%%" = %s', b'"100%" = $1'), ("'%%s' %s", b"'%s' $1")],
)
def test_marks(sql: str, found: bytes) -> None:
    assert numbered(sql) == found


VALUES = [1, 2**40, 10**25, -1.5, "a%s'", "", None, True, Decimal("1.10"), dt.date(2024, 2, 29), b"\x00\xff"]


@pytest.mark.parametrize("value", VALUES)
def test_values_are_those_of_a_cursor(connection: psycopg.Connection[Any], value: Any) -> None:
    statements = Statements(connection)
    plain = connection.execute("SELECT %s AS a, 1 AS b", (value,)).fetchall()

    assert [rows(statements, "SELECT %s AS a, 1 AS b", value) for _ in range(3)] == [plain] * 3


def test_a_statement_is_prepared_once_for_each_choice_of_types(connection: psycopg.Connection[Any]) -> None:
    statements = Statements(connection)
    for _ in range(3):
        rows(statements, "SELECT CAST(%s AS text)", 1)
        rows(statements, "SELECT CAST(%s AS text)", "x")

    assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (2,)


def test_the_unused_are_dropped(connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_postgresql, "PREPARED_MOST", 3)
    statements = Statements(connection)
    for number in range(10):
        assert [rows(statements, f"SELECT {number}") for _ in range(2)] == [[(number,)]] * 2

    assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (3,)


def test_errors_are_those_of_psycopg_and_leave_the_connection_whole(connection: psycopg.Connection[Any]) -> None:
    statements = Statements(connection)

    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            rows(statements, "SELECT 1 / %s", 0)
        with pytest.raises(psycopg.errors.UndefinedTable):
            rows(statements, "SELECT * FROM nothing")
    assert rows(statements, "SELECT 1") == [(1,)]


def test_a_lost_connection_is_an_operational_error(connection: psycopg.Connection[Any], database: Database) -> None:
    statements = Statements(connection)
    rows(statements, "SELECT 1")
    database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")

    with pytest.raises(psycopg.OperationalError):
        rows(statements, "SELECT 1")
    assert connection.closed
