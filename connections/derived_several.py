"""Derived views over any connections: their columns, a session that serves them, whether a key names one row each."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from connections.contract.errors import TooCostly
from connections.contract.table import Table
from connections.engine.session import EngineSession
from connections.engine.sql_nodes import Bound, Found
from connections.engine.sql_plan import Plan
from connections.engine.sql_queries import bind
from connections.engine.sql_reader import SqlProblem
from connections.engine.view_rows import KnownNames, ViewRows, repeated, table_of
from connections.models import Connection
from connections.opening import limits
from connections.sql_names import StoredNames
from connections.sql_running import Running


def rows_of(sql: str, key: Sequence[str] = ()) -> ViewRows:
    """Return the view as a source."""
    return ViewRows(sql, KnownNames(lambda: StoredNames(now=timezone.now())), now=timezone.now, limits=limits, key=key)


def qualified(text: str, connection: Connection) -> str:
    """Return the SQL with each table under its whole name: what is meant must not hang on the connection at hand."""
    places = {(start, end): found for start, end, found in bind_now(text, connection).places}
    for (start, end), found in sorted(places.items(), reverse=True, key=lambda item: item[0]):
        text = text[:start] + whole_name(found, text[start:end], connection) + text[end:]
    return text


def bind_now(text: str, connection: Connection) -> Bound:
    """Return the SQL bound with a connection at hand."""
    now = timezone.now()
    return bind(text, StoredNames(now=now, default=connection), now=now)


def whole_name(found: Found, written: str, connection: Connection) -> str:
    """Return a table's name with those of its connection and schema; a sys_* table keeps the connection that is written."""
    ref = found.table.ref
    if not found.connection and "." in written:
        return written
    parts = (found.connection or connection.name, ref.schema, ref.name)
    return ".".join(f"[{part.replace(']', ']]')}]" for part in parts if part)


def describe_several(sql: str) -> Table:
    """Return the view as its sources describe it now; raise SqlProblem for SQL that can't be published."""
    return table_of(rows_of(sql).bound())


def session_of(sql: str, key: Sequence[str]) -> EngineSession:
    """Return the session that serves a view."""
    return EngineSession(rows_of(sql, key), limits=limits)


def check_key(sql: str, key: Sequence[str], number: str) -> bool:
    """Raise SqlProblem where two rows have the same key, or one has none; False when there are too many rows to tell."""
    bound = rows_of(sql).bound()
    with Running(number) as running:
        plan = Plan(repeated(bound, key), limits(), running.check, running.watch)
        try:
            found = [row for batch in plan.batches() for row in batch]
        except TooCostly:
            return False
    if found:
        hint = "Choose columns that name a row together."
        raise SqlProblem(f"Several rows have the same {', '.join(key)}, or a row has none.", hint=hint)
    return True
