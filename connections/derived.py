"""Derived views: the columns of a SELECT over one connection, as a table that resources publish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlglot import exp

from connections.contract.errors import BadValue, SourceRejected
from connections.contract.table import Column, Table, TableRef
from connections.engine.view_sql import SqlRefused, checked_select, tree_of
from connections.models import Connection
from connections.services import session_for

# Stands where a table's name does, in messages too: "the SELECT has no column ...".
REF = TableRef("", "the SELECT")
UNNAMED = "?column?"  # PostgreSQL's name of a column without one
LONGEST_REASON = 300


def describe_view(connection: Connection, sql: str) -> Table:
    """Return the view as its source describes it now; raise SqlRefused for SQL that can't be published."""
    session = session_for(connection.pk)
    text = checked_select(sql, session.dialect.name)
    try:
        columns = session.describe_select(text)
    except (SourceRejected, BadValue) as error:
        raise SqlRefused(f"The database refuses the SQL: {reason_of(error)}.", hint="Try it in the database's own tool first.") from error
    check_names(columns)
    return Table(ref=REF, kind="view", columns=columns)


def reads(sql: str, dialect: str, ref: TableRef) -> bool:
    """Claim that the view reads the table; a name without a schema means any of that name."""
    tree = tree_of(sql, dialect)
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = [(table.db.lower(), table.name.lower()) for table in tree.find_all(exp.Table) if table.db or table.name.lower() not in own]
    return any(name == ref.name.lower() and schema in ("", ref.schema.lower()) for schema, name in tables)


def check_names(columns: tuple[Column, ...]) -> None:
    """Raise for columns without a name, and for two of the same name."""
    for number, column in enumerate(columns, 1):
        if column.name.strip() in ("", UNNAMED):
            raise SqlRefused(f"Column {number} of the SQL has no name.", hint="Write AS and a name behind it.")
    twice = next(repeated(columns), None)
    if twice is not None:
        raise SqlRefused(f"Two columns of the SQL have the name {twice}.", hint="Write AS and another name behind one of them.")


def repeated(columns: tuple[Column, ...]) -> Iterator[str]:
    """Give the names that several columns have; SQLite numbers the second (`id:1`)."""
    names = {column.name for column in columns}
    yield from (name for name, count in Counter(column.name for column in columns).items() if count > 1)
    for column in columns:
        first, colon, number = column.name.rpartition(":")
        if colon and number.isdigit() and first in names:
            yield first


def reason_of(error: Exception) -> str:
    """Return the database's own first line: who writes the SQL needs it; otherwise our words."""
    cause = error.__cause__
    texts = [item for item in cause.args if isinstance(item, str)] if cause is not None else []
    text = texts[-1] if texts else str(error)
    return (text.strip().splitlines() or [""])[0].rstrip(".")[:LONGEST_REASON]
