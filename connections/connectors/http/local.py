"""Conditions and orders over rows that were read: for what a service took and then turned out not to know, and for ties."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connections.contract.scan import AllOf, AnyOf, Compare, Not, Order, Predicate

Truth = bool | None
Test = Callable[[Mapping[str, Any]], Truth]
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda value, wanted: value in wanted,
    "contains": lambda value, wanted: wanted in value,
    "contains_ci": lambda value, wanted: wanted.lower() in value.lower(),
    "startswith": lambda value, wanted: value.startswith(wanted),
    "endswith": lambda value, wanted: value.endswith(wanted),
}


def test_of(predicate: Predicate) -> Test:
    """Return what tells, as SQL does, whether a row meets a predicate: true, false or unknown."""
    if isinstance(predicate, Compare):
        return compared(predicate)
    if isinstance(predicate, Not):
        inner = test_of(predicate.item)
        return lambda row: None if (found := inner(row)) is None else not found
    if isinstance(predicate, AllOf | AnyOf):
        tests, decides = [test_of(item) for item in predicate.items], isinstance(predicate, AnyOf)
        return lambda row: joined([test(row) for test in tests], decides)
    raise TypeError(type(predicate).__name__)


def joined(truths: Sequence[Truth], decides: bool) -> Truth:
    """Return AND (`decides` is False) or OR of truths."""
    if decides in truths:
        return decides
    return None if None in truths else not decides


def compared(compare: Compare) -> Test:
    """Return the test of one comparison."""
    name, wanted = compare.column, compare.value
    if compare.operator == "is_null":
        return lambda row: row[name] is None
    if compare.operator == "is_not_null":
        return lambda row: row[name] is not None
    test = COMPARISONS[compare.operator]
    return lambda row: None if row[name] is None else test(row[name], wanted)


def columns_of(predicate: Predicate) -> set[str]:
    """Return the columns that a predicate looks at."""
    if isinstance(predicate, Compare):
        return {predicate.column}
    if isinstance(predicate, Not):
        return columns_of(predicate.item)
    if isinstance(predicate, AllOf | AnyOf):
        return set().union(*(columns_of(item) for item in predicate.items))
    return set(predicate.columns)


def sort_rows(rows: list[tuple[Any, ...]], order: Sequence[tuple[int, bool]]) -> None:
    """Sort tuples in place by (place, is_descending), nulls lowest."""
    for place, is_descending in reversed(order):

        def key(row: tuple[Any, ...], place: int = place) -> tuple[bool, Any]:
            return (row[place] is not None, row[place] if row[place] is not None else 0)

        rows.sort(key=key, reverse=is_descending)


def places(order: Sequence[Order], names: Sequence[str]) -> list[tuple[int, bool]]:
    """Return an order as places in the row."""
    return [(names.index(item.column), item.is_descending) for item in order]
