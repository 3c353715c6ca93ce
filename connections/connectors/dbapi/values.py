"""Values on their way: the driver's as the contract has them, and back. Tolerant of how drivers hand them over."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

from connections.connectors.dbapi.rules import Rules
from connections.connectors.sql.values import instant_reader, instant_writer, shortest_single
from connections.contract.errors import BadValue
from connections.contract.table import INTEGERS, Column, Type
from connections.contract.unsayable import OTHER_TYPE

# What every database and driver can hold exactly.
MOST_DIGITS = 28
MIDNIGHT = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
# DuckDB's driver gives these for infinity.
ENDS = (MIDNIGHT.replace(tzinfo=None), dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC).replace(tzinfo=None))
WIDE = Context(prec=160)


def reader(column: Column, zone: dt.tzinfo, *, has_infinity: bool = False) -> Callable[[Any], Any]:
    """Return what makes the contract's value of the driver's; None stays None."""
    if column.type is Type.TIMESTAMP:
        read_naive = instant_reader(dt.UTC if column.has_zone else zone)
        ends = ENDS if has_infinity else ()
        return lambda value: instant(value, read_naive, ends)
    if column.type is Type.DECIMAL and column.scale is not None and column.scale >= 0:
        scale = Decimal(1).scaleb(-column.scale)
        return lambda value: padded(decimal(value), scale)
    return READERS[column.type]


def instant(value: Any, read_naive: Callable[[dt.datetime], dt.datetime], ends: Sequence[dt.datetime]) -> dt.datetime:
    """Return the instant in UTC; `ends` stand for infinity."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if not isinstance(value, dt.datetime):
        raise BadValue(OTHER_TYPE)
    if value.replace(tzinfo=None) in ends:
        raise BadValue("The date or time lies outside the years 1 to 9999, or is infinity or 24:00.")
    return read_naive(value) if value.tzinfo is None else value.astimezone(dt.UTC)


def padded(value: Decimal, scale: Decimal) -> Decimal:
    """Return the decimal with the digits that its column has."""
    if not value.is_finite() or value.adjusted() >= WIDE.prec // 2:
        return value
    found = value.quantize(scale, context=WIDE)
    return found if found == value else value


def decimal(value: Any) -> Decimal:
    """Return a decimal; a double stands for its shortest text."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def whole(value: Any) -> int:
    """Return a whole number."""
    found = int(value)
    if found != value and not isinstance(value, str):
        raise BadValue(OTHER_TYPE)
    return found


def truth(value: Any) -> bool:
    """Return a truth value."""
    if value in (True, False):
        return bool(value)
    raise BadValue(OTHER_TYPE)


def text(value: Any) -> str:
    """Return text; what is structured becomes JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value)


def date(value: Any) -> dt.date:
    """Return a date."""
    if isinstance(value, dt.datetime):
        return value.date()
    return dt.date.fromisoformat(value) if isinstance(value, str) else typed(dt.date, value)


def time(value: Any) -> dt.time:
    """Return a time of day; drivers that have no such value give the time since midnight."""
    if isinstance(value, dt.timedelta):
        return (MIDNIGHT + value).time()
    return dt.time.fromisoformat(value) if isinstance(value, str) else typed(dt.time, value)


def duration(value: Any) -> dt.timedelta:
    """Return a length of time."""
    return typed(dt.timedelta, value)


def typed(kind: type, value: Any) -> Any:
    """Return the value; raise for one of another type."""
    if not isinstance(value, kind):
        raise BadValue(OTHER_TYPE)
    return value


READERS: dict[Type, Callable[[Any], Any]] = {
    **dict.fromkeys(INTEGERS, whole),
    Type.DOUBLE: float,
    Type.SINGLE: lambda value: shortest_single(float(value)),
    Type.BOOLEAN: truth,
    Type.DECIMAL: decimal,
    Type.STRING: text,
    Type.GUID: lambda value: value if isinstance(value, UUID) else UUID(str(value)),
    Type.DATE: date,
    Type.TIME: time,
    Type.DURATION: duration,
    Type.BINARY: bytes,
}


def writer(rules: Rules, column: Column, zone: dt.tzinfo) -> Callable[[Any], Any]:
    """Return what makes the driver's value of the contract's."""
    after = rules.encode.get(column.type)
    if column.type is Type.TIMESTAMP and not column.has_zone:
        naive = instant_writer(zone)
        return naive if after is None else lambda value: after(naive(value))
    return after or (lambda value: value)


def can_send(rules: Rules, column: Column, value: Any) -> bool:
    """Claim that the database can take the value for a comparison; what it can't is compared here."""
    if isinstance(value, str) and "\0" in value:
        return False
    if isinstance(value, float) and not math.isfinite(value):  # most drivers or databases have no such value
        return False
    if isinstance(value, Decimal):
        _, digits, exponent = value.as_tuple()
        is_small = isinstance(exponent, int) and len(digits) <= MOST_DIGITS and -MOST_DIGITS < exponent < MOST_DIGITS
        if not is_small or value.adjusted() >= MOST_DIGITS:
            return False
    if isinstance(value, dt.datetime) and not 2 <= value.year <= 9998:  # a zone may lead beyond the calendar
        return False
    return rules.can_bind(column, value)
