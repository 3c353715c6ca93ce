"""Queries of the SQL page under way: each has a number, by which any process of the server can be asked to stop it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from django.conf import settings

from connections.contract.errors import SourceTimeout

LOOKS = 0.25  # seconds between looks for a wish to stop
LONGEST = 300  # seconds that one query may take
NUMBER = re.compile(r"[0-9a-f]{32}")
STOPPED = "The query was cancelled."


def cancelled() -> SourceTimeout:
    """Return what is said of a query that was cancelled."""
    return SourceTimeout(STOPPED, hint="Nothing was changed by it: queries only read.")


def mark_of(number: str) -> Path:
    """Return the file that stands for the wish to stop a query."""
    if not NUMBER.fullmatch(number):
        raise ValueError(number)
    return Path(settings.DATA_DIR) / "shared" / f"stop-{number}"


def cancel(number: str) -> None:
    """Ask for a query to stop."""
    mark = mark_of(number)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


class Running:
    """One query: looks for the wish to stop while it runs, and ends it wherever it is."""

    def __init__(self, number: str, *, seconds: float = LONGEST) -> None:
        self._mark = mark_of(number)
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="sql-cancel")
        self.is_cancelled = False

    def __enter__(self) -> Running:
        self._mark.unlink(missing_ok=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:  # from here on nothing is stopped: the connection serves somebody else
            self._stop = None
            self._done.set()
        self._mark.unlink(missing_ok=True)
        if isinstance(error, Exception):
            self.check(error)

    def watch(self, stop: Callable[[], None]) -> None:
        """Take what stops the part that runs now."""
        with self._lock:
            self._stop = stop
        self.check()

    def check(self, cause: Exception | None = None) -> None:
        """Raise when the query was cancelled, or its time is over."""
        if self.is_cancelled:
            raise cancelled() from cause
        if time.monotonic() > self._ends:
            raise SourceTimeout(f"This did not end within {self._seconds:.0f} s.", hint="Ask for less.") from cause

    def _look(self) -> None:
        while not self._done.wait(LOOKS):
            is_late = time.monotonic() > self._ends
            if not is_late and not self._mark.exists():
                continue
            with self._lock:
                self.is_cancelled = self.is_cancelled or not is_late
                stop = None if self._done.is_set() else self._stop
                if stop is not None:
                    stop()
                    return
