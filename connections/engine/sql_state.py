"""What each part of the binder of people's SQL builds on: bound values, types brought together, text made of values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlglot import exp

from connections.contract.table import FLOATS, INTEGERS, Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_literals import column_beside, common, is_comparable, literal_of, shape_of, spoken, value_as
from connections.engine.sql_nodes import Given, Literal, Relation, Scope, Slot, Typed
from connections.engine.sql_reader import problem

# Types whose values every database writes alike.
WRITTEN = INTEGERS | {Type.DATE, Type.GUID, Type.DECIMAL}
CAST_HINT = "Bring them together: CAST(... AS VARCHAR), for example."


class State(ABC):
    """The values of one statement, and what its parts ask of each other."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.slots: list[Slot] = []
        self._numbers: dict[tuple[Any, ...], int] = {}

    @abstractmethod
    def expression(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return an expression bound; constants wait for the type of the other side."""

    @abstractmethod
    def query(self, node: exp.Expression, outer: Scope | None) -> Relation:
        """Return a query bound."""

    def given(self, value: Any, column: Column) -> Given:
        """Return a value's mark; equal values of one type share it, so that equal expressions stay equal."""
        key = (type(value), repr(value), column)
        if key not in self._numbers:
            self._numbers[key] = len(self.slots)
            self.slots.append(Slot(value, column))
        return Given(number=self._numbers[key])

    def settled(self, value: Typed) -> Typed:
        """Return the value with a constant bound in its own type."""
        if value.literal is None:
            return value
        column = Column("", value.literal.type, has_zone=value.literal.type == Type.TIMESTAMP)
        return replace(value, tree=self.given(value.literal.value, column), column=column, literal=None)

    def beside(self, value: Typed, column: Column) -> Typed:
        """Return a constant bound as a value of the column's type."""
        assert value.literal is not None
        chosen = column_beside(value.literal, column)
        tree = self.given(value_as(value.literal, chosen, value.node), chosen)
        return Typed(tree, chosen.type, value.node, False, chosen)

    def instant(self, value: Typed) -> Typed:
        """Return a date-time without zone as the instant that the connection's TimeZone makes of it."""
        if not is_naive(value):
            return value
        return replace(value, tree=fn("instant", value.tree), column=Column("", Type.TIMESTAMP, has_zone=True))

    def midnight(self, value: Typed) -> Typed:
        """Return a date as the instant at which it begins in UTC."""
        if value.type != Type.DATE:
            return value
        tree = fn("date_to_timestamp", value.tree)
        return replace(value, tree=tree, type=Type.TIMESTAMP, column=Column("", Type.TIMESTAMP, has_zone=True))

    def paired(self, left: Typed, right: Typed) -> tuple[Typed, Typed]:
        """Return both sides in types that compare."""
        if left.literal is not None and right.literal is not None:
            left = self.settled(left)
        if left.literal is not None:
            right, left = self.paired(right, left)
            return left, right
        if right.literal is not None:
            right = self.beside(right, left.column or Column("", left.type or Type.STRING))
            if left.type == Type.DATE and right.type == Type.TIMESTAMP:
                left = self.midnight(left)
            return left, right
        if left.type is None or right.type is None:
            return left, right
        if not is_comparable(left.type, right.type):
            raise problem(f"A value of type {left.type} can't be compared with one of type {right.type}.", right.node, CAST_HINT)
        if is_naive(left) and is_naive(right):
            return left, right
        if left.type != right.type and Type.TIMESTAMP in (left.type, right.type):
            left, right = self.midnight(left), self.midnight(right)
        return self.instant(left), self.instant(right)

    def unified(self, values: Sequence[Typed]) -> tuple[list[exp.Expression], Column, bool]:
        """Return the values as ones of one type, as CASE, COALESCE and UNION need them; whether the result can be null."""
        known = [value for value in values if value.literal is None and value.type is not None]
        if not known:
            values = [self.settled(value) for value in values]
            known = [value for value in values if value.type is not None]
        first = known[0].column if known and known[0].column else Column("", Type.STRING)
        bound = [self.beside(value, first) if value.literal is not None else self.instant(value) for value in values]
        kinds = {value.type for value in bound if value.type is not None} or {Type.STRING}
        kind = common(kinds)
        if kind is None:
            listed = " and ".join(sorted(kinds))
            raise problem(f"Values of types {listed} can't stand in one column.", values[-1].node, CAST_HINT)
        column = together(kind, [value.column for value in bound if value.type is not None and value.column is not None])
        trees = [self.given(None, column) if value.type is None else converted(value, kind) for value in bound]
        return trees, column, any(value.is_nullable or value.type is None for value in bound)

    def text(self, value: Typed) -> exp.Expression:
        """Return a value written out, as every database writes it."""
        if value.literal is not None:
            return self.given(spoken(value.literal), Column("", Type.STRING))
        if value.type == Type.STRING:
            return value.tree
        if value.type is None:
            return self.given(None, Column("", Type.STRING))
        if value.type == Type.BOOLEAN:
            return fn("boolean_text", value.tree)
        if value.type not in WRITTEN:
            raise problem(f"A value of type {value.type} can't be written as text here.", value.node, "Leave it in its own type.")
        if value.type == Type.DECIMAL and value.column is not None and value.column.scale:
            return fn("decimal_text", value.tree, self.given(value.column.scale, Column("", Type.INT32)))
        return fn(f"cast_{Type.STRING}", value.tree)

    def made(self, tree: exp.Expression, kind: Type, node: exp.Expression, values: Iterable[Typed] = (), **more: Any) -> Typed:
        """Return a computed value, null where an argument is."""
        column = Column("", kind, has_zone=kind == Type.TIMESTAMP, **more)
        return Typed(tree, kind, node, any(value.is_nullable for value in values), column)


def together(kind: Type, columns: Sequence[Column]) -> Column:
    """Return the type of one column over all these."""
    shapes = {shape_of(column) for column in columns}
    if len(shapes) == 1:
        return next(iter(shapes))
    scales = [0 if column.type in INTEGERS else column.scale for column in columns]
    known = [scale for scale in scales if scale is not None]
    return Column(
        "", kind, scale=max(known) if kind == Type.DECIMAL and len(known) == len(scales) else None, has_zone=kind == Type.TIMESTAMP
    )


def converted(value: Typed, kind: Type) -> exp.Expression:
    """Return a value as one of a wider type."""
    if value.type == kind or (value.type in INTEGERS and kind in INTEGERS) or (value.type in FLOATS and kind in FLOATS):
        return value.tree
    return fn("date_to_timestamp" if kind == Type.TIMESTAMP else f"cast_{kind}", value.tree)


def is_naive(value: Typed) -> bool:
    """Claim that the value is a stored wall clock, which the connection's TimeZone makes an instant of."""
    column = value.column
    return value.type == Type.TIMESTAMP and column is not None and bool(column.native_type) and not column.has_zone


def constant(node: exp.Expression) -> Typed | None:
    """Return a literal of the text, its sign included; None for all else."""
    if isinstance(node, exp.Paren):
        return constant(node.this)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.args.get("is_string"):
        found = literal_of(node.this)
        return waiting(Literal(-found.value, found.type, f"-{found.text}"), node)
    if isinstance(node, exp.National):
        return waiting(Literal(node.name, Type.STRING, node.name), node)
    return waiting(literal_of(node), node) if isinstance(node, exp.Literal) else None


def waiting(literal: Literal, node: exp.Expression) -> Typed:
    """Return a constant that waits for its type."""
    return Typed(node, literal.type, node, False, None, literal)


def null(node: exp.Expression) -> Typed:
    """Return null."""
    return Typed(exp.Null(), None, node, True)
