"""Our functions over contract values, for what no source does: the answers are those of the SQL dialects. Null never comes here."""

from __future__ import annotations

import datetime as dt
import math
import operator
import struct
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, localcontext
from typing import Any

from connections.contract import text
from connections.contract.errors import BadValue
from connections.contract.table import Type

EXACT = Context(prec=140)  # sums and products of everything that a column holds
QUOTIENT = Context(prec=40)  # what a division may need beyond its operands is cut here
NO_END = 2**31


def in_decimals(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return an operation on whole and decimal numbers; a division by zero is refused, as every database does."""

    def run(left: Any, right: Any) -> Any:
        try:
            return operation(left, right)
        except (DivisionByZero, InvalidOperation) as error:
            raise by_zero() from error

    return run


def by_zero() -> BadValue:
    """Return the refusal of a division by zero."""
    return BadValue("A value was divided by zero.")


def of_floats(operation: Callable[[float, float], float]) -> Callable[[Any, Any], float]:
    """Return an operation on doubles; a division by zero and a result beyond doubles are refused, as every database does."""

    def run(left: Any, right: Any) -> float:
        first, second = float(left), float(right)
        try:
            found = operation(first, second)
        except (ZeroDivisionError, ValueError) as error:
            raise by_zero() from error
        if math.isinf(found) and math.isfinite(first) and math.isfinite(second):
            raise BadValue("A number is outside of the range of its type.")
        return found

    return run


def compared(operation: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Return a comparison of numbers of which one is a double: both as doubles."""
    return lambda left, right: operation(float(left), float(right))


def rounded(mode: str) -> Callable[[Any], Any]:
    """Return rounding to whole numbers, in decimals."""

    def run(value: Any) -> Any:
        if not isinstance(value, Decimal):
            return value
        with localcontext(EXACT):
            return value.to_integral_value(mode) if value.is_finite() else value

    return run


def rounded_float(mode: str) -> Callable[[Any], float]:
    """Return rounding of doubles by the decimal that each one shows."""
    exact = rounded(mode)
    return lambda value: float(exact(Decimal(repr(float(value))))) if math.isfinite(value) else float(value)


def divided(left: Any, right: Any) -> Decimal:
    """Return left / right with every digit that it has, forty at most."""
    return QUOTIENT.divide(left, right)


def whole_quotient(left: Any, right: Any) -> int:
    """Return the quotient cut towards zero."""
    return int(EXACT.divide_int(left, right))


def remainder(left: Any, right: Any) -> Any:
    """Return what a division to whole numbers leaves, with the sign of the dividend."""
    found = EXACT.remainder(left, right)
    return int(found) if isinstance(left, int) and isinstance(right, int) else found


def exactly(name: str, of_integers: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    """Return an operation that integers do as integers."""
    in_context = getattr(EXACT, name)
    return lambda left, right: of_integers(left, right) if type(left) is type(right) is int else in_context(left, right)


def single(value: Any) -> float:
    """Return the number as 32 bits hold it."""
    found: float = struct.unpack("<f", struct.pack("<f", float(value)))[0]
    return found


def seconds(value: dt.timedelta) -> Decimal:
    """Return the length of a duration."""
    return EXACT.divide(Decimal(value // dt.timedelta(microseconds=1)), Decimal(1_000_000))


def fraction(value: Any) -> Decimal:
    """Return the part of the second."""
    return Decimal(value.microsecond) / 1_000_000


def midnight(value: Any) -> dt.datetime:
    """Return the instant at which a date begins in UTC."""
    return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)


def as_text(value: Any) -> str:
    """Return a value as OData writes it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def negated(value: Any) -> Any:
    """Return -x, exact."""
    return EXACT.minus(value) if isinstance(value, Decimal) else -value


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
# By name: functions of values that are not null; with a null argument each gives null.
STRICT: dict[str, Callable[..., Any]] = {
    **COMPARISONS,
    **{f"{name}_text": function for name, function in COMPARISONS.items()},
    **{f"{name}_float": compared(function) for name, function in COMPARISONS.items()},
    "contains": lambda whole, part: part in whole,
    "contains_ci": lambda whole, part: text.lower(part) in text.lower(whole),
    "startswith": str.startswith,
    "endswith": str.endswith,
    "length": len,
    "indexof": str.find,
    "substring": lambda whole, start: text.substring(whole, int(start), NO_END),
    "substring_count": lambda whole, start, count: text.substring(whole, int(start), int(count)),
    "tolower": text.lower,
    "toupper": text.upper,
    "trim": str.strip,
    "concat": operator.add,
    "add": exactly("add", operator.add),
    "sub": exactly("subtract", operator.sub),
    "mul": exactly("multiply", operator.mul),
    "div": in_decimals(divided),
    "div_integer": in_decimals(whole_quotient),
    "mod": in_decimals(remainder),
    "neg": negated,
    "add_float": of_floats(operator.add),
    "sub_float": of_floats(operator.sub),
    "mul_float": of_floats(operator.mul),
    "div_float": of_floats(operator.truediv),
    "mod_float": of_floats(math.fmod),
    "neg_float": lambda value: -float(value),
    "round": rounded(ROUND_HALF_UP),
    "floor": rounded(ROUND_FLOOR),
    "ceiling": rounded(ROUND_CEILING),
    "round_float": rounded_float(ROUND_HALF_UP),
    "floor_float": rounded_float(ROUND_FLOOR),
    "ceiling_float": rounded_float(ROUND_CEILING),
    **{name: operator.attrgetter(name) for name in ("year", "month", "day", "hour", "minute", "second")},
    "fractionalseconds": fraction,
    "date": lambda value: value.date(),
    "time": lambda value: value.time(),
    "totaloffsetminutes": lambda value: 0,
    "totalseconds": seconds,
    "date_to_timestamp": midnight,
    "boolean_text": lambda value: "true" if value else "false",
    "order_text": lambda value: value,
}
CASTS: dict[Type, Callable[[Any], Any]] = {
    Type.STRING: as_text,
    Type.DECIMAL: Decimal,
    Type.DOUBLE: float,
    Type.SINGLE: single,
    Type.DATE: lambda value: value.date(),
    Type.TIME: lambda value: value.time(),
    Type.TIMESTAMP: midnight,
}
STRICT |= {f"cast_{kind}": function for kind, function in CASTS.items()}
