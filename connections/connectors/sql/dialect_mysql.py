"""MySQL and MariaDB as tables of data: names, binds, how values are read exactly."""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connections.connectors.sql.functions_mysql import CASTS, FUNCTIONS
from connections.contract.dialect import Dialect
from connections.contract.errors import BadValue
from connections.contract.table import FLOATS, INTEGERS, Column, Type

BINDS: dict[Type, str] = {
    Type.DECIMAL: "CAST({0} AS DECIMAL(65, 20))",
    Type.STRING: "CONVERT({0} USING utf8mb4)",
    Type.DATE: "CAST({0} AS DATE)",
    Type.TIME: "CAST({0} AS TIME(6))",
    Type.TIMESTAMP: "CAST({0} AS DATETIME(6))",
    Type.BINARY: "UNHEX({0})",
}
# PyMySQL reads TIME as timedelta, which may lie outside a day.
DAY = dt.timedelta(days=1)


def quote(name: str) -> str:
    """Return an identifier as SQL text."""
    if "\0" in name:
        raise BadValue("A name holds a NUL character.")
    return "`" + name.replace("`", "``") + "`"


def bind(column: Column) -> str:
    """Return the SQL of a bound value of this column's type."""
    if column.type == Type.DECIMAL and column.precision:
        return "{0}"  # PyMySQL writes decimals as exact literals
    return BINDS.get(column.type, "{0}")


def select(zone: str, column: Column) -> str:
    """Return the SQL that reads a column exactly."""
    if column.type == Type.TIMESTAMP and not column.has_zone and zone != "UTC":
        return f"CONVERT_TZ({{0}}, '{zone}', '+00:00')"  # the zone was checked against the machine's zone list
    if column.type == Type.BOOLEAN and column.native_type.startswith("bit"):
        return "({0} + 0)"
    if column.type == Type.INT64 and column.native_type.startswith("bit"):
        return "({0} + 0)"
    return "{0}"


def encode(zone: ZoneInfo, column: Column) -> Callable[[Any], Any] | None:
    """Return how a value becomes the driver's."""
    if column.type == Type.TIMESTAMP:
        target = dt.UTC if column.has_zone else zone
        return lambda value: value.astimezone(target).strftime("%Y-%m-%d %H:%M:%S.%f")
    return ENCODERS.get(column.type)


def float_out(value: float) -> float:
    """Return a double; MySQL has no infinities."""
    if value != value or value in (float("inf"), float("-inf")):
        raise BadValue("MySQL can't hold INF or NaN.")
    return value


ENCODERS: dict[Type, Callable[[Any], Any]] = {
    **dict.fromkeys(FLOATS, float_out),
    Type.GUID: str,
    Type.BINARY: lambda value: bytes(value).hex(),
    Type.BOOLEAN: int,
    Type.DATE: lambda value: value.isoformat(),
    Type.TIME: lambda value: value.strftime("%H:%M:%S.%f"),
}


def decode(column: Column) -> Callable[[Any], Any] | None:
    """Return how the driver's value becomes the contract's."""
    if column.type in INTEGERS:
        return int
    return DECODERS.get(column.type)


def to_utc(value: Any) -> dt.datetime | None:
    """Return an aware UTC value; the zero date of old tables is no date: null."""
    return value.replace(tzinfo=dt.UTC) if isinstance(value, dt.datetime) else None


def to_time(value: Any) -> dt.time:
    """Return a time of day."""
    if not isinstance(value, dt.timedelta) or not dt.timedelta() <= value < DAY:
        raise BadValue("A TIME column holds a value outside a day.", hint="Publish the column as text.")
    return (dt.datetime.min + value).time()


def to_text(value: Any) -> str:
    """Return text; a binary collation arrives as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


DECODERS: dict[Type, Callable[[Any], Any]] = {
    Type.BOOLEAN: bool,
    Type.DECIMAL: lambda value: value if isinstance(value, Decimal) else Decimal(str(value)),
    Type.SINGLE: float,
    Type.DOUBLE: float,
    Type.STRING: to_text,
    Type.GUID: lambda value: uuid.UUID(value) if isinstance(value, str) else uuid.UUID(bytes=bytes(value)),
    Type.DATE: lambda value: value if isinstance(value, dt.date) else None,
    Type.TIME: to_time,
    Type.TIMESTAMP: to_utc,
    Type.BINARY: lambda value: value.encode() if isinstance(value, str) else bytes(value),
}


def make(zone: str, *, has_returning: bool) -> Dialect:
    """Return the dialect; `has_returning` on MariaDB 10.5 and later, for INSERT and DELETE."""
    zone_info = ZoneInfo(zone)
    return Dialect(
        name="mysql",
        sqlglot="mysql",
        bind_mark="%s",
        doubles_percent=True,
        quote=quote,
        functions=FUNCTIONS,
        casts=CASTS,
        bind=bind,
        select=functools.partial(select, zone),
        encode=functools.partial(encode, zone_info),
        decode=decode,
        has_returning=has_returning,
        max_binds=32000,
    )


dialect = functools.cache(functools.partial(make, has_returning=False))
