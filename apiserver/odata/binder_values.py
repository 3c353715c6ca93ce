"""Literals in the type of what they are compared with; the cast is of the literal, never of the column, so that indexes serve."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from apiserver.odata import nodes
from apiserver.odata.binder_errors import BindError
from apiserver.odata.literals import value_of
from connections.contract.dialect import Dialect
from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type
from connections.contract.unsayable import sayable

DECIMAL = Column("", Type.DECIMAL)
DOUBLE = Column("", Type.DOUBLE)
STRING = Column("", Type.STRING)
LARGEST_DOUBLE = 1.7976931348623157e308
TEMPORAL = frozenset({Type.DATE, Type.TIMESTAMP})


def is_comparable(left: Type, right: Type) -> bool:
    """Claim that values of the two types can be compared."""
    return left == right or (left in NUMBERS and right in NUMBERS) or (left in TEMPORAL and right in TEMPORAL)


def column_for(literal: nodes.Literal, column: Column) -> Column:
    """Return the column whose type the literal is bound as, next to `column`: its own, or a wider one.

    The choice depends on the literal's type alone (never its value): it shapes the statement.
    """
    kind = literal.type
    if kind is None or kind == column.type:
        return column
    if kind == Type.STRING:
        return column
    if column.type in NUMBERS and kind in NUMBERS:
        if kind in FLOATS or column.type in FLOATS:
            # A Single is compared as a Single: the literal is rounded to 32 bits, as the stored value was.
            return column if column.type is Type.SINGLE else DOUBLE
        return column if kind in INTEGERS and column.type in INTEGERS else DECIMAL
    if column.type == Type.TIMESTAMP and kind == Type.DATE:
        return column
    if column.type == Type.DATE and kind == Type.TIMESTAMP:
        return Column("", Type.TIMESTAMP)
    raise BindError(f"{literal.text or kind} can't be compared with a value of type {column.type}.", literal.at)


def value_for(literal: nodes.Literal, column: Column) -> Any:
    """Return the literal's contract value in the column's type; raise BindError that names the position."""
    value = literal.value
    if literal.type == Type.STRING and column.type != Type.STRING:
        value = parsed(literal, column.type)
    if column.type in FLOATS:
        return float(value)
    if column.type == Type.DECIMAL:
        return value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    if column.type == Type.TIMESTAMP and type(value) is date:
        return datetime.combine(value, time(), UTC)
    return value


def parsed(literal: nodes.Literal, kind: Type) -> Any:
    """Return a quoted literal read as another type: clients of the replaced product quote everything."""
    text = str(literal.value).strip()
    if kind == Type.BOOLEAN and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        if kind == Type.TIMESTAMP:
            return moment(text)
        found = value_of(kind, text)
    except (ValueError, OverflowError) as error:
        raise BindError(f"'{text[:60]}' is no value of type {kind}.", literal.at, hint=str(error)) from error
    return found


def moment(text: str) -> datetime:
    """Return the instant of a quoted date or date-time; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def driver_value(value: Any, column: Column, dialect: Dialect) -> Any:
    """Return what the driver gets to compare with."""
    if sayable(value) is None:
        return None
    if isinstance(value, float) and dialect.name == "mysql" and math.isinf(value):
        return math.copysign(LARGEST_DOUBLE, value)  # MySQL has no infinities: every number lies between these
    if isinstance(value, float) and dialect.name == "sqlite" and math.isnan(value):
        return None  # SQLite has no NaN: no number is equal to it, and none compares with it
    encode = dialect.encode(column)
    found = value if encode is None else encode(value)
    if column.type == Type.DECIMAL and isinstance(found, str) and dialect.name == "sqlite":
        return float(found)  # stored text sorts after every number; the nearest double compares right
    return found


def beside(value: Any) -> int:
    """Return where the double that SQLite keeps of a number lies: 1 above it, -1 below it, 0 on it."""
    if not isinstance(value, Decimal) or (value == value.to_integral_value() and abs(value) < 2**63):
        return 0
    nearest = Decimal(repr(float(value)))
    return (nearest > value) - (nearest < value)


def own_column(literal: nodes.Literal) -> Column:
    """Return the column of a literal that stands alone."""
    kind = literal.type or Type.STRING
    return replace(STRING, type=kind, has_zone=False)
