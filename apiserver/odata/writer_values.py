"""Values on their way in: JSON, key literals and raw text to contract values, checked against the column."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from apiserver.odata.errors import InvalidValue
from connections.contract.table import FLOATS, INTEGER_RANGE, NUMBERS, Column, Type

_INTEGER = re.compile(r"[+-]?\d{1,40}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?)(Z|z|[+-]\d\d:\d\d)?")
_DURATION = re.compile(r"([+-]?)P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,12}))?S)?)?")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_WORDS = {"INF": math.inf, "-INF": -math.inf, "NaN": math.nan}
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


def take(column: Column, raw: Any, *, name: str) -> Any:
    """Return the contract value of a JSON or literal value (numbers as int or Decimal); raise InvalidValue naming the property."""
    if raw is None:
        if not column.is_nullable:
            raise InvalidValue(f"{name} can't be null.", target=name, hint="Give it a value.")
        return None
    if column.is_collection:
        if not isinstance(raw, list):
            raise _bad(name, column, raw)
        return [None if item is None else _take_one(column, item, name) for item in raw]
    return _take_one(column, raw, name)


def _take_one(column: Column, raw: Any, name: str) -> Any:
    if column.type in NUMBERS:
        return _number(column, raw, name)
    if column.type is Type.BOOLEAN and isinstance(raw, bool):
        return raw
    if column.type is Type.STRING and isinstance(raw, str):
        return _string(column, raw, name)
    if isinstance(raw, _OWN.get(column.type, ())):
        return raw
    if not isinstance(raw, str) or column.type not in _FROM_TEXT:
        raise _bad(name, column, raw)
    try:
        value = _FROM_TEXT[column.type](raw)
    except (ValueError, OverflowError, InvalidOperation, binascii.Error):
        raise _bad(name, column, raw) from None
    if column.type is Type.BINARY and column.max_length and len(value) > column.max_length:
        raise InvalidValue(f"{name} is longer than {column.max_length} bytes.", target=name, hint="Send a shorter value.")
    return value


# Contract values arrive as they are from literals of URLs.
_OWN: dict[Type, type | tuple[type, ...]] = {
    Type.GUID: UUID,
    Type.DATE: date,
    Type.TIME: time,
    Type.TIMESTAMP: datetime,
    Type.DURATION: timedelta,
    Type.BINARY: bytes,
}


def _bad(name: str, column: Column, raw: Any) -> InvalidValue:
    kind = f"a collection of Edm.{column.type}" if column.is_collection else f"a value of Edm.{column.type}"
    shown = "an object" if isinstance(raw, dict) else "a list" if isinstance(raw, list) else _shown(raw)
    return InvalidValue(f"{name} takes {kind}, not {shown}.", target=name, hint="Send the type that $metadata declares.")


def _shown(raw: Any) -> str:
    """Return a value as the client wrote it, near enough."""
    if isinstance(raw, bool):
        return str(raw).lower()
    return f"'{raw[:60]}'" if isinstance(raw, str) else str(raw)[:60]


def _string(column: Column, raw: str, name: str) -> str:
    if column.max_length and len(raw) > column.max_length:
        raise InvalidValue(f"{name} is longer than {column.max_length} characters.", target=name, hint="Send a shorter value.")
    if "\x00" in raw or any("\ud800" <= mark <= "\udfff" for mark in raw):
        raise InvalidValue(f"{name} holds a character that can't be stored (NUL or half of a pair).", target=name, hint="Remove it.")
    return raw


def _number(column: Column, raw: Any, name: str) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        raise _bad(name, column, raw)
    if isinstance(raw, str) and not is_number(raw, column):
        raise _bad(name, column, raw)
    if type(raw) is int and column.type in INTEGER_RANGE:
        return _in_range(column, raw, name)
    if column.type in FLOATS:
        return _float(column, raw, name)
    if isinstance(raw, str) and len(raw) > 400:
        raise _bad(name, column, raw)
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        raise _bad(name, column, raw) from None
    if not number.is_finite():
        raise _bad(name, column, raw)
    return _decimal(column, number, name) if column.type is Type.DECIMAL else _integer(column, number, name)


def is_number(text: str, column: Column) -> bool:
    """Claim that a text is a number of OData, blanks around it or not: Python would take `1_0`, `nan` and digits of other scripts too."""
    return _NUMBER.fullmatch(text.strip(" \t\r\n")) is not None or (column.type in FLOATS and text in _WORDS)


def _float(column: Column, raw: Any, name: str) -> float:
    if isinstance(raw, str) and raw in _WORDS:
        return _WORDS[raw]
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        raise _bad(name, column, raw) from None
    limit = 3.4028235677973366e38 if column.type is Type.SINGLE else math.inf
    if abs(number) >= limit and not (isinstance(raw, float) and math.isinf(raw)):
        raise InvalidValue(f"{name} is outside the range of Edm.{column.type}.", target=name, hint="Send a smaller number.")
    return number


def _in_range(column: Column, number: int | Decimal, name: str) -> Any:
    low, high = INTEGER_RANGE[column.type]
    if low <= number <= high:
        return number
    raise InvalidValue(f"{name} is outside the range of Edm.{column.type} ({low} to {high}).", target=name, hint="Send a number within it.")


def _integer(column: Column, number: Decimal, name: str) -> int:
    _in_range(column, number, name)  # first: 1e999999 must not become an integer of a million digits
    if number != number.to_integral_value():
        raise InvalidValue(f"{name} takes whole numbers only.", target=name, hint="Send it without a fraction.")
    return int(number)


def _decimal(column: Column, number: Decimal, name: str) -> Decimal:
    if number.adjusted() > 1000 or number.adjusted() < -1000:
        raise InvalidValue(f"{name} has too many digits.", target=name, hint="Send a number of fewer digits.")
    if column.scale is not None and _places(number) > column.scale:
        raise InvalidValue(f"{name} takes at most {column.scale} digits after the point.", target=name, hint="Round the number first.")
    if column.precision is not None and column.scale is not None and number and number.adjusted() + 1 > column.precision - column.scale:
        raise InvalidValue(
            f"{name} takes at most {column.precision - column.scale} digits before the point.", target=name, hint="Send a smaller number."
        )
    return number


def _places(number: Decimal) -> int:
    """Return the digits after the point, zeros at the end left out (`normalize` would round beyond 28 digits)."""
    _, digits, exponent = number.as_tuple()
    zeros = len(digits) - len(bytes(digits).rstrip(b"\0"))
    return max(0, -int(exponent) - zeros) if number else 0


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ValueError(text)
    return _TRUTHS[text.lower()]


def _guid(text: str) -> UUID:
    if not _GUID.fullmatch(text):
        raise ValueError(text)
    return UUID(text)


def _date(text: str) -> date:
    # A midnight written as an instant is a date too: clients of the replaced product send it.
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:T00:00(?::00(?:\.0+)?)?Z?)?", text)
    if match is None:
        raise ValueError(text)
    return date.fromisoformat(match.group(1))


def _time(text: str) -> time:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    hour, minute, second, digits = match.groups()
    return time(int(hour), int(minute), int(second or 0), _micros(digits))


def _micros(digits: str | None) -> int:
    return int((digits or "").ljust(6, "0")[:6] or 0)


def _timestamp(text: str) -> datetime:
    """Read an instant; a date alone is its midnight, without an offset it is UTC."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return datetime.combine(_date(text), time(), UTC)
    day, clock, zone = match.groups()
    moment = datetime.combine(date.fromisoformat(day), _time(clock), UTC)
    if zone and zone not in "Zz":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        moment = moment - offset if zone[0] == "+" else moment + offset
    return moment


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None or text.lstrip("+-") in ("P", "PT") or text.endswith("T"):
        raise ValueError(text)
    sign, days, hours, minutes, seconds, digits = match.groups()
    span = timedelta(
        days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds or 0), microseconds=_micros(digits)
    )
    return -span if sign == "-" else span


def _binary(text: str) -> bytes:
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


_FROM_TEXT: dict[Type, Callable[[str], Any]] = {
    Type.BOOLEAN: _boolean,
    Type.GUID: _guid,
    Type.DATE: _date,
    Type.TIME: _time,
    Type.TIMESTAMP: _timestamp,
    Type.DURATION: _duration,
    Type.BINARY: _binary,
}


def take_text(column: Column, text: str, *, name: str) -> Any:
    """Return the contract value of bare text: a key segment, the body of PUT /$value."""
    if column.type in NUMBERS and column.type not in FLOATS and not _INTEGER.fullmatch(text) and column.type is not Type.DECIMAL:
        raise _bad(name, column, text)
    return take(column, text, name=name)
