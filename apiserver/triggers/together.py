"""Small changes of many threads stored in one transaction: the first thread stores for those that wait meanwhile.

A transaction of its own for each delivery would be most of its cost, and threads that write to SQLite at once wait in their sleep.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction


@dataclass(slots=True)
class Change:
    """One change that waits, and what came of it."""

    make: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None


class Together:
    """The changes that wait in this process."""

    def __init__(self) -> None:
        self._waiting: list[Change] = []
        self._adding = threading.Lock()
        self._storing = threading.Lock()

    def run(self, make: Callable[[], Any]) -> Any:
        """Make a change; return its result when it is stored. Raise what went wrong."""
        mine = Change(make)
        with self._adding:
            self._waiting.append(mine)
        with self._storing:
            if not mine.done.is_set():
                self._store()
        if mine.error is not None:
            raise mine.error
        return mine.result

    def _store(self) -> None:
        with self._adding:
            changes, self._waiting = self._waiting, []
        try:
            with transaction.atomic():
                for change in changes:
                    change.result = change.make()
        except Exception as error:  # noqa: BLE001 raised again in each thread whose change was among them
            for change in changes:
                change.error = error
        finally:
            for change in changes:
                change.done.set()


TOGETHER = Together()
