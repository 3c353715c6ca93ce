"""One refresh at a time for each connection: among threads, processes and, where the own database is PostgreSQL, machines.

The kernel or the database ends the lock with the process that holds it, however that ends. No row stays locked meanwhile, so the holder can
write ahead and commit.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import DatabaseError, connections

from connections.contract.errors import ConnectionFailed

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SECONDS = 45
PAUSE = 0.02
SPACE = 0x0A117  # of PostgreSQL's advisory locks
_threads: dict[int, threading.Lock] = defaultdict(threading.Lock)


@contextmanager
def alone(connection_id: int) -> Iterator[None]:
    """Hold the connection's refresh; raise ConnectionFailed when others hold it for too long."""
    lock = _threads[connection_id]
    if not lock.acquire(timeout=SECONDS):
        raise busy()
    try:
        with machine_wide(connection_id) if connections["default"].vendor == "postgresql" else process_wide(connection_id):
            yield
    finally:
        lock.release()


def busy() -> ConnectionFailed:
    """Return what is said to who waited too long."""
    return ConnectionFailed("The sign-in of this connection is being renewed, which takes long.", hint="Try again in a moment.")


@contextmanager
def machine_wide(connection_id: int) -> Iterator[None]:
    """Hold an advisory lock, by a connection of its own: its transaction stays open, the caller's commits."""
    own = connections.create_connection("default")
    try:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{SECONDS}s'; SET LOCAL idle_in_transaction_session_timeout = 0")
            try:
                cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SPACE, connection_id % 2**31])
            except DatabaseError as error:
                raise busy() from error
        yield
    finally:
        own.close()


def folder() -> Path:
    """Return where locks and answers not yet stored lie, for their owner only."""
    found = Path(settings.DATA_DIR, "oauth")
    found.mkdir(mode=0o700, exist_ok=True)
    return found


@contextmanager
def process_wide(connection_id: int) -> Iterator[None]:
    """Hold a lock on a file of the data directory."""
    with Path(folder(), f"{connection_id}.lock").open("a+b") as file:
        deadline = time.monotonic() + SECONDS
        while not try_lock(file):
            if time.monotonic() > deadline:
                raise busy()
            time.sleep(PAUSE)
        yield


def try_lock(file: IO[bytes]) -> bool:
    """Claim that the file is now ours; closing it gives it back."""
    try:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
