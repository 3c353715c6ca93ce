"""Statements bound to their sources: what of their columns is a table's, by which key, and why rows are none of one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlglot import exp

from apiserver.jobs.moving_order import JobError, Order
from apiserver.jobs.moving_reading import Reading
from apiserver.jobs.replicate import whole
from connections import patient, services
from connections.contract.exact_types import marked
from connections.contract.table import Column, TableRef
from connections.engine.sql_nodes import Bound, Cell, Found
from connections.engine.sql_queries import aggregated, bind_parsed
from connections.engine.sql_reader import Parsed, parse
from connections.engine.sql_windows import is_aggregate
from connections.models import Connection
from connections.sql_names import StoredNames


class TaskNames(StoredNames):
    """Tables as they are at the moment, by sessions for long work."""

    def find(self, parts: Sequence[str]) -> Found | None:
        """Return the table; a list of tables that lacks it is read anew."""
        found = super().find(parts)
        if found is None and self.default is not None:
            services.list_tables(self.default, now=self.now, refresh=True)
            found = super().find(parts)
        return found

    def others(self, wanted: Sequence[str]) -> list[Connection]:
        """Return the connection that is named: a table that the job's source has no more is not that of another, least of all the copy."""
        is_named = len(wanted) > 1 and any(item.name.lower() == wanted[0] for item in self.connections)
        return super().others(wanted) if is_named or self.default is None else []

    def described(self, connection: Connection, ref: TableRef) -> Found:
        """Return a table as it is now."""
        self.used[connection.name] = connection
        session = patient.session_for(connection.pk)
        found = session.describe([ref])[0]
        if getattr(session.dialect, "name", "") == "postgresql":
            found = replace(found, columns=tuple(map(marked, found.columns)))
        return Found(connection.name, session, found)


def reading_of(order: Order, *, now: datetime) -> Reading:
    """Return what a task reads; raise SqlProblem, or the source's error, for what can't be read."""
    default = Connection.objects.filter(pk=order.source).first() if order.source is not None else None
    if order.source is not None and default is None:
        raise JobError("The job's source was deleted.", hint="Choose another one.")
    parsed = parse(order.statement.query or whole(order.statement.source))
    bound = bind_parsed(parsed, TaskNames(now=now, default=default), now=now)
    return bound_reading(bound, parsed)


def bound_reading(bound: Bound, parsed: Parsed) -> Reading:
    """Return a bound statement with what is known of its rows."""
    columns = shown(bound)
    reason = why_not_rowwise(parsed.tree, bound)
    if reason:
        return Reading(bound, columns, reason=reason)
    ((alias, found),) = bound.tables.items()
    places = {
        str(item.this.args["name"]): place
        for place, item in reversed(list(enumerate(bound.tree.expressions)))
        if isinstance(item.this, Cell) and item.this.args["table"] == alias
    }
    reading = Reading(bound, columns, found.table, alias, places=places)
    keys = [key for key in (found.table.primary_key, *found.table.unique_keys) if key]
    reading.key = next((key for key in keys if all(name in places for name in key)), ())
    return reading


def shown(bound: Bound) -> tuple[Column, ...]:
    """Return the columns of a statement's rows; those of a table have its comments, which may tell a type."""
    comments = [""] * len(bound.outputs)
    for place, item in enumerate(bound.tree.expressions if isinstance(bound.tree, exp.Select) else ()):
        if isinstance(item.this, Cell):
            comments[place] = item.this.args["column"].comment
    return tuple(replace(item.column, name=item.name, comment=told) for item, told in zip(bound.outputs, comments, strict=True))


def why_not_rowwise(tree: exp.Expression, bound: Bound) -> str:
    """Return why rows of a statement are no rows of one table; '' where they are."""
    if not isinstance(tree, exp.Select) or not isinstance(bound.tree, exp.Select) or tree.args.get("with_"):
        return "the query brings several queries together"
    if len(bound.tables) != 1 or tree.args.get("joins") or list(tree.find_all(exp.Select))[1:]:
        return "the query reads more than one table"
    if tree.args.get("group") or tree.args.get("having") or any(is_aggregate(item) for item in aggregated(tree)):
        return "the query groups rows"
    if any(tree.args.get(name) for name in ("distinct", "limit", "offset", "qualify")) or tree.find(exp.Window):
        return "the query chooses among its rows"
    return "" if isinstance(bound.tree.args["from_"].this, exp.Table) else "the query reads another query"
