"""A statement beside its source, for pages: the table that it reads, the columns that it gives, what is wrong with it and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from apiserver.jobs.replicate import Replicate, padded, replicate, whole
from connections import sql_explorer
from connections.contract.errors import ConnectorError
from connections.contract.table import Table
from connections.engine.sql_nodes import Bound, Output
from connections.engine.sql_queries import bind
from connections.engine.sql_reader import SqlProblem
from connections.models import Connection
from connections.sql_names import StoredNames

FIRST_ROWS = 20
WORD = re.compile(r"""\[[^\]]*\]|"[^"]*"|`[^`]*`|\w+|\S""")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a statement reads. `table`: where it is one, joined with none; `failure`: why the source could not be asked."""

    statement: Replicate
    table: Table | None = None
    outputs: tuple[Output, ...] = ()
    notes: Sequence[str] = ()
    failure: ConnectorError | None = None


def look(text: str, source: Connection | None) -> Looked:
    """Return what a statement reads; raise SqlProblem for what can't be run as it is written."""
    statement = replicate(text)
    try:
        bound = bound_of(text, statement, source)
    except SqlProblem:
        raise
    except ConnectorError as error:
        return Looked(statement, failure=error)
    tables = [found.table for found in bound.tables.values()]
    return Looked(statement, tables[0] if len(tables) == 1 else None, bound.outputs, bound.notes)


def bound_of(text: str, statement: Replicate, source: Connection | None) -> Bound:
    """Return what a statement reads, bound; errors say where they are in the statement."""
    names = StoredNames(now=timezone.now(), default=source)
    if statement.query:
        return bind(padded(text, statement.query), names, now=timezone.now())
    try:
        return bind(whole(statement.source), names, now=timezone.now())
    except SqlProblem as error:
        raise SqlProblem(error.bare, at=place_of(text, statement.source[-1]), hint=error.hint) from error


def place_of(text: str, name: str) -> tuple[int, int]:
    """Return line and column of the last place where a name stands."""
    before = text[: max(0, text.lower().rfind(name.lower()))]
    return before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1


def first_rows(text: str, source: Connection | None, *, number: str) -> sql_explorer.Answer:
    """Return the first rows of what a statement reads; raise ConnectorError."""
    statement = replicate(text)
    query = padded(text, statement.query) if statement.query else whole(statement.source)
    return sql_explorer.run(query, source, now=timezone.now(), number=number, most=FIRST_ROWS)


def marked(text: str, problem: SqlProblem) -> tuple[str, str, str] | None:
    """Return the line where a problem is: up to there, the word, and what follows; None where it is nowhere in particular."""
    lines = text.splitlines()
    if not 0 < problem.line <= len(lines):
        return None
    line, begun = lines[problem.line - 1], max(0, problem.column - 1)
    word = WORD.match(line, begun)
    end = word.end() if word else begun
    return line[:begun], line[begun:end] or " ", line[end:]
