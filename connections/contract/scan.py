"""What the engine asks a source that is no SQL database, and what the source says it will do of it.

The engine offers conjuncts, order and limit; a source grades each conjunct; what is not EXACT is evaluated again by the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from connections.contract.table import Table, TableInfo, TableRef


class Grade(IntEnum):
    """What a source does of one conjunct."""

    NO = 0  # nothing
    SUPERSET = 1  # returns every row that meets it, and perhaps others
    EXACT = 2  # returns precisely the rows for which it is true, as SQL has it (null is not true)


@dataclass(frozen=True, slots=True)
class Compare:
    """column operator value. The value is the contract's for the column's type, never None; a tuple of these for `in`."""

    column: str
    operator: str  # eq ne lt le gt ge in contains contains_ci startswith endswith is_null is_not_null
    value: Any = None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every item is true."""

    items: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One item at least is true."""

    items: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The item is false; of an unknown item this is unknown, as SQL has it."""

    item: Predicate


@dataclass(frozen=True, slots=True)
class Other:
    """A condition that only the engine can evaluate, over these columns: no source takes it."""

    columns: tuple[str, ...]


Predicate = Compare | AllOf | AnyOf | Not | Other


@dataclass(frozen=True, slots=True)
class Order:
    """One key of the wished order. Nulls are lowest: first ascending, last descending."""

    column: str
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One of several pages. For a next one, rows that were read for the page before, not long ago, may serve."""

    is_next: bool
    passing: int = 0  # so many of the last conjuncts only pass over the pages before


@dataclass(frozen=True, slots=True)
class Scan:
    """Rows of one table: which columns, which rows, in which order, how many."""

    table: Table
    columns: tuple[str, ...]
    where: tuple[Predicate, ...] = ()  # conjuncts
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    wants_count: bool = False  # the number of rows instead of the rows
    page: Page | None = None  # where pages of one question follow each other


@dataclass(frozen=True, slots=True)
class Offer:
    """What the source will do of a scan. Made without any call to the source."""

    scan: Scan
    grades: tuple[Grade, ...]  # one a conjunct
    takes_order: bool = False  # rows come in the wished order, ties and nulls included
    takes_limit: bool = False  # limit and offset are the source's work; only where all grades are EXACT and the order is taken
    takes_count: bool = False  # `count` is exact
    calls: int | None = None  # fewest calls to the source; None = unknown
    explain: tuple[str, ...] = ()  # lines for people: "GET /repositories/w/r/issues?q=id=1"; no secrets
    path: Any = None  # the source's own notes for `read`
    is_steady: bool = False  # rows that come and go shift no page: what is behind a batch stays behind it, for hours too
    is_snapshot: bool = False  # all pages are of one state of the source: rows that change meanwhile move none
    is_partial: str = ""  # why rows may be missing ("page two can't be found"); '' = the table is whole


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as they came, most often one page of the source."""

    rows: list[tuple[Any, ...]]  # contract values in the order of `scan.columns`
    resume: str | None = None  # `read` goes on behind this batch when given it


class RowSession(Protocol):
    """A source that gives rows, and is never asked SQL; the engine wraps it (engine.session.EngineSession).

    One whose service tells versions of its rows has also `takes_expected = True`. Its `update` and `delete` then take `expected`, the row
    as it was read: they raise RowChanged where the source holds another by the time of the write.

    One that waits for a service, page by page, has also `is_remote = True`: who takes all of its rows may let a thread read ahead.
    """

    dialect: None  # tells it from a Session, which takes SQL

    def list_tables(self) -> list[TableInfo]:
        """Return every table, as Session does."""

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables as they are now, as Session does."""

    def offer(self, scan: Scan) -> Offer:
        """Return what would be done, without a call. Raise SourceRejected where a demanded column has no value."""

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows; closing the iterator stops reading. Rows that a page repeats are given once where the key tells."""

    def count(self, offer: Offer) -> int:
        """Return the number of rows of an offer that takes the count."""

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Create a row; return the columns that the source told of it, the key at least. The same `idempotency` never makes two rows."""

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        """Change columns of the row of a key; None when there is no such row."""

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        """Remove the row of a key; False when there was none."""

    def close(self) -> None:
        """Release what is held."""
