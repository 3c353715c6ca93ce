"""FROM of people's SQL: tables of connections, queries in parentheses, what WITH names, joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlglot import exp

from connections.contract.errors import SourceRejected
from connections.contract.table import Column
from connections.engine.nodes import all_of, table
from connections.engine.sql_expressions import Expressions, cells_of, flat, named_query
from connections.engine.sql_literals import shape_of
from connections.engine.sql_nodes import Cell, Found, Names, Scope, Source, Typed
from connections.engine.sql_reader import problem

MOST_TABLES = 60
JOINS = frozenset({"", "LEFT", "RIGHT", "FULL"})
# What each node may say; anything else is refused.
ALLOWED: dict[type[exp.Expr], set[str]] = {
    exp.Select: {"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_", "kind"},
    exp.SetOperation: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
    exp.Subquery: {"this", "alias", "order", "limit", "offset", "with_"},
    exp.Table: {"this", "db", "catalog", "alias"},
    exp.Join: {"this", "on", "using", "side", "kind"},
    exp.Group: {"expressions"},
}


class Sources(Expressions):
    """Binds what rows come from."""

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


def nullable_column(cell: Typed) -> Column:
    """Return the column of the far side of an outer join."""
    return replace(shape_of(cell.column) if cell.column else Column(""), is_nullable=True, name=cell.column.name if cell.column else "")
