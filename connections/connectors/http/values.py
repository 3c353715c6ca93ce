"""Values of an answer to values of the contract, and back to text or JSON for a call.

What can't be the column's type raises Unfit: nothing is rounded or guessed.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import orjson

from connections.connectors.exact_json import bounded, json_text
from connections.contract.table import INTEGER_RANGE, Type

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
WHOLE = re.compile(r"[+-]?\d{1,40}")
# ISO 4217 currencies without minor units and with three of them; all others have two.
NO_MINOR = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905
THREE_MINOR = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905
DURATION = re.compile(r"([+-])?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
# Doubles hold every whole number up to here.
EXACT_DOUBLE = 2**53
WIDE_NUMBER = re.compile(rb"\de\d|\d{16}")

TYPES = {
    "boolean": Type.BOOLEAN,
    "int32": Type.INT32,
    "int64": Type.INT64,
    "decimal": Type.DECIMAL,
    "double": Type.DOUBLE,
    "string": Type.STRING,
    "guid": Type.GUID,
    "date": Type.DATE,
    "time": Type.TIME,
    "timestamp": Type.TIMESTAMP,
    "duration": Type.DURATION,
    "binary": Type.BINARY,
    "json": Type.STRING,
}


class Unfit(Exception):
    """The value is none of the column's type."""


class Inexact(Exception):
    """The value was read as a double; the answer must be read again with exact numbers."""


def text(value: Any) -> str:
    """Return text; numbers and booleans as JSON writes them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, float):
        raise Inexact
    raise Unfit


def boolean(value: Any) -> bool:
    """Return a boolean; words and 0/1 are taken."""
    found = {"true": True, "false": False, "1": True, "0": False}.get(str(value).strip().lower()) if not isinstance(value, float) else None
    if found is None:
        raise Unfit
    return found


def whole_of(kind: Type) -> Callable[[Any], int]:
    """Return the reader of whole numbers within the type's range."""
    low, high = INTEGER_RANGE[kind]

    def whole(value: Any) -> int:
        if isinstance(value, float) and abs(value) > EXACT_DOUBLE:
            raise Inexact
        if isinstance(value, bool):
            raise Unfit
        if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, float | Decimal) and low <= value <= high and value == int(value):
            value = int(value)
        if not isinstance(value, int) or not low <= value <= high:
            raise Unfit
        return value

    return whole


def decimal(value: Any) -> Decimal:
    """Return a decimal, exact."""
    if isinstance(value, float):
        raise Inexact
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise Unfit
    try:
        return bounded(Decimal(value))
    except (InvalidOperation, ValueError):
        raise Unfit from None


def double(value: Any) -> float:
    """Return a double."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise Unfit
    return float(value)


def instant(value: Any) -> dt.datetime:
    """Return an instant written as ISO 8601; one without zone is UTC."""
    if not isinstance(value, str):
        raise Unfit
    found = dt.datetime.fromisoformat(value)
    if found.tzinfo is dt.UTC:
        return found
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def unix_of(units: int) -> Callable[[Any], dt.datetime]:
    """Return the reader of instants counted since 1970 in 1/`units` seconds."""

    def unix(value: Any) -> dt.datetime:
        if value.__class__ is int:
            return EPOCH + dt.timedelta(seconds=value) if units == 1 else EPOCH + dt.timedelta(milliseconds=value)
        number = decimal(repr(value) if isinstance(value, float) else value)
        return EPOCH + dt.timedelta(microseconds=int(number * 1_000_000 / units))

    return unix


def mail_date(value: Any) -> dt.datetime:
    """Return an instant written as in mails and HTTP (RFC 2822)."""
    found = parsedate_to_datetime(str(value))
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def day(value: Any) -> dt.date:
    """Return a date; an instant's is that of its own zone."""
    if not isinstance(value, str):
        raise Unfit
    return dt.date.fromisoformat(value) if len(value) <= 10 else dt.datetime.fromisoformat(value).date()


def span(value: Any) -> dt.timedelta:
    """Return a duration: seconds, or ISO 8601 up to days."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return dt.timedelta(seconds=float(value))
    found = DURATION.fullmatch(str(value))
    if not found or value in ("P", "PT"):
        raise Unfit
    sign, days, hours, minutes, seconds = found.groups()
    whole = dt.timedelta(days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0), seconds=float(seconds or 0))
    return -whole if sign == "-" else whole


def document(value: Any) -> str:
    """Return a JSON node as text, its numbers in the digits that they came in."""
    try:
        found = orjson.dumps(value, default=digits)
    except TypeError:  # a number beyond 64 bits, or deeper than it writes
        return json_text(value)
    if WIDE_NUMBER.search(found) and has_wide(value):
        raise Inexact
    return found.decode()


def digits(value: Decimal) -> orjson.Fragment:
    """Return a decimal as it is written."""
    return orjson.Fragment(str(value))


def has_wide(node: Any) -> bool:
    """Claim that a number of a node was too long for the double that it was read as."""
    if isinstance(node, dict):
        return any(has_wide(item) for item in node.values())
    if isinstance(node, list):
        return any(has_wide(item) for item in node)
    return isinstance(node, float) and abs(node) > EXACT_DOUBLE


def currency_units(currency: Any) -> int:
    """Return how many decimal places the currency's amounts have; raise Unfit for what is no currency."""
    code = currency.upper() if isinstance(currency, str) else ""
    if len(code) != 3:
        raise Unfit
    return 0 if code in NO_MINOR else 3 if code in THREE_MINOR else 2


INSTANTS: dict[str, Callable[[Any], dt.datetime]] = {
    "iso": instant,
    "unix": unix_of(1),
    "unix_ms": unix_of(1000),
    "rfc2822": mail_date,
    "date": lambda value: dt.datetime.combine(day(value), dt.time(), dt.UTC),
}


def reader(kind: str, form: str) -> Callable[[Any], Any]:
    """Return what turns one value (never None) of an answer into the contract's."""
    if kind == "timestamp":
        return INSTANTS[form]
    return {
        "boolean": boolean,
        "int32": whole_of(Type.INT32),
        "int64": whole_of(Type.INT64),
        "decimal": decimal,
        "double": double,
        "string": text,
        "guid": lambda value: uuid.UUID(text(value)),
        "date": day,
        "time": lambda value: dt.time.fromisoformat(text(value)),
        "duration": span,
        "binary": lambda value: base64.b64decode(text(value), validate=True),
        "json": document,
    }[kind]


def since_epoch(value: dt.datetime, units: int) -> Decimal:
    """Return an instant as a count since 1970."""
    return Decimal((value - EPOCH) // dt.timedelta(microseconds=1)) * units / 1_000_000


def sent(value: Any, form: str) -> Any:
    """Return a contract value as JSON takes it: text for what JSON has no form for."""
    if isinstance(value, dt.datetime):
        return sent_instant(value, form)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return f"PT{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "S"
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value) if isinstance(value, uuid.UUID) else value


def sent_instant(value: dt.datetime, form: str) -> Any:
    """Return an instant in the service's form."""
    if form in ("unix", "unix_ms"):
        return int(since_epoch(value, 1000 if form == "unix_ms" else 1))
    if form == "rfc2822":
        return format_datetime(value)
    return value.date().isoformat() if form == "date" else value.isoformat()


def as_text(value: Any, form: str) -> str:
    """Return a contract value as it is written into a parameter or path."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, str) else str(sent(value, form))
