"""A session over a derived manifest: the HTTP engine's, made anew when the document changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from connections.connectors.http.session import HttpSession
from connections.connectors.openapi.derive import Derived
from connections.contract.scan import Batch, Offer, Scan
from connections.contract.table import Table, TableInfo, TableRef

LOOK_SECONDS = 1.0

Opened = Callable[[bool], tuple[Derived, HttpSession]]


class OpenapiSession:
    """A RowSession. Thread-safe; `list_tables` reads the document again."""

    dialect: None = None
    is_remote: ClassVar[bool] = True

    def __init__(self, opened: Opened, variant: Callable[[dict[str, Any]], HttpSession], stamp: Callable[[], int]) -> None:
        self._opened, self.variant, self._stamp = opened, variant, stamp
        self._lock = threading.Lock()
        self._now: tuple[Derived, HttpSession] | None = None
        self._seen = (0.0, 0)  # when the stamp of the document was looked at, and what it was

    @property
    def derived(self) -> Derived:
        """Return what the document gave."""
        return self._current()[0]

    @property
    def inner(self) -> HttpSession:
        """Return the session of the HTTP engine."""
        return self._current()[1]

    def _current(self) -> tuple[Derived, HttpSession]:
        with self._lock:
            if self._now is None or self._is_stale():
                self._swap(self._opened(False))
            assert self._now is not None
            return self._now

    def _is_stale(self) -> bool:
        """Claim that another process, or an editor, has put another document in the place; looked at once a second."""
        looked, stamp = self._seen
        if time.monotonic() - looked < LOOK_SECONDS:
            return False
        now = self._stamp()
        self._seen = (time.monotonic(), now)
        return now != stamp

    def _swap(self, fresh: tuple[Derived, HttpSession]) -> None:
        before, self._now = self._now, fresh
        self._seen = (time.monotonic(), self._stamp())
        if before is not None:
            # Requests under way still read from it: close when they had time to end.
            threading.Timer(60, before[1].close).start()

    def list_tables(self) -> list[TableInfo]:
        """Return the tables of the document as it is now."""
        fresh = self._opened(True)
        with self._lock:
            self._swap(fresh)
        partial = {name: table.get("partial", "") for name, table in fresh[0].manifest["tables"].items()}
        found = fresh[1].list_tables()
        return [replace(info, comment=f"{partial.get(info.ref.name, '')} {info.comment}".strip()) for info in found]

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables whole."""
        return self.inner.describe(refs)

    def offer(self, scan: Scan) -> Offer:
        """Return what would be done of a scan."""
        return self.inner.offer(scan)

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows."""
        return self.inner.read(offer, resume=resume)

    def count(self, offer: Offer) -> int:
        """Return the number of rows."""
        return self.inner.count(offer)

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Create a row."""
        return self.inner.insert(table, values, idempotency=idempotency)

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        """Change a row."""
        return self.inner.update(table, key, values, idempotency=idempotency)

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        """Remove a row."""
        return self.inner.delete(table, key, idempotency=idempotency)

    def close(self) -> None:
        """Release the pool."""
        with self._lock:
            if self._now is not None:
                self._now[1].close()
