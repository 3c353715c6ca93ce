"""The long work that this process does: its lease is prolonged each second, and what was cancelled or takes too long is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.utils import timezone

from apiserver.powerplatform.long_read_models import LongRead
from apiserver.powerplatform.long_read_results import LEASE, Lost
from apiserver.server import options
from apiserver.server.leases import is_held
from apiserver.server.under_way import UnderWay
from connections.contract.errors import SourceTimeout


class Running:
    """One piece of work in its thread. `rows` is set by who does it."""

    def __init__(self, read: LongRead) -> None:
        self.read = read
        self.rows = 0
        self.seconds = int(options.current().long_reads["seconds"])
        self.reason: Exception | None = None  # why it has to stop
        self._ends = time.monotonic() + self.seconds
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None

    def watch(self, stop: Callable[[], None]) -> None:
        """Take what stops the statement that runs next; raise where the work has to stop already."""
        with self._lock:
            self._stop = stop
        self.check()

    def unwatch(self) -> None:
        """Forget the statement: its connection may serve somebody else from now on."""
        with self._lock:
            self._stop = None

    def check(self) -> None:
        """Raise why the work has to stop, if it has to."""
        if self.reason is not None:
            raise self.reason

    def end(self, reason: Exception) -> None:
        """Stop the work wherever it is."""
        with self._lock:
            self.reason = self.reason or reason
            stop, self._stop = self._stop, None
            if stop is not None:
                stop()

    def beat(self) -> None:
        """Say that the work goes on; stop it when it is no longer ours, or takes too long."""
        if time.monotonic() > self._ends:
            hint = "Ask for less. An administrator can raise server.long_reads.seconds."
            self.end(SourceTimeout(f"The work did not end within {self.seconds} s.", hint=hint))
        if not is_held(self.read, lease_until=timezone.now() + LEASE, rows=self.rows):
            self.end(Lost())


UNDER_WAY: UnderWay[Running] = UnderWay("a long read", thread="long-reads")
