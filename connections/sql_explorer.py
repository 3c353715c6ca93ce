"""What the SQL page does: run a SELECT over any connections, explain it, keep what was run. Everything only reads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from apiserver.server import audit
from apiserver.server.csv_lines import line
from apiserver.server.models import Audit
from connections.cells import text_of
from connections.contract.errors import SourceRejected
from connections.contract.hearing import Heard, listening
from connections.contract.table import Column
from connections.contract.unsayable import Unsayable
from connections.derived import reason_of
from connections.engine.sql_nodes import Output
from connections.engine.sql_plan import Explained, Plan
from connections.engine.sql_queries import bind
from connections.models import Connection
from connections.opening import limits
from connections.sql_names import StoredNames
from connections.sql_running import Running

RUN = "SQL run"
MOST_ROWS = 200  # on the page
MOST_DOWNLOADED = 100_000
KEPT = 20  # queries of one person that the page offers again
LONGEST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of a query, as far as they are shown."""

    columns: tuple[Column, ...]
    rows: list[Sequence[Any]]
    has_more: bool
    seconds: float
    explained: Explained
    calls: tuple[str, ...] = ()  # that were made to remote services


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that its asker ran before."""

    pk: int
    at: datetime
    sql: str
    connection: str
    error: str


def prepared(text: str, connection: Connection | None, *, now: datetime, running: Running | None = None) -> Plan:
    """Return the query bound to the tables that it names; raise SqlProblem for what can't be run."""
    bound = bind(text, StoredNames(now=now, default=connection), now=now)
    if running is None:
        return Plan(bound, limits())
    return Plan(bound, limits(), running.check, running.watch)


def run(text: str, connection: Connection | None, *, now: datetime, number: str, most: int = MOST_ROWS) -> Answer:
    """Return the first rows of a query."""
    started, heard = time.monotonic(), Heard()
    with Running(number) as running, listening(heard):
        plan = prepared(text, connection, now=now, running=running)
        plan.most = most + 1
        explained = plan.explain()
        batches = plan.batches()
        try:
            rows = list(islice((row for batch in batches for row in batch), most + 1))
        except SourceRejected as error:
            # Who writes SQL needs the source's own words.
            reason = f"{reason_of(error)}."
            raise SourceRejected(error.message if reason == error.message else f"{error.message} {reason}", hint=error.hint) from error
        finally:
            batches.close()  # type: ignore[attr-defined]
    return Answer(columns_of(plan.bound.outputs), rows[:most], len(rows) > most, time.monotonic() - started, explained, heard.lines())


def columns_of(outputs: Sequence[Output]) -> tuple[Column, ...]:
    """Return the columns under the names that people gave them."""
    return tuple(Column(item.name, item.column.type, item.column.is_nullable, is_collection=item.column.is_collection) for item in outputs)


def as_csv(text: str, connection: Connection | None, *, now: datetime, number: str) -> Iterator[str]:
    """Give the lines of a CSV file; a query that fails on the way leaves a last line that says so."""
    with Running(number) as running:
        plan = prepared(text, connection, now=now, running=running)
        yield line(output.name for output in plan.bound.outputs)
        rows = (row for batch in plan.batches() for row in batch)
        for number_of, row in enumerate(rows, 1):
            if number_of > MOST_DOWNLOADED:
                yield line([f"The file ends here: the query has more than {MOST_DOWNLOADED} rows."])
                return
            yield line(cell(value) for value in row)


def cell(value: Any) -> Any:
    """Return a value as a CSV cell."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, Unsayable):
        return value.text
    return value.hex() if isinstance(value, bytes) else text_of(value)


def note(text: str, connection: Connection | None, *, who: str, address: str, started: float, rows: int, error: str = "") -> None:
    """Keep that a query was run: for the audit trail, and for its asker to run it again."""
    milliseconds = round((time.monotonic() - started) * 1000)
    detail = {"sql": text[:LONGEST_KEPT], "rows": rows, "ms": milliseconds, "error": error[:500]}
    audit.record(RUN, who=who, subject=connection.name if connection else "", address=address, **detail)


def history(who: str) -> list[Asked]:
    """Return the person's own last queries, each once, the newest first."""
    found: dict[tuple[str, str], Asked] = {}
    for entry in Audit.objects.filter(who=who, action=RUN).order_by("-pk")[: KEPT * 5]:
        asked = Asked(entry.pk, entry.at, entry.detail["sql"], entry.subject, entry.detail.get("error", ""))
        found.setdefault((asked.connection, asked.sql), asked)
    return list(found.values())[:KEPT]


def asked_before(who: str, pk: int) -> Asked | None:
    """Return one of the person's own queries."""
    entry = Audit.objects.filter(who=who, action=RUN, pk=pk).first()
    return None if entry is None else Asked(entry.pk, entry.at, entry.detail["sql"], entry.subject, "")
