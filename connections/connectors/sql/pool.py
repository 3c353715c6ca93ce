"""A bounded pool of driver connections (SQLAlchemy's QueuePool) that forgets its idle connections once one of them has died."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import exc
from sqlalchemy.pool import QueuePool

from connections.contract.errors import ConnectionFailed, ConnectorError

# Seconds after which a connection is replaced: firewalls forget idle ones silently.
RECYCLE = 1800


class Pool:
    """Thread-safe; connects on first use; a borrower waits at most `wait` seconds."""

    def __init__(self, connect: Callable[[], Any], translate: Callable[[Exception], ConnectorError], *, size: int, wait: float) -> None:
        self._translate = translate
        self._lock = threading.Lock()
        self._pool = QueuePool(connect, pool_size=size, max_overflow=0, timeout=wait, recycle=RECYCLE, reset_on_return=None, use_lifo=True)

    def borrow(self) -> Any:
        """Return a connection; `close()` gives it back, `invalidate()` drops it."""
        try:
            return self._pool.connect()
        except exc.TimeoutError as error:
            hint = "Raise MaxConnections of the connection, or look for slow statements."
            raise ConnectionFailed("All connections to the source are in use.", hint=hint) from error
        except ConnectorError:
            raise
        except Exception as error:
            raise self._translate(error) from error

    def forget(self) -> None:
        """Drop every idle connection: when the server went away, it left all of them."""
        with self._lock:
            old, self._pool = self._pool, self._pool.recreate()
        old.dispose()

    def close(self) -> None:
        """Close the idle connections; borrowed ones end when they come back."""
        self._pool.dispose()
