"""PostgreSQL as tables of data: names, binds, how values are read exactly."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connections.connectors.sql.functions_postgresql import CASTS, FUNCTIONS
from connections.contract.dialect import Dialect
from connections.contract.errors import BadValue
from connections.contract.table import Column, Type

# Parameters carry their type: psycopg sends text untyped, which is ambiguous inside functions.
BINDS: dict[Type, str] = {
    Type.BOOLEAN: "CAST({0} AS boolean)",
    Type.DECIMAL: "CAST({0} AS numeric)",
    Type.SINGLE: "CAST({0} AS float8)",
    Type.DOUBLE: "CAST({0} AS float8)",
    Type.STRING: "CAST({0} AS text)",
    Type.GUID: "CAST({0} AS uuid)",
    Type.DATE: "CAST({0} AS date)",
    Type.TIME: "CAST({0} AS time)",
    Type.DURATION: "CAST({0} AS interval)",
    Type.BINARY: "CAST({0} AS bytea)",
}
TEXT_NATIVE = ("text", "character varying")


def quote(name: str) -> str:
    """Return an identifier as SQL text."""
    if "\0" in name:
        raise BadValue("A name holds a NUL character.")
    return '"' + name.replace('"', '""') + '"'


def bind(column: Column) -> str:
    """Return the SQL of a bound value of this column's type."""
    if column.is_collection or (column.type == Type.STRING and not is_plain_text(column) and column.native_type):
        return f"CAST({{0}} AS {written_type(column)})"
    if column.type == Type.TIMESTAMP:
        return "CAST({0} AS timestamptz)" if column.has_zone else "CAST({0} AS timestamp)"
    return BINDS.get(column.type, "{0}")


def written_type(column: Column) -> str:
    """Return the type name that the catalog itself printed (format_type quotes what needs it)."""
    return column.native_type.replace("%", "%%")


def is_plain_text(column: Column) -> bool:
    """Claim that the column compares as text without a cast."""
    return column.native_type.startswith(TEXT_NATIVE)


def select(zone: str, column: Column) -> str:
    """Return the SQL that reads a column exactly."""
    if column.type == Type.STRING and not column.is_collection and column.native_type and not is_plain_text(column):
        return "CAST({0} AS text)"
    if column.type == Type.TIMESTAMP and not column.has_zone and zone != "UTC" and not column.is_collection:
        return f"({{0}} AT TIME ZONE '{zone}')"  # the zone was checked against the machine's zone list
    return "{0}"


def encode(zone: ZoneInfo, column: Column) -> Callable[[Any], Any] | None:
    """Return how a value becomes the driver's."""
    if column.type == Type.TIMESTAMP and not column.has_zone:
        return lambda value: value.astimezone(zone).replace(tzinfo=None)
    return check_text if column.type == Type.STRING and not column.is_collection else None


def check_text(value: Any) -> Any:
    """Return the text; PostgreSQL can't store NUL."""
    if isinstance(value, str) and "\0" in value:
        raise BadValue("PostgreSQL text can't hold a NUL character.")
    return value


def decode(column: Column) -> Callable[[Any], Any] | None:
    """Return how the driver's value becomes the contract's."""
    if column.type == Type.TIMESTAMP:
        one: Callable[[Any], Any] = to_utc
    elif column.type == Type.BINARY:
        one = bytes
    else:
        return None
    return (lambda items: [None if item is None else one(item) for item in items]) if column.is_collection else one


def to_utc(value: datetime) -> datetime:
    """Return an aware UTC value; the session's zone is UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@functools.cache
def dialect(zone: str) -> Dialect:
    """Return PostgreSQL's dialect for a connection with this TimeZone."""
    zone_info = ZoneInfo(zone)
    return Dialect(
        name="postgresql",
        sqlglot="postgres",
        bind_mark="%s",
        doubles_percent=True,
        quote=quote,
        functions=FUNCTIONS,
        casts=CASTS,
        bind=bind,
        select=functools.partial(select, zone),
        encode=functools.partial(encode, zone_info),
        decode=decode,
        has_returning=True,
        max_binds=32000,
    )
