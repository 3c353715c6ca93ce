"""How much a user may ask: requests an hour and at once, counted over all web workers in one memory-mapped file.

Each worker counts in a column of its own, which it holds by a lock that dies with it: a killed worker leaves no requests behind. A
request adds to its worker's cell and then reads those of all; the file's lock, which costs every waiting thread its turn, is taken only
where an hour begins or a limit seems to be reached. Users without limits never touch the file.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

from users.errors import AccessDenied
from users.principal import Principal

if sys.platform != "win32":
    import fcntl

USERS, WORKERS, PROBES = 4096, 128, 16
HOUR = 3600.0
MICRO = 1_000_000
# The file is a row of 64-bit integers: one header, then a record a user, then a column a worker with a cell a user.
HEADER, RECORD, CELL = 1, 3, 3
KEY, START, EPOCH = range(RECORD)  # user id + 1; begin of the hour in microseconds; what tells its cells from those of earlier hours
CELL_EPOCH, COUNT, RUNNING = range(CELL)  # requests in the hour of that epoch; requests under way
COLUMN = USERS * CELL
CELLS_AT = HEADER + USERS * RECORD
SIZE = (CELLS_AT + WORKERS * COLUMN) * 8
MUTEX = 0  # locked bytes are names only: 0 guards records, 1 + n is held by the worker of column n


class Hour(NamedTuple):
    """One user's hour as the board has it."""

    start: float
    epoch: int


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
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, SIZE)
        self._cells = memoryview(mmap.mmap(self._file, SIZE)).cast("q")
        with self._mutex, self._held():
            self._column = self._claim()

    def enter(self, user_id: int, *, per_hour: int, at_once: int, now: float) -> tuple[int, int, float]:
        """Count one request in; return its slot, the requests left in this hour and when it ends. Raise Refused."""
        with self._mutex:
            slot, hour = self._find(user_id + 1, now)
            own = self._own(slot, hour.epoch)
            self._cells[own + COUNT] += 1
            self._cells[own + RUNNING] += 1
            count, running = self._sums(slot, hour.epoch)
            if 0 <= per_hour < count or 0 <= at_once < running:
                count = self._confirm(slot, hour, per_hour=per_hour, at_once=at_once, now=now)
            return slot, max(0, per_hour - count), hour.start + HOUR

    def leave(self, slot: int) -> None:
        """Count one request out."""
        with self._mutex:
            at = self._at(slot, self._column) + RUNNING
            self._cells[at] = max(0, self._cells[at] - 1)

    def _confirm(self, slot: int, hour: Hour, *, per_hour: int, at_once: int, now: float) -> int:
        """Return the requests of the hour, nobody else counting; take this one back and raise where they are too many."""
        with self._held():
            self._forget_dead(slot)
            count, running = self._sums(slot, hour.epoch)
            is_over = 0 <= per_hour < count
            if is_over or 0 <= at_once < running:
                own = self._at(slot, self._column)
                self._cells[own + COUNT] -= 1
                self._cells[own + RUNNING] -= 1
                raise Refused("hour", hour.start + HOUR - now) if is_over else Refused("concurrent", 1)
        return count

    def _find(self, key: int, now: float) -> tuple[int, Hour]:
        """Return the user's slot and hour, begun anew where there is none."""
        for probe in range(PROBES):
            slot = (key * 2654435761 + probe) % USERS
            if self._cells[HEADER + slot * RECORD + KEY] == key:
                hour = self._hour(slot)
                if 0 <= now - hour.start < HOUR:
                    return slot, hour
                break
        with self._held():
            return self._begin(key, now)

    def _begin(self, key: int, now: float) -> tuple[int, Hour]:
        slot = self._slot(key)
        at = HEADER + slot * RECORD
        hour = self._hour(slot)
        if self._cells[at + KEY] != key or not 0 <= now - hour.start < HOUR:
            self._cells[at + EPOCH] = hour.epoch + 1
            self._cells[at + START] = int(now * MICRO)
            self._cells[at + KEY] = key
        return slot, self._hour(slot)

    def _slot(self, key: int) -> int:
        """Return the user's slot: its own, a free one, or the one of the user who asked longest ago."""
        best, oldest = -1, math.inf
        for probe in range(PROBES):
            slot = (key * 2654435761 + probe) % USERS
            at = HEADER + slot * RECORD
            if self._cells[at + KEY] == key:
                return slot
            if self._cells[at + START] < oldest and not self._sums(slot, 0)[1]:
                best, oldest = slot, self._cells[at + START]
        if best < 0:
            raise Refused("concurrent", 1)
        return best

    def _hour(self, slot: int) -> Hour:
        at = HEADER + slot * RECORD
        return Hour(self._cells[at + START] / MICRO, self._cells[at + EPOCH])

    def _own(self, slot: int, epoch: int) -> int:
        """Return where this worker's cell of the user is; what it counted in an earlier hour is dropped."""
        at = self._at(slot, self._column)
        if self._cells[at + CELL_EPOCH] != epoch:
            self._cells[at + COUNT] = 0
            self._cells[at + CELL_EPOCH] = epoch
        return at

    def _sums(self, slot: int, epoch: int) -> tuple[int, int]:
        """Return the user's requests in the hour and under way, over all workers."""
        cells, count, running = self._cells, 0, 0
        at = self._at(slot, 0)
        for _ in range(cells[0]):
            if cells[at + CELL_EPOCH] == epoch:
                count += cells[at + COUNT]
            running += cells[at + RUNNING]
            at += COLUMN
        return count, running

    def _claim(self) -> int:
        """Take a column that no living worker holds. What its last worker counted stays; what it had under way died with it."""
        for column in range(WORKERS):
            if self._is_free(column):
                for slot in range(USERS):
                    self._cells[self._at(slot, column) + RUNNING] = 0
                self._cells[0] = max(self._cells[0], column + 1)
                return column
        raise RuntimeError(f"More than {WORKERS} web workers share one data directory.")

    def _forget_dead(self, slot: int) -> None:
        """Forget requests under way of workers that died."""
        for column in range(self._cells[0]):
            at = self._at(slot, column) + RUNNING
            if self._cells[at] and column != self._column and self._is_free(column):
                self._cells[at] = 0
                self._unlock(1 + column)

    def _at(self, slot: int, column: int) -> int:
        return CELLS_AT + column * COLUMN + slot * CELL

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
        return Held(self._file)


class Held:
    """The records for one worker alone; threads of it are kept apart by its mutex."""

    __slots__ = ("_file",)

    def __init__(self, file: int) -> None:
        self._file = file

    def __enter__(self) -> None:
        if sys.platform != "win32":
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, MUTEX)

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32":
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, MUTEX)


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


def enter(principal: Principal, defaults: Mapping[str, Any], *, now: float) -> Ticket:
    """Admit one request; raise AccessDenied (429) when a limit of the user is reached. `now` is seconds since 1970.

    `defaults` hold for users who have no limits of their own.
    """
    per_hour, at_once = principal.requests_per_hour, principal.concurrent_requests
    if per_hour is None:
        per_hour = defaults["requests_per_hour"]
    if at_once is None:
        at_once = defaults["concurrent_requests"]
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
