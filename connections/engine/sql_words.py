"""Predicates in words, for people who want to know what a source was asked."""

from __future__ import annotations

from typing import Any

from connections.contract.scan import AllOf, AnyOf, Compare, Not, Other, Predicate

SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
LONGEST = 60
MOST_VALUES = 5


def spoken(item: Predicate) -> str:
    """Return a predicate as SQL would have it."""
    if isinstance(item, AllOf | AnyOf):
        word = " AND " if isinstance(item, AllOf) else " OR "
        return f"({word.join(spoken(part) for part in item.items)})"
    if isinstance(item, Not):
        return f"NOT {spoken(item.item)}"
    if isinstance(item, Other):
        return f"a condition on {', '.join(item.columns)}"
    return compared(item)


def compared(item: Compare) -> str:
    """Return one comparison."""
    if item.operator in ("is_null", "is_not_null"):
        return f"{item.column} {item.operator.replace('_', ' ').upper()}"
    if item.operator == "in":
        listed = ", ".join(value_of(value) for value in item.value[:MOST_VALUES])
        return f"{item.column} IN ({listed}{', ...' if len(item.value) > MOST_VALUES else ''})"
    sign = SIGNS.get(item.operator)
    return f"{item.column} {sign or item.operator.upper()} {value_of(item.value)}"


def value_of(value: Any) -> str:
    """Return a value, cut."""
    text = str(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return text if isinstance(value, int | float) and not isinstance(value, bool) else f"'{text}'"
