"""One move while it runs: its reading and its loading, what they agree on, and rows on their way between them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic
from typing import Any

from apiserver.jobs.moving_ahead import Beside
from apiserver.jobs.moving_names import distinct, fitting, shadow_of
from apiserver.jobs.moving_order import ACTIVE, DELETED, END, SOFT, START, JobError, Moved, Order, Settings, Watch
from apiserver.jobs.moving_reading import Piece, Reading, Rows
from apiserver.jobs.moving_schema import Evolved
from apiserver.jobs.moving_state import State, signature
from apiserver.jobs.moving_types import text_of, value_of
from connections.contract.errors import ConnectorError
from connections.contract.loading import Checkpoint, Loading, Merged, Versions
from connections.contract.table import Column, Table, TableRef, Type
from connections.contract.weight import weight

COUNTED = ("rows_read", "inserted", "updated", "deleted", "unchanged", "repaired", "pages", "bytes")
COMMITTED = 5.0  # seconds after which pages of a service are committed
READ = ("rows_read", "pages", "bytes")
LARGEST = 32 * 2**20  # bytes of texts and binaries that are held for one commit
SAMPLED = 16  # one row of so many is weighed


@dataclass(slots=True)
class Task:
    """What one move works with."""

    order: Order
    settings: Settings
    reading: Reading
    loading: Loading
    watch: Watch
    now: float  # seconds since 1970
    connect: Callable[[], Loading]  # opens another writer at the destination
    checks: tuple[str, ...] = ()  # columns of the source's table
    key: tuple[str, ...] = ()  # columns at the destination
    note: str = ""
    moved: Moved = field(default_factory=Moved)
    state: State = field(default_factory=State)
    fence: int = 0
    table: Evolved = field(default_factory=lambda: Evolved((), ()))
    pending: dict[str, int] = field(default_factory=dict)  # what the transaction at hand does
    counting: Beside[int | None] | None = None  # the source's rows, while something else is done
    counted: int | None = None  # the destination's rows after what was written last, where they were counted meanwhile
    offsets: dict[str, int] = field(default_factory=dict)  # what earlier moves of the run did, less what this one did of another

    @property
    def target(self) -> TableRef:
        """Return the destination's table."""
        name = fitting(self.order.table_prefix + self.order.statement.target[-1], self.loading.longest_name, trims=self.loading.trims_names)
        return TableRef(self.order.place, name)

    @property
    def shadow(self) -> TableRef:
        """Return the table that a full refresh fills."""
        return TableRef(self.target.schema, shadow_of(self.target.name, self.loading.longest_name))

    @property
    def is_incremental(self) -> bool:
        """Claim that runs after the first bring only what is new."""
        return not self.note

    @property
    def shape(self) -> str:
        """Return what tells this reading from another."""
        statement = self.order.statement
        said = [self.order.source, statement.query, statement.source, self.key, self.checks, self.settings.start_value]
        return hashlib.blake2b(json.dumps(said).encode(), digest_size=10).hexdigest()

    def wanted(self) -> list[Column]:
        """Return the columns that are read, as the destination keeps them and under the names they have there."""
        given = {column.name.lower(): column for column in self.order.statement.columns}
        names = distinct((column.name for column in self.reading.columns), self.loading.longest_name, trims=self.loading.trims_names)
        found = []
        for column, name in zip(self.reading.columns, names, strict=True):
            chosen = given.pop(column.name.lower(), column)
            if self.settings.times_as_utc and chosen.type == Type.TIMESTAMP:
                chosen = replace(chosen, has_zone=True)
            found.append(self.loading.stored(replace(chosen, name=name)))
        if given:
            raise JobError(
                f"The task gives a type to {next(iter(given.values())).name}, which it does not read.", hint="Take it out, or select it."
            )
        return found

    def own_columns(self) -> list[Column]:
        """Return the columns that the table has besides what is read."""
        moment = Column("", Type.TIMESTAMP, has_zone=True)
        found = [replace(moment, name=DELETED)] if self.mark else []
        if self.settings.history:
            found = [replace(moment, name=START), replace(moment, name=END), Column(ACTIVE, Type.BOOLEAN)]
        return [self.loading.stored(column) for column in found]

    @property
    def mark(self) -> str:
        """Return the column that tells when a row was found to be gone; '' where such rows are deleted, or left alone."""
        return DELETED if self.settings.deletes == SOFT and not self.settings.history and self.key else ""

    @property
    def versions(self) -> Versions | None:
        """Return how all versions of a row are kept, where they are."""
        if not self.settings.history or not self.key:
            return None
        names = [name for name in self.checks if name in self.reading.places and self.reading.column(name).type == Type.TIMESTAMP]
        return Versions(START, END, ACTIVE, self.table.names[self.reading.places[names[0]]] if names else "")

    @property
    def table_key(self) -> tuple[str, ...]:
        """Return the key of the destination's table."""
        return (*self.key, START) if self.versions else self.key

    def signatures(self) -> dict[str, str]:
        """Return the types that are read now."""
        return {name: signature(column) for name, column in zip(self.table.names, self.wanted(), strict=True)}

    # ---- the destination ----

    def take(self) -> None:
        """Take over the checkpoint."""
        taken = self.loading.take(self.order.key)
        self.fence, self.state = taken.fence, State.of(taken.data)
        is_same = bool(self.order.run) and self.state.run == self.order.run
        self.count_from(self.state.counts if is_same else {})

    def save(self) -> None:
        """Write the checkpoint, in the transaction at hand, with what the run has done once that is committed."""
        self.state.run = self.order.run
        self.state.counts = {name: value + self.pending.get(name, 0) for name, value in self.counts().items()} if self.order.run else {}
        self.loading.save(self.order.key, Checkpoint(self.fence, self.state.text()))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let what is written in the block be seen together, or not at all."""
        self.loading.begin()
        try:
            yield
            self.loading.commit()
        except BaseException:
            self.pending = {}
            self.loading.rollback()
            raise

    def described(self, ref: TableRef) -> Table:
        """Return a table that must be there."""
        found = self.loading.describe(ref)
        if found is None:
            raise JobError(f"The table {ref} is gone from the destination.", hint="Nothing is lost: the next run makes it anew.")
        return found

    def filled_columns(self, table: Table) -> list[Column]:
        """Return the columns that rows are put into, in the order in which they are read."""
        missing = next((name for name in self.table.names if name not in table.by_name), None)
        if missing is not None:
            raise JobError(f"The destination's table has no column {missing} any more.", hint="Reset the task: it makes the table anew.")
        return [table.by_name[name] for name in self.table.names]

    # ---- rows ----

    def pages(self, piece: Piece, *, is_counted: bool = True) -> Iterator[Rows]:
        """Give the pages of a piece; each is told to the watch, which may stop the move. Keys that are compared count as no rows."""
        found = self.reading.pages(piece)
        try:
            for page in found:
                self.watch.stop_if_asked()
                if not is_counted:
                    yield page
                    continue
                self.came(page)
                yield page
        finally:
            found.close()  # type: ignore[attr-defined]

    def came(self, page: Rows) -> None:
        """Count a page and tell the watch of it."""
        size = weight(page, sampled=SAMPLED)
        self.moved.rows_read += len(page)
        self.moved.pages += 1
        self.moved.bytes += size
        self.watch.read(len(page), 1, size)

    @contextmanager
    def counted_anew(self) -> Iterator[None]:
        """Forget what was read in the block where it raises: the same rows are read again."""
        before = {name: getattr(self.moved, name) for name in READ}
        try:
            yield
        except ConnectorError:
            for name, value in before.items():
                setattr(self.moved, name, value)
            self.watch.counted(self.counts())
            raise

    def chunks(self, pages: Iterable[Rows]) -> Iterator[list[Rows]]:
        """Give pages together that are committed together; those of a service, which come slowly, every few seconds."""
        held: list[Rows] = []
        rows = size = 0
        until = inf if self.reading.is_sql else monotonic() + COMMITTED
        for page in pages:
            if page:
                held.append(page)
                rows += len(page)
                size += weight(page, sampled=SAMPLED)
            if held and (rows >= self.settings.batch_rows or size > LARGEST or monotonic() >= until):
                yield held
                held, rows, size = [], 0, 0
                until = until if self.reading.is_sql else monotonic() + COMMITTED
        if held:
            yield held

    def count_from(self, counts: Mapping[str, int]) -> None:
        """Let the run have done so much until now."""
        self.offsets = {name: counts.get(name, 0) - getattr(self.moved, name) for name in COUNTED}
        self.watch.counted(counts)

    def counts(self) -> dict[str, int]:
        """Return what the run has done, by all who worked on it."""
        return {name: offset + getattr(self.moved, name) for name, offset in self.offsets.items()}

    def wrote(self, merged: Merged, *, deleted: int = 0, repaired: int = 0) -> None:
        """Count rows that were committed."""
        self.moved.inserted += merged.inserted
        self.moved.updated += merged.updated
        self.moved.unchanged += merged.unchanged
        self.moved.deleted += deleted
        self.moved.repaired += repaired
        self.pending = {}
        self.watch.wrote(merged, deleted=deleted, repaired=repaired)

    # ---- check columns ----

    @property
    def floor(self) -> tuple[tuple[str, Any], ...]:
        """Return the smallest value that is read, where the task gives one."""
        if not self.settings.start_value or not self.checks:
            return ()
        name = self.checks[0]
        try:
            return ((name, value_of(self.reading.column(name), self.settings.start_value)),)
        except ValueError as error:
            raise JobError(
                f"The start value {self.settings.start_value!r} is no value of {name}.", hint="Give a date such as 2024-01-31, or a number."
            ) from error

    def piece(self, **parts: Any) -> Piece:
        """Return a piece of what the task reads: nothing below its start value."""
        return Piece(floor=self.floor, **parts)

    def count_source(self) -> None:
        """Begin to count the source's rows, where a server does it beside what is done here."""
        if self.counting is None and self.reading.is_server:
            self.counting = Beside(lambda: self.reading.count(self.piece()))

    def count_target(self) -> Beside[int] | None:
        """Begin to count what others see of the destination's table, while it is written to; None where it is to be counted later."""
        if self.mark or self.versions:
            return None
        try:
            other = self.connect()
        except ConnectorError:  # it takes no more connections
            return None

        def count() -> int:
            with closing(other):
                return other.count(self.target)

        return Beside(count)

    def source_count(self) -> int | None:
        """Return the number of the source's rows, None where it does not tell it at little cost."""
        counting, self.counting = self.counting, None
        return self.reading.count(self.piece()) if counting is None else counting.result()

    def largest(self, marks: dict[str, str], rows: Rows) -> None:
        """Raise the marks to the largest values of the check columns among rows."""
        for name in self.checks if self.is_incremental else ():
            place, column = self.reading.place(name), self.reading.column(name)
            values = [row[place] for row in rows if row[place] is not None]
            if not values:
                continue
            top = max(values)
            if name not in marks or top > value_of(column, marks[name]):
                marks[name] = text_of(top)
