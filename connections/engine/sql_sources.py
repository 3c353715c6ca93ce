"""FROM of people's SQL: tables of connections, queries in parentheses, what WITH names, joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlglot import exp

from connections.contract.errors import SourceRejected
from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type
from connections.engine.nodes import all_of, fn, select, table
from connections.engine.sql_expressions import Expressions, aliased, cells_of, flat, named_query
from connections.engine.sql_literals import common, shape_of
from connections.engine.sql_nodes import Cell, Found, Names, Output, Relation, Scope, Source, Typed
from connections.engine.sql_reader import problem
from connections.engine.sql_state import converted

MOST_TABLES = 60
MOST_ROWS = 200  # of VALUES
JOINS = frozenset({"", "LEFT", "RIGHT", "FULL"})
# What each node may say; anything else is refused.
ALLOWED: dict[type[exp.Expr], set[str]] = {
    exp.Select: {
        "expressions",
        "from_",
        "joins",
        "where",
        "group",
        "having",
        "order",
        "limit",
        "offset",
        "distinct",
        "with_",
        "kind",
        "qualify",
    },
    exp.SetOperation: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
    exp.Subquery: {"this", "alias", "order", "limit", "offset", "with_"},
    exp.Table: {"this", "db", "catalog", "alias"},
    exp.Join: {"this", "on", "using", "side", "kind"},
    exp.Group: {"expressions", "rollup", "cube", "all"},
}


@dataclass(frozen=True, slots=True)
class Named:
    """A query of WITH; a recursive one is bound already, under its own alias."""

    query: exp.Expression
    columns: tuple[str, ...] = ()
    alias: str = ""
    outputs: tuple[Output, ...] = ()


class Sources(Expressions):
    """Binds what rows come from."""

    def __init__(self, names: Names, now: datetime) -> None:
        super().__init__(now)
        self.names = names
        self.tables: dict[str, Found] = {}
        self.notes: list[str] = []
        self.places: list[tuple[int, int, Found]] = []
        self._aliases = 0
        self.recursives: list[exp.Expression] = []
        self._ctes: list[dict[str, Named]] = []

    def alias(self) -> str:
        """Return a fresh name of a table."""
        self._aliases += 1
        return f"s{self._aliases}"

    def cell(self, alias: str, number: int, column: Column, node: exp.Expression) -> Typed:
        """Return a column of a bound query."""
        tree = Cell(table=alias, name=f"c{number}", column=column, is_plain=True)
        return Typed(tree, column.type, node, column.is_nullable, column)

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
        if isinstance(node.this, exp.Lateral) and node.this.args.get("cross_apply") is False:
            side = "LEFT"
        if is_apart(node.this) and side in ("RIGHT", "FULL"):
            raise problem(f"{side} JOIN LATERAL is not supported.", node)
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
            item.become_nullable()
        if is_apart(node.this) and not (conditions and side != "LEFT"):
            return exp.Join(this=source, side=side or None, kind="" if side else "INNER", on=all_of(conditions) or exp.true())
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
            return self.derived(node, node.args["alias"], scope)
        if isinstance(node, exp.Values):
            if not node.alias:
                raise problem("VALUES in FROM needs a name behind it.", node)
            return self.derived(exp.Subquery(this=node), node.args["alias"], scope)
        if isinstance(node, exp.Lateral):
            return self.lateral(node, scope)
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            raise problem("In FROM stand tables and queries in parentheses, nothing else.", node)
        check_said(node, exp.Table)
        parts = tuple(str(part.name) for part in node.parts)
        if node.args.get("alias") is not None and node.args["alias"].args.get("columns"):
            raise problem("Columns behind a table's name are not supported.", node, "Name them in SELECT.")
        if len(parts) == 1:
            for level in range(len(self._ctes) - 1, -1, -1):
                if parts[0].lower() in self._ctes[level]:
                    return self.named(parts[0], level, node, scope)
        return self.table(parts, node, scope)

    def named(self, name: str, level: int, node: exp.Table, scope: Scope) -> exp.Expression:
        """Return what WITH names, bound as it was in sight there: without itself and what follows it."""
        visible = self._ctes[level]
        known = visible[name.lower()]
        alias = exp.TableAlias(this=exp.to_identifier(node.alias or name), columns=[exp.to_identifier(item) for item in known.columns])
        if known.outputs:
            return self.again(known, alias, scope)
        kept = dict(list(visible.items())[: list(visible).index(name.lower())])
        stack, self._ctes = self._ctes, [*self._ctes[:level], kept]
        try:
            return self.derived(exp.Subquery(this=known.query), alias, scope)
        finally:
            self._ctes = stack

    def again(self, known: Named, name: exp.TableAlias, scope: Scope) -> exp.Expression:
        """Return a query that WITH RECURSIVE names: a table that is made while it runs."""
        alias = self.alias()
        cells = {output.name: self.cell(alias, number, output.column, name) for number, output in enumerate(known.outputs, 1)}
        scope.sources.append(Source((name.name,), cells))
        return table("", known.alias, alias)

    def recursive(self, node: exp.CTE, level: dict[str, Named], known: Named) -> Named:
        """Return WITH RECURSIVE bound: its first part gives the columns, its second reads what was found last."""
        union = node.this
        if not isinstance(union, exp.Union) or any(union.args.get(part) for part in ("order", "limit", "offset", "with_")):
            raise problem(f"{node.alias} must be two SELECTs with UNION or UNION ALL between them.", node)
        key = node.alias.lower()
        del level[key]
        first = self.query(union.this, None)
        columns = tuple(wider(output.column) for output in first.outputs)
        names = renamed([output.name for output in first.outputs], known.columns, node)
        outputs = tuple(Output(name, column) for name, column in zip(names, columns, strict=True))
        level[key] = found = Named(union, (), f"r{len(self.recursives) + 1}", outputs)
        place = len(self.recursives)
        second = self.query(union.expression, None)
        if len(self.recursives) != place:
            raise problem("A recursive query within a recursive one is not supported.", node)
        if len(second.outputs) != len(outputs):
            raise problem(f"The two sides have {len(outputs)} and {len(second.outputs)} columns.", union)
        sides = [self.as_columns(side, columns, union) for side in (first, second)]
        tree = exp.Union(this=sides[0], expression=sides[1], distinct=bool(union.args.get("distinct")))
        inner = [exp.to_identifier(f"c{number}", quoted=True) for number in range(1, len(outputs) + 1)]
        alias = exp.TableAlias(this=exp.to_identifier(found.alias, quoted=True), columns=inner)
        self.recursives.append(exp.CTE(this=tree, alias=alias))
        return found

    def as_columns(self, relation: Relation, columns: Sequence[Column], node: exp.Expression) -> exp.Select:
        """Return a query with its columns in these types."""
        cells = [self.cell("q", number, output.column, node) for number, output in enumerate(relation.outputs, 1)]
        for cell, column in zip(cells, columns, strict=True):
            if cell.type is None or common({cell.type, column.type}) not in (column.type, Type.INT64):
                raise problem(f"A column of {column.type} can't go on with {cell.type}.", node, "CAST it in the first SELECT.")
        trees = [
            fn(f"cast_{column.type}", cell.tree) if column.type in NUMBERS else converted(cell, column.type)
            for cell, column in zip(cells, columns, strict=True)
        ]
        return select([aliased(tree, number) for number, tree in enumerate(trees, 1)], named_query(relation.tree, "q"))

    def derived(self, node: exp.Subquery, named: exp.TableAlias, scope: Scope, outer: Scope | None = None) -> exp.Subquery:
        """Return a query as a table."""
        relation = self.query(node, outer or scope.outer)
        alias = self.alias()
        names = renamed([output.name for output in relation.outputs], [item.name for item in named.args.get("columns") or ()], node)
        lowered = [name.lower() for name in names]
        twice = next((name for name in names if lowered.count(name.lower()) > 1), None)
        if twice is not None:
            raise problem(f"The query has two columns {twice}.", node, "Write AS and another name behind one of them.")
        cells = {
            name: self.cell(alias, number, output.column, node)
            for number, (name, output) in enumerate(zip(names, relation.outputs, strict=True), 1)
        }
        scope.sources.append(Source((named.name,), cells))
        return named_query(relation.tree, alias)

    def lateral(self, node: exp.Lateral, scope: Scope) -> exp.Expression:
        """Return LATERAL, CROSS APPLY, OUTER APPLY: a query for each row of what stands before it."""
        if not isinstance(node.this, exp.Subquery) or not node.alias or node.args.get("view") or node.args.get("ordinality"):
            raise problem("LATERAL and APPLY take a query in parentheses, with a name behind it.", node)
        before = Scope(list(scope.sources), scope.outer)
        found = self.derived(exp.Subquery(this=node.this.this), node.args["alias"], scope, before)
        return exp.Lateral(this=exp.Subquery(this=found.this), alias=found.args["alias"].copy())

    def values(self, node: exp.Values) -> Relation:
        """Return VALUES: rows of constants; its columns are called column1, column2 unless they get names behind it."""
        rows = [item.expressions if isinstance(item, exp.Tuple) else [item] for item in node.expressions]
        if len(rows) > MOST_ROWS or len({len(row) for row in rows}) > 1:
            raise problem(f"VALUES takes up to {MOST_ROWS} rows of one length.", node)
        bare = [[self.expression(value.this if isinstance(value, exp.Paren) else value, Scope()) for value in row] for row in rows]
        columns = [self.unified([row[place] for row in bare]) for place in range(len(bare[0]))]
        tree: exp.Expression | None = None
        for number in range(len(rows)):
            cells = [aliased(trees[number], place) for place, (trees, _, _) in enumerate(columns, 1)]
            one = exp.Select(expressions=cells)
            tree = one if tree is None else exp.Union(this=tree, expression=one, distinct=False)
        outputs = tuple(Output(f"column{n}", replace(column, is_nullable=null)) for n, (_, column, null) in enumerate(columns, 1))
        assert tree is not None
        return Relation(tree, outputs)

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


def is_apart(node: exp.Expression) -> bool:
    """Claim that a source is a query for each row of what stands before it."""
    return isinstance(node, exp.Lateral)


def names_itself(cte: exp.CTE) -> bool:
    """Claim that a query of WITH reads what it is itself."""
    return any(found.name.lower() == cte.alias.lower() and not found.db for found in cte.this.find_all(exp.Table))


def renamed(names: list[str], wanted: Sequence[str], node: exp.Expression) -> list[str]:
    """Return the names that stand behind a query, where there are some."""
    if wanted and len(wanted) != len(names):
        raise problem(f"There are {len(wanted)} names for {len(names)} columns.", node)
    return list(wanted) or names


def wider(column: Column) -> Column:
    """Return the column of a recursive query: its numbers grow."""
    kind = Type.INT64 if column.type in INTEGERS else Type.DOUBLE if column.type in FLOATS else column.type
    return replace(shape_of(column), type=kind, is_nullable=True, native_type="", scale=None, precision=None)
