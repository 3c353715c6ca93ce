"""Loading rows into a SQL database: what PostgreSQL, MySQL and SQLite have in common. One connection, one writer.

Statements are made of quoted names alone; values are bound or copied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from connections.connectors.loaded_values import Driven
from connections.connectors.sql.loading_versions import Versioned
from connections.contract.dialect import Dialect
from connections.contract.errors import ChangeUnknown, ConnectorError, TableGone
from connections.contract.loading import Checkpoint, Filled, Merged, Rows, TakenOver
from connections.contract.table import Column, Table, TableRef, Type

STATE = "_apiserver_state"
STAGE = "_apiserver_stage"
DEPLETED = "The connection broke off while the rows were made final: nobody knows whether they are there."


class SqlLoading(Versioned, ABC):
    """One writer at a SQL database; subclasses say how its tables are made, filled, merged and swapped."""

    longest_name: ClassVar[int]
    trims_names: ClassVar[bool] = False
    changes_tables_at_once: ClassVar[bool] = True
    reads_texts: ClassVar[bool] = False
    is_bulk: ClassVar[bool] = False
    adds_keys: ClassVar[bool] = True
    begin_sql: ClassVar[str] = "BEGIN"
    long_text: ClassVar[str] = "text"
    now: ClassVar[str] = "CURRENT_TIMESTAMP"

    def __init__(
        self,
        connection: Any,
        dialect: Dialect,
        translate: Callable[[Exception], ConnectorError],
        described: Callable[[Any, Sequence[TableRef]], list[Table]],
        is_dead: Callable[[BaseException], bool],
        seconds: int,
    ) -> None:
        self.dialect = dialect
        self._connection = connection
        self._translate = translate
        self._described = described
        self._is_dead = is_dead
        self._cursor = connection.cursor()
        self._stages = 0
        self._keys: dict[TableRef, Sequence[str]] = {}  # of tables that stages were made like
        self._recorded: list[str] | None = None  # statements that are told instead of run
        self.allow(seconds)

    @abstractmethod
    def allow(self, seconds: int) -> None:
        """Let each statement take so long."""

    @abstractmethod
    def stored(self, column: Column) -> Column:
        """Return the column as this database keeps it."""

    @abstractmethod
    def type_of(self, column: Column) -> str:
        """Return the SQL of a stored column's type."""

    @abstractmethod
    def widen(self, ref: TableRef, column: Column) -> None:
        """Change the type of the column of that name."""

    @abstractmethod
    def differs(self, one: str, other: str, column: Column) -> str:
        """Return SQL that is true where two values are not the same, null included."""

    @abstractmethod
    def swap(self, shadow: TableRef, target: TableRef) -> None:
        """Put the table `shadow` in the place of `target`."""

    @abstractmethod
    def stage(self, like: TableRef, columns: Sequence[Column]) -> TableRef:
        """Return an empty table of this connection alone."""

    @abstractmethod
    def put(self, ref: TableRef, columns: Sequence[Column], batches: Iterable[Rows]) -> int:
        """Put rows of driver values into a table; return how many."""

    @abstractmethod
    def merge(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str]) -> Merged:
        """Insert and update."""

    def begin(self) -> None:
        """Begin a transaction."""
        self.execute(self.begin_sql)

    def commit(self) -> None:
        """End it."""
        try:
            self._cursor.execute("COMMIT")
        except Exception as error:
            if not self._is_dead(error):
                raise self._translate(error) from error
            raise ChangeUnknown(DEPLETED, hint="The next run goes on from what the destination says.") from error

    def rollback(self) -> None:
        """Undo what was done since `begin`."""
        with suppress(Exception):  # a connection that can't even do that is dropped by `close`, which undoes it too
            self._cursor.execute("ROLLBACK")

    def close(self) -> None:
        """Release the connection."""
        with suppress(Exception):
            self._connection.close()

    def take(self, task: str) -> Checkpoint:
        """Take over a task's checkpoint."""
        state, mark = self.name(TableRef("", STATE)), self.dialect.bind_mark
        if not self.has_state():
            lines = f"task varchar(200) NOT NULL PRIMARY KEY, fence bigint NOT NULL, data {self.long_text} NOT NULL"
            self.make(f"CREATE TABLE IF NOT EXISTS {state} ({lines})")
        self.begin()
        try:
            if not self.execute(f"UPDATE {state} SET fence = fence + 1 WHERE task = {mark}", (task,)):
                self.execute(f"INSERT INTO {state} (task, fence, data) VALUES ({mark}, 1, '')", (task,))
            ((fence, data),) = self.rows(f"SELECT fence, data FROM {state} WHERE task = {mark}", (task,))
            self.commit()
        except BaseException:
            self.rollback()
            raise
        return Checkpoint(int(fence), text_of(data))

    def has_state(self) -> bool:
        """Claim that the table of checkpoints is there."""
        return self.describe(TableRef("", STATE)) is not None

    def make(self, sql: str) -> None:
        """Make what another may make at the same moment: PostgreSQL then breaks its own IF NOT EXISTS, and finds it the second time."""
        try:
            self.execute(sql)
        except ConnectorError:
            self.execute(sql)

    def peek(self, task: str) -> str:
        """Return the data of a task's checkpoint."""
        if not self.has_state():
            return ""
        found = self.rows(f"SELECT data FROM {self.name(TableRef('', STATE))} WHERE task = {self.dialect.bind_mark}", (task,))
        return text_of(found[0][0]) if found else ""

    def checkpoints(self) -> list[str]:
        """Return the data of all checkpoints."""
        if not self.has_state():
            return []
        return [text_of(data) for (data,) in self.rows(f"SELECT data FROM {self.name(TableRef('', STATE))}")]

    def save(self, task: str, checkpoint: Checkpoint) -> None:
        """Write the checkpoint."""
        state, mark = self.name(TableRef("", STATE)), self.dialect.bind_mark
        found = self.execute(
            f"UPDATE {state} SET data = {mark} WHERE task = {mark} AND fence = {mark}", (checkpoint.data, task, checkpoint.fence)
        )
        # MySQL counts rows that were changed, not those that were found.
        if not found and not self.rows(f"SELECT 1 FROM {state} WHERE task = {mark} AND fence = {mark}", (task, checkpoint.fence)):
            raise TakenOver("Another run has taken this task over.", hint="Nothing is lost: it goes on from the last checkpoint.")

    def describe(self, ref: TableRef) -> Table | None:
        """Return the table as it is now, None where there is none."""
        try:
            return self._described(self._connection, [ref])[0]
        except TableGone:
            return None
        except ConnectorError:
            raise
        except Exception as error:
            raise self._translate(error) from error

    def create(self, ref: TableRef, columns: Sequence[Column], key: Sequence[str]) -> None:
        """Make a table."""
        lines = [self.definition(column, is_key=column.name in key) for column in columns]
        if key:
            lines.append(f"PRIMARY KEY ({self.names(key)})")
        self.execute(f"CREATE TABLE {self.name(ref)} ({', '.join(lines)}){self.options()}")

    def options(self) -> str:
        """Return what stands behind the columns of CREATE TABLE."""
        return ""

    def definition(self, column: Column, *, is_key: bool = False) -> str:
        """Return a column of CREATE TABLE; only what is in the key may not be null: sources change their minds."""
        return f"{self.quote(column.name)} {self.type_of(column)}{' NOT NULL' if is_key else ''}"

    def add_key(self, ref: TableRef, key: Sequence[str]) -> None:
        """Give a table its primary key."""
        self.execute(f"ALTER TABLE {self.name(ref)} ADD PRIMARY KEY ({self.names(key)})")

    def key_problems(self, ref: TableRef, key: Sequence[str]) -> tuple[tuple[Any, ...], int]:
        """Return a value of the key that several rows have, and the number of rows with null in it."""
        whole, names = self.name(ref), self.names(key)
        is_null = " OR ".join(f"{self.quote(name)} IS NULL" for name in key)
        ((nulls,),) = self.rows(f"SELECT count(*) FROM {whole} WHERE {is_null}")
        twice = self.rows(f"SELECT {names} FROM {whole} WHERE NOT ({is_null}) GROUP BY {names} HAVING count(*) > 1 LIMIT 1")
        return (twice[0] if twice else ()), int(nulls)

    def add(self, ref: TableRef, columns: Sequence[Column]) -> None:
        """Add columns."""
        for column in columns:
            self.execute(f"ALTER TABLE {self.name(ref)} ADD COLUMN {self.definition(column)}")

    def drop(self, ref: TableRef) -> None:
        """Drop the table if it is there."""
        self.execute(f"DROP TABLE IF EXISTS {self.name(ref)}")

    def empty(self, ref: TableRef) -> None:
        """Delete all rows."""
        self.execute(f"DELETE FROM {self.name(ref)}")

    def refill(self, shadow: TableRef, target: TableRef) -> None:
        """Put other rows into the table; the columns that they lack are null."""
        found = self.describe(shadow)
        names = self.names(column.name for column in found.columns) if found else ""
        self.execute(f"DELETE FROM {self.name(target)}")
        self.execute(f"INSERT INTO {self.name(target)} ({names}) SELECT {names} FROM {self.name(shadow)}")
        if self.changes_tables_at_once:
            self.drop(shadow)

    def fill(self, ref: TableRef, columns: Sequence[Column], batches: Iterable[Rows]) -> Filled:
        """Put rows into a table."""
        driven = Driven(batches, columns, self.encoder, self.must_clean)
        try:
            count = self.put(ref, columns, driven)
        except ConnectorError:
            raise
        except Exception as error:
            raise self._translate(error) from error
        return Filled(count, driven.repaired)

    def encoder(self, column: Column) -> Callable[[Any], Any] | None:
        """Return how a value becomes the driver's; the contract's errors are of those that the column can't hold."""
        return self.dialect.encode(column)

    def must_clean(self, column: Column) -> bool:
        """Claim that texts of this column lose their NUL characters."""
        return False

    def keep(self, stage: TableRef, target: TableRef, key: Sequence[str], *, mark: str = "") -> int:
        """Delete or mark the rows whose key `stage` lacks."""
        whole = self.name(target)
        gone = f"NOT {self.is_in(stage, whole, key)}"
        if not mark:
            return self.execute(f"DELETE FROM {whole} WHERE {gone}")
        return self.execute(f"UPDATE {whole} SET {self.quote(mark)} = {self.now} WHERE {self.quote(mark)} IS NULL AND {gone}")

    def remove(self, ref: TableRef, column: str, value: str) -> int:
        """Delete rows by a value."""
        return self.execute(f"DELETE FROM {self.name(ref)} WHERE {self.quote(column)} = {self.dialect.bind_mark}", (value,))

    def make_schema(self, name: str) -> None:
        """Leave it to the database to know the schema."""

    def is_bound(self, ref: TableRef) -> bool:
        """Claim that something hangs on the table that a new one in its place would lack: it gets the rows instead."""
        return False

    def count(self, ref: TableRef, *, where: str = "", is_null: str = "", most: int = 0) -> int:
        """Return the number of rows."""
        condition = f" WHERE {self.quote(where)}" if where else f" WHERE {self.quote(is_null)} IS NULL" if is_null else ""
        rows = f"{self.name(ref)}{condition}"
        ((count,),) = self.rows(f"SELECT count(*) FROM {f'(SELECT 1 FROM {rows} LIMIT {most}) AS few' if most else rows}")
        return int(count)

    def rows(self, sql: str, binds: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows."""
        self.execute(sql, binds)
        try:
            return [tuple(row) for row in self._cursor.fetchall()] if self._cursor.description else []
        except Exception as error:
            raise self._translate(error) from error

    def execute(self, sql: str, binds: Sequence[Any] = ()) -> int:
        """Run one statement; return the number of rows that it changed."""
        if self._recorded is not None:
            self._recorded.append(sql.replace("%%", "%") if self.dialect.doubles_percent else sql)
            return 0
        try:
            self._cursor.execute(sql, tuple(binds))
        except ConnectorError:
            raise
        except Exception as error:
            raise self._translate(error) from error
        return max(0, int(self._cursor.rowcount))

    def finish(self, ref: TableRef | None = None) -> None:
        """Do nothing: what is committed is seen."""

    def planned(
        self, ref: TableRef, columns: Sequence[Column], key: Sequence[str], *, added: Sequence[str], widened: Sequence[str]
    ) -> list[str]:
        """Return the statements that would make or change the table."""
        is_new = self.describe(ref) is None
        found: list[str] = []
        self._recorded = found
        try:
            if is_new:
                self.create(ref, columns, key)
            else:
                self.add(ref, [column for column in columns if column.name in added])
                for column in columns:
                    if column.name in widened:
                        self.widen(ref, self.stored(column))
        finally:
            self._recorded = None
        return found

    def next_stage(self) -> TableRef:
        """Return a name for a stage."""
        self._stages += 1
        return TableRef("", f"{STAGE}_{self._stages}")

    def key_among(self, like: TableRef, columns: Sequence[Column]) -> list[str]:
        """Return the columns of a table's key that are among these: what a stage like it is looked into by."""
        if like not in self._keys:
            found = self.describe(like)
            self._keys[like] = found.primary_key if found else ()
        return [name for name in self._keys[like] if any(column.name == name for column in columns)]

    def quote(self, name: str) -> str:
        """Return a name as it stands in a statement that has binds."""
        return self.dialect.quote(name).replace("%", "%%") if self.dialect.doubles_percent else self.dialect.quote(name)

    def name(self, ref: TableRef) -> str:
        """Return a table's name as it stands in a statement."""
        return ".".join(self.quote(part) for part in (ref.schema, ref.name) if part)

    def names(self, names: Iterable[str]) -> str:
        """Return names with commas between them."""
        return ", ".join(self.quote(name) for name in names)


def text_of(value: Any) -> str:
    """Return text, which some drivers give as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def as_text(column: Column) -> Column:
    """Return a column of text of any length in place of one that has no type of its own."""
    return replace(column, type=Type.STRING, max_length=None, precision=None, scale=None, is_collection=False)
