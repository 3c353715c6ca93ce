"""Conditions of our tree, with their values, as the predicates that sources are asked about."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlglot import exp

from connections.contract.scan import AllOf, AnyOf, Compare, Not, Other, Predicate
from connections.contract.table import FLOATS, INTEGER_RANGE, INTEGERS, Column, Type
from connections.engine.nodes import Bind, Fn, Read

COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
TEXT = frozenset({"contains", "contains_ci", "startswith", "endswith"})
MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}
OPPOSITE = {"eq": "ne", "ne": "eq", "gt": "le", "lt": "ge", "ge": "lt", "le": "gt"}
CLASSES: dict[Type, type] = {
    Type.BOOLEAN: bool,
    Type.STRING: str,
    Type.DECIMAL: Decimal,
    Type.GUID: UUID,
    Type.DATE: dt.date,
    Type.TIME: dt.time,
    Type.TIMESTAMP: dt.datetime,
    Type.DURATION: dt.timedelta,
    Type.BINARY: bytes,
}


class Asker:
    """Makes predicates over one table under one alias."""

    def __init__(self, columns: Mapping[str, Column], alias: str, values: Sequence[Any]) -> None:
        self.columns = columns
        self.alias = alias
        self.values = values

    def predicate(self, tree: exp.Expression) -> Predicate:
        """Return a condition as a predicate; what a source can't be asked becomes Other."""
        found = self._of(tree)
        return Other(tuple(dict.fromkeys(read.args["column"] for read in tree.find_all(Read)))) if found is None else found

    def _of(self, tree: exp.Expression) -> Predicate | None:
        if isinstance(tree, Read):
            return self._truth(tree)
        if not isinstance(tree, Fn):
            return None
        name, arguments = tree.args["name"], tree.expressions
        if name in ("and", "or"):
            return joined(name, [self.predicate(item) for item in arguments])
        if name == "not":
            return self._negated(arguments[0])
        if name == "or_false":
            return two_valued(self._of(arguments[0]))
        if name in ("is_null", "is_not_null"):
            return Compare(arguments[0].args["column"], name) if self._is_read(arguments[0]) else None
        if name == "in":
            return self._member(arguments[0], arguments[1:])
        return self._compared(name.removesuffix("_text").removesuffix("_float"), arguments)

    def _truth(self, tree: Read) -> Predicate | None:
        is_own = self._is_read(tree) and self.columns[tree.args["column"]].type is Type.BOOLEAN
        return Compare(tree.args["column"], "eq", True) if is_own else None

    def _negated(self, tree: exp.Expression) -> Predicate:
        inner = self.predicate(tree)
        return Other(columns_of(inner)) if contains_other(inner) else Not(inner)

    def _compared(self, name: str, arguments: Sequence[exp.Expression]) -> Predicate | None:
        if len(arguments) != 2 or name not in COMPARISONS | TEXT:
            return None
        left, right = arguments
        if isinstance(left, Bind) and isinstance(right, Read) and name in COMPARISONS:
            left, right, name = right, left, MIRRORED[name]
        if not self._is_read(left) or not isinstance(right, Bind):
            return None
        column = self.columns[left.args["column"]]
        value = fitting(self.values[right.args["slot"]], column)
        return None if value is None else Compare(column.name, name, value)

    def _member(self, left: exp.Expression, items: Sequence[exp.Expression]) -> Predicate | None:
        if not self._is_read(left) or not all(isinstance(item, Bind) for item in items):
            return None
        column = self.columns[left.args["column"]]
        given = [self.values[item.args["slot"]] for item in items]
        found = [fitting(value, column) for value in given if value is not None]
        if not found or None in found:
            return None
        return Compare(column.name, "in", tuple(dict.fromkeys(found)))

    def _is_read(self, tree: exp.Expression) -> bool:
        return isinstance(tree, Read) and tree.args["table"] == self.alias and not self.columns[tree.args["column"]].is_collection


def fitting(value: Any, column: Column) -> Any:
    """Return the value as the contract has it for the column's type; None where the type has no such value."""
    if isinstance(value, bool):
        return value if column.type is Type.BOOLEAN else None
    if column.type in INTEGERS:
        return _integer(value, column)
    if column.type in FLOATS:
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    if column.type is Type.DECIMAL and isinstance(value, int):
        return Decimal(value)
    if column.type is Type.DATE and isinstance(value, dt.datetime):
        return None
    return value if isinstance(value, CLASSES[column.type]) else None


def _integer(value: Any, column: Column) -> int | None:
    if isinstance(value, Decimal | float) and math.isfinite(value) and value == int(value):
        value = int(value)
    low, high = INTEGER_RANGE[column.type]
    return value if isinstance(value, int) and low <= value <= high else None


def joined(name: str, items: list[Predicate]) -> Predicate:
    """Return the conjunction or disjunction; equalities of one column become `in`."""
    if name == "and":
        return AllOf(tuple(items))
    first = items[0]
    is_member = all(isinstance(item, Compare) and item.operator == "eq" for item in items)
    if is_member and isinstance(first, Compare) and all(isinstance(item, Compare) and item.column == first.column for item in items):
        return Compare(first.column, "in", tuple(dict.fromkeys(item.value for item in items if isinstance(item, Compare))))
    return AnyOf(tuple(items))


def two_valued(item: Predicate | None) -> Predicate | None:
    """Return the predicate with false for unknown."""
    if isinstance(item, Compare):
        if item.operator in ("is_null", "is_not_null"):
            return item
        return AllOf((item, Compare(item.column, "is_not_null")))
    if isinstance(item, AllOf | AnyOf):
        parts = [two_valued(part) for part in item.items]
        return None if None in parts else type(item)(tuple(part for part in parts if part is not None))
    if isinstance(item, Not) and isinstance(item.item, Compare) and item.item.operator in OPPOSITE:
        return two_valued(Compare(item.item.column, OPPOSITE[item.item.operator], item.item.value))
    return None


def contains_other(item: Predicate) -> bool:
    """Claim that some part can only be evaluated here."""
    if isinstance(item, AllOf | AnyOf):
        return any(contains_other(part) for part in item.items)
    return contains_other(item.item) if isinstance(item, Not) else isinstance(item, Other)


def columns_of(item: Predicate) -> tuple[str, ...]:
    """Return the columns that a predicate reads."""
    if isinstance(item, Other):
        return item.columns
    if isinstance(item, Compare):
        return (item.column,)
    parts = (item.item,) if isinstance(item, Not) else item.items
    return tuple(dict.fromkeys(name for part in parts for name in columns_of(part)))


def positive(tree: exp.Expression) -> exp.Expression:
    """Return a condition that must be true, without what only tells false from null."""
    while isinstance(tree, Fn) and tree.args["name"] == "or_false":
        tree = tree.expressions[0]
    return tree


def conjuncts(tree: exp.Expression | None) -> list[exp.Expression]:
    """Return the conditions that all must be true."""
    if tree is None:
        return []
    tree = positive(tree.this if isinstance(tree, exp.Where) else tree)
    if isinstance(tree, Fn) and tree.args["name"] == "and":
        return [part for item in tree.expressions for part in conjuncts(item)]
    return [tree]
