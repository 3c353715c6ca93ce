"""Long answers give way to short ones: threads of a worker share one interpreter, and a page of a thousand rows outweighs ten small ones.

Whoever makes a long answer asks between two batches whether a request has just begun, and lets it through first.
"""

from __future__ import annotations

import threading
from time import monotonic, sleep

FRESH_SECONDS = 0.05  # a request that takes longer waits for its source, not for us
PAUSE_SECONDS = 0.001
MOST_PAUSES = 10  # between two batches, so that a long answer goes on under any load

BEGUN: dict[int, float] = {}  # the thread of each request under way -> when it began


def begin() -> None:
    """Count the request of this thread among those that long answers give way to."""
    BEGUN[threading.get_ident()] = monotonic()


def end() -> None:
    """Count it no more."""
    BEGUN.pop(threading.get_ident(), None)


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
