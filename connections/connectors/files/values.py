"""Text of a file as values: which type fits every value of a column, and how one is read exactly. Nothing is rounded or guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from connections.connectors.sql.values import instant_reader
from connections.contract.errors import BadValue
from connections.contract.table import INTEGER_RANGE, INTEGERS, Column, Type

# A leading zero, plus sign or thousands separator is part of the text: 00123 is no number.
INTEGER = re.compile(r"0|-?[1-9][0-9]*")
NUMBER = re.compile(r"0|-?[1-9][0-9]*(?:\.[0-9]+)?|-?0\.[0-9]+")
DOUBLE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}")
DATE = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})", re.ASCII)
TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})0*)?)?", re.ASCII)
STAMP = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,12})?)?) ?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
# What Python reads by itself, ten times as fast.
ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
BOOLEANS = {"true": True, "false": False}
# Digits that every client and database takes of a decimal.
MOST_DIGITS = 38
# Digits that a double always keeps.
EXACT_DIGITS = 15

Read = Callable[[str], Any]


def read_integer(text: str) -> int:
    """Return a whole number."""
    if not INTEGER.fullmatch(text) or len(text) > MOST_DIGITS + 1:
        raise ValueError(text)
    return int(text)


def read_decimal(text: str) -> Decimal:
    """Return a number with its digits as they are."""
    if not NUMBER.fullmatch(text) or (len(text) > MOST_DIGITS and sum(map(str.isdigit, text)) > MOST_DIGITS):
        raise ValueError(text)
    return Decimal(text)


def read_double(text: str) -> float:
    """Return the nearest double; one beyond the largest is refused."""
    if not DOUBLE.fullmatch(text) and len(str(read_decimal(text)).strip("-0.").replace(".", "")) > EXACT_DIGITS:
        raise ValueError(text)
    return finite(float(text))


def finite(value: float) -> float:
    """Return a double; one beyond the largest is refused."""
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def read_boolean(text: str) -> bool:
    """Return a truth value written as a word."""
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def read_date(text: str) -> date:
    """Return a date that begins with its year."""
    found = DATE.fullmatch(text)
    if not found:
        raise ValueError(text)
    return date(int(found[1]), int(found[3]), int(found[4]))


def read_time(text: str) -> time:
    """Return a time of day."""
    found = TIME.fullmatch(text)
    if not found:
        raise ValueError(text)
    return time(int(found[1]), int(found[2]), int(found[3] or 0), int((found[4] or "").ljust(6, "0")))


def read_guid(text: str) -> UUID:
    """Return a GUID."""
    if not GUID.fullmatch(text):
        raise ValueError(text)
    return UUID(text)


def stamp_reader(zone: tzinfo, *, has_zone: bool) -> Callable[[str], datetime]:
    """Return the reader of instants, each with a zone of its own or all in the connection's."""
    instant = instant_reader(zone)

    def read(text: str) -> datetime:
        found = datetime.fromisoformat(text) if ISO.fullmatch(text) else read_stamp(text)
        if (found.tzinfo is not None) != has_zone:
            raise ValueError(text)
        return found.astimezone(UTC) if has_zone else instant(found)

    return read


def read_stamp(text: str) -> datetime:
    """Return a date-time in one of the wider forms: with slashes, short months, more zeros than microseconds need."""
    found = STAMP.fullmatch(text)
    if not found:
        raise ValueError(text)
    naive = datetime.combine(date(int(found[1]), int(found[3]), int(found[4])), read_time(found[5]))
    return naive if not found[6] else naive.replace(tzinfo=datetime.fromisoformat(f"2000-01-01T00:00:00{found[6]}").tzinfo)


def readers(zone: tzinfo) -> dict[tuple[Type, bool], Read]:
    """Return how text is read as each type, narrowest first; the second part of a key is whether values carry their zone."""
    return {
        (Type.BOOLEAN, False): read_boolean,
        (Type.INT64, False): ranged(Type.INT64),
        (Type.DECIMAL, False): read_decimal,
        (Type.DOUBLE, False): read_double,
        (Type.DATE, False): read_date,
        (Type.TIMESTAMP, False): stamp_reader(zone, has_zone=False),
        (Type.TIMESTAMP, True): stamp_reader(zone, has_zone=True),
        (Type.TIME, False): read_time,
        (Type.GUID, False): read_guid,
    }


def ranged(type_: Type) -> Callable[[str], int]:
    """Return the reader of whole numbers that the type holds."""
    least, most = INTEGER_RANGE[type_]

    def read(text: str) -> int:
        found = read_integer(text)
        if not least <= found <= most:
            raise ValueError(text)
        return found

    return read


def reader_of(column: Column, known: Mapping[tuple[Type, bool], Read]) -> Read:
    """Return how the text of a column is read."""
    if column.type in INTEGERS:
        return ranged(column.type)
    has_zone = column.type == Type.TIMESTAMP and column.has_zone
    return known.get((Type.DOUBLE if column.type == Type.SINGLE else column.type, has_zone), str)


class Fitting:
    """What is left of the types of one column after each value that was seen."""

    def __init__(self, known: Mapping[tuple[Type, bool], Read]) -> None:
        self._left = dict(known)
        self._has_values = False

    def see(self, values: Iterable[str]) -> None:
        """Strike out the types that a value is none of."""
        different = set(values)
        if not different:
            return
        self._has_values = True
        is_short = max(map(len, different)) <= EXACT_DIGITS
        fitting: set[Type] = set()
        for key, read in list(self._left.items()):
            # Whole numbers are decimals, and short decimals doubles: asking again would double the time.
            is_implied = key[0] == Type.DECIMAL or (key[0] == Type.DOUBLE and is_short)
            if (is_implied and fitting & {Type.INT64, Type.DECIMAL}) or all(fits(read, value) for value in different):
                fitting.add(key[0])
            else:
                del self._left[key]

    def column(self, name: str) -> Column:
        """Return the column with the narrowest type that is left."""
        left = next(iter(self._left), None) if self._has_values else None
        if left is None:
            return Column(name, Type.STRING, native_type="text")
        return Column(name, left[0], has_zone=left[1], native_type="text")


def fits(read: Read, text: str) -> bool:
    """Claim that a value is of the reader's type."""
    try:
        read(text)
    except (ValueError, ArithmeticError, BadValue):
        return False
    return True
