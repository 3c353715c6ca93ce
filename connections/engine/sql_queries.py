"""Queries of people's SQL bound to tables: FROM, joins, WITH, grouping, UNION, order and limits. The entry is `bind`.

Inside, columns are called c1, c2, ... and tables s1, s2, ...: whatever people call them never meets another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlglot import exp

from connections.contract.table import Column, Type
from connections.engine.nodes import all_of, fn, select
from connections.engine.sql_expressions import aliased, cells_of, named_query
from connections.engine.sql_groups import check_grouped, grouped, grouping_sets, has_sets, place_of_key
from connections.engine.sql_nodes import Bound, Names, Output, Relation, Scope, Source, Typed
from connections.engine.sql_push import is_grouping
from connections.engine.sql_reader import Parsed, parse, problem
from connections.engine.sql_rewrites import plainer, with_shown
from connections.engine.sql_sources import Named, Sources, check_said, names_itself, parts_of
from connections.engine.sql_state import together
from connections.engine.sql_windows import is_aggregate, ordered

LONGEST_LIST = 2000  # columns; tables of PostgreSQL have up to 1600
HIDDEN = "qualified?"
NOTHING: Mapping[str, int] = {}
SETS = {exp.Union: exp.Union, exp.Except: exp.Except, exp.Intersect: exp.Intersect}
COSTLY = "Columns that take further calls a row are left out of *: name {names} to have them."


def bind(text: str, names: Names, *, now: datetime) -> Bound:
    """Return the SQL bound; raise SqlProblem, which says where, for what can't be."""
    return bind_parsed(parse(text), names, now=now)


def bind_parsed(parsed: Parsed, names: Names, *, now: datetime) -> Bound:
    """Return a parsed SELECT bound."""
    binder = Binder(names, now)
    try:
        relation = binder.query(plainer(parsed.tree.copy()), None)
        if binder.recursives:
            relation.tree.set("with_", exp.With(expressions=binder.recursives, recursive=True))
    except RecursionError as error:
        raise problem("The SQL is nested too deeply.", parsed.tree) from error
    return Bound(relation.tree, relation.outputs, tuple(binder.slots), binder.tables, (*parsed.notes, *binder.notes), tuple(binder.places))


class Binder(Sources):
    """Binds one statement."""

    # ---- queries ----

    def query(self, node: exp.Expression, outer: Scope | None) -> Relation:
        """Return a query bound: SELECT, UNION, or one in parentheses."""
        with self._named(node.args.get("with_")):
            if isinstance(node, exp.Values):
                return self.values(node)
            if isinstance(node, exp.Select):
                check_said(node, exp.Select)
                return self.select(node, outer) if node.args.get("qualify") is None else self.qualified(node, outer)
            if isinstance(node, exp.SetOperation):
                check_said(node, exp.SetOperation)
                return self.cut(self.combined(node, outer), node)
            if isinstance(node, exp.Subquery):
                return self.cut(self.query(node.this, outer), node)
        raise problem("Here must stand a SELECT.", node)

    @contextmanager
    def _named(self, node: exp.Expression | None) -> Iterator[None]:
        """Keep what WITH names while its query is bound; each use binds it anew."""
        found: dict[str, Named] = {}
        self._ctes.append(found)
        try:
            for cte in node.expressions if node is not None else ():
                name = cte.alias.lower()
                found[name] = Named(cte.this, tuple(column.name for column in cte.args["alias"].args.get("columns") or ()))
                if node is not None and node.args.get("recursive") and names_itself(cte):
                    found[name] = self.recursive(cte, found, found[name])
            yield
        finally:
            self._ctes.pop()

    def select(self, node: exp.Select, outer: Scope | None) -> Relation:
        """Return SELECT bound."""
        scope = Scope(outer=outer)
        source, joins = self.sources(node, scope)
        if has_sets(node.args.get("group")):
            for one in scope.sources:
                one.become_nullable()
        where = node.args.get("where")
        conditions = [self.condition(part, scope) for part in parts_of(where.this)] if where else []
        items = self.items(node, scope)
        is_distinct = node.args.get("distinct") is not None
        if is_distinct and node.args["distinct"].args.get("on"):
            raise problem("DISTINCT ON is not supported.", node)
        keys = [] if is_distinct else self.order_keys(node, scope, items)
        having = node.args.get("having")
        kept = self.condition(having.this, scope) if having else None
        tree = select([], source) if source is not None else exp.Select()
        tree.set("joins", joins)
        if conditions:
            tree.where(all_of(conditions), copy=False)
        values = [exact(value) if is_distinct else value.tree for _, value in items]
        group = node.args.get("group")
        if group is not None or kept is not None or any(is_aggregate(item) for item in aggregated(node)):
            values, kept, keys, tree = self.group(group, items, (values, kept, keys, tree), scope)
        if kept is not None:
            tree.set("having", exp.Having(this=kept))
        tree.set("expressions", [aliased(value, number) for number, value in enumerate(values, 1)])
        outputs = tuple(Output(name, output_column(value)) for name, value in items)
        if is_distinct:
            tree.set("distinct", exp.Distinct())
            return self.cut(Relation(tree, outputs), node)
        if keys:
            tree.set("order", exp.Order(expressions=keys))
        self.limit(tree, node)
        return Relation(tree, outputs)

    def qualified(self, node: exp.Select, outer: Scope | None) -> Relation:
        """Return a SELECT with QUALIFY: the rows of the one without it for which the condition, a column within, is true."""
        inner = node.copy()
        for part in ("qualify", "order", "limit", "offset", "distinct"):
            inner.set(part, None)
        condition = with_shown(node.args["qualify"].this, node)
        inner.set("expressions", [*inner.expressions, exp.alias_(condition, HIDDEN)])
        relation = self.select(inner, outer)
        if relation.outputs[-1].column.type != Type.BOOLEAN:
            raise problem("QUALIFY takes what is true or false.", node.args["qualify"])
        alias, outputs = self.alias(), relation.outputs[:-1]
        cells = [self.cell(alias, number, output.column, node) for number, output in enumerate(relation.outputs, 1)]
        is_distinct = node.args.get("distinct") is not None
        columns = [exact(cell) if is_distinct else cell.tree for cell in cells[:-1]]
        tree = select([aliased(column, number) for number, column in enumerate(columns, 1)], named_query(relation.tree, alias))
        tree.where(fn("or_false", cells[-1].tree), copy=False)
        if is_distinct:
            tree.set("distinct", exp.Distinct())
        return self.cut(Relation(tree, outputs), node)

    def group(
        self,
        group: exp.Expression | None,
        items: Sequence[tuple[str, Typed]],
        parts: tuple[list[exp.Expression], exp.Expression | None, list[exp.Expression], exp.Select],
        scope: Scope,
    ) -> tuple[list[exp.Expression], exp.Expression | None, list[exp.Expression], exp.Select]:
        """Return the parts of a select whose rows are brought together."""
        if group is not None:
            check_said(group, exp.Group)
        values, kept, keys, tree = parts
        given: list[Typed] = []
        sets = None if group is None else grouping_sets(group, lambda item: place_of_key(given, self.group_key(item, items, scope)))
        if group is not None and group.args.get("all"):
            given = [value for _, value in items if not is_grouping(value.tree)]
        own = {str(cell.tree.args["table"]) for source in scope.sources for cell in source.cells.values()}
        for (_, value), found in zip(items, values, strict=True):
            check_grouped(found, [key.tree for key in given], own, value.node)
        for found in [*([kept] if kept is not None else []), *keys]:
            check_grouped(found, [key.tree for key in given], own, tree_place(items))
        return grouped(given, (values, kept, keys, tree), own, self.alias, sets)

    def group_key(self, node: exp.Expression, items: Sequence[tuple[str, Typed]], scope: Scope) -> Typed:
        """Return a key of GROUP BY: an expression, or the number of a column of SELECT."""
        if isinstance(node, exp.Literal) and not node.args.get("is_string"):
            return items[ordinal(node, len(items))][1]
        if isinstance(node, exp.Column) and not node.table and not any(cells_of(s, node.name, ()) for s in scope.sources):
            for name, value in items:
                if name.lower() == node.name.lower():
                    return value
        return self.settled(self.expression(node, scope))

    def items(self, node: exp.Select, scope: Scope) -> list[tuple[str, Typed]]:
        """Return the columns of SELECT by name, * spelled out."""
        found: list[tuple[str, Typed]] = []
        for item in node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                found += self.starred(item, scope)
                continue
            inner = item.this if isinstance(item, exp.Alias) else item
            value = self.settled(self.expression(inner, scope))
            if value.type is None:
                column = Column("", Type.STRING)
                value = Typed(self.given(None, column), Type.STRING, inner, True, column)
            found.append((item.alias or (str(inner.name) if isinstance(inner, exp.Column) else ""), value))
        if len(found) > LONGEST_LIST:
            raise problem(f"This reads more than {LONGEST_LIST} columns.", node)
        return [(name or f"Column{number}", value) for number, (name, value) in enumerate(found, 1)]

    def starred(self, node: exp.Expression, scope: Scope) -> list[tuple[str, Typed]]:
        """Return the columns that * stands for: all but those that take further calls."""
        star = node.this if isinstance(node, exp.Column) else node
        if any(star.args.get(name) for name in ("except_", "replace", "rename", "except")):
            raise problem("* stands alone here.", node)
        qualifiers = tuple(str(part.name) for part in node.parts[:-1]) if isinstance(node, exp.Column) else ()
        sources = [source for source in scope.sources if source.answers(qualifiers)]
        if not sources:
            raise problem(f"There is no table {'.'.join(qualifiers)} in this FROM." if qualifiers else "* needs a FROM.", node)
        costly = sorted({name for source in sources for name in source.costly})
        if costly:
            self.notes.append(COSTLY.format(names=", ".join(costly)))
        return [
            (name, replace(cell, tree=cell.tree.copy(), node=node))
            for source in sources
            for name, cell in source.cells.items()
            if name not in source.costly and (qualifiers or name.lower() not in source.shared)
        ]

    def order_keys(
        self, node: exp.Select, scope: Scope, items: Sequence[tuple[str, Typed]], known: Mapping[str, int] = NOTHING
    ) -> list[exp.Expression]:
        """Return the keys of ORDER BY: a column's number, its name or its words (`known`) in SELECT, or an expression."""
        found: list[exp.Expression] = []
        order = node.args.get("order")
        for item in order.expressions if order else ():
            value = self.shown(item.this, items)
            if value is None and words_of(item.this) in known:
                value = items[known[words_of(item.this)]][1]
            value = value if value is not None else self.settled(self.expression(item.this, scope))
            if value.type is not None:
                found += [key.copy() for key in ordered(value, item)]
        return found

    def shown(self, node: exp.Expression, items: Sequence[tuple[str, Typed]]) -> Typed | None:
        """Return the column of SELECT that a number or a name means."""
        if isinstance(node, exp.Literal) and not node.args.get("is_string"):
            return items[ordinal(node, len(items))][1]
        if not isinstance(node, exp.Column) or node.table:
            return None
        return next((value for name, value in items if name.lower() == node.name.lower()), None)

    # ---- UNION and what stands behind a whole query ----

    def combined(self, node: exp.SetOperation, outer: Scope | None) -> Relation:
        """Return UNION, EXCEPT, INTERSECT: columns by place, in types that hold both."""
        sides = [self.query(side, outer) for side in (node.this, node.expression)]
        if len(sides[0].outputs) != len(sides[1].outputs):
            raise problem(f"The two sides have {len(sides[0].outputs)} and {len(sides[1].outputs)} columns.", node)
        columns, cells = [], ([], [])  # type: ignore[var-annotated]
        for number, pair in enumerate(zip(sides[0].outputs, sides[1].outputs, strict=True), 1):
            values = [self.cell("q", number, output.column, node) for output in pair]
            trees, column, is_nullable = self.unified(values)
            columns.append(replace(column, is_nullable=is_nullable))
            for side, tree in zip(cells, trees, strict=True):
                side.append(exact(Typed(tree, column.type, node)) if node.args.get("distinct") else tree)
        both = [
            select([aliased(tree, n) for n, tree in enumerate(trees, 1)], named_query(side.tree, "q"))
            for trees, side in zip(cells, sides, strict=True)
        ]
        tree = SETS[type(node)](this=both[0], expression=both[1], distinct=bool(node.args.get("distinct")))
        outputs = tuple(Output(output.name, column) for output, column in zip(sides[0].outputs, columns, strict=True))
        return Relation(tree, outputs)

    def cut(self, relation: Relation, node: exp.Expression) -> Relation:
        """Return a query under the ORDER BY and LIMIT that stand behind it as a whole."""
        if not any(node.args.get(name) for name in ("order", "limit", "offset")):
            return relation
        alias = self.alias()
        items = [(output.name, self.cell(alias, number, output.column, node)) for number, output in enumerate(relation.outputs, 1)]
        tree = select([aliased(value.tree, n) for n, (_, value) in enumerate(items, 1)], named_query(relation.tree, alias))
        source = Source((), dict(items))
        keys = self.order_keys(node, Scope([source]), items, spelled(node))  # type: ignore[arg-type]
        if keys:
            tree.set("order", exp.Order(expressions=keys))
        self.limit(tree, node)
        return Relation(tree, relation.outputs)

    def limit(self, tree: exp.Expression, node: exp.Expression) -> None:
        """Set LIMIT and OFFSET: TOP, LIMIT, FETCH say the same."""
        limit, offset = node.args.get("limit"), node.args.get("offset")
        if limit is not None:
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
                raise problem("PERCENT and WITH TIES are not supported.", node)
            tree.set("limit", exp.Limit(expression=self.rows(limit.args.get("expression") or limit.args.get("count"))))
        if offset is not None:
            if limit is None:
                tree.set("limit", exp.Limit(expression=self.given(2**62, Column("", Type.INT64))))
            tree.set("offset", exp.Offset(expression=self.rows(offset.expression)))

    def rows(self, node: exp.Expression) -> exp.Expression:
        """Return a number of rows."""
        inner = node.this if isinstance(node, exp.Paren) else node
        if not isinstance(inner, exp.Literal) or not str(inner.this).isdigit() or len(str(inner.this)) > 18:
            raise problem("The number of rows must be a whole number, written out.", node)
        return self.given(int(inner.this), Column("", Type.INT64))


def spelled(node: exp.Expression) -> dict[str, int]:
    """Return the places of the columns of a SELECT DISTINCT by their words: behind it nothing else of its tables is known."""
    if not isinstance(node, exp.Select) or any(item.is_star for item in node.expressions):
        return {}
    return {words_of(item.this if isinstance(item, exp.Alias) else item): place for place, item in enumerate(node.expressions)}


def words_of(node: exp.Expression) -> str:
    """Return an expression's words, by which two are told to be the same."""
    named = node.transform(lambda part: exp.to_identifier(part.name.lower(), quoted=True) if isinstance(part, exp.Identifier) else part)
    return str(named.sql())


def aggregated(node: exp.Select) -> list[exp.Expression]:
    """Return where aggregates may stand."""
    order = node.args.get("order")
    return [*node.expressions, *(order.expressions if order else ())]


def exact(value: Typed) -> exp.Expression:
    """Return a value so that equal means the same characters."""
    return fn("exact_text", value.tree) if value.type == Type.STRING else value.tree


def output_column(value: Typed) -> Column:
    """Return the column that a value makes."""
    column = value.column or Column("", value.type or Type.STRING)
    return replace(together(column.type, [column]), is_nullable=value.is_nullable)


def ordinal(node: exp.Literal, count: int) -> int:
    """Return the place that a number in ORDER BY or GROUP BY means."""
    text = str(node.this)
    if not text.isdigit() or not 1 <= int(text) <= count:
        raise problem(f"There is no column number {text}.", node)
    return int(text) - 1


def tree_place(items: Sequence[tuple[str, Typed]]) -> exp.Expression:
    """Return a node that knows where the statement stands."""
    return items[0][1].node
