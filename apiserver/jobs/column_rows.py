"""The tab Columns of a task: its statement as rows to tick, rename, compute, type and mark as key, and those rows as a statement again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from sqlglot import exp

from apiserver.jobs.replicate import Replicate, named, tokens_of, tree_of
from apiserver.jobs.replicate_columns import Line, is_name, lines_of, with_lines
from apiserver.jobs.replicate_types import column_of, type_text
from connections.contract.errors import ConnectorError, SourceRejected
from connections.contract.table import Column, Table


@dataclass(slots=True)
class Row:
    """One row of the tab. `column`: the source's, where it is one of its columns; `name`, `type`: at the destination, '' = as there."""

    expression: str
    name: str = ""
    type: str = ""
    is_chosen: bool = True
    is_key: bool = False
    column: Column | None = None
    problem: str = ""

    @property
    def source_type(self) -> str:
        """Return the type of the source's column as a statement would write it."""
        return "" if self.column is None or self.column.is_collection else type_text(self.column)

    @property
    def is_plain(self) -> bool:
        """Claim that the row is a column under its own name."""
        return self.column is not None and self.column.name == (self.name or self.column.name) and bool(bare(self.expression))


class WrongRows(SourceRejected):
    """Rows that make no statement; each says at `problem` why."""


def takes_all(statement: Replicate) -> bool:
    """Claim that the statement takes all columns, those too that the table gets later. Raise SourceRejected as lines_of does."""
    return any(line.is_all for line in lines_of(statement))


def rows_of(statement: Replicate, table: Table | None) -> list[Row]:
    """Return the rows: columns of the statement in its order, then those of the table that it leaves out."""
    by_name = {column.name.lower(): column for column in table.columns} if table else {}
    types = {column.name.lower(): type_text(column) for column in statement.columns}
    rows: list[Row] = []
    for line in lines_of(statement):
        if line.is_all and table:
            rows += [Row(named([c.name]), c.name, types.get(c.name.lower(), ""), column=c) for c in table.columns if not c.is_costly]
        else:
            rows.append(Row(line.expression, line.name, line.type, column=by_name.get(bare(line.expression).lower())))
    taken = {row.column.name for row in rows if row.column}
    rows += [Row(named([name]), name, is_chosen=False, column=column) for name, column in by_column(table) if name not in taken]
    keys = {name.lower() for name in statement.key or natural_key(statement, rows, table)}
    for row in rows:
        row.is_key = row.is_chosen and bool(row.name) and row.name.lower() in keys
    return rows


def by_column(table: Table | None) -> list[tuple[str, Column]]:
    """Return the columns of a table with their names."""
    return [(column.name, column) for column in table.columns] if table else []


def bare(expression: str) -> str:
    """Return the name of the column that an expression is, without its table's; '' where it is more than a column."""
    try:
        tokens = tokens_of(expression)
    except ConnectorError:
        return ""
    parts, dots = tokens[::2], tokens[1::2]
    is_column = len(tokens) % 2 == 1 and all(is_name(part) for part in parts) and all(dot.text == "." for dot in dots)
    return parts[-1].text if is_column else ""


def natural_key(statement: Replicate, rows: Sequence[Row], table: Table | None) -> tuple[str, ...]:
    """Return the source's key under its names at the destination; none where a row of the query is no row of the table."""
    if table is None or not keeps_rows(statement):
        return ()
    names = {row.column.name: row.name or row.column.name for row in rows if row.is_chosen and row.column}
    return tuple(names[part] for part in table.primary_key) if all(part in names for part in table.primary_key) else ()


def keeps_rows(statement: Replicate) -> bool:
    """Claim that each row of the query is a row of one table: it neither joins nor groups."""
    tree = tree_of(statement)
    is_plain = isinstance(tree, exp.Select) and not any(tree.args.get(part) for part in ("group", "distinct", "joins", "laterals"))
    return is_plain and tree.find(exp.AggFunc) is None


def statement_of(statement: Replicate, rows: Sequence[Row], table: Table | None, *, is_all: bool) -> Replicate:
    """Return the statement that the rows say; raise WrongRows. `is_all`: where nothing is said of the table's columns, take all of them."""
    chosen = [row for row in rows if row.is_chosen]
    check(chosen)
    lines = [Line(row.expression.strip(), row.name.strip()) for row in chosen]
    if is_all and table is not None:
        plain = [row for row in chosen if row.is_plain and row.column and not row.column.is_costly]
        every = {column.name for column in table.columns if not column.is_costly}
        names = [row.column.name for row in plain if row.column]
        if every == set(names) and len(names) == len(every):
            rest = [Line(row.expression.strip(), row.name.strip()) for row in chosen if row not in plain]
            lines = [Line("*", ""), *rest]
    columns = [column for row in chosen if row.type.strip() and (column := column_of(row.name.strip(), row.type))]
    ticked = tuple(row.name.strip() for row in chosen if row.is_key)
    natural = natural_key(replace(statement, key=()), chosen, table)
    key = () if {name.lower() for name in ticked} == {name.lower() for name in natural} else ticked
    return replace(with_lines(statement, lines, columns), key=key)


def check(chosen: Sequence[Row]) -> None:
    """Say at each row what is wrong with it; raise WrongRows when anything is."""
    seen: set[str] = set()
    for row in chosen:
        row.problem = problem_of(row, seen)
        seen.add(row.name.strip().lower())
    if any(row.problem for row in chosen):
        raise WrongRows("Nothing was stored: correct what is marked.")


def problem_of(row: Row, seen: set[str]) -> str:
    """Return what is wrong with a row, '' = nothing."""
    name = row.name.strip()
    if not row.expression.strip():
        return _("An expression is missing.")
    if not name and not row.expression.rstrip().endswith("*"):
        return _("A column that is computed needs a name.")
    if name.lower() in seen and name:
        return _("Another column has this name.")
    if row.type.strip() and column_of(name, row.type) is None:
        return _("This is no type.")
    return _("A key has a name.") if row.is_key and not name else ""
