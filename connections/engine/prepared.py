"""A tree made ready for its session: SQL text for databases, a plan of scans for sources that give rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from connections.contract.dialect import Dialect
from connections.engine.budget import always
from connections.engine.dialect_duckdb import DUCKDB
from connections.engine.printer import Statement, print_statement
from connections.engine.rows_plan import RowPlan, row_plan

Prepared = Statement | RowPlan


def gives_rows(dialect: Dialect) -> bool:
    """Claim that the source gives rows and takes no SQL."""
    return dialect is DUCKDB


def prepared(tree: exp.Select, dialect: Dialect) -> Prepared:
    """Return the statement as the session runs it; raise NotSupported for what the source can't do."""
    return row_plan(tree) if gives_rows(dialect) else print_statement(tree, dialect)


def ask(
    session: Any,
    statement: Prepared,
    values: Sequence[Any],
    *,
    stream: int,
    as_bytes: bool = False,
    check_time: Callable[[], None] = always,
) -> Any:
    """Run a statement on its session, with rows so many at a time or (0) all at once; `close` of the answer must be called.

    `as_bytes`: values as the source writes them, from one that writes JSON.
    """
    if isinstance(statement, RowPlan):
        return session.select(statement, values, check_time=check_time)
    if as_bytes:
        return session.query(statement.sql, values, batch_size=stream or 1, stream=bool(stream), as_bytes=True)
    if stream:
        return session.query(statement.sql, values, batch_size=stream, stream=True)
    return session.query(statement.sql, values)
