"""An opened SQL connection: two pools (reading, writing), statements as the driver's own SQL, errors in the contract's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import exc
from sqlalchemy.pool import QueuePool

from connections.contract.connector import Result, Written
from connections.contract.dialect import Dialect
from connections.contract.errors import ConnectionFailed, ConnectorError, NotSupported
from connections.contract.table import Table, TableInfo, TableRef


class SqlSession:
    """Thread-safe; connects lazily; a dead pooled connection is replaced once, before anything was read."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        connect: Callable[[bool], Any],
        translate: Callable[[Exception], ConnectorError],
        reflect: Any,
        is_dead: Callable[[Exception], bool],
        pool_size: int,
        pool_wait: float,
        is_read_only: bool,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self.dialect = dialect
        self.is_read_only = is_read_only
        self._translate = translate
        self._reflect = reflect
        self._is_dead = is_dead
        self._on_close = on_close
        keep = max(1, pool_size // 2)
        options: dict[str, Any] = {
            "pool_size": keep,
            "max_overflow": pool_size - keep,
            "timeout": pool_wait,
            "recycle": 1800,
            "reset_on_return": None,
        }
        self._readers = QueuePool(lambda: connect(False), **options)
        self._writers = QueuePool(lambda: connect(True), **options)

    def list_tables(self) -> list[TableInfo]:
        """Return every table and view that the signed-in user may read."""
        with self._borrowed(self._readers) as connection:
            found: list[TableInfo] = self._reflect.list_tables(connection)
        return found

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables with exact types, keys and relations; raise TableGone for a missing one."""
        with self._borrowed(self._readers) as connection:
            found: list[Table] = self._reflect.describe(connection, refs)
        return found

    def query(self, sql: str, binds: Sequence[Any], *, batch_size: int = 1000, stream: bool = False) -> Result:
        """Run one reading statement. Without `stream` the rows are fetched at once and the connection goes back."""
        proxied, cursor = self._execute_reading(sql, binds, stream)
        columns = tuple(item[0] for item in cursor.description or ())
        if stream:
            return Result(columns, self._batches(proxied, cursor, batch_size), close=lambda: release(proxied, cursor))
        try:
            rows = cursor.fetchall()
        except Exception as error:
            raise self._failed(proxied, error) from error
        release(proxied, cursor)
        return Result(columns, iter((rows,)))

    def write(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[Written]:
        """Run writing statements in one transaction."""
        with self.transaction() as transaction:
            return [transaction.execute(sql, binds) for sql, binds in statements]

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """Give a transaction that commits at the end of the block and rolls back when it raises."""
        if self.is_read_only:
            raise NotSupported("This connection is read-only.", hint="An administrator can allow writes on the connection's page.")
        with self._borrowed(self._writers) as connection:
            cursor = connection.cursor()
            cursor.execute(self._reflect.BEGIN)
            try:
                yield SqlTransaction(cursor, self._translate)
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def close(self) -> None:
        """Release both pools."""
        self._readers.dispose()
        self._writers.dispose()
        self._on_close()

    def _checkout(self, pool: QueuePool) -> Any:
        try:
            return pool.connect()
        except exc.TimeoutError as error:
            hint = "Raise MaxConnections of the connection, or look for slow statements."
            raise ConnectionFailed("All connections to the source are in use.", hint=hint) from error
        except ConnectorError:
            raise
        except Exception as error:
            raise self._translate(error) from error

    def _execute_reading(self, sql: str, binds: Sequence[Any], stream: bool) -> tuple[Any, Any]:
        for attempt in (1, 2):
            proxied = self._checkout(self._readers)
            try:
                cursor = self._reflect.streaming_cursor(proxied) if stream else proxied.cursor()
                cursor.execute(sql, tuple(binds)) if binds else cursor.execute(sql)
            except Exception as error:
                if attempt == 1 and self._is_dead(error):
                    proxied.invalidate()
                    continue
                raise self._failed(proxied, error) from error
            return proxied, cursor
        raise AssertionError("not reached")

    def _batches(self, proxied: Any, cursor: Any, size: int) -> Iterator[Sequence[Sequence[Any]]]:
        try:
            while rows := cursor.fetchmany(size):
                yield rows
        except GeneratorExit:
            proxied.invalidate()  # left half-way: what the server still sends belongs to nobody
            raise
        except Exception as error:
            raise self._failed(proxied, error) from error
        release(proxied, cursor)

    def _failed(self, proxied: Any, error: Exception) -> ConnectorError:
        proxied.invalidate()
        return error if isinstance(error, ConnectorError) else self._translate(error)

    @contextmanager
    def _borrowed(self, pool: QueuePool) -> Iterator[Any]:
        for attempt in (1, 2, 3):
            proxied = self._checkout(pool)
            try:
                self._reflect.ping(proxied)
            except Exception as error:
                proxied.invalidate()
                if attempt < 3 and self._is_dead(error):
                    continue
                raise self._translate(error) from error
            break
        try:
            yield proxied
        except ConnectorError:
            proxied.close()
            raise
        except Exception as error:
            raise (self._failed(proxied, error) if self._reflect.is_driver_error(error) else error) from error
        proxied.close()


class SqlTransaction:
    """Statements of one transaction; rows are fetched whole."""

    def __init__(self, cursor: Any, translate: Callable[[Exception], ConnectorError]) -> None:
        self._cursor = cursor
        self._translate = translate

    def execute(self, sql: str, binds: Sequence[Any]) -> Written:
        """Run one statement."""
        try:
            self._cursor.execute(sql, tuple(binds)) if binds else self._cursor.execute(sql)
            rows = tuple(tuple(row) for row in self._cursor.fetchall()) if self._cursor.description else ()
        except ConnectorError:
            raise
        except Exception as error:
            raise self._translate(error) from error
        return Written(self._cursor.rowcount, rows, getattr(self._cursor, "lastrowid", None))


def release(proxied: Any, cursor: Any) -> None:
    """Close the cursor and give the connection back."""
    cursor.close()
    proxied.close()
