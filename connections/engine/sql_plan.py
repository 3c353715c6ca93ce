"""How a bound statement runs: whole at the one database that has all its tables, else table by table (engine.sql_collect)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from connections.contract.connector import Session
from connections.contract.errors import NotSupported
from connections.contract.scan import Grade, Predicate
from connections.contract.unsayable import read_value
from connections.engine.budget import Budget, Limits, always
from connections.engine.prepared import gives_rows
from connections.engine.sql_collect import Collector, TableReading, statement
from connections.engine.sql_lower import Native, native
from connections.engine.sql_nodes import Bound
from connections.engine.sql_words import spoken
from connections.engine.view_pages import Pages

Watch = Callable[[Callable[[], None]], None]
WHOLE, ROWS = "whole", "rows"


def unwatched(_: Callable[[], None]) -> None:
    """Keep no way to stop."""


@dataclass(frozen=True, slots=True)
class TableShown:
    """How one table is read, in words: what it is asked for, what is done here."""

    name: str
    columns: tuple[str, ...]
    asked: tuple[str, ...] = ()  # conditions that the source does
    again: tuple[str, ...] = ()  # conditions that are evaluated here as well, or only here
    narrowed: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()  # lines of the source
    count: int | None = None  # fewest calls
    partial: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """How a statement runs. `sql` is what the database, or DuckDB, gets."""

    path: str  # whole | rows
    sql: str
    connection: str = ""
    tables: tuple[TableShown, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    """A statement made ready to run once."""

    bound: Bound
    limits: Limits = field(default_factory=Limits)
    check_time: Callable[[], None] = always
    watch: Watch = unwatched
    notes: tuple[str, ...] = ()
    most: int | None = None  # rows that anybody looks at
    pages: Pages | None = None  # where pages follow each other

    def batches(self) -> Iterator[Sequence[Sequence[Any]]]:
        """Give the rows, as contract values; stop reading where the iterator is closed."""
        whole = self.whole()
        if whole is None:
            yield from self.collector().batches()
            return
        session: Any = self.session()
        result = session.query(whole.sql, whole.binds, stream=True, watch=self.watch)
        try:
            for batch in result.batches:
                self.check_time()
                yield [tuple(read_value(d, v) for d, v in zip(whole.decoders, row, strict=True)) for row in batch]
        finally:
            result.close()

    def explain(self) -> Explained:
        """Return how it would run; nothing is asked of a source."""
        whole = self.whole()
        notes = (*self.bound.notes, *self.notes)
        if whole is not None:
            name = next(iter(self.bound.tables.values())).connection
            return Explained(
                WHOLE, whole.sql.replace("%%", "%") if self.session().dialect.doubles_percent else whole.sql, name, notes=notes
            )
        readings = self.collector().explain()
        return Explained(ROWS, statement(self.bound)[0], tables=tuple(shown(reading) for reading in readings), notes=notes)

    def session(self) -> Session:
        """Return the session of the one database."""
        return cast(Session, next(iter(self.bound.tables.values())).session)

    def whole(self) -> Native | None:
        """Return the statement for the one database that has all the tables; None where there is none, or it lacks a function."""
        sessions = {id(found.session): found.session for found in self.bound.tables.values()}
        if len(sessions) != 1:
            return None
        dialect = next(iter(sessions.values())).dialect
        if dialect is None or gives_rows(dialect):
            return None
        try:
            return native(self.bound, dialect)
        except NotSupported as error:
            self.notes = (error.message,)
            return None

    def collector(self) -> Collector:
        """Return what reads the tables one by one."""
        return Collector(self.bound, Budget(self.limits, self.check_time), watch=self.watch, most=self.most, pages=self.pages)


def shown(reading: TableReading) -> TableShown:
    """Return how a table is read, in words."""
    offers = reading.offers
    grades = offers[0].grades if offers else ()
    pairs: list[tuple[Predicate, Grade]] = list(zip(offers[0].scan.where, grades, strict=True)) if offers else []
    counts = [offer.calls for offer in offers]
    return TableShown(
        name=reading.name,
        columns=reading.columns,
        asked=tuple(spoken(item) for item, grade in pairs if grade is not Grade.NO),
        again=tuple(spoken(item) for item, grade in pairs if grade is not Grade.EXACT),
        narrowed=tuple(f"{tie.column} IN (values of {tie.source_column})" for tie in reading.used),
        calls=tuple(dict.fromkeys(line for offer in offers for line in offer.explain)),
        count=None if None in counts else sum(count for count in counts if count is not None),
        partial=next((offer.is_partial for offer in offers if offer.is_partial), ""),
    )
