"""What predicates and orders mean, written a second time: the reference of everything that pushes them down."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connections.contract.scan import AllOf, AnyOf, Compare, Not, Order, Other, Predicate

RULES: dict[str, Callable[[Any, Any], bool]] = {
    **{name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "in": lambda value, items: value in items,
    "contains": lambda value, part: part in value,
    "contains_ci": lambda value, part: part.lower() in value.lower(),
    "startswith": str.startswith,
    "endswith": str.endswith,
}


def truth(item: Predicate, row: Mapping[str, Any]) -> bool | None:
    """Return whether a row meets a predicate; None where that is unknown."""
    if isinstance(item, Compare):
        value = row[item.column]
        if item.operator in ("is_null", "is_not_null"):
            return (value is None) is (item.operator == "is_null")
        return None if value is None else RULES[item.operator](value, item.value)
    if isinstance(item, Not):
        inner = truth(item.item, row)
        return None if inner is None else not inner
    if isinstance(item, Other):
        raise AssertionError("no source is asked for this")
    found = [truth(part, row) for part in item.items]
    decisive = isinstance(item, AnyOf)
    if decisive in found:
        return decisive
    return None if None in found else isinstance(item, AllOf)


def ordered(rows: Sequence[dict[str, Any]], keys: Sequence[Order]) -> list[dict[str, Any]]:
    """Return the rows in order; nulls are lowest."""
    found = list(rows)
    for key in reversed(keys):
        name = key.column
        filler = 0
        found.sort(key=lambda row: (row[name] is not None, filler if row[name] is None else row[name]), reverse=key.is_descending)
    return found
