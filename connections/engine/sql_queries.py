"""Queries of people's SQL bound to tables: FROM, joins, WITH, grouping, UNION, order and limits. The entry is `bind`.

Inside, columns are called c1, c2, ... and tables s1, s2, ...: whatever people call them never meets another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlglot import exp

from connections.contract.errors import SourceRejected
from connections.contract.table import Column, Type
from connections.engine.nodes import all_of, fn, select, table
from connections.engine.sql_expressions import Expressions, aliased, cells_of, flat, named_query
from connections.engine.sql_groups import check_grouped, grouped
from connections.engine.sql_literals import shape_of
from connections.engine.sql_nodes import Bound, Cell, Found, Names, Output, Relation, Scope, Source, Typed
from connections.engine.sql_reader import Parsed, parse, problem
from connections.engine.sql_state import together
from connections.engine.sql_windows import is_aggregate, ordered

LONGEST_LIST = 1000  # columns
MOST_TABLES = 60
JOINS = {"": "", "LEFT": "LEFT", "RIGHT": "RIGHT", "FULL": "FULL"}
SETS = {exp.Union: exp.Union, exp.Except: exp.Except, exp.Intersect: exp.Intersect}
COSTLY = "Columns that take further calls a row are left out of *: name {names} to have them."
# What each node may say; anything else is refused.
ALLOWED: dict[type[exp.Expr], set[str]] = {
    exp.Select: {"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_", "kind"},
    exp.SetOperation: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
    exp.Subquery: {"this", "alias", "order", "limit", "offset", "with_"},
    exp.Table: {"this", "db", "catalog", "alias"},
    exp.Join: {"this", "on", "using", "side", "kind"},
    exp.Group: {"expressions"},
}


def bind(text: str, names: Names, *, now: datetime) -> Bound:
    """Return the SQL bound; raise SqlProblem, which says where, for what can't be."""
    return bind_parsed(parse(text), names, now=now)


def bind_parsed(parsed: Parsed, names: Names, *, now: datetime) -> Bound:
    """Return a parsed SELECT bound."""
    binder = Binder(names, now)
    try:
        relation = binder.query(parsed.tree, None)
    except RecursionError as error:
        raise problem("The SQL is nested too deeply.", parsed.tree) from error
    return Bound(relation.tree, relation.outputs, tuple(binder.slots), binder.tables, (*parsed.notes, *binder.notes), tuple(binder.places))


class Binder(Expressions):
    """Binds one statement."""

    def __init__(self, names: Names, now: datetime) -> None:
        super().__init__(now)
        self.names = names
        self.tables: dict[str, Found] = {}
        self.notes: list[str] = []
        self.places: list[tuple[int, int, Found]] = []
        self._aliases = 0
        self._ctes: list[dict[str, exp.Expression]] = []

    def alias(self) -> str:
        """Return a fresh name of a table."""
        self._aliases += 1
        return f"s{self._aliases}"

    # ---- queries ----

    def query(self, node: exp.Expression, outer: Scope | None) -> Relation:
        """Return a query bound: SELECT, UNION, or one in parentheses."""
        with self._named(node.args.get("with_")):
            if isinstance(node, exp.Select):
                check_said(node, exp.Select)
                return self.select(node, outer)
            if isinstance(node, exp.SetOperation):
                check_said(node, exp.SetOperation)
                return self.cut(self.combined(node, outer), node)
            if isinstance(node, exp.Subquery):
                return self.cut(self.query(node.this, outer), node)
        raise problem("Here must stand a SELECT.", node)

    @contextmanager
    def _named(self, node: exp.Expression | None) -> Iterator[None]:
        """Keep what WITH names while its query is bound; each use binds it anew."""
        found: dict[str, exp.Expression] = {}
        if node is not None and node.args.get("recursive"):
            raise problem("WITH RECURSIVE is not supported.", node)
        for cte in node.expressions if node is not None else ():
            if cte.args["alias"].args.get("columns"):
                raise problem("Columns behind the name in WITH are not supported.", cte, "Name them in its SELECT.")
            found[cte.alias.lower()] = cte.this
        self._ctes.append(found)
        try:
            yield
        finally:
            self._ctes.pop()

    def select(self, node: exp.Select, outer: Scope | None) -> Relation:
        """Return SELECT bound."""
        scope = Scope(outer=outer)
        source, joins = self.sources(node, scope)
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
        given = [self.group_key(item, items, scope) for item in (group.expressions if group is not None else ())]
        own = {str(cell.tree.args["table"]) for source in scope.sources for cell in source.cells.values()}
        for (_, value), found in zip(items, values, strict=True):
            check_grouped(found, [key.tree for key in given], own, value.node)
        for found in [*([kept] if kept is not None else []), *keys]:
            check_grouped(found, [key.tree for key in given], own, tree_place(items))
        return grouped(given, (values, kept, keys, tree), own, self.alias)

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

    def order_keys(self, node: exp.Select, scope: Scope, items: Sequence[tuple[str, Typed]]) -> list[exp.Expression]:
        """Return the keys of ORDER BY: a column's number, its name in SELECT, or an expression."""
        found: list[exp.Expression] = []
        order = node.args.get("order")
        for item in order.expressions if order else ():
            value = self.shown(item.this, items)
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
        keys = self.order_keys(node, Scope([source]), items)  # type: ignore[arg-type]
        if keys:
            tree.set("order", exp.Order(expressions=keys))
        self.limit(tree, node)
        return Relation(tree, relation.outputs)

    def cell(self, alias: str, number: int, column: Column, node: exp.Expression) -> Typed:
        """Return a column of a bound query."""
        tree = Cell(table=alias, name=f"c{number}", column=column, is_plain=True)
        return Typed(tree, column.type, node, column.is_nullable, column)

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

    # ---- FROM ----

    def sources(self, node: exp.Select, scope: Scope) -> tuple[exp.Expression | None, list[exp.Expression]]:
        """Return FROM and its joins; the scope gets what they name."""
        start = node.args.get("from_")
        if start is None:
            return None, []
        first = self.source(start.this, scope)
        joins: list[exp.Expression] = []
        for join in node.args.get("joins") or ():
            check_said(join, exp.Join)
            joins.append(self.join(join, scope))
        return first, joins

    def join(self, node: exp.Join, scope: Scope) -> exp.Expression:
        """Return one join."""
        side, kind = str(node.args.get("side") or "").upper(), str(node.args.get("kind") or "").upper()
        if side not in JOINS or kind not in ("", "INNER", "OUTER", "CROSS"):
            raise problem(f"{side or kind} JOIN is not supported.", node)
        before = list(scope.sources)
        source = self.source(node.this, scope)
        added = scope.sources[len(before) :]
        conditions = [self.condition(part, scope) for part in parts_of(node.args["on"])] if node.args.get("on") is not None else []
        if node.args.get("using"):
            if side in ("RIGHT", "FULL"):
                raise problem("USING goes with inner and left joins.", node, "Write ON.")
            conditions += [self.shared(name, before, added, node) for name in node.args["using"]]
        nullable = ([added] if side in ("LEFT", "FULL") else []) + ([before] if side in ("RIGHT", "FULL") else [])
        for item in (one for group in nullable for one in group):
            item.cells = {name: replace(cell, is_nullable=True, column=nullable_column(cell)) for name, cell in item.cells.items()}
        if not conditions:
            if side:
                raise problem(f"{side} JOIN needs ON.", node)
            return exp.Join(this=source, kind="CROSS")
        return exp.Join(this=source, side=side or None, kind="" if side else "INNER", on=all_of(conditions))

    def shared(self, name: exp.Expression, before: Sequence[Source], added: Sequence[Source], node: exp.Expression) -> exp.Expression:
        """Return the condition of one column of USING."""
        found = [[cell for source in group for cell in cells_of(source, name.name, ())] for group in (before, added)]
        if not found[0] or not found[1]:
            raise problem(f"USING needs {name.name} on both sides.", node)
        for source in added:
            source.shared.add(name.name.lower())
        return self.compare("eq", found[0][0], found[1][0], node).tree.copy()

    def source(self, node: exp.Expression, scope: Scope) -> exp.Expression:
        """Return a table, or a query in parentheses, of FROM."""
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            if not node.alias:
                raise problem("A query in FROM needs a name behind it.", node)
            return self.derived(node, node.alias, scope)
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            raise problem("In FROM stand tables and queries in parentheses, nothing else.", node)
        check_said(node, exp.Table)
        parts = tuple(str(part.name) for part in node.parts)
        if len(parts) == 1:
            for level in range(len(self._ctes) - 1, -1, -1):
                if parts[0].lower() in self._ctes[level]:
                    return self.named(parts[0], level, node, scope)
        return self.table(parts, node, scope)

    def named(self, name: str, level: int, node: exp.Table, scope: Scope) -> exp.Expression:
        """Return what WITH names, bound as it was in sight there: without itself and what follows it."""
        visible = self._ctes[level]
        kept = dict(list(visible.items())[: list(visible).index(name.lower())])
        stack, self._ctes = self._ctes, [*self._ctes[:level], kept]
        try:
            return self.derived(exp.Subquery(this=visible[name.lower()]), node.alias or name, scope)
        finally:
            self._ctes = stack

    def derived(self, node: exp.Subquery, name: str, scope: Scope) -> exp.Expression:
        """Return a query as a table."""
        relation = self.query(node, scope.outer)
        alias = self.alias()
        names = [output.name.lower() for output in relation.outputs]
        twice = next((output.name for output in relation.outputs if names.count(output.name.lower()) > 1), None)
        if twice is not None:
            raise problem(f"The query has two columns {twice}.", node, "Write AS and another name behind one of them.")
        cells = {output.name: self.cell(alias, number, output.column, node) for number, output in enumerate(relation.outputs, 1)}
        scope.sources.append(Source((name,), cells))
        return named_query(relation.tree, alias)

    def table(self, parts: tuple[str, ...], node: exp.Table, scope: Scope) -> exp.Expression:
        """Return a table of a connection."""
        if len(self.tables) >= MOST_TABLES:
            raise problem(f"This reads more than {MOST_TABLES} tables.", node)
        try:
            found = self.names.find(parts)
        except SourceRejected as error:
            raise problem(error.message, node, error.hint) from error
        if found is None:
            known = self.names.known(parts)
            hint = f"Did you mean {known[0]}?" if known else "See SELECT * FROM sys_tables."
            raise problem(f"There is no table {'.'.join(parts)}.", node, hint)
        alias = self.alias()
        self.tables[alias] = found
        words = [part.meta for part in node.parts if "start" in part.meta]
        if words:
            self.places.append((int(words[0]["start"]), int(words[-1]["end"]) + 1, found))
        cells = {
            column.name: Typed(Cell(table=alias, name=column.name, column=column), column.type, node, column.is_nullable, column)
            for column in found.table.columns
        }
        ref = found.table.ref
        path = (node.alias,) if node.alias else (found.connection, ref.schema, ref.name) if ref.schema else (found.connection, ref.name)
        costly = frozenset(column.name for column in found.table.columns if column.is_costly)
        scope.sources.append(Source(path, cells, costly))
        return table(ref.schema, ref.name, alias)


def check_said(node: exp.Expression, kind: type[exp.Expr]) -> None:
    """Raise for anything that a node says beyond what is bound."""
    for name, value in node.args.items():
        if value and name not in ALLOWED[kind]:
            word = name.rstrip("_").upper().replace("_", " ")
            raise problem(f"{word} is not supported in this SQL.", node)


def parts_of(node: exp.Expression) -> list[exp.Expression]:
    """Return the conditions that AND joins."""
    while isinstance(node, exp.Paren):
        node = node.this
    return [part for item in flat(node) for part in parts_of(item)] if isinstance(node, exp.And) else [node]


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


def nullable_column(cell: Typed) -> Column:
    """Return the column of the far side of an outer join."""
    return replace(shape_of(cell.column) if cell.column else Column(""), is_nullable=True, name=cell.column.name if cell.column else "")


def ordinal(node: exp.Literal, count: int) -> int:
    """Return the place that a number in ORDER BY or GROUP BY means."""
    text = str(node.this)
    if not text.isdigit() or not 1 <= int(text) <= count:
        raise problem(f"There is no column number {text}.", node)
    return int(text) - 1


def tree_place(items: Sequence[tuple[str, Typed]]) -> exp.Expression:
    """Return a node that knows where the statement stands."""
    return items[0][1].node
