"""Predicates, orders and keys as OData query text. A value is always one literal: quotes are doubled, everything is percent-encoded."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from connections.connectors.odata.model import EntitySet, Field
from connections.contract.scan import AllOf, AnyOf, Compare, Grade, Not, Order, Predicate
from connections.contract.table import FLOATS, INTEGERS, Type

MICROSECOND = timedelta(microseconds=1)
# Values of one `in` that are sent as a row of comparisons.
MOST_VALUES = 100
TEXT_CALLS = ("contains", "startswith", "endswith")
INVERSE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "is_null": "is_not_null", "is_not_null": "is_null"}
ORDERED = INTEGERS | {Type.DECIMAL, Type.DATE}
TIMES = frozenset({Type.TIMESTAMP, Type.TIME, Type.DURATION})
NOTHING = (Grade.NO, "")

Printed = tuple[Grade, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """How the service compares text, as far as is known."""

    is_case_sensitive: bool = False
    has_binary_order: bool = False


class Unwritable(Exception):
    """The value has no literal."""


def literal(field: Field, value: Any) -> str:
    """Return the literal of a value (OData ABNF 4.01, primitiveLiteral); raise Unwritable where there is none."""
    if field.enum:
        if value not in field.column.allowed_values:
            raise Unwritable
        return f"{field.enum}{quoted(value)}"
    for kind, write in LITERALS:
        if isinstance(value, kind):
            return write(value)
    raise Unwritable


def quoted(text: str) -> str:
    """Return a string literal."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unwritable from error
    return "'" + text.replace("'", "''") + "'"


def decimal_text(value: Decimal) -> str:
    """Return a decimal without exponent."""
    if not value.is_finite():
        raise Unwritable
    return format(value, "f")


def double_text(value: float) -> str:
    """Return the shortest text of a double."""
    if value != value or value in (float("inf"), float("-inf")):
        raise Unwritable
    return repr(value)


def stamp_text(value: datetime) -> str:
    """Return an instant in UTC."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def duration_text(value: timedelta) -> str:
    """Return a duration in days and seconds."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    fraction = f".{value.microseconds:06}" if value.microseconds else ""
    return f"duration'{sign}P{value.days}DT{value.seconds}{fraction}S'"


LITERALS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: str(value).lower()),
    (int, str),
    (Decimal, decimal_text),
    (float, double_text),
    (str, quoted),
    (UUID, str),
    (datetime, stamp_text),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, duration_text),
    (bytes, lambda value: f"binary'{base64.urlsafe_b64encode(value).decode()}'"),
)


class Printer:
    """Prints conditions on one entity set."""

    def __init__(self, entity_set: EntitySet, rules: Rules) -> None:
        self._set, self._rules = entity_set, rules

    def condition(self, item: Predicate) -> Printed:
        """Return what the service does of a condition, and its text."""
        if not self._set.can_filter:
            return NOTHING
        if isinstance(item, Compare):
            return self._compare(item)
        if isinstance(item, AllOf):
            return self._all([self.condition(part) for part in item.items])
        if isinstance(item, AnyOf):
            return self._any([self.condition(part) for part in item.items])
        return self._inverse(item.item) if isinstance(item, Not) else NOTHING

    def order(self, wished: Sequence[Order], key: Sequence[str]) -> str | None:
        """Return `$orderby` with the key behind it, which decides ties; None where the service's order may be another than ours."""
        named = [item.column for item in wished]
        whole = [*wished, *(Order(name) for name in key if name not in named)]
        is_known = self._set.can_sort and all(self._is_ordered(item.column) for item in whole) and bool(key)
        return ",".join(f"{self._path(item.column)} {'desc' if item.is_descending else 'asc'}" for item in whole) if is_known else None

    def _is_ordered(self, name: str) -> bool:
        field = self._set.fields.get(name)
        if field is None or field.column.is_nullable or field.column.is_json or field.enum or "/".join(field.path) in self._set.unsortable:
            return False
        if field.column.type in TIMES - {Type.DURATION}:
            return field.is_exact
        return field.column.type in ORDERED or (field.column.type == Type.STRING and self._rules.has_binary_order)

    def _path(self, name: str) -> str:
        return "/".join(self._set.fields[name].path)

    def _all(self, parts: Sequence[Printed]) -> Printed:
        taken = [(grade, text) for grade, text in parts if grade != Grade.NO]
        if not taken:
            return NOTHING
        grade = min(grade for grade, _ in taken) if len(taken) == len(parts) else Grade.SUPERSET
        return grade, "(" + " and ".join(text for _, text in taken) + ")"

    def _any(self, parts: Sequence[Printed]) -> Printed:
        if not parts or any(grade == Grade.NO for grade, _ in parts):
            return NOTHING
        return min(grade for grade, _ in parts), "(" + " or ".join(text for _, text in parts) + ")"

    def _inverse(self, item: Predicate) -> Printed:
        """Return the condition that a simple one is false; unknown stays unknown."""
        if isinstance(item, Compare) and item.operator in INVERSE:
            return self.condition(Compare(item.column, INVERSE[item.operator], item.value))
        if isinstance(item, Compare) and item.operator in (*TEXT_CALLS, "in"):
            grade, text = self._compare(item)
            return (grade, f"({self._path(item.column)} ne null and not ({text}))") if grade == Grade.EXACT else NOTHING
        return NOTHING

    def _compare(self, item: Compare) -> Printed:
        field = self._set.fields.get(item.column)
        if field is None or field.column.is_json or "/".join(field.path) in self._set.unfilterable:
            return NOTHING
        path = "/".join(field.path)
        if item.operator in ("is_null", "is_not_null"):
            return Grade.EXACT, f"{path} {'eq' if item.operator == 'is_null' else 'ne'} null"
        try:
            if item.operator == "in":
                return self._in(field, path, item.value)
            return self._grade(field, item.operator), self._text(field, path, item.operator, item.value)
        except (Unwritable, OverflowError):
            return NOTHING

    def _in(self, field: Field, path: str, values: Sequence[Any]) -> Printed:
        if not 0 < len(values) <= MOST_VALUES:
            return NOTHING
        texts = [self._text(field, path, "eq", value) for value in values]
        return self._grade(field, "eq"), "(" + " or ".join(texts) + ")"

    def _grade(self, field: Field, operator: str) -> Grade:
        """Return how far the service's comparison is known to be ours."""
        is_equality = operator in ("eq", "ne")
        if field.enum or field.column.type in (Type.BOOLEAN, Type.GUID):
            return Grade.EXACT if is_equality else Grade.NO
        if field.column.type == Type.STRING:
            return self._text_grade(operator)
        if field.column.type == Type.DOUBLE:
            return Grade.SUPERSET  # NaN is ordered in some databases
        if field.column.type in FLOATS or field.column.type == Type.BINARY:
            return Grade.NO
        return Grade.EXACT if is_equality or operator in ("lt", "le", "gt", "ge") else Grade.NO

    def _text_grade(self, operator: str) -> Grade:
        if operator in ("eq", *TEXT_CALLS):
            return Grade.EXACT if self._rules.is_case_sensitive else Grade.SUPERSET
        if operator == "ne":
            return Grade.EXACT if self._rules.is_case_sensitive else Grade.NO
        is_known = self._rules.has_binary_order and operator in ("lt", "le", "gt", "ge")
        return Grade.EXACT if is_known else Grade.NO

    def _text(self, field: Field, path: str, operator: str, value: Any) -> str:
        if operator in TEXT_CALLS:
            return f"{operator}({path},{literal(field, value)})"
        if field.column.type in TIMES and operator in FINER:
            return self._moment(field, path, operator, value)
        text = f"{path} {operator} {literal(field, value)}"
        # For OData null differs from any value; for SQL that is unknown.
        return f"({text} and {path} ne null)" if operator == "ne" and field.column.is_nullable else text

    def _moment(self, field: Field, path: str, operator: str, value: Any) -> str:
        """Return a comparison of times that the service may keep finer than we: they count as cut to microseconds."""
        if field.is_exact and operator != "ne":
            return f"{path} {operator} {literal(field, value)}"
        here, behind = literal(field, value), literal(field, following(value))
        return FINER[operator].format(path=path, here=here, behind=behind)


FINER = {
    "eq": "({path} ge {here} and {path} lt {behind})",
    "ne": "({path} lt {here} or {path} ge {behind})",
    "lt": "{path} lt {here}",
    "le": "{path} lt {behind}",
    "gt": "{path} ge {behind}",
    "ge": "{path} ge {here}",
}


def following(value: Any) -> Any:
    """Return the next microsecond; raise Unwritable for the last of a day."""
    if isinstance(value, time):
        later = datetime.combine(date(2000, 1, 1), value) + MICROSECOND
        if later.day != 1:
            raise Unwritable
        return later.time()
    return value + MICROSECOND


def key_text(entity_set: EntitySet, key: Sequence[tuple[str, Any]]) -> str:
    """Return the key of a row in parentheses, as its address has it."""
    parts = [("/".join(entity_set.fields[name].path), literal(entity_set.fields[name], value)) for name, value in key]
    return f"({parts[0][1]})" if len(parts) == 1 else "(" + ",".join(f"{path}={text}" for path, text in parts) + ")"
