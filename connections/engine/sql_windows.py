"""Aggregates and window functions of people's SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_nodes import Cell, Scope, Typed
from connections.engine.sql_reader import problem
from connections.engine.sql_state import constant

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions

LISTS = ("STRING_AGG", "LISTAGG", "GROUP_CONCAT")
TRUTHS = {"BOOL_AND": "bool_and", "EVERY": "bool_and", "BOOL_OR": "bool_or"}
# Statistics, all of them doubles.
SPREADS = {
    **dict.fromkeys(("STDDEV", "STDDEV_SAMP", "STDEV"), "stddev_samp"),
    **dict.fromkeys(("STDDEV_POP", "STDEVP"), "stddev_pop"),
    **dict.fromkeys(("VARIANCE", "VAR_SAMP", "VAR"), "var_samp"),
    **dict.fromkeys(("VAR_POP", "VARP"), "var_pop"),
    "MEDIAN": "median",
}
AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX", *LISTS, *TRUTHS, *SPREADS)
# Our functions that bring rows together.
GROUPING = frozenset(
    {
        *("count_rows", "count", "count_distinct", "sum", "sum_float", "sum_integer", "avg", "min", "max", "min_text", "max_text"),
        *("sum_distinct", "sum_distinct_float", "sum_distinct_integer", "avg_distinct", "string_agg", "string_agg_distinct"),
        *("min_text_over", "max_text_over", *TRUTHS.values(), *SPREADS.values()),
    }
)
RANKS = ("ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "PERCENT_RANK", "CUME_DIST")
NUMBERED = frozenset({"ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE"})
SHARES = frozenset({"PERCENT_RANK", "CUME_DIST"})
UNORDERED = frozenset({Type.BOOLEAN, Type.BINARY, Type.GUID})
ENDS = ("UNBOUNDED", "CURRENT ROW")
NOT_OVER = frozenset({"count_distinct", "sum_distinct", "sum_distinct_float", "sum_distinct_integer", "avg_distinct", "median"})


def is_aggregate(node: exp.Expression) -> bool:
    """Claim that the node calls an aggregate, or has one within it that is not a window's."""
    is_called = isinstance(node, exp.Anonymous) and str(node.this).upper() in AGGREGATES
    if is_called and not (isinstance(node.parent, exp.Window) and node.arg_key == "this"):
        return True
    if isinstance(node, exp.Subquery | exp.Exists | exp.Query):
        return False
    return any(is_aggregate(child) for child in node.iter_expressions())


def aggregate(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return an aggregate of rows."""
    name = str(node.this).upper()
    if not isinstance(node.parent, exp.Window) and any(is_aggregate(item) for item in node.expressions):
        raise problem("An aggregate within an aggregate is not supported.", node, "Bring the inner one together in a subquery first.")
    if name in LISTS:
        return listed(binder, node, scope)
    if len(node.expressions) != 1:
        raise problem(f"{node.this} takes one argument.", node)
    item = node.expressions[0]
    if name == "COUNT":
        return counted(binder, node, item, scope)
    is_distinct = isinstance(item, exp.Distinct) and len(item.expressions) == 1
    if isinstance(item, exp.Star) or (isinstance(item, exp.Distinct) and (not is_distinct or name in SPREADS)):
        raise problem(f"{node.this} takes a value.", node)
    value = binder.instant(binder.settled(binder.expression(item.expressions[0] if is_distinct else item, scope)))
    if value.type is None:
        raise problem(f"{node.this} takes a value, not null.", node)
    if name in TRUTHS:
        if value.type != Type.BOOLEAN:
            raise problem(f"{node.this} takes what is true or false, not {value.type}.", node)
        return replace(binder.made(fn(TRUTHS[name], value.tree), Type.BOOLEAN, node), is_nullable=True)
    return extreme(name.lower(), value, node) if name in ("MIN", "MAX") else total(binder, name, value, node, is_distinct=is_distinct)


def within_group(binder: Expressions, node: exp.WithinGroup, scope: Scope) -> Typed:
    """Return STRING_AGG(...) WITHIN GROUP (ORDER BY ...)."""
    called = node.this
    if not isinstance(called, exp.Anonymous) or str(called.this).upper() not in LISTS or any(is_aggregate(i) for i in called.expressions):
        raise problem("WITHIN GROUP stands behind STRING_AGG or LISTAGG.", node)
    return listed(binder, called, scope, node.expression.expressions)


def listed(binder: Expressions, node: exp.Anonymous, scope: Scope, order: Sequence[exp.Expression] = ()) -> Typed:
    """Return STRING_AGG(text, separator ORDER BY ...), LISTAGG, GROUP_CONCAT: without an order by the text, so that it is one answer."""
    items = list(node.expressions)
    if items and isinstance(items[-1], exp.Order):
        order, items = items[-1].expressions, [*items[:-1], items[-1].this]
    is_distinct = bool(items) and isinstance(items[0], exp.Distinct)
    items = [*items[0].expressions, *items[1:]] if is_distinct else items
    if not 1 <= len(items) <= 2 or isinstance(node.parent, exp.Window):
        raise problem(f"{node.this} takes a text and a separator, and no window.", node)
    value, between = binder.expression(items[0], scope), constant(items[1]) if len(items) > 1 else None
    if len(items) > 1 and (between is None or between.literal is None):
        raise problem("The separator must be a text, written out.", items[1])
    text = binder.text(value)
    default = "" if str(node.this).upper() == "LISTAGG" else ","
    separator = exp.Literal.string(between.literal.text if between is not None and between.literal is not None else default)
    keys = [key for item in order for key in ordered(binder.settled(binder.expression(item.this, scope)), item)]
    if is_distinct and [key.find(Cell) for key in keys] not in ([], [text.find(Cell)]):
        raise problem("With DISTINCT the texts can only be ordered by themselves.", node)
    keys = keys or ordered(Typed(text, Type.STRING, node, value.is_nullable), exp.Ordered(this=items[0], nulls_first=True))
    return replace(
        binder.made(fn("string_agg_distinct" if is_distinct else "string_agg", text, separator, *keys), Type.STRING, node), is_nullable=True
    )


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


def total(binder: Expressions, name: str, value: Typed, node: exp.Expression, *, is_distinct: bool = False) -> Typed:
    """Return SUM, or AVG and statistics, which are doubles; DISTINCT takes each value once."""
    if value.type not in NUMBERS:
        raise problem(f"{name} takes numbers, not {value.type}.", node)
    once = "_distinct" if is_distinct else ""
    if name != "SUM":
        tree = value.tree if value.type in FLOATS else fn(f"cast_{Type.DOUBLE}", value.tree)
        return replace(binder.made(fn(SPREADS.get(name, f"avg{once}"), tree), Type.DOUBLE, node), is_nullable=True)
    if value.type in FLOATS:
        return replace(binder.made(fn(f"sum{once}_float", value.tree), Type.DOUBLE, node), is_nullable=True)
    if value.type in INTEGERS:
        return replace(binder.made(fn(f"sum{once}_integer", value.tree), Type.INT64, node), is_nullable=True)
    scale = value.column.scale if value.column else None
    return replace(binder.made(fn(f"sum{once}", value.tree), Type.DECIMAL, node, scale=scale), is_nullable=True)


def window(binder: Expressions, node: exp.Window, scope: Scope) -> Typed:
    """Return a function OVER a window of rows."""
    called = node.this
    if not isinstance(called, exp.Anonymous) or any(node.args.get(name) for name in ("alias", "first", "exclude")):
        if isinstance(called, exp.IgnoreNulls | exp.RespectNulls):
            raise problem("IGNORE NULLS is not supported in this SQL.", node)
        raise problem("This window is not supported.", node)
    name = str(called.this).upper()
    if name not in AGGREGATES and name not in RANKS:
        raise problem(f"{called.this} is no window function.", node, f"Use {', '.join((*AGGREGATES, *RANKS))}.")
    found = aggregate(binder, called, scope) if name in AGGREGATES else ranked(binder, name, called, scope)
    if str(found.tree.args["name"]) in NOT_OVER:
        raise problem("This aggregate has no window form here.", node)
    if found.tree.args["name"] in ("min_text", "max_text"):
        found.tree.set("name", f"{found.tree.args['name']}_over")
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
    return replace(found, tree=tree, node=node, is_nullable=found.is_nullable or name not in (*NUMBERED, *SHARES, "COUNT"))


def ranked(binder: Expressions, name: str, called: exp.Anonymous, scope: Scope) -> Typed:
    """Return ROW_NUMBER, LAG and their like."""
    items = called.expressions
    if name in NUMBERED:
        sizes = [binder.given(size_of(item), Column("", Type.INT64)) for item in items]
        if len(items) != (name == "NTILE"):
            raise problem(f"{called.this} has the wrong number of arguments.", called)
        return binder.made(fn(name.lower(), *sizes), Type.INT64, called)
    if name in SHARES:
        if items:
            raise problem(f"{called.this} takes no argument.", called)
        return binder.made(fn(name.lower()), Type.DOUBLE, called)
    is_moved = name in ("LAG", "LEAD")
    if not 1 <= len(items) <= (3 if is_moved else 1):
        raise problem(f"{called.this} has the wrong number of arguments.", called)
    value = binder.expression(items[0], scope)
    if len(items) < 3:
        value = binder.settled(value)
        steps = [exp.Literal.number(size_of(item)) for item in items[1:]]
        return replace(value, tree=fn(name.lower(), value.tree, *steps), node=called, is_nullable=True)
    trees, column, is_nullable = binder.unified([value, binder.expression(items[2], scope)])
    tree = fn(f"{name.lower()}_else", trees[0], exp.Literal.number(size_of(items[1])), trees[1])
    return Typed(tree, column.type, called, is_nullable, column)


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
