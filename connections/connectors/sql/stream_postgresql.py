"""Rows of a long PostgreSQL answer as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.pq import ExecStatus, TransactionStatus

from connections.connectors.sql.direct_postgresql import Statements, awaited

CANCEL_SECONDS = 5.0


class StreamCursor:
    """One statement in libpq's chunked mode: no transaction around it and no named cursor, whose plan would favour the first rows."""

    CHUNK = 500  # rows that libpq holds at a time, at most

    def __init__(self, statements: Statements, size: int) -> None:
        self.as_bytes = False
        self._statements = statements
        self._size = min(size, self.CHUNK)
        self._names: list[tuple[str]] = []
        self._first: Any = None
        self._is_over = False

    @property
    def description(self) -> list[tuple[str]]:
        """Return the names of the columns."""
        return self._names

    def execute(self, sql: str, binds: Sequence[Any]) -> None:
        """Run the statement up to its first rows, so that what is wrong with it is said here."""
        self._first = self._statements.send(sql, binds, self._size)
        self._names = [(self._first.fname(place).decode(),) for place in range(self._first.nfields)]

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """Return the next rows, none behind the last."""
        found: list[tuple[Any, ...]] = []
        while not self._is_over and len(found) < size:
            result, self._first = self._first or self._statements.received(), None
            found += self._statements.texts(result) if self.as_bytes else self._statements.rows(result)
            self._is_over = result.status != ExecStatus.TUPLES_CHUNK
        return found

    def close(self) -> None:
        """Cancel what is left."""
        connection = self._statements.connection
        if connection.closed or connection.pgconn.transaction_status != TransactionStatus.ACTIVE:
            return
        connection.cancel_safe(timeout=CANCEL_SECONDS)
        while awaited(connection) is not None:
            pass
