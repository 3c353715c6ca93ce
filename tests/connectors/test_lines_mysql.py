"""Rows that MySQL reads as lines: as exact as inserts, nothing left out or cut, and no file is ever sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from connections.connectors.registry import get_connector
from connections.connectors.sql import loading_mysql
from connections.connectors.sql.sending_mysql import SendingConnection
from connections.contract.errors import BadValue, ConstraintViolated
from connections.contract.table import Column, TableRef, Type
from tests.databases import Database, make

T = TableRef("", "100% lines")
SIGNS = "\\ \t \n \r \0 \x1a \\N \\\\N \\t ' \" ` % %s , ; 日本 😀 é é  "
COLUMNS = (
    Column("id", Type.INT64),
    Column("100% text"),
    Column("short", max_length=12),
    Column("json", is_json=True),
    Column("price", Type.DECIMAL, precision=38, scale=10),
    Column("double", Type.DOUBLE),
    Column("single", Type.SINGLE),
    Column("yes", Type.BOOLEAN),
    Column("day", Type.DATE),
    Column("at", Type.TIMESTAMP, has_zone=True),
    Column("clock", Type.TIME),
    Column("guid", Type.GUID),
    Column("bytes", Type.BINARY),
)


def row(number: int) -> tuple[Any, ...]:
    texts = [SIGNS, "", "\\", "\\N", "NULL", None, "x" * 5000, "\t", "\n", "a\0b"]
    return (
        number,
        texts[number % 10],
        ["\\N", "\t\\", "", None][number % 4],
        '{"a": "\\n\\t\\\\"}',
        Decimal("-1234567890123456789012345678.0123456789") if number % 3 else None,
        [0.1, -1.7976931348623157e308, 5e-324][number % 3],
        [1.1, -0.25, None][number % 3],
        [True, False, None][number % 3],
        date(1000 + number, 2, 28),
        datetime(2024, 2, 29, 12, 0, 0, number, UTC),
        time(23, 59, 59, number),
        UUID(int=number),
        [b"", bytes(range(256)), None][number % 3],
    )


ROWS = [row(number) for number in range(200)]


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return make("mysql", "lines", request, tmp_path)


@pytest.fixture
def loading(database: Database) -> Iterator[Any]:
    session: Any = get_connector("mysql").open(database.connection["properties"])
    found = session.loading(30)
    yield found
    found.close()
    session.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many rows went as lines, a number for each time."""
    found: list[int] = []
    send = SendingConnection.send

    def counted(self: SendingConnection, sql: str, block: bytes) -> Any:
        result = send(self, sql, block)
        found.append(result.rows)
        return result

    monkeypatch.setattr(SendingConnection, "send", counted)
    return found


def made(loading: Any, key: tuple[str, ...] = ("id",)) -> list[Column]:
    loading.create(T, [loading.stored(column) for column in COLUMNS], key)
    return list(loading.describe(T).columns)


def fill(loading: Any, columns: list[Column], rows: list[tuple[Any, ...]]) -> None:
    loading.begin()
    try:
        loading.fill(T, columns, [rows])
        loading.commit()
    except BaseException:
        loading.rollback()
        raise


def content(database: Database) -> list[tuple[Any, ...]]:
    return database.run(f"SELECT * FROM {database.quote(T.name)} ORDER BY id")


def test_lines_bring_what_inserts_bring(loading: Any, database: Database, sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    columns = made(loading)
    fill(loading, columns, ROWS)
    lines = content(database)
    loading.drop(T)
    monkeypatch.setattr(loading_mysql, "FEWEST_LINES", 10**9)
    fill(loading, made(loading), ROWS)

    assert sent == [200]
    assert lines == content(database)
    assert [(found[1], found[2]) for found in lines] == [(given[1], given[2]) for given in ROWS]
    assert [found[-1] for found in lines] == [given[-1] for given in ROWS]


def test_a_second_key_is_told_and_not_left_out(loading: Any, database: Database) -> None:
    columns = made(loading)
    fill(loading, columns, ROWS[:60])

    with pytest.raises(ConstraintViolated):
        fill(loading, columns, ROWS[50:200])
    with pytest.raises(ConstraintViolated):
        fill(loading, columns, [*ROWS[60:120], ROWS[60]])

    assert len(content(database)) == 60


@pytest.mark.parametrize(("place", "value"), [(2, "thirteen chars"), (3, "no json"), (4, Decimal("1e30")), (9, "no time")])
def test_a_value_that_does_not_fit_is_told_and_not_cut(loading: Any, database: Database, place: int, value: Any) -> None:
    columns = made(loading)
    wrong = [list(item) for item in ROWS[:100]]
    wrong[77][place] = value
    if place == 9:  # the encoder itself refuses what is no time
        wrong[77][place] = datetime(2024, 1, 1, tzinfo=UTC)
        columns[place] = Column("at", Type.STRING)
        wrong = [[*item[:9], "2024-01-01 00:00:00" if item is not wrong[77] else "no time", *item[10:]] for item in wrong]

    with pytest.raises((BadValue, ConstraintViolated)):
        fill(loading, columns, [tuple(item) for item in wrong])

    assert content(database) == []


def test_what_was_there_in_the_transaction_stays_when_lines_are_undone(loading: Any, database: Database, sent: list[int]) -> None:
    columns = made(loading)
    loading.begin()
    loading.fill(T, columns, [ROWS[:60]])
    wide = [(*item[:4], Decimal("1.00000000001"), *item[5:]) for item in ROWS[60:120]]  # a digit that is rounded: a note of the server
    loading.fill(T, columns, [wide])
    loading.fill(T, columns, [ROWS[120:]])
    loading.commit()

    assert len(content(database)) == 200
    assert sent[0] == 60


def test_a_server_without_it_gets_inserts(loading: Any, database: Database, sent: list[int]) -> None:
    loading._takes_lines = False
    fill(loading, made(loading), ROWS)

    assert (sent, len(content(database))) == ([], 200)


def test_no_file_is_sent_whatever_a_server_asks_for(loading: Any, database: Database, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret\n")
    database.run("CREATE TABLE stolen (line longtext)")

    with pytest.raises(Exception):  # noqa: B017 the driver's own refusal
        loading._connection.query(f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE stolen")

    assert database.run("SELECT * FROM stolen") == []
