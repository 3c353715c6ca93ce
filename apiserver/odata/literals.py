"""Primitive literals of OData URLs as exact Python values (ABNF Construction Rules 4.01, section 7).

Every function takes the literal's text and raises ValueError with a sentence for the user; the parser adds the position.
`value_of` is also what the binder uses for quoted literals that meet a column of another type.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from apiserver.odata.parser_errors import DEFAULT_LIMITS, raised_by
from connections.contract.table import INTEGER_RANGE, Type

MAX_DIGITS = DEFAULT_LIMITS.number_digits

_NUMBER = re.compile(r"[-+]?([0-9]+)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_DATE = re.compile(r"(-?[0-9]{4,})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,12}))?)?")
_OFFSET = re.compile(r"[Zz]|[-+ ]([0-9]{2}):([0-9]{2})")
_OFFSET_AT_END = re.compile(r":[0-9]{2}(?:\.[0-9]+)?([-+ ])([0-9]{2}):([0-9]{2})$")
_DURATION = re.compile(r"(-)?P(?:([0-9]+)D)?(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:\.([0-9]+))?S)?)?", re.IGNORECASE)
_BASE64 = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}(?:==)?|[A-Za-z0-9_-]{3}=?)?")
_GUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_SPECIAL_NUMBERS = {"INF": math.inf, "-INF": -math.inf, "NaN": math.nan}


def number(text: str, digits: int = MAX_DIGITS) -> tuple[Type, int | float | Decimal]:
    """Return the narrowest type that holds the number, with its value: Int32, Int64, Decimal; Double only with an exponent."""
    if text in _SPECIAL_NUMBERS:
        return Type.DOUBLE, _SPECIAL_NUMBERS[text]
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a number.")
    whole, fraction, exponent = match.groups()
    if len(whole) + len(fraction or "") - bool(fraction) > digits:
        raise ValueError(f"A number may have at most {digits} digits. {raised_by('number_digits')}")
    if exponent:
        value = float(text)
        if math.isinf(value):
            raise ValueError(f"The number {text} is outside of the range of a double.")
        return Type.DOUBLE, value
    if fraction:
        return Type.DECIMAL, Decimal(text)
    integer = int(text)
    if -(2**31) <= integer < 2**31:
        return Type.INT32, integer
    if -(2**63) <= integer < 2**63:
        return Type.INT64, integer
    return Type.DECIMAL, Decimal(integer)


def string(text: str) -> str:
    """Return the characters of a quoted string: quotes off, doubled quotes single."""
    inner = text[1:-1]
    return inner.replace("''", "'") if "''" in inner else inner


def date_value(text: str) -> date:
    """Return a date; years outside of 1 to 9999 have no value here."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a date (YYYY-MM-DD).")
    return _date(text, *match.groups())


def _date(text: str, year: str, month: str, day: str) -> date:
    if len(year) != 4 or year == "0000":
        raise ValueError(f"The year of {text} is outside of 0001 to 9999.")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError(f"{text} is not a day of the calendar.") from None


def time_value(text: str) -> time:
    """Return a time of day; fractions beyond microseconds are cut off."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a time of day (hh:mm:ss).")
    return _time(text, *match.groups())


def _time(text: str, hour: str, minute: str, second: str | None, fraction: str | None) -> time:
    try:
        return time(int(hour), int(minute), int(second or 0), int((fraction or "")[:6].ljust(6, "0")))
    except ValueError:
        raise ValueError(f"{text} is not a time of day.") from None


def offset_minutes(text: str) -> int:
    """Return the offset that a date-time is written with, 0 for Z and for none."""
    match = _OFFSET_AT_END.search(text)
    if match is None:
        return 0
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def timestamp_value(text: str) -> datetime:
    """Return a DateTimeOffset as an aware datetime in UTC."""
    day = _DATE.match(text)
    clock = _TIME.match(text, day.end() + 1) if day and text[day.end() : day.end() + 1] in ("T", "t") else None
    offset = _OFFSET.fullmatch(text, clock.end()) if clock else None
    if day is None or clock is None or offset is None:
        raise ValueError(f"'{text}' is not a date with time and offset (YYYY-MM-DDThh:mm:ssZ).")
    moment = datetime.combine(_date(text, *day.groups()), _time(text, *clock.groups()))
    if offset[1] is None:
        return moment.replace(tzinfo=UTC)
    minutes = int(offset[1]) * 60 + int(offset[2])
    if int(offset[2]) > 59 or minutes > 14 * 60:
        raise ValueError(f"The offset of {text} is not between -14:00 and +14:00.")
    zone = timezone(timedelta(minutes=-minutes if offset[0][0] == "-" else minutes))
    try:
        return moment.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} is outside of the years 0001 to 9999.") from None


def duration_value(text: str) -> timedelta:
    """Return a duration of days, hours, minutes, seconds (no years, no months); fractions beyond microseconds are cut off."""
    match = _DURATION.fullmatch(text)
    if match is None or text[-1] in "PpTt":
        raise ValueError(f"'{text}' is not a duration (such as P1DT2H30M).")
    sign, days, hours, minutes, seconds, fraction = match.groups()
    if max(len(part or "") for part in (days, hours, minutes, seconds)) > 18:
        raise ValueError(f"The duration {text} is too long.")
    try:
        value = timedelta(int(days or 0), int(seconds or 0), int((fraction or "")[:6].ljust(6, "0")), 0, int(minutes or 0), int(hours or 0))
    except OverflowError:
        raise ValueError(f"The duration {text} is too long.") from None
    return -value if sign else value


def binary_value(text: str) -> bytes:
    """Return the bytes of base64url text; padding is optional."""
    if not _BASE64.fullmatch(text):
        raise ValueError("The binary value is not base64url.")
    bare = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise ValueError("The binary value is not base64url.") from None


def guid_value(text: str) -> UUID:
    """Return a GUID written as 8-4-4-4-12 hexadecimal digits."""
    if not _GUID.fullmatch(text):
        raise ValueError(f"'{text}' is not a GUID (8-4-4-4-12 hexadecimal digits).")
    return UUID(text)


def boolean_value(text: str) -> bool:
    """Return true or false, in any case of letters."""
    lower = text.lower()
    if lower not in ("true", "false"):
        raise ValueError(f"'{text}' is neither true nor false.")
    return lower == "true"


def _integer_value(type_: Type, text: str) -> int:
    if not _INTEGER.fullmatch(text) or len(text) > MAX_DIGITS:
        raise ValueError(f"'{text}' is not a whole number.")
    low, high = INTEGER_RANGE[type_]
    value = int(text)
    if not low <= value <= high:
        raise ValueError(f"{text} is outside of the range of {type_.value} ({low} to {high}).")
    return value


def _decimal_value(text: str) -> Decimal:
    number(text)
    if text in _SPECIAL_NUMBERS:
        raise ValueError(f"{text} is not a decimal number.")
    return Decimal(text)


def _double_value(text: str) -> float:
    return float(number(text)[1])


_READERS: dict[Type, Callable[[str], Any]] = {
    Type.BOOLEAN: boolean_value,
    Type.DECIMAL: _decimal_value,
    Type.SINGLE: _double_value,
    Type.DOUBLE: _double_value,
    Type.STRING: str,
    Type.GUID: guid_value,
    Type.DATE: date_value,
    Type.TIME: time_value,
    Type.TIMESTAMP: timestamp_value,
    Type.DURATION: duration_value,
    Type.BINARY: binary_value,
}


def value_of(type_: Type, text: str) -> Any:
    """Read unquoted text as a value of a type, the way OData spells it in URLs and key segments."""
    if type_ in INTEGER_RANGE:
        return _integer_value(type_, text)
    return _READERS[type_](text)
