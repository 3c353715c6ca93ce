"""Arguments of the functions of people's SQL: how many, and of which types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from connections.contract.table import INTEGERS, NUMBERS, Column, Type
from connections.engine.sql_nodes import Scope, Typed
from connections.engine.sql_reader import problem

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions

TEXT = frozenset({Type.STRING})
CALENDAR = frozenset({Type.DATE, Type.TIMESTAMP})
CLOCK = frozenset({Type.TIME, Type.TIMESTAMP})
PARTS = ("year", "month", "day", "hour", "minute", "second")
MANY = 1000
Handler = Callable[[Any, Any, Scope], Typed]


def count(node: exp.Expression, fewest: int, most: int) -> None:
    """Raise for the wrong number of arguments."""
    if not fewest <= len(node.expressions) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} or more" if most >= MANY else f"{fewest} to {most}"
        raise problem(f"{node.this} takes {wanted} arguments, not {len(node.expressions)}.", node)


def argument(binder: Expressions, node: exp.Expression, scope: Scope, wanted: frozenset[Type]) -> Typed:
    """Return an argument of one of the types; a quoted constant may be read as one, and text is made of what is none."""
    value = binder.expression(node, scope)
    if value.type is None:
        return value
    if wanted == TEXT:
        return (
            value
            if value.literal is None and value.type == Type.STRING
            else replace(value, tree=binder.text(value), type=Type.STRING, literal=None)
        )
    if value.literal is not None and value.type == Type.STRING:
        kind = Type.TIMESTAMP if Type.TIMESTAMP in wanted else sorted(wanted)[0]
        return binder.beside(value, Column("", kind, has_zone=kind == Type.TIMESTAMP))
    value = binder.instant(binder.settled(value))
    if value.type not in wanted:
        listed = " or ".join(sorted(wanted)) if wanted != NUMBERS else "a number"
        raise problem(f"This must be {listed}, not {value.type}.", node)
    return value


def whole(binder: Expressions, node: exp.Expression, scope: Scope) -> Typed:
    """Return an argument that is a whole number."""
    return argument(binder, node, scope, INTEGERS)


def small(node: exp.Expression, value: Typed) -> int:
    """Return a constant whole number."""
    if value.literal is None or value.literal.type not in INTEGERS:
        raise problem("This must be a whole number, written out.", node)
    return int(value.literal.value)


def number(binder: Expressions, given: int) -> exp.Expression:
    """Return a whole number as a value."""
    return binder.given(given, Column("", Type.INT64))
