"""Small changes of many threads stored in one transaction: the first thread stores for those that wait meanwhile.

A transaction of its own for each delivery would be most of its cost, and threads that write to SQLite at once wait in their sleep.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from apiserver.triggers import settling
from apiserver.triggers.settling import Taken


@dataclass(slots=True)
class Change:
    """One change that waits, and what came of it; `taken` are stored together."""

    make: Callable[[], Any] | None = None
    taken: Taken | None = None
    turn: threading.Event = field(default_factory=threading.Event)  # it is stored, or this thread stores next
    is_done: bool = False
    result: Any = None
    error: BaseException | None = None


class Together:
    """The changes that wait in this process. One thread stores; when it is done, one of those that wait meanwhile does."""

    def __init__(self) -> None:
        self._waiting: list[Change] = []
        self._adding = threading.Lock()
        self._is_storing = False

    def run(self, make: Callable[[], Any]) -> Any:
        """Make a change; return its result when it is stored. Raise what went wrong."""
        return self._stored(Change(make)).result

    def taken(self, item: Taken) -> bool:
        """Store that a delivery was taken; claim that its subscription still is ours."""
        self._stored(Change(taken=item))
        return item.is_held

    def _stored(self, mine: Change) -> Change:
        with self._adding:
            self._waiting.append(mine)
            is_first, self._is_storing = not self._is_storing, True
        if not is_first:
            mine.turn.wait()
        if not mine.is_done:
            self._store()
        if mine.error is not None:
            raise mine.error
        return mine

    def _store(self) -> None:
        with self._adding:
            changes, self._waiting = self._waiting, []
        try:
            with transaction.atomic():
                make_all(changes)
        except Exception as error:  # noqa: BLE001 raised again in each thread whose change was among them
            for change in changes:
                change.error = error
        finally:
            with self._adding:
                following = self._waiting[0] if self._waiting else None
                self._is_storing = following is not None
            if following is not None:
                following.turn.set()
            for change in changes:
                change.is_done = True
                change.turn.set()


def make_all(changes: list[Change]) -> None:
    """Make changes within the caller's transaction."""
    taken = [change.taken for change in changes if change.taken is not None]
    if taken:
        settling.store(taken, timezone.now())
    for change in changes:
        change.result = change.make() if change.make is not None else None


TOGETHER = Together()
