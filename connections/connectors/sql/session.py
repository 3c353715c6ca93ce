"""An opened SQL connection: two pools (reading, writing), statements as the driver's own SQL, errors in the contract's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from connections.connectors.sql.loading import SqlLoading
from connections.connectors.sql.pool import Pool
from connections.contract.connector import Result, Written
from connections.contract.dialect import Dialect
from connections.contract.errors import ChangeUnknown, ConnectorError, NotSupported
from connections.contract.loading import Loading
from connections.contract.table import Column, Table, TableInfo, TableRef
from connections.contract.weight import weight


class Source(Protocol):
    """What a session needs to know of its database: catalog answers and the few statements that differ."""

    BEGIN: str

    def ping(self, connection: Any) -> None:
        """Raise when the connection is dead."""

    def is_current(self, connection: Any) -> bool:
        """Claim that the connection still belongs to the source that the properties name."""

    def is_driver_error(self, error: BaseException) -> bool:
        """Claim that the error is the driver's, not ours."""

    def start_read(self, connection: Any) -> Any:
        """Return a cursor for a statement whose rows are read at once; `as_bytes` may be set on it where the source writes JSON."""

    def start_stream(self, connection: Any, size: int) -> Any:
        """Return a cursor that keeps the rows at the server, but for those that are asked for at a time; `as_bytes` likewise."""

    def end_stream(self, connection: Any, cursor: Any, *, is_complete: bool) -> bool:
        """End such a cursor; return whether the connection can serve again."""

    def cancel(self, driver: Any, connect: Callable[[], Any]) -> None:
        """Stop the statement that another thread runs on the driver's connection; `connect` opens another one."""

    def list_tables(self, connection: Any) -> list[TableInfo]:
        """Return what the user may read."""

    def describe(self, connection: Any, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables in the order asked."""

    def describe_select(self, connection: Any, sql: str) -> tuple[Column, ...]:
        """Return the columns of a checked SELECT."""


class SqlSession:
    """Thread-safe; connects lazily; a dead pooled connection is replaced once, before anything was read."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        connect: Callable[[bool], Any],
        translate: Callable[[Exception], ConnectorError],
        source: Source,
        is_dead: Callable[[BaseException], bool],
        pool_size: int,
        pool_wait: float,
        is_read_only: bool,
        on_close: Callable[[], None] = lambda: None,
        loading: type[SqlLoading],
    ) -> None:
        self._loading = loading
        self.dialect = dialect
        self.is_read_only = is_read_only
        self._translate = translate
        self._source = source
        self._is_dead = is_dead
        self._on_close = on_close
        self._connect = connect
        self._readers = Pool(lambda: connect(False), translate, size=pool_size, wait=pool_wait)
        self._writers = Pool(lambda: connect(True), translate, size=pool_size, wait=pool_wait)

    def list_tables(self) -> list[TableInfo]:
        """Return every table and view that the signed-in user may read."""
        with self._borrowed(self._readers) as connection:
            return self._source.list_tables(connection)

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables with exact types, keys and relations; raise TableGone for a missing one."""
        if not refs:
            return []
        with self._borrowed(self._readers) as connection:
            return self._source.describe(connection, refs)

    def describe_select(self, sql: str) -> tuple[Column, ...]:
        """Return the columns of a checked SELECT, names as the source gives them."""
        with self._borrowed(self._readers) as connection:
            return self._source.describe_select(connection, sql)

    def query(
        self,
        sql: str,
        binds: Sequence[Any],
        *,
        batch_size: int = 1000,
        stream: bool = False,
        as_bytes: bool = False,
        watch: Callable[[Callable[[], None]], None] | None = None,
    ) -> Result:
        """Run one reading statement. Without `stream` the rows are fetched at once and the connection goes back.

        `as_bytes`: every value comes as the source writes it, in UTF-8; for sources that write JSON (`Dialect.row_json`).
        `watch` gets what stops the statement from another thread, before it runs.
        """
        connection, cursor = self._execute_reading(sql, binds, batch_size if stream else 0, as_bytes, watch)

        def names() -> tuple[str, ...]:
            return tuple(item[0] for item in cursor.description or ())

        if stream:
            rows = RowStream(connection, cursor, batch_size, self._source, self._failed)
            return Result(names, rows, close=rows.close)
        try:
            batch = cursor.fetchall()
        except Exception as error:
            raise self._failed(connection, error) from error
        connection.close()
        return Result(names, iter((batch,)))

    def copy_out(self, sql: str, binds: Sequence[Any]) -> Iterator[tuple[int, bytes]]:
        """Give the rows of a statement as the database writes them itself, in blocks with the number of rows in each.

        Closing the iterator stops the statement. Raise NotSupported where the database has no such form.
        """
        if not hasattr(self._source, "copy_out"):
            raise NotSupported("This database has no form of its own for rows on their way.")
        connection = self._live(self._readers)
        try:
            yield from self._source.copy_out(connection, sql, binds)
        except Exception as error:
            raise self._failed(connection, error) from error
        finally:
            if connection.is_valid:
                connection.close()

    def write(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[Written]:
        """Run writing statements in one transaction."""
        with self.transaction() as transaction:
            return [transaction.execute(sql, binds) for sql, binds in statements]

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """Give a transaction that commits at the end of the block and rolls back when it raises."""
        self._check_writable()
        with self._borrowed(self._writers) as connection:
            cursor = connection.cursor()
            cursor.execute(self._source.BEGIN)
            try:
                yield SqlTransaction(cursor, self._translate)
                self._commit(connection, cursor)
            except BaseException:
                roll_back(connection, cursor)
                raise

    def loading(self, seconds: int) -> Loading:
        """Return a writer with a connection of its own, whose statements may take so long each."""
        self._check_writable()
        try:
            connection = self._connect(True)
            return self._loading(connection, self.dialect, self._translate, self._source.describe, self._is_dead, seconds)
        except ConnectorError:
            raise
        except Exception as error:
            raise self._translate(error) from error

    def _check_writable(self) -> None:
        if self.is_read_only:
            raise NotSupported("This connection is read-only.", hint="An administrator can allow writes on the connection's page.")

    def _commit(self, connection: Any, cursor: Any) -> None:
        try:
            cursor.execute("COMMIT")
        except Exception as error:
            if not self._is_dead(error) and roll_back(connection, cursor):  # the server is there: it said what it refused
                raise
            message = "The connection broke off while the change was made final: nobody knows whether it was made."
            raise ChangeUnknown(message, hint="Look whether it is there before you send it again.") from error

    def close(self) -> None:
        """Release both pools."""
        self._readers.close()
        self._writers.close()
        self._on_close()

    def _execute_reading(
        self, sql: str, binds: Sequence[Any], size: int, as_bytes: bool, watch: Callable[[Callable[[], None]], None] | None
    ) -> tuple[Any, Any]:
        connection = self._current(self._readers)
        if watch is not None:
            watch(self._stopper(connection))
        try:
            return connection, self._start(connection, sql, binds, size, as_bytes)
        except Exception as error:
            if not self._is_dead(error):
                raise self._failed(connection, error) from error
        connection.invalidate()
        self._readers.forget()
        connection = self._readers.borrow()
        if watch is not None:
            watch(self._stopper(connection))
        try:
            return connection, self._start(connection, sql, binds, size, as_bytes)
        except Exception as error:
            raise self._failed(connection, error) from error

    def _stopper(self, connection: Any) -> Callable[[], None]:
        """Return what stops the statement on a connection, as long as it is on loan."""
        driver = connection.dbapi_connection

        def stop() -> None:
            if connection.is_valid:
                self._source.cancel(driver, lambda: self._connect(False))

        return stop

    def _start(self, connection: Any, sql: str, binds: Sequence[Any], size: int, as_bytes: bool) -> Any:
        cursor = self._source.start_stream(connection, size) if size else self._source.start_read(connection)
        if as_bytes:
            cursor.as_bytes = True
        execute(cursor, sql, binds)
        return cursor

    def _failed(self, connection: Any, error: Exception) -> ConnectorError:
        """Drop the connection, whose state nobody knows, and return the error in the contract's words."""
        connection.invalidate()
        return error if isinstance(error, ConnectorError) else self._translate(error)

    def _current(self, pool: Pool) -> Any:
        connection = pool.borrow()
        if self._source.is_current(connection):
            return connection
        connection.invalidate()
        pool.forget()
        return pool.borrow()

    def _live(self, pool: Pool) -> Any:
        """Return a connection that answered just now; one that died in the pool is replaced."""
        connection = self._current(pool)
        try:
            self._source.ping(connection)
        except Exception as error:
            connection.invalidate()
            if not self._is_dead(error):
                raise self._translate(error) from error
            pool.forget()
            return pool.borrow()
        return connection

    @contextmanager
    def _borrowed(self, pool: Pool) -> Iterator[Any]:
        connection = self._live(pool)
        try:
            yield connection
        except Exception as error:
            if self._source.is_driver_error(error):
                raise self._failed(connection, error) from error
            raise
        finally:
            if connection.is_valid:
                connection.close()


class SqlTransaction:
    """Statements of one transaction; rows are fetched whole."""

    def __init__(self, cursor: Any, translate: Callable[[Exception], ConnectorError]) -> None:
        self._cursor = cursor
        self._translate = translate

    def execute(self, sql: str, binds: Sequence[Any]) -> Written:
        """Run one statement."""
        try:
            execute(self._cursor, sql, binds)
            rows = tuple(tuple(row) for row in self._cursor.fetchall()) if self._cursor.description else ()
        except ConnectorError:
            raise
        except Exception as error:
            raise self._translate(error) from error
        return Written(self._cursor.rowcount, rows, getattr(self._cursor, "lastrowid", None))


class RowStream:
    """Batches of a statement whose rows stay at the server, smaller ones of wide rows; ends itself with the last batch."""

    STEP, LONGEST, SAMPLED = 25, 200, 8  # rows that are fetched before they are weighed, more and more of light ones; one of so many is
    HEAVY = 8 * 2**20  # bytes of a batch, about

    def __init__(self, connection: Any, cursor: Any, size: int, source: Source, failed: Callable[[Any, Exception], ConnectorError]) -> None:
        self._connection = connection
        self._cursor = cursor
        self._size = size
        self._source = source
        self._failed = failed
        self._is_open = True
        self._step = self.STEP

    def __iter__(self) -> RowStream:
        return self

    def __next__(self) -> Sequence[Sequence[Any]]:
        if not self._is_open:
            raise StopIteration
        try:
            rows = self._fetched()
        except Exception as error:
            self._is_open = False
            raise self._failed(self._connection, error) from error
        if not rows:
            self._end(is_complete=True)
            raise StopIteration
        return rows

    def _fetched(self) -> list[Sequence[Any]]:
        rows: list[Sequence[Any]] = []
        size = 0
        while len(rows) < self._size and size < self.HEAVY:
            found = self._cursor.fetchmany(min(self._step, self._size - len(rows)))
            if not found:
                break
            rows += found
            heavy = weight(found, sampled=self.SAMPLED)
            self._step = min(2 * self._step, self.LONGEST) if 2 * heavy < self.HEAVY else self.STEP
            size += heavy
        return rows

    def close(self) -> None:
        """Give the connection back, or drop it where unread rows are still on their way."""
        if self._is_open:
            self._end(is_complete=False)

    def _end(self, *, is_complete: bool) -> None:
        self._is_open = False
        try:
            is_reusable = self._source.end_stream(self._connection, self._cursor, is_complete=is_complete)
        except Exception as error:
            raise self._failed(self._connection, error) from error
        if is_reusable:
            self._connection.close()
        else:
            self._connection.invalidate()


def execute(cursor: Any, sql: str, binds: Sequence[Any]) -> None:
    """Run a statement. Binds are always given, even none: a driver that doubles `%` undoes it only then."""
    cursor.execute(sql, tuple(binds))


def roll_back(connection: Any, cursor: Any) -> bool:
    """Undo what a failed block wrote; a connection that can't even do that is dropped (False), which undoes it too."""
    try:
        cursor.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 the error that led here is the one to report
        connection.invalidate()
        return False
    return True
