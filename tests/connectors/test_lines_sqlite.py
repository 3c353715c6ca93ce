"""Lines of COPY written by SQLite: plain values as PostgreSQL reads them, and none of rows with another one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from connections.connectors.sql.lines_sqlite import BETWEEN, END, NULL, lines_of
from connections.contract.errors import BadValue
from connections.contract.table import Column, Type

KINDS = {
    Type.INT64: "bigint",
    Type.DOUBLE: "double",
    Type.BOOLEAN: "boolean",
    Type.STRING: "varchar(20)",
    Type.DATE: "date",
    Type.TIME: "time",
    Type.TIMESTAMP: "timestamp",
    Type.GUID: "uuid",
}
PLAIN: list[tuple[Type, list[Any], list[str]]] = [
    (Type.INT64, [1, -(2**63), 2**63 - 1, None], ["1", str(-(2**63)), str(2**63 - 1), NULL]),
    (Type.DOUBLE, [0.1, 1, -1.5e300, 5e-324, None], ["0.1", "1.0", "-1.5e+300", "5e-324", NULL]),
    (Type.BOOLEAN, [1, 0, None], ["1", "0", NULL]),
    (Type.STRING, ["", "null", "日本 😀", None, f"a{NULL}", "\ta,b"], ["", "null", "日本 😀", NULL, f"a{NULL}", "\ta,b"]),
    (Type.STRING, ["\\N", "a\\\nb\r"], ["\\\\N", "a\\\\\\nb\\r"]),
    (Type.DATE, ["2024-02-29", None], ["2024-02-29", NULL]),
    (Type.TIME, ["10:00:00", None], ["10:00:00", NULL]),
    (Type.TIMESTAMP, ["2024-01-01 10:00:00", None], ["2024-01-01 10:00:00", NULL]),
    (Type.TIMESTAMP, ["2024-01-01T10:00:00.5", "0001-01-01 00:00:00"], ["2024-01-01T10:00:00.5", "0001-01-01 00:00:00"]),
    (Type.GUID, ["0a9f3cde-1234-4f5e-8abc-0123456789AB"], ["0a9f3cde-1234-4f5e-8abc-0123456789AB"]),
]
ODD: list[tuple[Type, list[Any]]] = [
    (Type.INT64, ["x", b"1"]),
    (Type.DOUBLE, ["x", b"1", 9e999]),
    (Type.BOOLEAN, [2, -1, "true", b"1", 0.5]),
    (Type.STRING, [b"a", b"", NULL, f"a{BETWEEN}", f"{END}a", "a\0b"]),
    (Type.DATE, ["now", "20240229", 2460310.5, "2024-2-29 ", "2024-02-29 1", "", "infinity", "٢024-02-29", b"2024-02-29"]),
    (Type.TIME, ["10:00", 100000.5, 36000, "allballs", "10:00:00Z", b"10:00:00"]),
    (Type.TIMESTAMP, ["2024-01-01", "2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00", "2024-01-01T10:00+02", 1704103200, 2460310.5]),
    (Type.TIMESTAMP, ["now", "", "2024-01-01 10:00:00.1234567", "2024-01-01 10:00:00.", "2024-01-01 10:00", b"2024-01-01 10:00:00"]),
    (Type.GUID, ["{0a9f3cde-1234-4f5e-8abc-0123456789AB}", "0a9f3cde12344f5e8abc0123456789ab", 1]),
]


def lines_with(kind: Type, values: list[Any]) -> bytes:
    columns = [Column("id", Type.INT64, native_type="integer"), Column("v", kind, native_type=KINDS[kind])]
    lines = lines_of(columns, columns, "t")
    assert lines is not None
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE x (id integer, v {KINDS[kind]})")
        connection.executemany("INSERT INTO x VALUES (?, ?)", enumerate(values))
        shown = ", ".join(template.format("" if place is None else f"t.{columns[place].name}") for place, template in lines.reads)
        return lines.block(connection.execute(f"SELECT {shown} FROM x AS t ORDER BY id").fetchall())


@pytest.mark.parametrize(("kind", "values", "fields"), PLAIN)
def test_lines_of_plain_values_are_their_fields(kind: Type, values: list[Any], fields: list[str]) -> None:
    assert lines_with(kind, values).decode() == "".join(f"{place}{BETWEEN}{field}\n" for place, field in enumerate(fields))


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in ODD for value in values])
def test_lines_refuse_what_is_not_plainly_of_its_type(kind: Type, value: Any) -> None:
    plain = next(values[:1] for known, values, _ in PLAIN if known == kind)
    with pytest.raises(BadValue):
        lines_with(kind, [*plain, value, *plain])


@pytest.mark.parametrize("column", [Column("v", Type.BINARY), Column("v", Type.STRING, native_type="POINT")])
def test_lines_are_not_for_columns_that_may_hold_more(column: Column) -> None:
    columns = [Column("id", Type.INT64), column]
    assert lines_of(columns, columns, "t") is None
