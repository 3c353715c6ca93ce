"""A bounded pool of driver connections that forgets its idle ones once one of them has died.

Our own because it stands in the path of every request: it takes a twentieth of the time of SQLAlchemy's QueuePool, whose import alone costs
each process 0.3 s and 18 MB (docs/decisions/0004-own-pool.md).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from connections.contract.errors import ConnectionFailed, ConnectorError

# Seconds after which a connection is replaced: firewalls forget idle ones silently.
RECYCLE = 1800


class Pooled:
    """A driver's connection on loan: `close` gives it back, `invalidate` drops it; either once, whatever comes later does nothing."""

    __slots__ = ("_pool", "born", "dbapi_connection", "era", "is_lent", "memory")

    def __init__(self, pool: Pool, dbapi_connection: Any, era: int) -> None:
        self._pool = pool
        self.dbapi_connection = dbapi_connection
        self.born = time.monotonic()
        self.era = era
        self.is_lent = True
        self.memory: Any = None  # what the source keeps with the connection

    @property
    def is_valid(self) -> bool:
        """Claim that the borrower still has it."""
        return self.is_lent

    def cursor(self) -> Any:
        """Return a new cursor."""
        return self.dbapi_connection.cursor()

    def close(self) -> None:
        """Give it back."""
        if self.is_lent:
            self.is_lent = False
            self._pool.take_back(self)

    def invalidate(self) -> None:
        """Drop it: nobody knows its state."""
        if self.is_lent:
            self.is_lent = False
            self._pool.drop(self)

    def __del__(self) -> None:
        self.invalidate()  # a borrower that forgot it must not take the place for good


class Pool:
    """Thread-safe; connects on first use; the connection used last is lent first; a borrower waits at most `wait` seconds."""

    def __init__(self, connect: Callable[[], Any], translate: Callable[[Exception], ConnectorError], *, size: int, wait: float) -> None:
        self._connect = connect
        self._translate = translate
        self._size = size
        self._wait = wait
        self._changed = threading.Condition()
        self._idle: deque[Pooled] = deque()
        self._count = 0  # lent, idle and being opened
        self._era = 0

    def borrow(self) -> Pooled:
        """Return a connection, an idle one or a new one."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, self._wait):
                hint = "Raise MaxConnections of the connection, or look for slow statements."
                raise ConnectionFailed("All connections to the source are in use.", hint=hint)
            found = self._idle.pop() if self._idle else None
            if found is None:
                self._count += 1
            era = self._era
        if found is not None:
            found.is_lent = True
            if time.monotonic() - found.born < RECYCLE:
                return found
            found.is_lent = False
            end(found.dbapi_connection)  # its place stays taken, for the new one
        return self._open(era)

    def _has_room(self) -> bool:
        return bool(self._idle) or self._count < self._size

    def _open(self, era: int) -> Pooled:
        try:
            return Pooled(self, self._connect(), era)
        except BaseException as error:
            self._leave()
            if isinstance(error, ConnectorError) or not isinstance(error, Exception):
                raise
            raise self._translate(error) from error

    def _leave(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify()

    def take_back(self, pooled: Pooled) -> None:
        """Keep a returned connection for the next borrower, unless it is of an era that is over."""
        with self._changed:
            if pooled.era == self._era:
                self._idle.append(pooled)
                self._changed.notify()
                return
        self.drop(pooled)

    def drop(self, pooled: Pooled) -> None:
        """End a connection and free its place."""
        end(pooled.dbapi_connection)
        self._leave()

    def forget(self) -> None:
        """Drop every idle connection: when the server went away, it left all of them. Those on loan end when they come back."""
        with self._changed:
            self._era += 1
            dropped, self._idle = self._idle, deque()
            self._count -= len(dropped)
            self._changed.notify_all()
        for pooled in dropped:
            end(pooled.dbapi_connection)

    def close(self) -> None:
        """Close the idle connections; borrowed ones end when they come back."""
        self.forget()


def end(dbapi_connection: Any) -> None:
    """Close a driver's connection; one that is dead already may complain."""
    with suppress(Exception):
        dbapi_connection.close()
