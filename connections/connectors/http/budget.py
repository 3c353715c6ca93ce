"""How often a service is called: a budget and its pauses, shared by the processes of this machine in a small file.

A bucket holds `burst` calls and fills by `calls` every `per`. Without a shared folder each process keeps its own.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
FORM = struct.Struct("<ddd")  # tokens, when they were counted, until when nobody calls
LONGEST_PAUSE = 3600.0
Store = Callable[[float, float, float], None]


class Budget:
    """Calls to one service under one account. Thread-safe."""

    def __init__(self, group: str, calls: float, per: str, burst: int, folder: Path | None) -> None:
        self.rate, self.burst = calls / SECONDS[per], float(burst)
        self._lock = threading.Lock()
        self._own = FORM.pack(self.burst, time.time(), 0.0)
        name = hashlib.blake2b(group.encode(), digest_size=16).hexdigest()
        self._path = folder / f"budget-{name}.bin" if folder else None

    def take(self) -> float:
        """Take one call out of the budget; return 0, or the seconds to wait before asking again."""
        with self._state() as (values, store):
            tokens, counted, pause = values
            now = time.time()
            tokens = min(self.burst, tokens + max(0.0, now - counted) * self.rate)
            if pause > now:
                store(tokens, now, pause)
                return min(pause - now, LONGEST_PAUSE)
            if tokens < 1:
                store(tokens, now, pause)
                return (1 - tokens) / self.rate
            store(tokens - 1, now, pause)
            return 0.0

    def pause(self, seconds: float) -> None:
        """Let nobody call for a while: the service asked for it."""
        with self._state() as (values, store):
            store(values[0], values[1], max(values[2], time.time() + min(seconds, LONGEST_PAUSE)))

    def paused(self) -> float:
        """Return the seconds that the service asked everybody to wait, 0 where it didn't."""
        with self._state() as (values, _):
            return max(0.0, min(values[2] - time.time(), LONGEST_PAUSE))

    @contextmanager
    def _state(self) -> Iterator[tuple[tuple[float, float, float], Store]]:
        with self._lock:
            if self._path is None:
                yield FORM.unpack(self._own), self._keep
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                with locked(file):
                    raw = os.read(file, FORM.size)
                    fresh = (self.burst, time.time(), 0.0)

                    def store(tokens: float, counted: float, pause: float) -> None:
                        os.lseek(file, 0, os.SEEK_SET)
                        os.write(file, FORM.pack(tokens, counted, pause))

                    yield (FORM.unpack(raw) if len(raw) == FORM.size else fresh), store
            finally:
                os.close(file)

    def _keep(self, tokens: float, counted: float, pause: float) -> None:
        self._own = FORM.pack(tokens, counted, pause)


@contextmanager
def locked(file: int) -> Iterator[None]:
    """Hold the file alone; where the system has no such locks, processes count on their own."""
    with suppress(ImportError):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
    yield
