"""Constants of people's SQL in the type of what they stand beside: the literal is cast, never the column, so that indexes serve."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from connections.contract.table import FLOATS, INTEGER_RANGE, INTEGERS, NUMBERS, Column, Type
from connections.engine.sql_nodes import Literal
from connections.engine.sql_reader import problem

MOST_DIGITS = 300
TRUTH = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def literal_of(node: exp.Expression) -> Literal:
    """Return the constant that a literal of the text is."""
    text = str(node.this)
    if node.args.get("is_string"):
        return Literal(text, Type.STRING, text)
    if len(text) > MOST_DIGITS:
        raise problem("This number is too long.", node)
    if text.isdigit():
        value = int(text)
        low, high = INTEGER_RANGE[Type.INT64]
        return Literal(value, Type.INT64, text) if low <= value <= high else Literal(Decimal(value), Type.DECIMAL, text)
    try:
        return Literal(float(text), Type.DOUBLE, text) if "e" in text.lower() else Literal(Decimal(text), Type.DECIMAL, text)
    except (ValueError, InvalidOperation) as error:
        raise problem(f"{text[:40]} is no number.", node) from error


def column_beside(literal: Literal, column: Column) -> Column:
    """Return the column as whose value the literal is bound: the other side's, or a wider one."""
    kind = literal.type
    if column.type in NUMBERS and kind in NUMBERS and kind != column.type:
        if kind in FLOATS or column.type in FLOATS:
            return column if column.type is Type.SINGLE else Column("", Type.DOUBLE)
        return column if fits(literal.value, column.type) else Column("", Type.INT64 if kind in INTEGERS else Type.DECIMAL)
    if column.type == Type.DATE and kind == Type.TIMESTAMP:
        return Column("", Type.TIMESTAMP, has_zone=True)
    if column.type == Type.DATE and kind == Type.STRING and len(literal.text.strip()) > len("2024-01-31"):
        return Column("", Type.TIMESTAMP, has_zone=True)
    return column


def fits(value: Any, kind: Type) -> bool:
    """Claim that a whole number lies within an integer type; decimals take every number."""
    if kind not in INTEGERS:
        return True
    low, high = INTEGER_RANGE[kind]
    return isinstance(value, int) and low <= value <= high


def value_as(literal: Literal, column: Column, node: exp.Expression) -> Any:
    """Return the contract's value of the literal in the column's type."""
    kind, value = column.type, literal.value
    if kind == literal.type:
        return value
    if kind == Type.STRING:
        return spoken(literal)
    if kind == Type.BOOLEAN:
        return truth(literal, node)
    if literal.type in NUMBERS and kind in NUMBERS:
        return number_as(value, kind)
    if literal.type == Type.DATE and kind == Type.TIMESTAMP:
        return datetime.combine(value, time(), UTC)
    if literal.type == Type.STRING:
        return parsed(literal.text.strip(), kind, node)
    raise problem(f"{literal.text} can't stand beside a value of type {kind}.", node)


def spoken(literal: Literal) -> str:
    """Return a constant as text: numbers as they were written."""
    return literal.text if literal.type in NUMBERS or literal.type == Type.STRING else str(literal.value)


def truth(literal: Literal, node: exp.Expression) -> bool:
    """Return a constant as true or false: 'False', 0."""
    found = TRUTH.get(literal.text.strip().lower())
    if found is None:
        raise problem(f"'{literal.text[:60]}' is neither true nor false.", node, "Write TRUE, FALSE, 'true' or 'false'.")
    return found


def number_as(value: Any, kind: Type) -> Any:
    """Return a number in another type of numbers."""
    if kind in FLOATS:
        return float(value)
    return Decimal(repr(value) if isinstance(value, float) else value) if kind == Type.DECIMAL else value


def whole(text: str) -> int:
    """Return a quoted whole number; within 64 bits."""
    found = int(text)
    low, high = INTEGER_RANGE[Type.INT64]
    if not low <= found <= high:
        raise ValueError(text)
    return found


def moment(text: str) -> datetime:
    """Return the instant of a date or date-time; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def finite(text: str) -> Decimal:
    """Return a decimal."""
    found = Decimal(text)
    if not found.is_finite():
        raise ValueError(text)
    return found


READERS: dict[Type, Callable[[str], Any]] = {
    **dict.fromkeys(INTEGERS, whole),
    **dict.fromkeys(FLOATS, float),
    Type.DECIMAL: finite,
    Type.GUID: uuid.UUID,
    Type.DATE: date.fromisoformat,
    Type.TIME: time.fromisoformat,
    Type.TIMESTAMP: moment,
    Type.DURATION: lambda text: timedelta(seconds=float(text)),
    Type.BINARY: bytes.fromhex,
}


def parsed(text: str, kind: Type, node: exp.Expression) -> Any:
    """Return a quoted constant read as another type."""
    try:
        return READERS[kind](text)
    except (ValueError, ArithmeticError) as error:
        raise problem(f"'{text[:60]}' is no value of type {kind}.", node) from error


def is_comparable(left: Type, right: Type) -> bool:
    """Claim that values of the two types can be compared."""
    calendar = {Type.DATE, Type.TIMESTAMP}
    return left == right or (left in NUMBERS and right in NUMBERS) or (left in calendar and right in calendar)


def common(kinds: set[Type]) -> Type | None:
    """Return the type that holds values of all these; None where there is none."""
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds <= INTEGERS:
        return Type.INT64
    if kinds <= NUMBERS:
        return Type.DOUBLE if kinds & FLOATS else Type.DECIMAL
    return Type.TIMESTAMP if kinds <= {Type.DATE, Type.TIMESTAMP} else None


def shape_of(column: Column) -> Column:
    """Return a column's type without its place: for values that were computed from it."""
    return replace(column, name="", is_generated=False, has_default=False, comment="", ordinal=0, is_demanded=False, is_costly=False)
