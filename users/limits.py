"""How much a user may ask: requests an hour and at once, counted over all web workers in one memory-mapped file.

Each worker holds a column of the board by a lock that dies with it, so that a killed worker leaves no requests behind.
Users without limits never touch the file.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import sys
import threading
from pathlib import Path

from django.conf import settings

from apiserver.server import options
from users.errors import AccessDenied
from users.principal import Principal

if sys.platform != "win32":
    import fcntl

USERS, WORKERS, PROBES = 4096, 128, 16
HOUR = 3600.0
SLOT = struct.Struct("<qdq")  # user id + 1, start of the hour, requests in it
COUNT = struct.Struct("<H")  # requests under way: one for each user and worker
COUNTS = struct.Struct(f"<{WORKERS}H")  # a user's, by worker
COUNTS_AT = USERS * SLOT.size
SIZE = COUNTS_AT + USERS * WORKERS * COUNT.size
MUTEX = 0  # locked bytes are names only: 0 guards the board, 1 + n is held by the worker of column n


class Refused(Exception):
    """A limit is reached; `wait` seconds to the next chance."""

    def __init__(self, kind: str, wait: float) -> None:
        super().__init__(kind)
        self.kind = kind
        self.wait = wait


class Board:
    """The counts of all users, shared by the workers of one data directory."""

    def __init__(self, path: Path) -> None:
        self._mutex = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size != SIZE:
            os.ftruncate(self._file, SIZE)
        self._map = mmap.mmap(self._file, SIZE)
        with self._held():
            self._column = self._claim()

    def enter(self, user_id: int, *, per_hour: int, at_once: int, now: float) -> tuple[int, int, float]:
        """Count one request in; return its slot, the requests left in this hour and when it ends. Raise Refused."""
        with self._held():
            slot = self._slot(user_id + 1, now)
            _, start, count = SLOT.unpack_from(self._map, slot * SLOT.size)
            if not 0 <= now - start < HOUR:
                start, count = now, 0
            if 0 <= per_hour <= count:
                raise Refused("hour", start + HOUR - now)
            if 0 <= at_once <= self._running(slot) and at_once <= self._recount(slot):
                raise Refused("concurrent", 1)
            SLOT.pack_into(self._map, slot * SLOT.size, user_id + 1, start, count + 1)
            self._add(slot, self._column, 1)
            return slot, max(0, per_hour - count - 1), start + HOUR

    def leave(self, slot: int) -> None:
        """Count one request out."""
        with self._held():
            self._add(slot, self._column, -1)

    def _claim(self) -> int:
        for column in range(WORKERS):
            if self._is_free(column):
                for slot in range(USERS):
                    COUNT.pack_into(self._map, self._at(slot, column), 0)
                return column
        raise RuntimeError(f"More than {WORKERS} web workers share one data directory.")

    def _slot(self, key: int, now: float) -> int:
        """Return the user's slot: its own, a free one, or the one of the user who asked longest ago."""
        best, best_start = 0, math.inf
        for probe in range(PROBES):
            slot = (key * 2654435761 + probe) % USERS
            owner, start, _ = SLOT.unpack_from(self._map, slot * SLOT.size)
            if owner == key:
                return slot
            if start < best_start and not self._running(slot):
                best, best_start = slot, start
        if best_start is math.inf:
            raise Refused("concurrent", 1)
        SLOT.pack_into(self._map, best * SLOT.size, key, now, 0)
        return best

    def _running(self, slot: int) -> int:
        at = self._at(slot, 0)
        return sum(COUNTS.unpack_from(self._map, at))

    def _recount(self, slot: int) -> int:
        """Forget requests of workers that died; return how many are really under way."""
        for column in range(WORKERS):
            (count,) = COUNT.unpack_from(self._map, self._at(slot, column))
            if count and column != self._column and self._is_free(column):
                COUNT.pack_into(self._map, self._at(slot, column), 0)
                self._unlock(1 + column)
        return self._running(slot)

    def _add(self, slot: int, column: int, number: int) -> None:
        at = self._at(slot, column)
        (count,) = COUNT.unpack_from(self._map, at)
        COUNT.pack_into(self._map, at, max(0, count + number))

    def _at(self, slot: int, column: int) -> int:
        return COUNTS_AT + (slot * WORKERS + column) * COUNT.size

    def _is_free(self, column: int) -> bool:
        """Claim that no living worker holds the column; it is held by this one then."""
        if sys.platform == "win32":
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1 + column)
        except OSError:
            return False
        return True

    def _unlock(self, byte: int) -> None:
        if sys.platform != "win32":
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)

    def _held(self) -> Held:
        return Held(self._mutex, self._file)


class Held:
    """The board for one worker, and one thread of it, alone."""

    __slots__ = ("_file", "_mutex")

    def __init__(self, mutex: threading.Lock, file: int) -> None:
        self._mutex = mutex
        self._file = file

    def __enter__(self) -> None:
        self._mutex.acquire()
        if sys.platform != "win32":
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, MUTEX)

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32":
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, MUTEX)
        self._mutex.release()


class Boards:
    """The board of this process: opened on first use and anew after a fork, whose child does not inherit the locks."""

    lock = threading.Lock()
    pid = 0
    board: Board

    @classmethod
    def get(cls) -> Board:
        """Return the board."""
        if cls.pid != os.getpid():
            with cls.lock:
                if cls.pid != os.getpid():
                    cls.board = Board(Path(settings.DATA_DIR) / "limits.bin")
                    cls.pid = os.getpid()
        return cls.board


class Ticket:
    """One admitted request; `headers` tell the client where it stands, `leave` ends it."""

    def __init__(self, headers: dict[str, str] | None = None, slot: int | None = None) -> None:
        self.headers = headers or {}
        self._slot = slot

    @property
    def is_counted(self) -> bool:
        """Claim that the request still holds a place."""
        return self._slot is not None

    def leave(self) -> None:
        """Make room for the next request; the second call does nothing."""
        slot, self._slot = self._slot, None
        if slot is not None:
            Boards.get().leave(slot)


def enter(principal: Principal, *, now: float) -> Ticket:
    """Admit one request; raise AccessDenied (429) when a limit of the user is reached. `now` is seconds since 1970."""
    defaults = options.current().limits
    per_hour, at_once = (
        defaults[name] if getattr(principal, name) is None else getattr(principal, name)
        for name in ("requests_per_hour", "concurrent_requests")
    )
    if per_hour < 0 and at_once < 0:
        return Ticket()
    try:
        slot, left, ends = Boards.get().enter(principal.user_id, per_hour=per_hour, at_once=at_once, now=now)
    except Refused as refused:
        raise denied(refused, per_hour, at_once) from refused
    return Ticket(hour_headers(per_hour, left, ends - now) if per_hour >= 0 else {}, slot)


def hour_headers(per_hour: int, left: int, wait: float) -> dict[str, str]:
    """Return the headers of draft-ietf-httpapi-ratelimit-headers, and the older ones that clients know."""
    seconds = str(math.ceil(wait))
    return {
        "RateLimit-Policy": f'"hour";q={per_hour};w=3600',
        "RateLimit": f'"hour";r={left};t={seconds}',
        "RateLimit-Limit": str(per_hour),
        "RateLimit-Remaining": str(left),
        "RateLimit-Reset": seconds,
    }


def denied(refused: Refused, per_hour: int, at_once: int) -> AccessDenied:
    """Return the 429."""
    headers = {"Retry-After": str(math.ceil(refused.wait))}
    if refused.kind == "hour":
        headers |= hour_headers(per_hour, 0, refused.wait)
        message, hint = f"The limit of {per_hour} requests an hour is reached.", "An administrator can raise requests_per_hour."
    else:
        headers["RateLimit-Policy"] = f'"concurrent";q={at_once}'
        message = f"The limit of {at_once} requests at once is reached."
        hint = "Wait for one to end; an administrator can raise concurrent_requests."
    return AccessDenied(429, "TooManyRequests", message, hint=hint, headers=headers)
