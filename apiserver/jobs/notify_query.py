"""The query of a job's notifications: run when a run ends, its columns are words that subject and text fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from apiserver.jobs.moving_binding import TaskNames, shown
from apiserver.jobs.moving_reading import Reading
from apiserver.jobs.report import table
from connections.engine.sql_queries import bind_parsed
from connections.engine.sql_reader import parse
from connections.models import Connection
from connections.sql_names import StoredNames

MOST_ROWS = 20
LONGEST_CELL = 500  # characters
ROWS = "queryrows"


class QueryNames(TaskNames):
    """Tables as of a task, by sessions for questions: who waits for the end of a run waits no longer than for a page."""

    described = StoredNames.described


@dataclass(frozen=True, slots=True)
class Found:
    """The first rows of the query, as texts."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def data(self) -> dict[str, Any]:
        """Return this as JSON has it."""
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}

    @classmethod
    def of(cls, data: Mapping[str, Any] | None) -> Found:
        """Return what `data` gave; nothing of None."""
        return cls(tuple(data["columns"]), tuple(tuple(row) for row in data["rows"])) if data else cls()

    def values(self) -> dict[str, str]:
        """Return the words of the query by their lower-case names: a column is its value in the first row, '' where there is none."""
        first = self.rows[0] if self.rows else ("",) * len(self.columns)
        return {name.lower(): value for name, value in zip(self.columns, first, strict=True)}

    def markdown(self) -> str:
        """Return the rows as a table of Markdown, '' where there are none."""
        return "".join(table(self.columns, self.rows)).rstrip() if self.rows else ""


def asked(query: str, destination: Connection, *, now: datetime) -> Found:
    """Return the first rows of a query over the destination, or a connection that it names; raise SqlProblem or the source's error."""
    bound = bind_parsed(parse(query), QueryNames(now=now, default=destination), now=now)
    columns = shown(bound)
    pages = Reading(bound, columns).pages()
    try:
        rows = tuple(tuple(cell(value) for value in row) for row in islice((row for page in pages for row in page), MOST_ROWS))
    finally:
        pages.close()  # type: ignore[attr-defined]
    return Found(tuple(column.name for column in columns), rows)


def cell(value: Any) -> str:
    """Return a value as people read it, cut."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)[:LONGEST_CELL]
