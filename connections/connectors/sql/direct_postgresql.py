"""Reading statements straight through libpq: psycopg's own types and errors without its cursors, which cost twice what they do.

A cursor of psycopg waits in Python and prepares by rules that serve every caller. Here a statement is prepared at its second run and
waits in libpq, without the GIL; the database's statement timeout ends it.
"""

from __future__ import annotations

import re
import select
import socket
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import _WaitTimeout
from psycopg.pq import ConnStatus, ExecStatus, Format

from connections.outgoing.sockets import WATCH

MARKS = re.compile("%%|%s")
PREPARED_MOST = 200
GATHER_SECONDS = 0.002  # in which pieces of a long answer come together
CANCEL_SECONDS = 5.0
LIFT = b"""SELECT extract(epoch FROM current_setting('statement_timeout')::interval), set_config('statement_timeout', '0', false)"""


class Patient(psycopg.Connection[Any]):
    """A connection whose waits end: a server that keeps its sockets open and does not answer is given up."""

    seconds = 60.0

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server; drop the connection when it does not answer."""
        try:
            return super().wait(gen, interval, self.seconds if timeout is None else timeout)
        except _WaitTimeout as error:
            self.close()
            raise psycopg.OperationalError("the server does not answer") from error


def seconds_of(connection: psycopg.Connection[Any]) -> float:
    """Return how long an answer may take."""
    return getattr(connection, "seconds", Patient.seconds)


class Line:
    """The socket of a connection, for who watches it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def shutdown(self, how: int) -> None:
        """End the wait at it."""
        with suppress(psycopg.Error, OSError):
            found = socket.socket(fileno=self._connection.pgconn.socket)
            try:
                found.shutdown(how)
            finally:
                found.detach()


@lru_cache(maxsize=2000)
def numbered(sql: str) -> bytes:
    """Return the statement with the server's own marks: $1, $2 for each %s, and one % for two."""
    count = 0

    def mark(found: re.Match[str]) -> str:
        nonlocal count
        if found[0] == "%%":
            return "%"
        count += 1
        return f"${count}"

    return MARKS.sub(mark, sql).encode()


class Statements:
    """The statements of one connection that are prepared, the unused ones dropped."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.values = Transformer(connection)
        self._names: OrderedDict[tuple[str, tuple[int, ...]], bytes] = OrderedDict()
        self._made = 0
        self._line: Any = Line(connection)

    def run(self, sql: str, binds: Sequence[Any]) -> Any:
        """Return libpq's result of a statement; raise psycopg's errors."""
        number = WATCH.add(monotonic() + seconds_of(self.connection), self._line)
        try:
            server = self.connection.pgconn
            name, params, types, formats = self._given(sql, binds)
            if name:
                return self._checked(server.exec_prepared(name, params, formats, Format.TEXT))
            return self._checked(server.exec_params(numbered(sql), params, types, formats, Format.TEXT))
        finally:
            WATCH.remove(number)

    def lift_timeout(self) -> float:
        """Let the next statement take the time that its reader needs; return the seconds that each had until now, 0 = all."""
        result = self._checked(self.connection.pgconn.exec_(LIFT))
        return float(result.get_value(0, 0))

    def set_timeout(self, seconds: float) -> None:
        """Give each statement its time again."""
        self._checked(self.connection.pgconn.exec_(f"SET statement_timeout = {round(seconds * 1000)}".encode()))

    def send(self, sql: str, binds: Sequence[Any], rows: int, seconds: float = 0) -> Any:
        """Run a statement whose rows come so many at a time; return the first of them. `seconds` is the time for each, 0 = any."""
        server = self.connection.pgconn
        name, params, types, formats = self._given(sql, binds)
        if name:
            server.send_query_prepared(name, params, formats, Format.TEXT)
        else:
            server.send_query_params(numbered(sql), params, types, formats, Format.TEXT)
        server.set_chunked_rows_mode(rows)
        return self.received(seconds)

    def received(self, seconds: float = 0) -> Any:
        """Return the next rows of a statement that was sent; behind the last ones comes the end, which has none."""
        try:
            result = awaited(self.connection, seconds)
        except TimeoutError as error:
            self.connection.cancel_safe(timeout=CANCEL_SECONDS)
            raise psycopg.errors.QueryCanceled("no rows came in time") from error
        if result is not None and result.status == ExecStatus.TUPLES_CHUNK:
            return result
        while awaited(self.connection) is not None:  # the statement is over once there is nothing left
            pass
        return self._checked(result)

    def rows(self, result: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a result as Python's values."""
        self.values.set_pgresult(result)
        found: list[tuple[Any, ...]] = self.values.load_rows(0, result.ntuples, tuple)
        self.values.set_pgresult(None)
        return found

    def texts(self, result: Any) -> list[tuple[Any, ...]]:
        """Return the rows as the server wrote them, each value in bytes."""
        value, places = result.get_value, range(result.nfields)
        if len(places) == 1:
            return [(value(row, 0),) for row in range(result.ntuples)]
        return [tuple([value(row, place) for place in places]) for row in range(result.ntuples)]

    def _given(self, sql: str, binds: Sequence[Any]) -> tuple[bytes, Any, Any, Any]:
        """Return the name of a statement, none at its first run, and its values as libpq takes them."""
        values = self.values
        params = values.dump_sequence(binds, [PyFormat.AUTO] * len(binds)) if binds else None
        types, formats = (values.types or (), values.formats) if binds else ((), None)
        key = (sql, types)
        name = self._names.get(key)
        if name is None:
            self._names[key] = name = b""
        elif not name:
            name = self._prepare(key)
        self._names.move_to_end(key)
        if len(self._names) > PREPARED_MOST:
            self._drop()
        return name, params, types, formats

    def _prepare(self, key: tuple[str, tuple[int, ...]]) -> bytes:
        self._made += 1
        name = f"read_{self._made}".encode()
        self._checked(self.connection.pgconn.prepare(name, numbered(key[0]), key[1]))
        self._names[key] = name
        return name

    def _drop(self) -> None:
        _, name = self._names.popitem(last=False)
        if name:
            self._checked(self.connection.pgconn.exec_(b"DEALLOCATE " + name))

    def _checked(self, result: Any) -> Any:
        if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            return result
        server = self.connection.pgconn
        if server.status == ConnStatus.BAD:
            self.connection.close()
            raise psycopg.OperationalError(f"the connection is lost: {server.get_error_message()}")
        raise psycopg.errors.error_from_result(result, self.connection.info.encoding)


class DirectCursor:
    """One statement and its rows."""

    def __init__(self, statements: Statements) -> None:
        self.as_bytes = False
        self._statements = statements
        self._result: Any = None

    @property
    def description(self) -> list[tuple[str]]:
        """Return the names of the columns."""
        return [(self._result.fname(place).decode(),) for place in range(self._result.nfields)]

    def execute(self, sql: str, binds: Sequence[Any]) -> None:
        """Run the statement."""
        self._result = self._statements.run(sql, binds)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return self._statements.texts(self._result) if self.as_bytes else self._statements.rows(self._result)


def awaited(connection: psycopg.Connection[Any], seconds: float = 0) -> Any:
    """Return the next result; raise TimeoutError when nothing comes for so many seconds, 0 = until the connection is given up.

    It waits at the socket, where other threads run on: psycopg's get_result stops them all until it has one.
    The server sends a long answer in small pieces; to wake up for each of them costs more than to read it.
    """
    server = connection.pgconn
    if server.is_busy():
        poll = select.poll()
        poll.register(server.socket, select.POLLIN)
        while server.is_busy():
            if not poll.poll(0):
                if not poll.poll((seconds or seconds_of(connection)) * 1000):
                    if seconds:
                        raise TimeoutError
                    connection.close()
                    raise psycopg.OperationalError("the server does not answer")
                sleep(GATHER_SECONDS)
            server.consume_input()
    return server.get_result()
