"""Reading ahead: a thread takes what comes while the rest of the move works on what came."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeVar

Item = TypeVar("Item")
HELD = 4  # items that wait at most


def ahead(found: Iterator[Item]) -> Iterator[Item]:
    """Give the items of an iterator that another thread runs. What it raises is raised here; closing this one closes it."""
    waiting: queue.Queue[Any] = queue.Queue(HELD)
    stopped, end = threading.Event(), object()

    def put(item: Any) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                waiting.put(item, timeout=0.5)
                return

    def run() -> None:
        try:
            for item in found:
                put(item)
                if stopped.is_set():
                    return
            put(end)
        except BaseException as error:  # noqa: BLE001 raised where the items are taken
            put(error)

    thread = threading.Thread(target=run, name="reading ahead", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not end:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
        found.close()  # type: ignore[attr-defined]
