"""Threads of a worker share one interpreter: few requests at a time run in it, and long answers give way to short ones.

A thread more that wants its turn costs all others; eight wait for their sources well enough. Requests that turn out to be slow no
longer count. Whoever makes a long answer asks between two batches whether a request has just begun, and lets it through first.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic, sleep

FRESH_SECONDS = 0.05  # a request that takes longer waits for its source, not for us
PAUSE_SECONDS = 0.001
MOST_PAUSES = 10  # between two batches, so that a long answer goes on under any load

PLACES = 8  # of a worker
SLOW_SECONDS = 0.02  # then a request waits for its source, and its place is another's

BEGUN: dict[int, float] = {}  # the thread of each request under way -> when it began
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
    BEGUN[thread] = now = monotonic()
    if has_place:
        HELD[thread] = now


def waited() -> bool:
    """Return whether a place got free; those of slow requests do. Places are for speed: nobody has to have one."""
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
