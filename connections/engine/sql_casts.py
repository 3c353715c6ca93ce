"""CAST, TRY_CAST, CONVERT and :: of people's SQL: what a value loses by it is never lost unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from connections.contract.table import INTEGERS, NUMBERS, Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_literals import value_as
from connections.engine.sql_nodes import Scope, Typed
from connections.engine.sql_reader import SqlProblem, problem

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions

KINDS = exp.DataType.Type
CASTS: dict[Any, Type] = {
    **dict.fromkeys((KINDS.VARCHAR, KINDS.NVARCHAR, KINDS.TEXT, KINDS.CHAR, KINDS.NCHAR), Type.STRING),
    **dict.fromkeys((KINDS.INT, KINDS.SMALLINT, KINDS.TINYINT, KINDS.BIGINT, KINDS.UTINYINT), Type.INT64),
    **dict.fromkeys((KINDS.DECIMAL, KINDS.MONEY), Type.DECIMAL),
    **dict.fromkeys((KINDS.DOUBLE, KINDS.FLOAT), Type.DOUBLE),
    **dict.fromkeys((KINDS.DATETIME, KINDS.DATETIME2, KINDS.TIMESTAMP, KINDS.TIMESTAMPTZ, KINDS.SMALLDATETIME), Type.TIMESTAMP),
    **dict.fromkeys((KINDS.TIMESTAMPNTZ, KINDS.ROWVERSION), Type.TIMESTAMP),  # T-SQL means something else by TIMESTAMP, nobody here does
    **dict.fromkeys((KINDS.BIT, KINDS.BOOLEAN), Type.BOOLEAN),
    KINDS.DATE: Type.DATE,
    KINDS.TIME: Type.TIME,
    KINDS.UUID: Type.GUID,
}
# Casts that no value is lost or refused by.
CASTABLE: dict[Type, frozenset[Type]] = {
    Type.DECIMAL: INTEGERS | {Type.DECIMAL},
    Type.DOUBLE: NUMBERS,
    Type.INT64: INTEGERS,
    Type.DATE: frozenset({Type.DATE, Type.TIMESTAMP}),
    Type.TIME: frozenset({Type.TIME, Type.TIMESTAMP}),
    Type.TIMESTAMP: frozenset({Type.DATE, Type.TIMESTAMP}),
}
# What text is read as; a text that is none is an error, or null of TRY_CAST.
READABLE = frozenset({Type.INT64, Type.DECIMAL, Type.DOUBLE, Type.DATE, Type.TIMESTAMP})
MOST_DECIMALS = 18


def cast(binder: Expressions, node: exp.Cast, scope: Scope) -> Typed:
    """Return CAST, where no value is lost by it but what its length and decimals say."""
    wanted = CASTS.get(node.args["to"].this)
    if wanted is None:
        hint = "Use VARCHAR, BIGINT, DECIMAL, DOUBLE, DATE, TIMESTAMP or BIT."
        raise problem(f"{node.args['to'].sql()} is no type of this SQL.", node, hint)
    sizes = sizes_of(node)
    value = binder.expression(node.this, scope)
    column = Column("", wanted, has_zone=wanted == Type.TIMESTAMP)
    if value.type is None:
        return Typed(binder.given(None, column), wanted, node, True, column)
    if value.literal is not None:
        return sized(binder, constant_as(binder, value, column, node), sizes, node)
    if wanted == Type.STRING:
        return sized(binder, binder.made(binder.text(value), wanted, node, (value,)), sizes, node)
    if value.type == Type.STRING and wanted in READABLE:
        way = "try" if isinstance(node, exp.TryCast) else "read"
        found = binder.made(fn(f"{way}_{wanted}", value.tree), wanted, node, (value,))
        return sized(binder, replace(found, is_nullable=True), sizes, node)
    return sized(binder, between_types(binder, binder.instant(value), wanted, node), sizes, node)


def constant_as(binder: Expressions, value: Typed, column: Column, node: exp.Cast) -> Typed:
    """Return a constant in the type; what can't be read is null of TRY_CAST."""
    assert value.literal is not None
    try:
        found = value_as(value.literal, column, node)
    except SqlProblem:
        if not isinstance(node, exp.TryCast):
            raise
        found = None
    if column.type == Type.INT64 and found is not None and found != int(found):
        raise problem(f"{value.literal.text} is no whole number.", node, "Use ROUND, FLOOR or CEILING.")
    return Typed(binder.given(found, column), column.type, node, found is None, column)


def between_types(binder: Expressions, value: Typed, wanted: Type, node: exp.Cast) -> Typed:
    """Return a value in a type that has a value for each of its own."""
    if value.type == wanted or (value.type in INTEGERS and wanted == Type.INT64):
        return replace(value, type=wanted, node=node)
    is_rounded = value.type in NUMBERS and value.column is not None and value.column.scale == 0
    if value.type not in CASTABLE.get(wanted, frozenset()) and not (wanted == Type.INT64 and is_rounded):
        hint = (
            "Use ROUND, FLOOR or CEILING first." if value.type in NUMBERS and wanted == Type.INT64 else "Some values would be lost by it."
        )
        raise problem(f"A cast from {value.type} to {wanted} is not supported.", node, hint)
    if wanted == Type.TIMESTAMP:
        return replace(binder.midnight(value), node=node)
    if wanted == Type.INT64:
        return binder.made(fn("to_whole", value.tree), wanted, node, (value,))
    scale = 0 if wanted == Type.DECIMAL and value.type in INTEGERS else value.column.scale if value.column else None
    return binder.made(fn(f"cast_{wanted}", value.tree), wanted, node, (value,), scale=scale if wanted == Type.DECIMAL else None)


def sizes_of(node: exp.Cast) -> list[int]:
    """Return the numbers behind a type: VARCHAR(10), DECIMAL(10, 2); none of VARCHAR(MAX) and types without a length."""
    to = node.args["to"]
    if CASTS[to.this] not in (Type.STRING, Type.DECIMAL) or to.this == KINDS.MONEY:
        return []
    found = [str(item.name) for item in to.expressions]
    if found == ["MAX"]:
        return []
    if not all(text.isdigit() and len(text) < 9 for text in found):
        raise problem(f"{to.sql()} is no type of this SQL.", node)
    return [int(text) for text in found]


def sized(binder: Expressions, value: Typed, sizes: list[int], node: exp.Cast) -> Typed:
    """Return a text cut to its length, a decimal rounded to its decimals."""
    if not sizes:
        return value
    if value.type == Type.STRING:
        whole, most = (binder.given(number, Column("", Type.INT64)) for number in (0, sizes[0]))
        return replace(value, tree=fn("substring_count", value.tree, whole, most))
    decimals = sizes[1] if len(sizes) > 1 else 0
    if decimals > MOST_DECIMALS:
        raise problem(f"Decimals have up to {MOST_DECIMALS} digits behind the point here.", node)
    known = value.column.scale if value.column else None
    if known is not None and known <= decimals:
        return value
    return rounded_to(binder, value, decimals)


def rounded_to(binder: Expressions, value: Typed, decimals: int) -> Typed:
    """Return a decimal rounded, half away from zero."""
    tree = fn("round_to", value.tree, exp.Literal.number(decimals)) if decimals else fn("round", value.tree)
    return replace(value, tree=tree, column=Column("", Type.DECIMAL, scale=decimals))
