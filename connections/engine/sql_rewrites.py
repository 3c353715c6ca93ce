"""Ways of saying the same in SQL, brought to the few that are bound: FILTER, named windows, rows compared, CONVERT, DATE_ADD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from connections.engine.sql_reader import ProductSql, problem


def plainer(tree: exp.Expression) -> exp.Expression:
    """Return the tree with each of these replaced, the inner ones first."""
    holder = exp.Paren(this=tree)
    for node in reversed(list(holder.walk(bfs=False))):
        rewrite = REWRITES.get(type(node))
        if rewrite is not None and node is not holder:
            found = rewrite(node)
            if found is not node:
                node.replace(found)
    found_tree: exp.Expression = holder.this
    found_tree.parent = None
    return found_tree


def filtered(node: exp.Filter) -> exp.Expression:
    """Return an aggregate of only the rows that FILTER (WHERE ...) names: of others it gets null, which no aggregate counts."""
    called = node.this.this if isinstance(node.this, exp.WithinGroup) else node.this
    if not isinstance(called, exp.Anonymous) or not called.expressions:
        raise problem("FILTER stands behind an aggregate.", node)
    value: exp.Expression = called.expressions[0]
    while isinstance(value, exp.Distinct | exp.Order):
        value = value.this if isinstance(value, exp.Order) else value.expressions[0]
    inner = exp.Literal.number(1) if isinstance(value, exp.Star) else value.copy()
    case = exp.Case(ifs=[exp.If(this=node.expression.this.copy(), true=inner)])
    value.replace(case)
    found: exp.Expression = node.this
    return found


def with_windows(node: exp.Select) -> exp.Expression:
    """Return a SELECT whose windows are written where they are used."""
    named: dict[str, exp.Expression] = {}
    for window in node.args.get("windows") or ():
        named[window.name.lower()] = filled(window, named)
    if named:
        node.set("windows", None)
    for used in node.find_all(exp.Window):
        if used.args.get("alias") and used.find_ancestor(exp.Select) is node:
            filled(used, named)
    return node


def filled(window: exp.Expression, named: dict[str, exp.Expression]) -> exp.Expression:
    """Return a window with what the one that it names says; what it says itself comes on top."""
    name = window.args.get("alias")
    if name is None:
        return window
    known = named.get(name.name.lower())
    if known is None:
        raise problem(f"There is no window {name.name}.", name)
    for part in ("partition_by", "order", "spec"):
        said = known.args.get(part)
        if said and window.args.get(part):
            raise problem(f"The window {name.name} says {part.replace('_', ' ').upper()} already.", name)
        if said:
            window.set(part, [item.copy() for item in said] if isinstance(said, list) else said.copy())
    window.set("alias", None)
    return window


def with_shown(condition: exp.Expression, node: exp.Select) -> exp.Expression:
    """Return a condition over the columns of SELECT by the names that they have there."""
    shown = {item.alias.lower(): item.this for item in node.expressions if isinstance(item, exp.Alias)}
    holder = exp.Paren(this=condition.copy())
    for column in list(holder.find_all(exp.Column)):
        if not column.table and column.name.lower() in shown:
            column.replace(exp.Paren(this=shown[column.name.lower()].copy()))
    found: exp.Expression = holder.this
    return found


def unwrapped(node: exp.Expression) -> exp.Expression:
    """Return what stands in parentheses."""
    return node.this if isinstance(node, exp.Paren) else node


def rows_compared(node: exp.Expression) -> exp.Expression:
    """Return (a, b) = (1, 2) and (a, b) IN ((1, 2), ...) as comparisons of their parts; = ANY and <> ALL of a query as IN."""
    left, right = unwrapped(node.this), unwrapped(node.args.get("expression") or node.this)
    if (isinstance(node, exp.EQ) and isinstance(right, exp.Any)) or (isinstance(node, exp.NEQ) and isinstance(right, exp.All)):
        query = right.this.this if isinstance(right.this, exp.Subquery) else right.this
        found = exp.In(this=left.copy(), query=exp.Subquery(this=query.copy()))
        return found if isinstance(node, exp.EQ) else exp.Not(this=found)
    if not isinstance(left, exp.Tuple):
        return node
    if isinstance(node, exp.In):
        if node.args.get("query") is not None:
            raise problem("Several columns can't be looked for in a query.", node, "Use EXISTS.")
        return exp.Paren(this=joined(exp.Or, [exp.Paren(this=pairs(left, item, node)) for item in node.expressions]))
    found_pairs = exp.Paren(this=pairs(left, right, node))
    return found_pairs if isinstance(node, exp.EQ) else exp.Not(this=found_pairs)


def pairs(left: exp.Tuple, right: exp.Expr, node: exp.Expression) -> exp.Expression:
    """Return that the parts of two rows are equal."""
    right = right.unnest() if isinstance(right, exp.Paren) else right
    if not isinstance(right, exp.Tuple) or len(left.expressions) != len(right.expressions):
        raise problem("The rows that are compared must be of one length.", node)
    return joined(exp.And, [exp.EQ(this=a.copy(), expression=b.copy()) for a, b in zip(left.expressions, right.expressions, strict=True)])


def joined(kind: type[exp.Expr], parts: list[Any]) -> Any:
    """Return the parts under AND or OR."""
    tree = parts[0]
    for part in parts[1:]:
        tree = kind(this=tree, expression=part)
    return tree


def part_of_text(node: exp.Substring) -> exp.Expression:
    """Return SUBSTRING(text FROM start FOR length) as SUBSTRING(text, start, length)."""
    parts = [node.this, node.args.get("start") or exp.Literal.number(1), node.args.get("length")]
    return exp.Anonymous(this="SUBSTRING", expressions=[part.copy() for part in parts if part is not None])


def called(node: exp.Anonymous) -> exp.Expression:
    """Return a call that is another way to say something."""
    rewrite = CALLS.get(str(node.this).upper())
    return node if rewrite is None else rewrite(node)


def converted(node: exp.Anonymous) -> exp.Expression:
    """Return CONVERT(type, value), or CONVERT(value, type), as CAST."""
    if len(node.expressions) != 2:
        raise problem(f"{node.this} takes a type and a value, without a style.", node, "Use CAST(value AS type).")
    first, second = node.expressions
    for named, value in ((first, second), (second, first)):
        if isinstance(named, exp.Anonymous | exp.Column) and not value.is_star:
            try:
                kind = exp.DataType.build(named.sql(), dialect=ProductSql)
            except SqlglotError:
                continue
            if kind.this is not exp.DataType.Type.USERDEFINED:
                shape = exp.TryCast if str(node.this).upper().startswith("TRY") else exp.Cast
                return shape(this=value.copy(), to=kind)
    raise problem(f"{node.this} needs the name of a type.", node, "Use CAST(value AS type).")


def date_moved(node: exp.Anonymous) -> exp.Expression:
    """Return DATE_ADD(date, INTERVAL ...) and DATE_SUB as + and -."""
    if len(node.expressions) != 2 or not isinstance(node.expressions[1], exp.Interval):
        raise problem(f"{node.this} takes a date and an INTERVAL.", node, "Write DATEADD(part, count, date).")
    kind = exp.Sub if str(node.this).upper().endswith(("SUB", "SUBDATE")) else exp.Add
    return kind(this=node.expressions[0].copy(), expression=node.expressions[1].copy())


def decoded(node: exp.Anonymous) -> exp.Expression:
    """Return DECODE(value, search, result, ..., default) as CASE; a null that is searched for is found."""
    value, *rest = node.expressions
    if len(rest) < 2:
        raise problem("DECODE takes a value, then pairs.", node)
    ifs = [
        exp.If(this=exp.NullSafeEQ(this=value.copy(), expression=search.copy()), true=result.copy())
        for search, result in zip(rest[::2], rest[1::2], strict=False)
    ]
    return exp.Case(ifs=ifs, default=rest[-1].copy() if len(rest) % 2 else None)


def chosen(node: exp.Anonymous) -> exp.Expression:
    """Return CHOOSE(number, first, second, ...) as CASE."""
    value, *rest = node.expressions
    if not rest:
        raise problem("CHOOSE takes a number, then values.", node)
    ifs = [exp.If(this=exp.Literal.number(place), true=item.copy()) for place, item in enumerate(rest, 1)]
    return exp.Case(this=value.copy(), ifs=ifs)


def one_of_two(node: exp.Anonymous) -> exp.Expression:
    """Return NVL2(value, if it has one, if it has none) as CASE."""
    if len(node.expressions) != 3:
        raise problem("NVL2 takes 3 arguments.", node)
    value, there, missing = (item.copy() for item in node.expressions)
    return exp.Case(ifs=[exp.If(this=exp.Is(this=value, expression=exp.Null()), true=missing)], default=there)


CALLS: dict[str, Callable[[Any], exp.Expression]] = {
    **dict.fromkeys(("CONVERT", "TRY_CONVERT"), converted),
    **dict.fromkeys(("DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE"), date_moved),
    "DECODE": decoded,
    "CHOOSE": chosen,
    "NVL2": one_of_two,
}
REWRITES: dict[type[exp.Expr], Callable[[Any], exp.Expression]] = {
    exp.Filter: filtered,
    exp.Select: with_windows,
    exp.EQ: rows_compared,
    exp.NEQ: rows_compared,
    exp.In: rows_compared,
    exp.Anonymous: called,
    exp.Substring: part_of_text,
}
