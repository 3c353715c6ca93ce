"""Threads of a worker share one interpreter: few requests at a time run in it, and long answers give way to short ones.

A thread more that wants its turn costs all others; four wait for their sources well enough. Requests that turn out to be slow no
longer count. Whoever makes a long answer asks between two batches whether a request has just begun, and lets it through first; a
whole export works a quarter of the time as long as there are such requests, since its source and its reader take time of theirs as well.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic, sleep

FRESH_SECONDS = 0.05  # a request that takes longer waits for its source, not for us
PAUSE_SECONDS = 0.001
MOST_PAUSES = 10  # between two batches, so that a long answer goes on under any load

BUSY_SECONDS = 0.25  # since the last request began, there are others who ask
RESTS = 3  # of an export, in times of what the last batch took
SHORTEST_REST, LONGEST_REST = 0.001, 0.02

PLACES = 4  # of a worker
SLOW_SECONDS = 0.01  # then a request waits for its source, and its place is another's
MOST_WAITS = 4  # of so many seconds, for a place

BEGUN: dict[int, float] = {}  # the thread of each request under way -> when it began
LATEST = [0.0]  # when the last request began
HELD: dict[int, float] = {}  # of those that hold a place
FREE: SimpleQueue[None] = SimpleQueue()
for _ in range(PLACES):
    FREE.put(None)


def begin() -> None:
    """Wait for a place, not for long, and count the request of this thread among those that long answers give way to."""
    thread = threading.get_ident()
    try:
        FREE.get_nowait()
        has_place = True
    except Empty:
        has_place = waited()
    BEGUN[thread] = LATEST[0] = now = monotonic()
    if has_place:
        HELD[thread] = now


def waited() -> bool:
    """Return whether a place got free; those of slow requests do. Places are for speed: nobody has to have one."""
    for _ in range(MOST_WAITS):
        with suppress(Empty):
            FREE.get(timeout=SLOW_SECONDS)
            return True
        since = monotonic() - SLOW_SECONDS
        for thread, begun in list(HELD.items()):
            if begun < since and HELD.pop(thread, None) is not None:
                FREE.put(None)
    with suppress(Empty):
        FREE.get_nowait()
        return True
    return False


def end() -> None:
    """Count it no more, and give its place back."""
    thread = threading.get_ident()
    BEGUN.pop(thread, None)
    if HELD.pop(thread, None) is not None:
        FREE.put(None)


def give_way() -> None:
    """Let requests that have just begun through; whoever asks is no such request itself from now on."""
    end()
    for _ in range(MOST_PAUSES):
        if not is_one_fresh():
            return
        sleep(PAUSE_SECONDS)


def is_one_fresh() -> bool:
    """Claim that a request has just begun."""
    since = monotonic() - FRESH_SECONDS
    return any(begun > since for begun in list(BEGUN.values()))


class Export:
    """A whole table on its way: it rests after each batch while others ask, and takes all it can get while nobody does."""

    def __init__(self) -> None:
        self._begun = self._since = monotonic()

    def give_way(self) -> None:
        """Let requests that have just begun through, and rest."""
        now = monotonic()
        if LATEST[0] > max(self._begun, now - BUSY_SECONDS):
            sleep(min(max(RESTS * (now - self._since), SHORTEST_REST), LONGEST_REST))
        give_way()
        self._since = monotonic()
