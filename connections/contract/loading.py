"""What a database that rows are loaded into does: tables are made and changed, a stage is filled and merged, beside the checkpoint.

A Loading is one connection with one writer. What stands between `begin` and `commit` is seen by others together, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from connections.contract.dialect import Dialect
from connections.contract.errors import ConnectorError
from connections.contract.table import Column, Table, TableRef

Rows = Sequence[Sequence[Any]]  # contract values, in the order of the columns


@dataclass(frozen=True, slots=True)
class Merged:
    """How many rows a merge wrote; rows that were the same already are not written."""

    inserted: int
    updated: int
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """How many rows went into a table; `repaired` of them held a text that the destination can't (NUL characters), which lost them."""

    rows: int
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a task has come, kept in the destination. `fence` grows by one with each run that takes it; `data` is the run's own text."""

    fence: int
    data: str = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """The columns of a table that keeps all versions of a row: from when, until when (null = still), and whether it is the present one."""

    start: str
    end: str
    active: str
    moment: str = ""  # a column of times that tells when a version began; '' = when it was written


class TakenOver(ConnectorError):
    """Another run has taken the task over; what this one did since its last commit is undone."""


class Unfit(ConnectorError):
    """A value has no form in the type of the destination's `column`: as text it has."""

    def __init__(self, column: str) -> None:
        super().__init__(
            f"The column {column} holds a value that the destination has no form for in a column of this type.",
            hint="Let the table's columns widen, or give the column the type text in the statement.",
        )
        self.column = column


class Loading(Protocol):
    """One writer at a destination. Raises the contract's errors; after one of them `rollback` and `close` are all that may be called."""

    dialect: Dialect  # how values of `rows` are read
    longest_name: ClassVar[int]  # bytes of an identifier
    trims_names: ClassVar[bool]  # an identifier that ends with a blank is none here
    adds_keys: ClassVar[bool]  # False: a table has its key from the beginning or never (SQLite)
    reads_texts: ClassVar[bool]  # True: a value may come as the text that PostgreSQL writes of it
    changes_tables_at_once: ClassVar[bool]  # False: a change of a table ends the transaction (MySQL)
    is_bulk: ClassVar[bool]  # True: it is a BulkLoading, which takes whole loads alone

    def begin(self) -> None:
        """Begin a transaction."""

    def commit(self) -> None:
        """End it; raise ChangeUnknown where the connection broke off meanwhile."""

    def rollback(self) -> None:
        """Undo what was done since `begin`; never raises."""

    def close(self) -> None:
        """Release the connection, its stages and its claims; never raises."""

    def take(self, task: str) -> Checkpoint:
        """Take over a task's checkpoint, an empty one where there is none: whoever had it before can save no more. Its own transaction."""

    def peek(self, task: str) -> str:
        """Return the data of a task's checkpoint, '' where there is none; nothing is taken over."""

    def checkpoints(self) -> list[str]:
        """Return the data of the checkpoints of all tasks, whosoever they are."""

    def save(self, task: str, checkpoint: Checkpoint) -> None:
        """Write the checkpoint, in the transaction of the rows it speaks of; raise TakenOver where another run has taken it over."""

    def describe(self, ref: TableRef) -> Table | None:
        """Return the table as it is now, None where there is none."""

    def stored(self, column: Column) -> Column:
        """Return the column as this database keeps it: a type that holds every value of the given one."""

    def create(self, ref: TableRef, columns: Sequence[Column], key: Sequence[str]) -> None:
        """Make a table with a primary key over `key`, without one where it is empty."""

    def add_key(self, ref: TableRef, key: Sequence[str]) -> None:
        """Give a table its primary key."""

    def key_problems(self, ref: TableRef, key: Sequence[str]) -> tuple[tuple[Any, ...], int]:
        """Return why a table can't have the key: a value of it that several rows have, () where none, and the number of rows with null."""

    def add(self, ref: TableRef, columns: Sequence[Column]) -> None:
        """Add columns; rows that are there have null in them."""

    def widen(self, ref: TableRef, column: Column) -> None:
        """Change the type of the column of that name."""

    def drop(self, ref: TableRef) -> None:
        """Drop the table if it is there."""

    def empty(self, ref: TableRef) -> None:
        """Delete all rows."""

    def is_bound(self, ref: TableRef) -> bool:
        """Claim that something hangs on the table (views, indexes, references), so that `swap` lets it stay and gives it the rows."""

    def swap(self, shadow: TableRef, target: TableRef) -> None:
        """Put the table `shadow` in the place of `target`, which is dropped if it is there; readers see the one or the other."""

    def refill(self, shadow: TableRef, target: TableRef) -> None:
        """Put the rows of `shadow` in the place of those of `target`, which stays; `shadow` is of no use afterwards."""

    def stage(self, like: TableRef, columns: Sequence[Column]) -> TableRef:
        """Return an empty table of this connection alone with columns of `like`, as `describe` gives them; it ends with the transaction."""

    def fill(self, ref: TableRef, columns: Sequence[Column], batches: Iterable[Rows]) -> Filled:
        """Put rows into a table as fast as can be; `columns` are those of `describe`, which tell how the database keeps times."""

    def merge(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str]) -> Merged:
        """Insert the rows of `stage` whose key `target` lacks, update those that differ. A key stands in `stage` once."""

    def keep(self, stage: TableRef, target: TableRef, key: Sequence[str], *, mark: str = "") -> int:
        """Delete the rows of `target` whose key `stage` lacks, or set the column `mark` to now where it is null; return how many."""

    def revive(self, stage: TableRef, target: TableRef, key: Sequence[str], *, mark: str) -> int:
        """Set the column `mark` to null in rows of `target` whose key `stage` has; return how many."""

    def missing(
        self, stage: TableRef, target: TableRef, key: Sequence[str], *, check: str, active: str, most: int
    ) -> list[tuple[Any, ...]]:
        """Return keys of `stage` that `target` lacks or has with another value of the column `check` ('' = keys alone), `most` of them.

        `active`: the column that is true in rows of `target` that count; '' = all do.
        """

    def add_versions(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str], versions: Versions) -> Merged:
        """Insert rows of `stage` that `target` has in no present version, and end the versions before; `updated` counts those."""

    def end_versions(self, stage: TableRef, target: TableRef, key: Sequence[str], versions: Versions) -> int:
        """End the present versions of rows whose key `stage` lacks; return how many."""

    def take_out(self, stage: TableRef, target: TableRef, key: Sequence[str], *, mark: str = "", versions: Versions | None = None) -> int:
        """Delete the rows of `target` whose key `stage` has, or end their present versions, or set the column `mark`; return how many."""

    def remove(self, ref: TableRef, column: str, value: str) -> int:
        """Delete the rows whose text column has this value; return how many."""

    def make_schema(self, name: str) -> None:
        """Make the schema where there is none, in databases that make them so."""

    def rows(self, sql: str, binds: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement of this database's own SQL; return its rows, none of one that has none."""

    def count(self, ref: TableRef, *, where: str = "", is_null: str = "", most: int = 0) -> int:
        """Return the number of rows; of those where the column `where` is true, or the column `is_null` is null.

        `most`: rows beyond so many are not counted; 0 = all are.
        """

    def finish(self, ref: TableRef | None = None) -> None:
        """Show readers what was committed, where a commit alone does not: of a table, or (None) of all, whoever changed them. May be
        left out, or break off: the next one shows it. Outside of a transaction."""

    def planned(
        self, ref: TableRef, columns: Sequence[Column], key: Sequence[str], *, added: Sequence[str], widened: Sequence[str]
    ) -> list[str]:
        """Return the statements that would make the table, or add and widen these of its columns; nothing is run."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """One whole load of a table: all of its rows, or those that are new, which take the place of those with their key."""

    ref: TableRef
    columns: Sequence[Column]  # as `stored` gives them
    key: Sequence[str]
    batches: Iterable[Rows]
    is_whole: bool  # all rows: those that are there go
    is_new: bool  # the table is made anew: its columns have other types
    text: Callable[[], str]  # the checkpoint, once all rows were taken
    check: Callable[[], bool]  # asked then: False = there is nothing to load; raises what forbids it


class BulkLoading(Protocol):
    """A warehouse. What `load` brings is seen together with its checkpoint, or what of it was seen comes again with the next load."""

    longest_name: ClassVar[int]
    trims_names: ClassVar[bool]
    is_bulk: ClassVar[bool]

    def stored(self, column: Column) -> Column:
        """Return the column as it is kept: a type that holds every value of the given one."""

    def peek(self, task: str) -> str:
        """Return the data of a task's checkpoint, '' where there is none."""

    def load(self, task: str, bulk: Bulk) -> bool:
        """Load; return whether anything was."""

    def forget(self, task: str, data: str) -> None:
        """Write the checkpoint alone."""

    def count(self, ref: TableRef) -> int:
        """Return the number of rows of a table."""

    def close(self) -> None:
        """Release what is held; never raises."""


class Piped(Protocol):
    """A session whose rows go to a destination of the same kind as they are, without a value being made of them."""

    def copy_out(self, sql: str, binds: Sequence[Any]) -> Iterator[tuple[int, bytes]]:
        """Give the rows of a statement in the database's own form, in blocks with the number of rows in each."""


class TakesPipe(Protocol):
    """A destination that takes such blocks."""

    def pipe_type(self, column: Column) -> str:
        """Return the SQL of the type that a piped value must have for a column, '' where there is none."""

    def pipe(self, ref: TableRef, columns: Sequence[Column], blocks: Iterable[bytes], *, options: str = ..., is_first: bool = False) -> int:
        """Put rows into a table that come in the database's own form, or that of `options`; return how many.

        `is_first`: the table is nobody else's yet, and is emptied before.
        """

    def largest(self, ref: TableRef, name: str) -> Any:
        """Return the largest value of a column as the driver gives it, None of an empty table."""

    def last_key(self, ref: TableRef, key: Sequence[str]) -> tuple[Any, ...]:
        """Return the largest key of a table as the driver gives it, () of an empty one."""
