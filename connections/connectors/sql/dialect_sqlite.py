"""SQLite as tables of data: names, binds, how dynamically typed values become exact ones."""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from connections.connectors.exact_json import bounded
from connections.connectors.sql import sqlite_functions as stored
from connections.connectors.sql.functions_sqlite import CASTS, FUNCTIONS, instant
from connections.connectors.sql.values import instant_reader, instant_writer, quoted, zone_of
from connections.contract.dialect import Dialect
from connections.contract.errors import BadValue
from connections.contract.table import FLOATS, INTEGERS, Column, Type

# Digits of the largest decimal that is padded (40 before the point) and of its scale.
WIDE = Context(prec=120)
# How a column is read: dates, GUIDs and truth values are stored in many forms and compare only in one; blobs may be stored as text.
READS: dict[Type, str] = {
    Type.BINARY: "CAST({0} AS BLOB)",
    Type.BOOLEAN: "api_bool({0})",
    Type.GUID: "api_guid({0})",
    Type.DATE: "api_date({0})",
    Type.TIME: "api_time({0})",
    Type.TIMESTAMP: "api_ts({0})",
}

# Declared types of columns that keep what they are given as it is (sqlite.org/datatype3.html, 3.1; ANY of STRICT tables).
UNCONVERTED = frozenset({"", "ANY"})


def select(column: Column) -> str:
    """Return the SQL that reads a column exactly.

    A column without a declared type (an expression of a view, `CREATE TABLE t (a)`) turns neither what it holds nor what it is
    compared with into text: its numbers would meet no text and sort before all of it.
    """
    if column.type == Type.STRING and column.native_type.upper() in UNCONVERTED:
        return "CAST({0} AS TEXT)"
    return READS.get(column.type, "{0}")


def bind(column: Column) -> str:
    """Return the SQL of a bound value: the driver's own types do, save for decimals that SQLite can't hold."""
    return "api_exact({0})" if column.type == Type.DECIMAL else "{0}"


def encode(zone: dt.tzinfo, column: Column) -> Callable[[Any], Any] | None:
    """Return how a value becomes the driver's."""
    if column.type == Type.TIMESTAMP:
        write = instant_writer(zone if column.native_type else dt.UTC)
        return lambda value: stored.write_timestamp(write(value))
    return ENCODERS.get(column.type)


def decimal_out(value: Decimal) -> int | float | str:
    """Return a decimal as SQLite can keep it: the integer, the double, or text where neither is exact."""
    if not value.is_finite():
        raise BadValue("SQLite can't hold NaN or INF as a decimal.")
    if value == value.to_integral_value() and abs(value) < 2**63:
        return int(value)
    nearest = float(value)
    return nearest if Decimal(repr(nearest)) == value else format(value, "f")


def integer_out(value: Any) -> Any:
    """Return an integer; beyond 64 bits SQLite only compares doubles."""
    return value if -(2**63) <= value < 2**63 else float(value)


def float_out(value: Any) -> Any:
    """Return a double; SQLite would quietly store null for NaN."""
    if value != value:
        raise BadValue("SQLite can't hold NaN.")
    return value


ENCODERS: dict[Type, Callable[[Any], Any]] = {
    **dict.fromkeys(FLOATS, float_out),
    **dict.fromkeys(INTEGERS, integer_out),
    Type.BOOLEAN: int,
    Type.DECIMAL: decimal_out,
    Type.GUID: str,
    Type.DATE: lambda value: value.isoformat(),
    Type.TIME: stored.write_time,
    Type.DURATION: lambda value: value.total_seconds(),
}


def decode(zone: dt.tzinfo, column: Column) -> Callable[[Any], Any]:
    """Return how the driver's value becomes the contract's."""
    if column.type == Type.TIMESTAMP:
        read = instant_reader(zone if column.native_type else dt.UTC)
        return functools.partial(checked, column, lambda value: read(dt.datetime.fromisoformat(value)))
    if column.type == Type.DECIMAL:
        return functools.partial(decimal_in, column.scale)
    return functools.partial(checked, column, DECODERS[column.type])


def checked(column: Column, read: Callable[[Any], Any], value: Any) -> Any:
    """Return the value read; SQLite may hold anything in any column."""
    try:
        return read(value)
    except (ValueError, TypeError, AttributeError) as error:
        hint = "Publish a view that casts it to text." if column.type == Type.STRING else "Publish the column as text."
        raise BadValue(f"The column {column.name} holds a value that is no {column.type}.", hint=hint) from error


def decimal_in(scale: int | None, value: Any) -> Decimal:
    """Return the decimal, padded to the declared scale. Text is none: SQLite neither compares nor sorts it as a number."""
    try:
        if isinstance(value, str):
            raise TypeError(value)
        found = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        found = bounded(found) if found.is_finite() else found
    except (InvalidOperation, TypeError, ValueError) as error:
        raise BadValue("A decimal column holds a value that is no number.") from error
    exponent = found.as_tuple().exponent
    if scale is not None and isinstance(exponent, int) and exponent != -scale:
        padded = found.quantize(Decimal(1).scaleb(-scale), context=WIDE) if found.is_finite() and found.adjusted() < 40 else found
        return padded if padded == found else found
    return found


def text_in(value: Any) -> str:
    """Return text; numbers are written out. Bytes are none: they equal no text and sort behind all of it."""
    if isinstance(value, bytes):
        raise TypeError
    return str(value)


def float_in(value: Any) -> float:
    """Return a double; text is none, not even `inf`: it sorts behind all numbers."""
    if not isinstance(value, int | float):
        raise TypeError
    return float(value)


def integer_in(value: Any) -> int:
    """Return an integer of 64 bits; a fraction is not one, nor is text."""
    found = int(value)
    if found != value or not -(2**63) <= found < 2**63:
        raise ValueError
    return found


DECODERS: dict[Type, Callable[[Any], Any]] = {
    **dict.fromkeys(INTEGERS, integer_in),
    **dict.fromkeys(FLOATS, float_in),
    Type.BOOLEAN: bool,
    Type.GUID: uuid.UUID,
    Type.DATE: dt.date.fromisoformat,
    Type.TIME: dt.time.fromisoformat,
    Type.DURATION: lambda value: dt.timedelta(seconds=value),
    Type.BINARY: bytes,
    Type.STRING: text_in,
}


@functools.cache
def dialect(zone: str) -> Dialect:
    """Return SQLite's dialect for a connection with this TimeZone."""
    found = zone_of(zone)
    return Dialect(
        name="sqlite",
        is_typed=False,
        sqlglot="sqlite",
        bind_mark="?",
        doubles_percent=False,
        quote=functools.partial(quoted, '"'),
        functions={**FUNCTIONS, **instant(zone)},
        casts=CASTS,
        bind=bind,
        select=select,
        encode=functools.partial(encode, found),
        decode=functools.partial(decode, found),
        has_returning=True,
    )
