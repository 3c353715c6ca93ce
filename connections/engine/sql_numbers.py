"""Functions of numbers of people's SQL, and the greatest and least of some values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_arguments import argument, small
from connections.engine.sql_casts import MOST_DECIMALS, rounded_to
from connections.engine.sql_nodes import Scope, Typed
from connections.engine.sql_reader import problem
from connections.engine.sql_state import null

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions


def absolute(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return ABS."""
    value = argument(binder, node.expressions[0], scope, NUMBERS)
    return replace(value, tree=fn("absolute", value.tree), node=node)


def rounded(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return ROUND, FLOOR, CEILING; ROUND to some decimals too, half away from zero."""
    value = argument(binder, node.expressions[0], scope, NUMBERS)
    if value.type is None:
        return null(node)
    decimals = small(node, binder.expression(node.expressions[1], scope)) if len(node.expressions) > 1 else 0
    name = {"ROUND": "round", "FLOOR": "floor"}.get(str(node.this).upper(), "ceiling")
    if not 0 <= decimals <= MOST_DECIMALS or (decimals and name != "round"):
        raise problem(f"{node.this} takes 0 to {MOST_DECIMALS} decimals." if name == "round" else f"{node.this} takes one number.", node)
    if value.type in INTEGERS:
        return replace(value, node=node)
    if value.type in FLOATS:
        tree = fn("round_float_to", value.tree, exp.Literal.number(decimals)) if decimals else fn(f"{name}_float", value.tree)
        return binder.made(tree, Type.DOUBLE, node, (value,), scale=None if decimals else 0)
    return rounded_to(binder, value, decimals) if decimals else binder.made(fn(name, value.tree), Type.DECIMAL, node, (value,), scale=0)


def remainder(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return MOD."""
    return binder.arithmetic(exp.Mod(this=node.expressions[0].copy(), expression=node.expressions[1].copy()), scope)


def as_double(value: Typed) -> exp.Expression:
    """Return a number as a double."""
    return value.tree if value.type in FLOATS else fn(f"cast_{Type.DOUBLE}", value.tree)


def of_doubles(name: str) -> Callable[[Expressions, exp.Anonymous, Scope], Typed]:
    """Return what binds a function of doubles: POWER, SQRT, EXP, LN, LOG10."""

    def bound(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
        values = [argument(binder, item, scope, NUMBERS) for item in node.expressions]
        if any(value.type is None for value in values):
            return null(node)
        return replace(binder.made(fn(name, *map(as_double, values)), Type.DOUBLE, node), is_nullable=True)

    return bound


def sign(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return SIGN: -1, 0 or 1."""
    value = argument(binder, node.expressions[0], scope, NUMBERS)
    if value.type is None:
        return null(node)
    column = value.column or Column("", value.type)
    zero, suffix = binder.given(0, Column("", Type.INT64)), "_float" if column.type in FLOATS else ""
    whole = [binder.given(number, Column("", Type.INT64)) for number in (-1, 0, 1)]
    pairs = [
        part
        for operator, given in zip(("lt", "eq", "gt"), whole, strict=True)
        for part in (fn(f"{operator}{suffix}", value.tree.copy(), zero.copy()), given)
    ]
    nothing = binder.given(None, Column("", Type.INT64))
    return binder.made(fn("case", *pairs, exp.true(), nothing), Type.INT64, node, (value,))


def extremes(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return GREATEST and LEAST, which pass over null."""
    operator = "ge" if str(node.this).upper() == "GREATEST" else "le"
    values = [value for item in node.expressions if (value := binder.expression(item, scope)).type is not None]
    if not values:
        return null(node)
    trees, column, is_nullable = binder.unified(values)
    best = Typed(trees[0], column.type, node, is_nullable, column)
    for tree in trees[1:]:
        other = Typed(tree, column.type, node, is_nullable, column)
        is_best = fn("or", binder.compare(operator, best, other, node).tree, fn("is_null", tree.copy()))
        best = replace(best, tree=fn("case", is_best, best.tree.copy(), exp.true(), tree.copy()))
    return best
