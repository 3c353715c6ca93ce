"""Exact values through encode, bind, select and decode: one table with every type a database has."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connections.contract.errors import BadValue
from connections.contract.table import Column, Type
from tests.connectors.conftest import Source, back, bound, out, read, rows_of, sql_name

TABLE = '注文 100% "select" `x` {0}'
GUID = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
INSTANT = dt.datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=dt.UTC)
EARLY = dt.datetime(1901, 1, 1, tzinfo=dt.UTC)

# Column -> (type in SQLite, PostgreSQL, MySQL; None = not there), our type, values that must come back as they are.
COLUMNS: dict[str, tuple[tuple[str | None, str | None, str | None], Type, list[Any]]] = {
    "flag": (("boolean",) * 3, Type.BOOLEAN, [True, False]),
    "order": (("smallint",) * 3, Type.INT16, [-32768, 32767]),
    "whole": ((None, "integer", "integer"), Type.INT32, [-(2**31), 2**31 - 1]),
    "big": (("bigint",) * 3, Type.INT64, [-(2**63), 2**63 - 1, 2**53 + 1]),
    "tiny": ((None, None, "tinyint unsigned"), Type.BYTE, [0, 255]),
    "huge": ((None, None, "bigint unsigned"), Type.DECIMAL, [Decimal(2**64 - 1)]),
    "bits": ((None, None, "bit(12)"), Type.INT64, [0, 4095]),
    "since": ((None, None, "year"), Type.INT16, [1901, 2155]),
    "money": (("decimal(15,2)",) * 3, Type.DECIMAL, [Decimal("9999999999999.99"), Decimal("-0.01"), Decimal("100.10")]),
    "exact": ((None, "numeric(38,18)", "decimal(38,18)"), Type.DECIMAL, [Decimal("12345678901234567890.123456789012345678")]),
    "any": ((None, "numeric", None), Type.DECIMAL, [Decimal("1e-30"), Decimal(10) ** 60 + Decimal("0.5")]),
    "single": ((None, "real", "float"), Type.SINGLE, [1.1, -3.4e38, 16777216.0, 1e-30]),
    "double": (("double precision",) * 3, Type.DOUBLE, [0.1, 1.7976931348623157e308, 5e-324, -1 / 3]),
    "code": (("varchar(20)",) * 3, Type.STRING, ["", " a ", 'it\'s \\ "q" %s {0}', "😀注文"]),
    "letters": (("text", "text", "longtext"), Type.STRING, ["x" * 70000, "line\nbreak\ttab"]),
    "latin": ((None, None, "varchar(20) character set latin1"), Type.STRING, ["é"]),
    "folded": ((None, None, "varchar(20) collate utf8mb4_unicode_ci"), Type.STRING, ["Ünï"]),
    "guid": (("uuid",) * 3, Type.GUID, [GUID, UUID(int=0)]),
    "day": (("date",) * 3, Type.DATE, [dt.date(2024, 2, 29), dt.date(9999, 12, 31), dt.date(1000, 1, 1)]),
    "clock": (("time", "time", "time(6)"), Type.TIME, [dt.time(0), dt.time(23, 59, 59, 999999), dt.time(6, 30, 0, 500000)]),
    "naive": (("datetime", "timestamp", "datetime(6)"), Type.TIMESTAMP, [INSTANT, EARLY]),
    "instant": ((None, "timestamptz", "timestamp(6) null"), Type.TIMESTAMP, [INSTANT]),
    "span": ((None, "interval day to second", None), Type.DURATION, [dt.timedelta(days=-3, microseconds=1), dt.timedelta(days=99999)]),
    "blob": (("blob", "bytea", "longblob"), Type.BINARY, [b"", bytes(range(256)), b"it's"]),
    "doc": (("json", "jsonb", "json"), Type.STRING, ['{"a": [1, "注文"]}']),
    "kept": ((None, "json", None), Type.STRING, ['{"b":1,  "a":2}']),
    "mood": ((None, "mood", "enum('sad','it''s ok')"), Type.STRING, ["sad", "it's ok"]),
    "choice": ((None, None, "set('a','b','c')"), Type.STRING, ["a,c", ""]),
    "folds": ((None, "citext", None), Type.STRING, ["Abc"]),
    "net": ((None, "inet", None), Type.STRING, ["10.0.0.0/8"]),
    "address": ((None, None, "inet6"), Type.STRING, ["::1"]),
    "months": ((None, "interval", None), Type.STRING, ["1 mon 2 days 03:04:05"]),
    "padded": ((None, "char(5)", "char(5)"), Type.STRING, ["ab"]),
    "domain": ((None, "posint", None), Type.INT32, [7]),
    "list": ((None, "text[]", None), Type.STRING, [["a", None, "it's \\ {x}"], []]),
    "numbers": ((None, "numeric(10,2)[]", None), Type.DECIMAL, [[Decimal("1.50"), None]]),
    "instants": ((None, "timestamptz[]", None), Type.TIMESTAMP, [[INSTANT, None]]),
    "naives": ((None, "timestamp[]", None), Type.TIMESTAMP, [[INSTANT]]),
    "guids": ((None, "uuid[]", None), Type.GUID, [[GUID]]),
}
SETUP = {
    "postgresql": [
        "CREATE EXTENSION IF NOT EXISTS citext",
        "CREATE TYPE mood AS ENUM ('sad', 'it''s ok')",
        "CREATE DOMAIN small AS integer CHECK (VALUE < 1000)",
        "CREATE DOMAIN posint AS small CHECK (VALUE > 0)",
    ]
}
PLACE = {"sqlite": 0, "postgresql": 1, "mysql": 2}


@pytest.fixture
def filled(source: Source) -> Source:
    """A table of an awkward name with every column; the first value of each column in row 1, the next in row 2 ..."""
    for statement in SETUP.get(source.kind, []):
        source.database.run(statement)
    quote = source.database.quote
    parts = [f"{quote(name)} {types[PLACE[source.kind]]}" for name, (types, _, _) in COLUMNS.items() if types[PLACE[source.kind]]]
    source.database.run(f"CREATE TABLE {quote(TABLE)} ({quote('row 1%')} integer PRIMARY KEY, {', '.join(parts)})")
    return source


def insert(source: Source, row: int, column: Column, value: Any) -> None:
    table, session = source.table(TABLE), source.session
    key = table.columns[0]
    names = ", ".join(sql_name(session, name) for name in (key.name, column.name))
    sql = f"INSERT INTO {source.name(table.ref)} ({names}) VALUES ({bound(session, key)}, {bound(session, column)})"
    session.write([(sql, (row, out(session, column, value)))])


def fill(source: Source) -> list[tuple[int, Column, Any]]:
    """Insert every value in a row of its own; return row, column, value."""
    table = source.table(TABLE)
    values = [(name, value) for name, (_, _, values) in COLUMNS.items() if name in table.by_name for value in values]
    cases = [(row, table.by_name[name], value) for row, (name, value) in enumerate(values, 1)]
    for row, column, value in cases:
        insert(source, row, column, value)
    return cases


def test_values_come_back_as_they_were(filled: Source) -> None:
    table, session = filled.table(TABLE), filled.session
    key = sql_name(session, "row 1%")
    cases = fill(filled)

    for row, column, value in cases:
        sql = f"SELECT {read(session, column)} FROM {filled.name(table.ref)} WHERE {key} = {bound(session, table.columns[0])}"
        got = back(session, column, rows_of(session, sql, (row,))[0][0])
        assert (column.name, got) == (column.name, value)
        assert type(got) is type(value)


def test_bound_values_find_their_row(filled: Source) -> None:
    table, session = filled.table(TABLE), filled.session
    key = sql_name(session, "row 1%")
    cases = fill(filled)

    for row, column, value in cases:
        sql = f"SELECT {key} FROM {filled.name(table.ref)} WHERE {read(session, column)} = {bound(session, column)}"
        found = rows_of(session, sql, (out(session, column, value),))
        assert (column.name, (row,) in found) == (column.name, True)


def test_types_are_exact(filled: Source) -> None:
    table = filled.table(TABLE)

    found = {column.name: column.type for column in table.columns[1:]}

    assert found == {name: kind for name, (types, kind, _) in COLUMNS.items() if types[PLACE[filled.kind]]}
    assert {column.name for column in table.columns if column.is_collection} <= {"list", "numbers", "instants", "naives", "guids"}
    assert (table.by_name["money"].precision, table.by_name["money"].scale) == (15, 2)
    assert table.by_name["code"].max_length == 20
    assert table.by_name["doc"].is_json


def test_null_is_none_everywhere(filled: Source) -> None:
    table, session = filled.table(TABLE), filled.session
    session.write([(f"INSERT INTO {filled.name(table.ref)} ({sql_name(session, 'row 1%')}) VALUES (1)", ())])

    found = rows_of(session, f"SELECT {', '.join(read(session, column) for column in table.columns[1:])} FROM {filled.name(table.ref)}")

    assert set(found[0]) == {None}


def test_naive_times_are_read_in_the_connections_zone(filled: Source) -> None:
    table, session = filled.table(TABLE), filled.opened(TimeZone="Asia/Tokyo")
    column = table.by_name["naive"]
    insert(filled, 1, column, dt.datetime(2024, 1, 1, 9, 0, tzinfo=dt.UTC))
    midnight = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

    sql = f"SELECT {read(session, column)} FROM {filled.name(table.ref)} WHERE {read(session, column)} = {bound(session, column)}"
    found = rows_of(session, sql, (out(session, column, midnight),))

    assert [back(session, column, value) for (value,) in found] == [midnight]
    session.close()


def test_impossible_values_are_bad_values(filled: Source) -> None:
    table = filled.table(TABLE)
    wrong: list[tuple[str, Any]] = [("big", 2**70)]
    if filled.kind == "postgresql":
        wrong += [("letters", "a\0b"), ("code", "x" * 21), ("mood", "glad"), ("doc", "{"), ("letters", "\ud800")]
    if filled.kind == "mysql":
        wrong += [("code", "x" * 21), ("mood", "glad"), ("latin", "注文"), ("double", float("inf")), ("letters", "\ud800")]
    if filled.kind == "sqlite":
        wrong = [("money", Decimal("123456789012345678.91")), ("money", Decimal("NaN")), ("letters", "\ud800")]

    for name, value in wrong:
        with pytest.raises(BadValue):
            insert(filled, 1, table.by_name[name], value)
