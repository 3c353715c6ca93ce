"""A source that gives rows, as a session that the OData reader and writer work on: it runs trees instead of SQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connections.contract.connector import Result
from connections.contract.dialect import Dialect
from connections.contract.errors import NotSupported, TableGone
from connections.contract.hearing import Heard, listening
from connections.contract.scan import RowSession
from connections.contract.table import Column, Table, TableInfo, TableRef
from connections.engine.budget import Budget, Limits, always
from connections.engine.dialect_duckdb import DUCKDB
from connections.engine.reading import Source
from connections.engine.readings import READINGS, Readings
from connections.engine.residual import Run
from connections.engine.rows import Execution
from connections.engine.rows_plan import RowPlan

Batch = Sequence[Sequence[Any]]
Expected = Mapping[str, Any] | None
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
FRESH = 3600  # seconds for which a table's description serves
RECENT = 5  # seconds for which it serves although a column that is asked for is missing from it


class Described:
    """The tables of one session as they were described last."""

    def __init__(self, session: RowSession, clock: Callable[[], float]) -> None:
        self._session = session
        self._clock = clock
        self._lock = threading.Lock()
        self._tables: dict[TableRef, tuple[float, Table]] = {}

    def get(self, ref: TableRef, columns: Sequence[str]) -> Table:
        """Return a table; the source is asked once an hour, or when it has none of these columns: another process may know them."""
        found = self._known(ref, columns)
        if found is None:
            with self._lock:
                found = self._known(ref, columns) or self.refresh([ref])[0]
        return found

    def _known(self, ref: TableRef, columns: Sequence[str]) -> Table | None:
        at, found = self._tables.get(ref, (0.0, None))
        if found is None:
            return None
        is_whole = all(name in found.by_name for name in columns)
        return found if self._clock() - at <= (FRESH if is_whole else RECENT) else None

    def refresh(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables as they are now."""
        tables = self._session.describe(refs)
        if len(tables) != len(refs):
            missing = next(ref for ref in refs if ref not in {table.ref for table in tables})
            raise TableGone(f"{missing} is gone.", hint="Refresh the resource on the API page.")
        for ref, table in zip(refs, tables, strict=True):
            self._tables[ref] = (self._clock(), table)
        return tables


class EngineSession:
    """Wraps a RowSession. `pushdown` False asks the source for nothing but what it demands: the oracle of tests."""

    dialect: Dialect = DUCKDB

    def __init__(
        self,
        session: RowSession,
        *,
        limits: Callable[[], Limits] = Limits,
        pushdown: bool = True,
        clock: Callable[[], float] = time.monotonic,
        readings: Readings = READINGS,
    ) -> None:
        self.rows = session
        self._readings = readings
        self._limits = limits
        self._pushdown = pushdown
        self._described = Described(session, clock)

    @property
    def loading(self) -> Any:
        """Return what makes a writer for jobs, of a source that has it; AttributeError of others."""
        return self.rows.loading  # type: ignore[attr-defined]

    def list_tables(self) -> list[TableInfo]:
        """Return every table of the source."""
        return self.rows.list_tables()

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables as they are now."""
        return self._described.refresh(refs)

    def table(self, ref: TableRef, columns: Sequence[str] = ()) -> Table:
        """Return a table as it was described within the last hour, anew where it lacks one of the columns."""
        return self._described.get(ref, columns)

    def describe_select(self, sql: str) -> tuple[Column, ...]:
        """Refuse: this source takes no SQL."""
        raise NotSupported("This connection takes no SQL of its own.", hint="Publish its tables.")

    def query(self, sql: str, binds: Sequence[Any], *, batch_size: int = 1000, stream: bool = False) -> Result:
        """Refuse: this source takes no SQL."""
        raise NotSupported("This connection takes no SQL of its own.", hint="Publish its tables.")

    def select(self, plan: RowPlan, values: Sequence[Any], *, check_time: Callable[[], None] = always) -> Selected:
        """Return the rows of a plan with these values in its slots; the source is asked as they are taken."""
        source, heard = Source(self.rows, self.table, Budget(self._limits(), check_time), self._pushdown, self._readings), Heard()
        with listening(heard):
            return Selected(Execution(plan, source, Run(values)), source, heard)

    def foreseen(self, plan: RowPlan, values: Sequence[Any]) -> Foreseen:
        """Return how the rows of a plan would come; nothing is asked."""
        source = Source(self.rows, self.table, Budget(self._limits(), always), self._pushdown, self._readings)
        steps, is_ordered, _ = Execution(plan, source, Run(values)).steps(None, 0)
        (offer, *others) = (step.offer for step in steps)
        return Foreseen(is_ordered, offer.is_steady and not others, offer.is_snapshot and not others)

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Create a row."""
        with self._writing():
            return self.rows.insert(table, values, idempotency=idempotency)

    def update(
        self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str, expected: Expected = None
    ) -> Mapping[str, Any] | None:
        """Change the row of a key; where the source can tell, only as long as it is the `expected` one."""
        with self._writing():
            return self.rows.update(table, key, values, idempotency=idempotency, **self._told(expected))

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str, expected: Expected = None) -> bool:
        """Remove the row of a key; where the source can tell, only as long as it is the `expected` one."""
        with self._writing():
            return self.rows.delete(table, key, idempotency=idempotency, **self._told(expected))

    def _told(self, expected: Expected) -> dict[str, Any]:
        return {"expected": expected} if expected is not None and getattr(self.rows, "takes_expected", False) else {}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Drop what was read before, also where the write failed: a part of it may be done."""
        try:
            yield
        finally:
            self._readings.forget(self.rows)

    def close(self) -> None:
        """Close the source."""
        self.rows.close()


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How rows would come."""

    is_ordered: bool  # the source itself gives them in the wished order, or none is wished
    is_steady: bool  # from a position on what comes is the same, whatever rows come and go
    is_snapshot: bool  # they are of one state of the source


class Selected:
    """Rows on their way: as Result of SQL sessions, with what the source was asked."""

    def __init__(self, execution: Execution, source: Source, heard: Heard) -> None:
        self._source, self._heard = source, heard
        self.batches = listened(execution.batches(), heard)

    @property
    def explain(self) -> tuple[str, ...]:
        """Return what was asked of the source so far: the calls that were made, where they were heard, instead of those planned."""
        planned, made = self._source.explain, self._heard.lines()
        return (*made, *(line for line in planned if not is_call(line))) if made else tuple(planned)

    def close(self) -> None:
        """Stop reading."""
        self.batches.close()


def listened(batches: Generator[Batch], heard: Heard) -> Generator[Batch]:
    """Give the batches; the calls are heard that are made for them."""
    try:
        while True:
            with listening(heard):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch
    finally:
        with listening(heard):
            batches.close()


def is_call(line: str) -> bool:
    """Claim that a line of a plan is a call that would be made."""
    return line.split(" ", 1)[0] in METHODS
