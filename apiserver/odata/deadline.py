"""How long one request may go on asking the database: checked between its statements, each of which has the connection's Timeout."""

from __future__ import annotations

import threading
import time

from apiserver.odata.parser_errors import raised_by
from connections.contract.errors import SourceTimeout


class Running(threading.local):
    """The request of this thread."""

    ends = float("inf")
    seconds = 0


RUNNING = Running()


def begin(seconds: int) -> None:
    """Start the time of this thread's request."""
    RUNNING.ends, RUNNING.seconds = time.monotonic() + seconds, seconds


def lift() -> None:
    """Let a streamed answer take the time that its reader needs."""
    RUNNING.ends = float("inf")


def check() -> None:
    """Raise SourceTimeout when the time is over."""
    if time.monotonic() > RUNNING.ends:
        message = f"The request took longer than the limit of {RUNNING.seconds} seconds."
        raise SourceTimeout(message, hint=f"Ask for less at a time. {raised_by('request_seconds')}")
