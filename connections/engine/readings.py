"""Rows that were read whole and sorted here because their source can't: kept for a short while for the pages that follow.

A first page is always read anew. Rows are found by everything that they depend on: session, table, conditions, values and order.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from sys import getsizeof
from typing import Any

from connections.contract.scan import RowSession

SECONDS = 60.0  # for which a next page is answered from what the page before it read
SAMPLED = 8  # one row of so many is weighed
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of one reading in order; None = they are too large to be kept."""

    rows: Sequence[Row] | None
    columns: tuple[str, ...]
    session: RowSession  # held, so that no other one gets its identity
    at: float
    size: int


class Readings:
    """What a process keeps; of too much the reading unused for longest goes first. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, Kept] = OrderedDict()
        self._size = 0
        self._timer: threading.Timer | None = None

    def get(self, key: Hashable) -> Kept | None:
        """Return what was read not long ago."""
        with self._lock:
            found = self._found.get(key)
            if found is None or self._is_old(found):
                return None
            self._found.move_to_end(key)
            return found

    def put(self, key: Hashable, kept: Kept, *, most: int) -> None:
        """Keep a reading, at most `most` bytes of all."""
        with self._lock:
            self._drop(key)
            self._found[key] = kept
            self._size += kept.size
            while self._size > most:
                self._drop(next(iter(self._found)))
            self._watch()

    def forget(self, session: RowSession) -> None:
        """Drop what was read by a session: something was written through it."""
        with self._lock:
            for key in [key for key, found in self._found.items() if found.session is session]:
                self._drop(key)

    def now(self) -> float:
        """Return the time that readings are dated with."""
        return self._clock()

    def sweep(self) -> None:
        """Drop what is too old: nobody may come to ask for it."""
        with self._lock:
            self._timer = None
            for key in [key for key, found in self._found.items() if self._is_old(found)]:
                self._drop(key)
            self._watch()

    def _is_old(self, found: Kept) -> bool:
        return self._clock() - found.at >= SECONDS

    def _drop(self, key: Hashable) -> None:
        found = self._found.pop(key, None)
        if found is not None:
            self._size -= found.size

    def _watch(self) -> None:
        if self._found and self._timer is None:
            self._timer = threading.Timer(SECONDS, self.sweep)
            self._timer.daemon = True
            self._timer.start()


READINGS = Readings()


def weight_of(rows: Sequence[Row]) -> int:
    """Return about how many bytes rows take."""
    sample = rows[::SAMPLED]
    weight = sum(getsizeof(row) + sum(map(getsizeof, row)) for row in sample)
    return weight * len(rows) // len(sample) if sample else 0
