"""Whether a stored connection does what the contract says: its tables described, the first rows of each, pushdown on and off alike.

`manage.py check_connector` tells it. Reads only.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connections import services
from connections.contract.connector import Session
from connections.contract.errors import ConnectorError, SourceRejected, TooCostly
from connections.contract.scan import Compare, Grade, Scan
from connections.contract.table import Column, Table, TableRef
from connections.engine.budget import Limits
from connections.engine.nodes import Bind, Fn, Read, fn, select
from connections.engine.nodes import table as named
from connections.engine.rows_plan import row_plan
from connections.engine.session import EngineSession
from connections.models import Connection

ROWS = 5  # of the first page that are looked at
COLUMNS = 4  # of a table that pushdown is tried on
# Enough for a table of a few thousand rows; a larger one is not read whole for a check.
WHOLE = Limits(source_calls=30, source_rows=5000, source_memory=64)
OPERATORS = ("eq", "ge")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one table."""

    table: str
    step: str  # describe | read | pushdown
    ok: bool
    seconds: float
    message: str = ""
    hint: str = ""


def conformance(connection: Connection, *, most: int, only: Sequence[str] = ()) -> Iterator[Finding]:
    """Give what is found of each table, at most `most` of them; stops at the list of tables when that fails."""
    started = time.monotonic()
    try:
        session = services.session_for(connection.pk)
        listed = [info.ref for info in session.list_tables()]
    except ConnectorError as failed:
        yield Finding("", "tables", False, time.monotonic() - started, failed.message, failed.hint)
        return
    refs = [ref for ref in listed if not only or str(ref) in only or ref.name in only]
    for name in only:
        if not any(name in (str(ref), ref.name) for ref in listed):
            yield Finding(name, "tables", False, 0.0, f"There is no table {name} in the database.", "Check schema and table name.")
    for ref in refs[:most]:
        yield from of_table(connection, session, ref)
    if len(refs) > most:
        yield Finding("", "tables", True, 0.0, f"{len(refs) - most} more tables were not looked at")


def of_table(connection: Connection, session: Session, ref: TableRef) -> Iterator[Finding]:
    """Give what is found of one table; what fails ends it."""
    started = time.monotonic()
    step = "describe"
    try:
        table = session.describe([ref])[0]
        if wrong := ill_described(table):
            yield Finding(str(ref), step, False, time.monotonic() - started, wrong)
            return
        if demanded := [column.name for column in table.columns if column.is_demanded]:
            yield Finding(str(ref), step, True, time.monotonic() - started, f"not read: asks for a value of {', '.join(demanded)}")
            return
        step = "read"
        try:
            _, rows = services.preview(connection, ref, limit=ROWS)
        except (SourceRejected, TooCostly) as refused:
            if isinstance(session, EngineSession) and is_fanned(session, table):
                yield Finding(str(ref), step, True, time.monotonic() - started, f"not read: {refused.message}")
                return
            raise
        yield Finding(
            str(ref), step, True, time.monotonic() - started, f"{len(rows)} rows" + (f"; {table.partial}" if table.partial else "")
        )
        if isinstance(session, EngineSession) and rows and not table.partial:  # what can't be read to its end can't be compared
            step = "pushdown"
            yield from of_pushdown(session, table, rows)
    except ConnectorError as failed:
        yield Finding(str(ref), step, False, time.monotonic() - started, failed.message, failed.hint)


def is_fanned(session: EngineSession, table: Table) -> bool:
    """Claim that the source says it reads the table parent by parent: that takes more calls than a check is worth."""
    lines = session.rows.offer(Scan(table, table.primary_key, limit=1)).explain
    return any(line.startswith("for each row of ") for line in lines)


def ill_described(table: Table) -> str:
    """Return what is wrong with a description, or ''."""
    if not table.columns:
        return "the table has no columns"
    named_twice = [name for name, count in Counter(column.name for column in table.columns).items() if count > 1]
    lost = [name for name in (*table.primary_key, *([table.check_column] if table.check_column else ())) if name not in table.by_name]
    nullable = [name for name in table.primary_key if name in table.by_name and table.by_name[name].is_nullable]
    for names, text in ((named_twice, "columns named twice"), (lost, "key or check column missing"), (nullable, "key may be null")):
        if names:
            return f"{text}: {', '.join(names)}"
    return ""


def of_pushdown(session: EngineSession, table: Table, rows: Sequence[Sequence[Any]]) -> Iterator[Finding]:
    """Compare answers with pushdown on and off for values that the first rows hold."""
    if is_fanned(session, table):
        yield Finding(str(table.ref), "pushdown", True, 0.0, "not compared: it is read parent by parent")
        return
    bare = EngineSession(session.rows, limits=lambda: WHOLE, pushdown=False)
    pushing = EngineSession(session.rows, limits=lambda: WHOLE)
    for column, operator, value in trials(session, table, rows):
        started = time.monotonic()
        what = f"{column.name} {operator}"
        try:
            with_it, without = (found(each, table, column, operator, value) for each in (pushing, bare))
        except TooCostly:
            yield Finding(
                str(table.ref), "pushdown", True, time.monotonic() - started, "not compared: the table is too large to be read whole"
            )
            return
        ok = with_it == without
        message = f"{what}: {with_it.total()} rows" if ok else f"{what}: {with_it.total()} rows with pushdown, {without.total()} without"
        yield Finding(str(table.ref), "pushdown", ok, time.monotonic() - started, message)


def trials(session: EngineSession, table: Table, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Column, str, Any]]:
    """Give comparisons that the source says it does some of, with a value of the first rows each."""
    tried = 0
    for place, column in enumerate(table.columns):
        values = [row[place] for row in rows if row[place] is not None]
        if column.is_costly or not values or tried == COLUMNS:
            continue
        taken = [operator for operator in OPERATORS if grade(session, table, column, operator, values[-1]) is not Grade.NO]
        tried += bool(taken)
        yield from ((column, operator, values[-1]) for operator in taken)


def grade(session: EngineSession, table: Table, column: Column, operator: str, value: Any) -> Grade:
    """Return what the source says it does of a comparison."""
    return session.rows.offer(Scan(table, (column.name,), (Compare(column.name, operator, value),))).grades[0]


def found(session: EngineSession, table: Table, column: Column, operator: str, value: Any) -> Counter[str]:
    """Return the rows that meet a comparison, in any order."""
    shown = [Read(table="t", column=item.name, template="{0}") for item in table.columns if not item.is_costly]
    tree = select(shown, named(table.ref.schema, table.ref.name, "t"))
    condition: Fn = fn(operator, Read(table="t", column=column.name, template="{0}"), Bind(slot=0, template="{0}"))
    tree = tree.where(condition, copy=False)
    result = session.select(row_plan(tree), [value])
    try:
        return Counter(repr(tuple(row)) for batch in result.batches for row in batch)
    finally:
        result.close()
