"""MySQL and MariaDB as tables of data: names, binds, how values are read exactly."""

from __future__ import annotations

import datetime as dt
import functools
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connections.connectors.sql.functions_mysql import CASTS, FUNCTIONS, instant
from connections.connectors.sql.types_mysql import SHAPES
from connections.connectors.sql.values import instant_reader, instant_writer, nearest_single, quoted, shortest_single, zone_of
from connections.contract.dialect import Dialect
from connections.contract.errors import BadValue
from connections.contract.table import INTEGERS, Column, Type

BINDS: dict[Type, str] = {
    Type.DATE: "CAST({0} AS DATE)",
    Type.TIME: "CAST({0} AS TIME(6))",
    Type.TIMESTAMP: "CAST({0} AS DATETIME(6))",
    Type.BINARY: "UNHEX({0})",
}
# PyMySQL reads TIME as timedelta, which may lie outside a day.
DAY = dt.timedelta(days=1)
IMPOSSIBLE_DATE = re.compile(r"\d{4}-\d\d-\d\d")
MIDNIGHT = dt.datetime(2000, 1, 1)  # noqa: DTZ001 only its time is used
MOST_DIGITS, MOST_DECIMALS, USUAL_DECIMALS = 65, 30, 20


def bind(column: Column) -> str:
    """Return the SQL of a bound value of this column's type."""
    if column.type == Type.DECIMAL:
        return f"CAST({{0}} AS DECIMAL({MOST_DIGITS}, {decimals(column)}))"
    if column.type == Type.STRING and " CHARACTER SET " in column.native_type and not is_wide(column):
        return "CONVERT({0} USING utf8mb4)"  # else a value that the column's character set lacks is an error, not a difference
    return BINDS.get(column.type, "{0}")


def decimals(column: Column) -> int:
    """Return how many decimals a bound value keeps: more than the column's, so that nothing is rounded to equality."""
    room = MOST_DIGITS - ((column.precision or 0) - (column.scale or 0))
    return min(max(column.scale or 0, USUAL_DECIMALS), MOST_DECIMALS, room)


def is_wide(column: Column) -> bool:
    """Claim that the column's character set is a Unicode one that MySQL does not take to utf8mb4 by itself."""
    return column.native_type.endswith(("ucs2", "utf16", "utf16le", "utf32"))


def select(column: Column) -> str:
    """Return the SQL that reads a column exactly."""
    declared = column.native_type
    if column.type == Type.BOOLEAN:
        return "({0} <> 0)" if declared else "{0}"
    if declared.startswith("bit("):
        return "({0} + 0)"
    if column.type == Type.SINGLE:
        return "({0} + 0e0)"  # a FLOAT alone is written with six digits
    if declared.split("(")[0].split(" ")[0] in SHAPES:
        return "ST_AsText({0})"
    return "CAST({0} AS CHAR)" if declared == "json" else "{0}"


def encode(zone: dt.tzinfo, column: Column) -> Callable[[Any], Any] | None:
    """Return how a value becomes the driver's."""
    if column.type == Type.TIMESTAMP:
        write = instant_writer(dt.UTC if column.has_zone or not column.native_type else zone)
        return lambda value: str(write(value))
    if column.native_type.startswith("char("):
        return lambda value: value.rstrip(" ")  # the column loses them too, so that a key finds the row that it made
    if column.native_type.startswith("binary("):
        return lambda value: bytes(value).ljust(column.max_length or 0, b"\0").hex()  # the column fills up
    return ENCODERS.get(column.type)


def float_out(value: float) -> float:
    """Return a double; MySQL has no infinities."""
    if value != value or value in (float("inf"), float("-inf")):
        raise BadValue("MySQL can't hold INF or NaN.")
    return value


ENCODERS: dict[Type, Callable[[Any], Any]] = {
    Type.DOUBLE: float_out,
    Type.SINGLE: lambda value: float_out(nearest_single(value)),
    Type.DECIMAL: lambda value: format(value, "f"),
    Type.GUID: str,
    Type.BINARY: lambda value: bytes(value).hex(),
    Type.BOOLEAN: int,
    Type.DATE: lambda value: value.isoformat(),
    Type.TIME: lambda value: value.isoformat(),
}


def decode(zone: dt.tzinfo, column: Column) -> Callable[[Any], Any] | None:
    """Return how the driver's value becomes the contract's."""
    if column.type in INTEGERS:
        return int
    if column.type == Type.TIMESTAMP:
        read = instant_reader(dt.UTC if column.has_zone or not column.native_type else zone)
        return lambda value: read(value) if isinstance(value, dt.datetime) else no_date(value)
    return DECODERS.get(column.type)


def no_date(value: Any) -> None:
    """Take the zero date of old tables, which PyMySQL leaves as text, as null; raise for what is no date at all."""
    if not isinstance(value, str) or not IMPOSSIBLE_DATE.match(value):
        raise BadValue("The value is no date.")


def to_time(value: Any) -> dt.time:
    """Return a time of day."""
    if not isinstance(value, dt.timedelta) or not dt.timedelta() <= value < DAY:
        raise BadValue("The time lies outside a day.")
    return (MIDNIGHT + value).time()


def to_text(value: Any) -> str:
    """Return text; a binary collation arrives as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


DECODERS: dict[Type, Callable[[Any], Any]] = {
    Type.BOOLEAN: bool,
    Type.DECIMAL: lambda value: value if isinstance(value, Decimal) else Decimal(str(value)),
    Type.SINGLE: lambda value: shortest_single(float(value)),
    Type.DOUBLE: float,
    Type.STRING: to_text,
    Type.GUID: lambda value: uuid.UUID(value) if isinstance(value, str) else uuid.UUID(bytes=bytes(value)),
    Type.DATE: lambda value: value if type(value) is dt.date else no_date(value),
    Type.TIME: to_time,
    Type.BINARY: lambda value: value.encode() if isinstance(value, str) else bytes(value),
}


@functools.cache
def dialect(zone: str) -> Dialect:
    """Return the dialect for a connection with this TimeZone. INSERT ... RETURNING is MariaDB's alone, so it is not used."""
    found = zone_of(zone)
    return Dialect(
        name="mysql",
        sqlglot="mysql",
        bind_mark="%s",
        doubles_percent=True,
        quote=functools.partial(quoted, "`"),
        functions={**FUNCTIONS, **instant(found)},
        casts=CASTS,
        bind=bind,
        select=select,
        encode=functools.partial(encode, found),
        decode=functools.partial(decode, found),
        has_returning=False,
    )
