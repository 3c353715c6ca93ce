"""Aggregates and window functions of people's SQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_nodes import Scope, Typed
from connections.engine.sql_reader import problem

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions

AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX")
# Our functions that bring rows together.
GROUPING = frozenset(
    {"count_rows", "count", "count_distinct", "sum", "sum_float", "sum_integer", "avg", "min", "max", "min_text", "max_text"}
)
RANKS = ("ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE")
NUMBERED = frozenset({"ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE"})
UNORDERED = frozenset({Type.BOOLEAN, Type.BINARY, Type.GUID})
ENDS = ("UNBOUNDED", "CURRENT ROW")


def is_aggregate(node: exp.Expression) -> bool:
    """Claim that the node calls an aggregate, or has one within it that is not a window's."""
    if isinstance(node, exp.Anonymous) and str(node.this).upper() in AGGREGATES:
        return not isinstance(node.parent, exp.Window)
    if isinstance(node, exp.Subquery | exp.Exists | exp.Query):
        return False
    return any(is_aggregate(child) for child in node.iter_expressions())


def aggregate(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return COUNT, SUM, AVG, MIN, MAX."""
    name = str(node.this).upper()
    if len(node.expressions) != 1:
        raise problem(f"{node.this} takes one argument.", node)
    if any(is_aggregate(item) for item in node.expressions):
        raise problem("An aggregate within an aggregate is not supported.", node, "Bring the inner one together in a subquery first.")
    item = node.expressions[0]
    if name == "COUNT":
        return counted(binder, node, item, scope)
    if isinstance(item, exp.Distinct | exp.Star):
        raise problem(f"{node.this} takes a value.", node, "Only COUNT takes DISTINCT: bring the values together in a subquery first.")
    value = binder.instant(binder.settled(binder.expression(item, scope)))
    return extreme(name.lower(), value, node) if name in ("MIN", "MAX") else total(binder, name, value, node)


def counted(binder: Expressions, node: exp.Expression, item: exp.Expression, scope: Scope) -> Typed:
    """Return COUNT(*), COUNT(value), COUNT(DISTINCT value)."""
    if isinstance(item, exp.Star):
        return binder.made(fn("count_rows"), Type.INT64, node)
    if not isinstance(item, exp.Distinct):
        return binder.made(fn("count", binder.settled(binder.expression(item, scope)).tree), Type.INT64, node)
    if len(item.expressions) != 1:
        raise problem("COUNT(DISTINCT ...) takes one value.", node)
    value = binder.settled(binder.expression(item.expressions[0], scope))
    tree = fn("exact_text", value.tree) if value.type == Type.STRING else value.tree
    return binder.made(fn("count_distinct", tree), Type.INT64, node)


def extreme(name: str, value: Typed, node: exp.Expression) -> Typed:
    """Return MIN or MAX; text by code point."""
    if value.type in UNORDERED:
        raise problem(f"Values of type {value.type} have no order.", node)
    tree = fn(f"{name}_text" if value.type == Type.STRING else name, value.tree)
    return replace(value, tree=tree, node=node, is_nullable=True)


def total(binder: Expressions, name: str, value: Typed, node: exp.Expression) -> Typed:
    """Return SUM, or AVG, which is a double."""
    if value.type not in NUMBERS:
        raise problem(f"{name} takes numbers, not {value.type}.", node)
    if name == "AVG":
        tree = value.tree if value.type in FLOATS else fn(f"cast_{Type.DOUBLE}", value.tree)
        return replace(binder.made(fn("avg", tree), Type.DOUBLE, node), is_nullable=True)
    if value.type in FLOATS:
        return replace(binder.made(fn("sum_float", value.tree), Type.DOUBLE, node), is_nullable=True)
    if value.type in INTEGERS:
        return replace(binder.made(fn("sum_integer", value.tree), Type.INT64, node), is_nullable=True)
    scale = value.column.scale if value.column else None
    return replace(binder.made(fn("sum", value.tree), Type.DECIMAL, node, scale=scale), is_nullable=True)


def window(binder: Expressions, node: exp.Window, scope: Scope) -> Typed:
    """Return a function OVER a window of rows."""
    called = node.this
    if not isinstance(called, exp.Anonymous) or any(node.args.get(name) for name in ("alias", "first", "exclude")):
        raise problem("This window is not supported.", node)
    name = str(called.this).upper()
    if name not in AGGREGATES and name not in RANKS:
        raise problem(f"{called.this} is no window function.", node, f"Use {', '.join((*AGGREGATES, *RANKS))}.")
    found = aggregate(binder, called, scope) if name in AGGREGATES else ranked(binder, name, called, scope)
    if found.tree.args["name"] in ("count_distinct", "min_text", "max_text"):
        raise problem("This aggregate has no window form here.", node)
    parts = [binder.expression(item, scope) for item in node.args.get("partition_by") or ()]
    partition = [fn("exact_text", part.tree) if part.type == Type.STRING else binder.settled(part).tree for part in parts]
    order = node.args.get("order")
    keys = [
        key for item in (order.expressions if order else ()) for key in ordered(binder.settled(binder.expression(item.this, scope)), item)
    ]
    tree = exp.Window(
        this=found.tree,
        partition_by=partition or None,
        order=exp.Order(expressions=keys) if keys else None,
        spec=frame(node.args.get("spec")),
        over="OVER",
    )
    return replace(found, tree=tree, node=node, is_nullable=found.is_nullable or name not in (*NUMBERED, "COUNT"))


def ranked(binder: Expressions, name: str, called: exp.Anonymous, scope: Scope) -> Typed:
    """Return ROW_NUMBER, LAG and their like."""
    items = called.expressions
    if name in NUMBERED:
        sizes = [binder.given(size_of(item), Column("", Type.INT64)) for item in items]
        if len(items) != (name == "NTILE"):
            raise problem(f"{called.this} has the wrong number of arguments.", called)
        return binder.made(fn(name.lower(), *sizes), Type.INT64, called)
    if not 1 <= len(items) <= (2 if name in ("LAG", "LEAD") else 1):
        raise problem(f"{called.this} has the wrong number of arguments.", called)
    value = binder.settled(binder.expression(items[0], scope))
    steps = [exp.Literal.number(size_of(item)) for item in items[1:]]
    return replace(value, tree=fn(name.lower(), value.tree, *steps), node=called, is_nullable=True)


def size_of(node: exp.Expression) -> int:
    """Return a constant whole number."""
    if not isinstance(node, exp.Literal) or not str(node.this).isdigit():
        raise problem("This must be a whole number, written out.", node)
    return int(node.this)


def frame(spec: exp.Expression | None) -> exp.Expression | None:
    """Return the frame of a window: ROWS, or RANGE up to the current row."""
    if spec is None:
        return None
    if spec.args.get("exclude"):
        raise problem("EXCLUDE is not supported in a window.", spec)
    found: dict[str, object] = {"kind": str(spec.args.get("kind") or "ROWS").upper()}
    for end in ("start", "end"):
        border = spec.args.get(end)
        if border is None:
            continue
        if isinstance(border, exp.Expression):
            found[end] = exp.Literal.number(size_of(border))
        elif str(border).upper() in ENDS:
            found[end] = str(border).upper()
        else:
            raise problem("This frame is not supported.", spec)
        side = str(spec.args.get(f"{end}_side") or "").upper()
        found[f"{end}_side"] = side if side in ("PRECEDING", "FOLLOWING") else None
    if found["kind"] not in ("ROWS", "RANGE") or (
        found["kind"] == "RANGE" and any(isinstance(found.get(end), exp.Expression) for end in ("start", "end"))
    ):
        raise problem("This frame is not supported.", spec, "Use ROWS.")
    return exp.WindowSpec(**found)


def ordered(value: Typed, node: exp.Expression) -> list[exp.Expression]:
    """Return the keys of one item of an order: text by code point, nulls lowest unless NULLS FIRST or LAST says otherwise."""
    is_falling = bool(node.args.get("desc"))
    tree = fn("order_text", value.tree) if value.type == Type.STRING else value.tree
    key = fn(("desc" if is_falling else "asc") + ("_nullable" if value.is_nullable else ""), tree)
    if not value.is_nullable or bool(node.args.get("nulls_first")) != is_falling:
        return [key]
    last, first = exp.Literal.number(0 if is_falling else 1), exp.Literal.number(1 if is_falling else 0)
    return [fn("case", fn("is_null", value.tree.copy()), last, exp.true(), first), key]
