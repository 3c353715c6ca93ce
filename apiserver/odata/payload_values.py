"""Values on their way out: contract values to JSON (JSON Format 4.01, 7.1), to plain text and to key literals of URLs."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson

from connections.contract.table import Column, Type
from connections.contract.unsayable import sayable

Encode = Callable[[Any], Any]
# From here on a double no longer rounds to a finite 32-bit float.
_SINGLE_END = 3.40282356e38


def number_text(value: Decimal) -> str:
    """Return the exact digits, never an exponent."""
    return format(value, "f")


def decimal_json(value: Any) -> Any:
    """Return a JSON number with exactly the decimal's digits; orjson knows no Decimal."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return orjson.Fragment(number_text(number)) if number.is_finite() else special_number(float(number))


def decimal_string(value: Any) -> str:
    """Return the decimal as a string, for IEEE754Compatible=true."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return number_text(number) if number.is_finite() else special_number(float(number))


def special_number(value: float) -> str:
    """Return INF, -INF or NaN."""
    if math.isnan(value):
        return "NaN"
    return "INF" if value > 0 else "-INF"


def double_json(value: Any) -> Any:
    """Return the double; infinity and NaN are strings."""
    return value if math.isfinite(value) else special_number(value)


def single_json(value: Any) -> Any:
    """Return the shortest decimal that reads back as the same 32-bit float."""
    if not math.isfinite(value):
        return special_number(value)
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        if abs(short) < _SINGLE_END and _single(short) == _single(value):
            return short
    return float(f"{value:.9g}")


def _single(value: float) -> bytes:
    return struct.pack("<f", value)


def fraction(microsecond: int) -> str:
    """Return `.5` and the like, without trailing zeros, or ''."""
    return f".{microsecond:06d}".rstrip("0") if microsecond else ""


def date_text(value: date) -> str:
    """Return YYYY-MM-DD."""
    return f"{value.year:04d}-{value.month:02d}-{value.day:02d}"


def time_text(value: time) -> str:
    """Return HH:MM:SS with the fraction it has."""
    return f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}{fraction(value.microsecond)}"


def timestamp_text(value: datetime) -> str:
    """Return the instant in UTC, always with `Z`."""
    instant = value if value.tzinfo is None or value.tzinfo is UTC else value.astimezone(UTC)
    return f"{date_text(instant)}T{time_text(instant.time())}Z"


def duration_text(value: timedelta) -> str:
    """Return the ISO 8601 duration of days to seconds."""
    total = value // timedelta(microseconds=1)
    sign, total = ("-", -total) if total < 0 else ("", total)
    seconds, micros = divmod(total, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = "".join(f"{number}{unit}" for number, unit in ((hour, "H"), (minute, "M")) if number)
    if second or micros:
        clock += f"{second}{fraction(micros)}S"
    text = (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
    return f"{sign}P{text}" if text else "PT0S"


def binary_text(value: bytes) -> str:
    """Return base64url."""
    return base64.urlsafe_b64encode(value).decode("ascii")


def _guid(value: Any) -> str:
    return str(value).lower()


_JSON: dict[Type, Encode] = {
    Type.DECIMAL: decimal_json,
    Type.DOUBLE: double_json,
    Type.SINGLE: single_json,
    Type.GUID: _guid,
    Type.DATE: date_text,
    Type.TIME: time_text,
    Type.TIMESTAMP: timestamp_text,
    Type.DURATION: duration_text,
    Type.BINARY: binary_text,
}
_IEEE754: dict[Type, Encode] = _JSON | {Type.DECIMAL: decimal_string, Type.INT64: str}


def json_encoder(column: Column, *, is_ieee754: bool) -> Encode | None:
    """Return what turns a value that is not null into JSON; None = it is JSON already."""
    encode = (_IEEE754 if is_ieee754 else _JSON).get(column.type)
    if not column.is_collection:
        return encode
    return lambda items: [item if item is None or encode is None else encode(item) for item in items]


def encoder_for_value(value: Any, *, is_ieee754: bool) -> Any:
    """Return the JSON of a value whose column is not declared ($compute, aggregates)."""
    value = sayable(value)
    for kind, edm in _PYTHON_TYPES:
        if isinstance(value, kind):
            encode = (_IEEE754 if is_ieee754 else _JSON).get(edm)
            return encode(value) if encode else value
    return value


# datetime is a date: order matters.
_PYTHON_TYPES: tuple[tuple[type, Type], ...] = (
    (bool, Type.BOOLEAN),
    (datetime, Type.TIMESTAMP),
    (date, Type.DATE),
    (time, Type.TIME),
    (timedelta, Type.DURATION),
    (Decimal, Type.DECIMAL),
    (float, Type.DOUBLE),
    (UUID, Type.GUID),
    (bytes, Type.BINARY),
)


def edm_of_value(value: Any) -> Type:
    """Return the type of a value whose column is not declared."""
    for kind, edm in _PYTHON_TYPES:
        if isinstance(value, kind):
            return edm
    return Type.INT64 if isinstance(value, int) else Type.STRING


def plain_text(column: Column, value: Any) -> str:
    """Return the value as `/$value` shows it."""
    value = sayable(value)
    if column.type is Type.BOOLEAN:
        return "true" if value else "false"
    if column.is_collection:
        return orjson.dumps(json_encoder(column, is_ieee754=False)(value)).decode()  # type: ignore[misc]
    encode = _IEEE754.get(column.type)
    return str(encode(value) if encode else value)


def key_literal(column: Column, value: Any) -> str:
    """Return a key value as it stands in a URL, percent-encoded (URL Conventions 4.01, 4.3.1)."""
    if column.type is Type.STRING:
        return "'" + quote(str(value).replace("'", "''"), safe="~!*$@.") + "'"
    text = plain_text(column, value)
    if column.type is Type.DURATION:
        text = f"duration'{text}'"
    return quote(text, safe="':")
