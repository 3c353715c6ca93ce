"""Rows of a long PostgreSQL answer as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.pq import ExecStatus, TransactionStatus

from connections.connectors.sql.direct_postgresql import CANCEL_SECONDS, Statements, awaited


class StreamCursor:
    """One statement in libpq's chunked mode: no transaction around it and no named cursor, whose plan would favour the first rows.

    The database's timeout counts the time in which nobody takes the rows. A long answer goes without it: the first rows, and the next
    ones, have that time each.
    """

    CHUNK = 25  # rows that libpq holds at a time, at most: each may be very wide, and more of them are not faster
    HELD = 100  # rows at a time of an answer that is held here whole, whose reader keeps nobody waiting

    def __init__(self, statements: Statements, size: int) -> None:
        self.as_bytes = False
        self._statements = statements
        self._size = min(size, self.CHUNK)
        self._is_long = size > self.HELD
        self._seconds = 0.0
        self._names: list[tuple[str]] = []
        self._first: Any = None
        self._is_over = False

    @property
    def description(self) -> list[tuple[str]]:
        """Return the names of the columns."""
        return self._names

    def execute(self, sql: str, binds: Sequence[Any]) -> None:
        """Run the statement up to its first rows, so that what is wrong with it is said here."""
        if self._is_long:
            self._seconds = self._statements.lift_timeout()
        self._first = self._statements.send(sql, binds, self._size, self._seconds)
        self._names = [(self._first.fname(place).decode(),) for place in range(self._first.nfields)]

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """Return the next rows, none behind the last."""
        found: list[tuple[Any, ...]] = []
        while not self._is_over and len(found) < size:
            result, self._first = self._first or self._statements.received(self._seconds), None
            found += self._statements.texts(result) if self.as_bytes else self._statements.rows(result)
            self._is_over = result.status != ExecStatus.TUPLES_CHUNK
        return found

    def close(self) -> None:
        """Cancel what is left, and give the connection its timeout again."""
        connection = self._statements.connection
        if connection.closed:
            return
        if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
            connection.cancel_safe(timeout=CANCEL_SECONDS)
            while awaited(connection) is not None:
                pass
        if self._seconds:
            self._statements.set_timeout(self._seconds)
