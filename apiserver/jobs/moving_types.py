"""Types on their way: the narrowest type that holds the values of two, and how a value of one becomes that of another. Nothing is lost."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from connections.contract.table import FLOATS, INTEGERS, Column, Type

Convert = Callable[[Any], Any]
RANKS = (Type.SBYTE, Type.BYTE, Type.INT16, Type.INT32, Type.INT64)
DIGITS = {Type.SBYTE: 3, Type.BYTE: 3, Type.INT16: 5, Type.INT32: 10, Type.INT64: 19}
EXACT_IN_DOUBLE = frozenset({Type.SBYTE, Type.BYTE, Type.INT16, Type.INT32, Type.SINGLE, Type.DOUBLE})


def wider(old: Column, new: Column) -> Column | None:
    """Return the column `old` so that it holds every value of both, the same object where it does already; None where nothing does."""
    if holds(old, new):
        return old
    if holds(new, old):
        return replace(new, name=old.name)
    found = together(old, new)
    return None if found is None else replace(found, name=old.name)


def holds(wide: Column, narrow: Column) -> bool:
    """Claim that every value of `narrow` is one of `wide`, exactly."""
    if wide.is_collection or narrow.is_collection:
        return wide.is_collection and narrow.is_collection and wide.type == narrow.type and holds(bare(wide), bare(narrow))
    if wide.type != narrow.type:
        return holds_kind(wide, narrow)
    match wide.type:
        case Type.STRING:
            return wide.is_json == narrow.is_json and fits(wide.max_length, narrow.max_length)
        case Type.BINARY:
            return fits(wide.max_length, narrow.max_length)
        case Type.DECIMAL:
            return holds_digits(wide, narrow)
        case Type.TIMESTAMP:
            return (wide.has_zone or not narrow.has_zone) and fits_finely(wide.precision, narrow.precision)
        case Type.TIME:
            return fits_finely(wide.precision, narrow.precision)
    return True


def holds_kind(wide: Column, narrow: Column) -> bool:
    """Claim the same of two different types."""
    if wide.type in INTEGERS and narrow.type in INTEGERS:
        is_below_zero = wide.type is Type.BYTE or (wide.type is Type.SBYTE and narrow.type is Type.BYTE)
        return RANKS.index(wide.type) > RANKS.index(narrow.type) and not is_below_zero
    if wide.type == Type.DOUBLE:
        return narrow.type in EXACT_IN_DOUBLE
    if wide.type == Type.DECIMAL and narrow.type in INTEGERS:
        return wide.precision is None or wide.scale is None or wide.precision - wide.scale >= DIGITS[narrow.type]
    if wide.type == Type.TIMESTAMP:
        return narrow.type == Type.DATE
    return wide.type == Type.STRING and not wide.is_json and wide.max_length is None and narrow.type != Type.BINARY


def bare(column: Column) -> Column:
    """Return an item of an array."""
    return replace(column, is_collection=False)


def fits(wide: int | None, narrow: int | None) -> bool:
    """Claim that a length holds another; None is any."""
    return wide is None or (narrow is not None and narrow <= wide)


def fits_finely(wide: int | None, narrow: int | None) -> bool:
    """Claim that digits of a second hold others; None is six."""
    return (6 if wide is None else wide) >= (6 if narrow is None else narrow)


def holds_digits(wide: Column, narrow: Column) -> bool:
    """Claim that a decimal holds another."""
    if wide.precision is None or wide.scale is None:
        return True
    if narrow.precision is None or narrow.scale is None:
        return False
    return wide.scale >= narrow.scale and wide.precision - wide.scale >= narrow.precision - narrow.scale


def together(old: Column, new: Column) -> Column | None:
    """Return a type that is neither of the two and holds both."""
    if Type.BINARY in (old.type, new.type) and old.type != new.type:
        return None
    if old.is_collection or new.is_collection:
        return text()
    if old.type == new.type == Type.STRING:
        return text()
    if old.type == new.type == Type.TIMESTAMP:
        finest = None if old.precision is None or new.precision is None else max(old.precision, new.precision)
        return Column("", Type.TIMESTAMP, has_zone=old.has_zone or new.has_zone, precision=finest)
    if {old.type, new.type} <= INTEGERS:
        return Column("", Type.INT16)  # a byte with a sign and one without
    if {old.type, new.type} <= INTEGERS | {Type.DECIMAL}:
        return decimal(old, new)
    if {old.type, new.type} <= EXACT_IN_DOUBLE:
        return Column("", Type.DOUBLE)
    return text()


def text() -> Column:
    """Return a column of text of any length."""
    return Column("", Type.STRING)


def decimal(old: Column, new: Column) -> Column:
    """Return a decimal for the digits of both."""
    before, behind = zip(*(digits(item) for item in (old, new)), strict=True)
    if None in before:
        return Column("", Type.DECIMAL)
    scale = max(behind)
    return Column("", Type.DECIMAL, precision=max(before) + scale, scale=scale)


def digits(column: Column) -> tuple[Any, Any]:
    """Return the digits before and behind the point; (None, None) = any."""
    if column.type in INTEGERS:
        return DIGITS[column.type], 0
    if column.precision is None or column.scale is None:
        return None, None
    return column.precision - column.scale, column.scale


# ---- values ----


def converter(source: Column, kept: Column) -> Convert | None:
    """Return how a value of the source becomes one of the column that keeps it; None = it is one already. Raises ValueError."""
    if source.is_collection:
        return None if kept.is_collection else json_text
    if kept.type == Type.STRING:
        return None if source.type == Type.STRING else TEXTS.get(source.type, str)
    if source.type == kept.type or {source.type, kept.type} <= INTEGERS:
        return None
    return CONVERTERS.get((group(source.type), group(kept.type)), refused(source, kept))


def group(kind: Type) -> str:
    """Return what types that convert alike have in common."""
    return "integer" if kind in INTEGERS else "float" if kind in FLOATS else kind.value


def refused(source: Column, kept: Column) -> Convert:
    """Return what refuses every value."""

    def refuse(value: Any) -> Any:
        raise ValueError(f"A {source.type} is no {kept.type}.")

    return refuse


def json_text(value: Any) -> str:
    """Return a list as a JSON array."""
    return json.dumps(value, ensure_ascii=False, default=said, separators=(",", ":"))


def said(value: Any) -> Any:
    """Return a value as JSON says it."""
    return TEXTS.get(kind_of(value), str)(value)


def kind_of(value: Any) -> Type:
    """Return the type of a Python value that JSON has no word for."""
    kinds = ((datetime, Type.TIMESTAMP), (date, Type.DATE), (time, Type.TIME), (timedelta, Type.DURATION), (bytes, Type.BINARY))
    return next((kind for found, kind in kinds if isinstance(value, found)), Type.STRING)


def instant_text(value: datetime) -> str:
    """Return an instant in UTC (RFC 3339)."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def duration_text(value: timedelta) -> str:
    """Return a duration of days and seconds (ISO 8601, 5.5.2.3)."""
    sign, rest = ("-", -value) if value < timedelta() else ("", value)
    seconds = f"{rest.seconds}.{rest.microseconds:06}".rstrip("0").rstrip(".") if rest.microseconds else str(rest.seconds)
    return f"{sign}P{rest.days}DT{seconds}S"


def whole(value: Any) -> int:
    """Return a number without a fraction as an integer; raise ValueError for another."""
    found = int(value)
    if found != value:
        raise ValueError("A number with a fraction is no integer.")
    return found


def read_instant(value: str) -> datetime:
    """Return the instant that a text says; without a zone it is UTC."""
    found = datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def midnight(value: date) -> datetime:
    """Return the beginning of a day."""
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def day(value: datetime) -> date:
    """Return the day of an instant; raise ValueError where a time would be lost."""
    if value.astimezone(UTC).time() != time():
        raise ValueError("A date-time is no date.")
    return value.astimezone(UTC).date()


def number_text(value: float) -> str:
    """Return a double in its shortest form; infinity and NaN as SQL databases write them."""
    return repr(value) if math.isfinite(value) else {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}[str(value)]


TEXTS: dict[Type, Convert] = {
    Type.BOOLEAN: lambda value: "true" if value else "false",
    Type.TIMESTAMP: instant_text,
    Type.DATE: date.isoformat,
    Type.TIME: time.isoformat,
    Type.DURATION: duration_text,
    Type.BINARY: bytes.hex,
    Type.DECIMAL: lambda value: f"{value:f}",
    Type.SINGLE: number_text,
    Type.DOUBLE: number_text,
}
TRUTHS = {"true": True, "1": True, "t": True, "yes": True, "false": False, "0": False, "f": False, "no": False}
CONVERTERS: dict[tuple[str, str], Convert] = {
    ("integer", "float"): float,
    ("Decimal", "float"): float,
    ("float", "float"): float,
    ("integer", "Decimal"): Decimal,
    ("float", "Decimal"): lambda value: Decimal(repr(value)),
    ("Decimal", "integer"): whole,
    ("float", "integer"): whole,
    ("Boolean", "integer"): int,
    ("integer", "Boolean"): lambda value: {0: False, 1: True}[value],
    ("Date", "DateTimeOffset"): midnight,
    ("DateTimeOffset", "Date"): day,
    ("String", "integer"): int,
    ("String", "float"): float,
    ("String", "Decimal"): Decimal,
    ("String", "Boolean"): lambda value: TRUTHS[value.lower()],
    ("String", "Guid"): UUID,
    ("String", "Date"): date.fromisoformat,
    ("String", "TimeOfDay"): time.fromisoformat,
    ("String", "DateTimeOffset"): read_instant,
    ("String", "Binary"): str.encode,
    ("Decimal", "Boolean"): lambda value: {0: False, 1: True}[value],
}


def sample(column: Column) -> Any:
    """Return a value of a column's type, for asking what the source would do."""
    if column.type == Type.TIMESTAMP:
        return datetime(2000, 1, 1, tzinfo=UTC)
    if column.type == Type.DATE:
        return date(2000, 1, 1)
    return "0" if column.type == Type.STRING else 0


# ---- values of check columns as text, in the checkpoint ----


def text_of(value: Any) -> str:
    """Return a value as text that `value_of` reads back exactly."""
    return value.hex() if isinstance(value, bytes) else value.isoformat() if isinstance(value, datetime | date | time) else str(value)


def value_of(column: Column, text: str) -> Any:
    """Return the value of a text; raise ValueError where the column's type has none such."""
    if column.type == Type.STRING:
        return text
    if column.type == Type.BINARY:
        return bytes.fromhex(text)
    if column.type in (Type.SINGLE, Type.DOUBLE):
        return float(text)
    convert = CONVERTERS.get(("String", group(column.type)))
    if convert is None:
        raise ValueError(f"A {column.type} shows no order.")
    try:
        return convert(text)
    except (ArithmeticError, LookupError) as error:
        raise ValueError(f"{text!r} is no {column.type}.") from error
