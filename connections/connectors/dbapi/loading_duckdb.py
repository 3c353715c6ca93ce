"""Loading rows into a DuckDB file: batches as Arrow tables, an update and an insert out of a temporary one.

The file is held for a transaction alone, so that readers in other processes get their turn between two of them.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from connections.connectors.dbapi.describing import Describing
from connections.connectors.dbapi.printing import Statement
from connections.connectors.dbapi.rules import Rules
from connections.connectors.sql.loading import SqlLoading, as_text
from connections.connectors.sql.values import instant_writer, quoted
from connections.contract.dialect import Dialect
from connections.contract.errors import BadValue, ConnectorError, NotSupported
from connections.contract.loading import Merged, Rows, Unfit
from connections.contract.table import Column, Table, TableRef, Type

MOST_DIGITS = 38
INCOMING = "_apiserver_incoming"
TYPES: dict[Type, str] = {
    Type.BOOLEAN: "BOOLEAN",
    Type.BYTE: "UTINYINT",
    Type.SBYTE: "TINYINT",
    Type.INT16: "SMALLINT",
    Type.INT32: "INTEGER",
    Type.INT64: "BIGINT",
    Type.SINGLE: "FLOAT",
    Type.DOUBLE: "DOUBLE",
    Type.GUID: "UUID",
    Type.DATE: "DATE",
    Type.TIME: "TIME",
    Type.BINARY: "BLOB",
}


class DuckdbLoading(SqlLoading):
    """One writer at a DuckDB file. Statements outside of a transaction are one each."""

    longest_name: ClassVar[int] = 1000
    long_text: ClassVar[str] = "VARCHAR"
    now: ClassVar[str] = "timezone('UTC', now())"

    def __init__(
        self,
        connect: Callable[[], Any],
        describing: Callable[[], Describing],
        translate: Callable[[Exception], ConnectorError],
        rules: Rules,
        zone: dt.tzinfo,
        seconds: int,
    ) -> None:
        self._describing = describing
        self._rules = rules
        self._is_begun = False
        super().__init__(Turn(connect), dialect(zone), translate, self._look, lambda error: False, seconds)

    def allow(self, seconds: int) -> None:
        """Let each statement take so long."""
        self._cursor.seconds = seconds

    def begin(self) -> None:
        """Take the file; the connection comes with a transaction."""
        try:
            self._cursor.take()
        except Exception as error:
            raise self._translate(error) from error
        self._is_begun = True

    def commit(self) -> None:
        """End the transaction and leave the file."""
        self._is_begun = False
        try:
            self._cursor.leave(keep=True)
        except Exception as error:
            raise self._translate(error) from error

    def rollback(self) -> None:
        """Leave the file as it was before."""
        self._is_begun = False
        self._cursor.leave(keep=False)

    def execute(self, sql: str, binds: Sequence[Any] = ()) -> int:
        """Run one statement, in a transaction of its own outside of one."""
        with self._own():
            return super().execute(sql, binds)

    @contextmanager
    def _own(self) -> Iterator[None]:
        """Hold the file for what stands outside of a transaction."""
        if self._is_begun:
            yield
            return
        try:
            yield
            self._cursor.leave(keep=True)
        finally:
            self._cursor.leave(keep=False)

    def _look(self, _: Any, refs: Sequence[TableRef]) -> list[Table]:
        def fetch(sql: str, binds: Sequence[Any] = ()) -> list[Sequence[Any]]:
            self._cursor.execute(*Statement(list(binds), sql).finish(self._rules))
            return list(self._cursor.fetchall())

        with self._own():
            return self._describing().describe(fetch, refs)

    def stored(self, column: Column) -> Column:
        """Return the column as DuckDB keeps it."""
        return kept(column)

    def type_of(self, column: Column) -> str:
        """Return the SQL of a type."""
        match column.type:
            case Type.STRING:
                return "JSON" if column.is_json else "VARCHAR"
            case Type.DECIMAL:
                return f"DECIMAL({column.precision}, {column.scale})"
            case Type.TIMESTAMP:
                return "TIMESTAMP WITH TIME ZONE" if column.has_zone else "TIMESTAMP"
        return TYPES[column.type]

    def create(self, ref: TableRef, columns: Sequence[Column], key: Sequence[str]) -> None:
        """Make a table; what a column's comment says is kept."""
        if ref.schema:
            self.execute(f"CREATE SCHEMA IF NOT EXISTS {self.quote(ref.schema)}")
        super().create(ref, columns, key)
        for column in columns:
            if column.comment:
                text = column.comment.replace("'", "''")
                self.execute(f"COMMENT ON COLUMN {self.name(ref)}.{self.quote(column.name)} IS '{text}'")

    def differs(self, one: str, other: str, column: Column) -> str:
        """Return SQL that is true where two values are not the same."""
        return f"{one} IS DISTINCT FROM {other}"

    def widen(self, ref: TableRef, column: Column) -> None:
        """Change the type of the column of that name; DuckDB does not do it to one of the key."""
        found = self.describe(ref)
        if found is not None and column.name in found.primary_key:
            raise NotSupported(f"DuckDB can't change the type of {column.name}, which is in the key.", hint="Load the table anew.")
        self.execute(f"ALTER TABLE {self.name(ref)} ALTER COLUMN {self.quote(column.name)} SET DATA TYPE {self.type_of(column)}")

    def stage(self, like: TableRef, columns: Sequence[Column]) -> TableRef:
        """Return an empty table of this connection alone."""
        ref = TableRef("temp", self.next_stage().name)
        names = self.names(column.name for column in columns)
        self.execute(f"CREATE TEMP TABLE {self.quote(ref.name)} AS SELECT {names} FROM {self.name(like)} LIMIT 0")
        return ref

    def encoder(self, column: Column) -> Callable[[Any], Any] | None:
        """Return how a value becomes Arrow's."""
        return finite if column.type == Type.DECIMAL else super().encoder(column)

    def put(self, ref: TableRef, columns: Sequence[Column], batches: Iterable[Rows]) -> int:
        """Put rows into a table, a batch with each statement."""
        names, count = self.names(column.name for column in columns), 0
        reads = ", ".join(f'CAST("{place}" AS {self.type_of(column)})' for place, column in enumerate(columns))
        with self._own():
            for batch in filter(None, batches):
                self._cursor.insert(f"INSERT INTO {self.name(ref)} ({names}) SELECT {reads} FROM {INCOMING}", arrow(columns, batch))
                count += len(batch)
        return count

    def merge(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str]) -> Merged:
        """Update what differs, insert what is new."""
        names, whole, part = self.names(column.name for column in columns), self.name(target), self.name(stage)
        same = " AND ".join(f"t.{self.quote(name)} = s.{self.quote(name)}" for name in key)
        other = [column for column in columns if column.name not in key]
        updated = 0
        if other:
            changed = " OR ".join(self.differs(f"t.{self.quote(item.name)}", f"s.{self.quote(item.name)}", item) for item in other)
            sets = ", ".join(f"{self.quote(item.name)} = s.{self.quote(item.name)}" for item in other)
            updated = self.execute(f"UPDATE {whole} AS t SET {sets} FROM {part} s WHERE {same} AND ({changed})")
        listed = ", ".join(f"s.{self.quote(column.name)}" for column in columns)
        inserted = self.execute(
            f"INSERT INTO {whole} ({names}) SELECT {listed} FROM {part} s WHERE NOT EXISTS (SELECT 1 FROM {whole} t WHERE {same})"
        )
        return Merged(inserted, updated, self.count(stage) - inserted - updated)

    def swap(self, shadow: TableRef, target: TableRef) -> None:
        """Put the table `shadow` in the place of `target`; views over it stay."""
        self.drop(target)
        self.execute(f"ALTER TABLE {self.name(shadow)} RENAME TO {self.quote(target.name)}")


def kept(column: Column) -> Column:
    """Return the column as Arrow has it: decimals of more than 38 digits are text, and so is what the contract has no type for."""
    if column.is_collection:
        return replace(as_text(column), is_json=True)
    if column.type == Type.DURATION:
        return as_text(column)
    if column.type == Type.DECIMAL:
        digits, decimals = column.precision, column.scale
        is_exact = digits is not None and decimals is not None and digits <= MOST_DIGITS and 0 <= decimals <= digits
        return column if is_exact else as_text(column)
    return replace(column, max_length=None, precision=6 if column.type in (Type.TIME, Type.TIMESTAMP) else column.precision)


class Turn:
    """A cursor over a file that is opened when it is needed, with a transaction, and left at the end of that."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._held: Any = None
        self._rows: list[Any] = []
        self.seconds = 60
        self.rowcount = -1
        self.description: Any = None

    def cursor(self) -> Turn:
        """Return itself: a file has one connection."""
        return self

    def take(self) -> Any:
        """Return the driver's connection, opened if it is not."""
        if self._held is None:
            self._held = self._connect()
        return self._held.driver

    def leave(self, *, keep: bool) -> None:
        """End the transaction and close the file."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            if keep:
                held.commit()
        finally:
            held.close()  # which undoes what was not committed

    def execute(self, sql: str, binds: Sequence[Any] = ()) -> None:
        """Run a statement; its rows are taken at once."""
        driver = self.take()
        timer = threading.Timer(self.seconds, driver.interrupt)
        timer.daemon = True
        timer.start()
        try:
            driver.execute(sql, list(binds))
            self.description = driver.description
            self._rows = driver.fetchall() if self.description else []
        finally:
            timer.cancel()
        is_change = sql.startswith(("INSERT", "UPDATE", "DELETE"))
        self.rowcount = int(self._rows[0][0]) if is_change and self._rows else -1

    def insert(self, sql: str, rows: Any) -> None:
        """Run an INSERT out of an Arrow table."""
        driver = self.take()
        driver.register(INCOMING, rows)
        try:
            self.execute(sql)
        finally:
            driver.unregister(INCOMING)

    def fetchall(self) -> list[Any]:
        """Return the rows of the last statement."""
        return self._rows

    def close(self) -> None:
        """Give the file up, and what was not committed."""
        self.leave(keep=False)


def dialect(zone: dt.tzinfo) -> Dialect:
    """Return what loading needs to know of DuckDB; statements of readers are printed elsewhere."""

    def encode(column: Column) -> Callable[[Any], Any] | None:
        if column.type == Type.TIMESTAMP and not column.has_zone:
            return instant_writer(zone)
        return str if column.type == Type.GUID else None

    return Dialect(
        name="duckdb",
        sqlglot="duckdb",
        bind_mark="?",
        doubles_percent=False,
        quote=lambda name: quoted('"', name),
        functions={},
        casts={},
        bind=lambda column: "{0}",
        select=lambda column: "{0}",
        encode=encode,
        decode=lambda column: None,
        has_returning=True,
    )


def finite(value: Any) -> Any:
    """Return the decimal; raise BadValue for NaN and infinity."""
    if not value.is_finite():
        raise BadValue("DuckDB can't hold INF or NaN as a decimal.")
    return value


def arrow(columns: Sequence[Column], rows: Rows) -> Any:
    """Return rows as an Arrow table whose columns are called by their places; raise Unfit where a value is none of its column's type."""
    import pyarrow as pa  # on first use: an idle server needs none of its memory

    arrays = []
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        try:
            arrays.append(pa.array(values, type=arrow_type(column)))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise Unfit(column.name) from error
    return pa.Table.from_arrays(arrays, names=[str(place) for place in range(len(arrays))])


def arrow_type(column: Column) -> Any:
    """Return the Arrow type of a stored column."""
    import pyarrow as pa

    kinds: Mapping[Type, Any] = {
        Type.BOOLEAN: pa.bool_(),
        Type.BYTE: pa.uint8(),
        Type.SBYTE: pa.int8(),
        Type.INT16: pa.int16(),
        Type.INT32: pa.int32(),
        Type.INT64: pa.int64(),
        Type.SINGLE: pa.float32(),
        Type.DOUBLE: pa.float64(),
        Type.DATE: pa.date32(),
        Type.TIME: pa.time64("us"),
        Type.TIMESTAMP: pa.timestamp("us", tz="UTC" if column.has_zone else None),
        Type.BINARY: pa.large_binary(),
    }
    if column.type == Type.DECIMAL:
        return pa.decimal128(column.precision or MOST_DIGITS, column.scale or 0)
    return kinds.get(column.type, pa.large_string())
