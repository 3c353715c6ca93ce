"""Reading ahead: a thread takes what comes while the rest of the move works on what came."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from django.db import connections

Item = TypeVar("Item")
HELD = 4  # items that wait at most


def ahead(found: Iterator[Item], held: int = HELD) -> Generator[Item, None, None]:
    """Give the items of an iterator that another thread runs. What it raises is raised here; closing this one closes it."""
    waiting: queue.Queue[Any] = queue.Queue(held)
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
        finally:
            connections.close_all()  # this thread's own: tokens of a service are looked up there

    # Whoever listens to calls hears those of the thread too.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="reading ahead", daemon=True)
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


def ahead_of(source: Any, pages: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Give the pages of a source; of a service the next one is asked for while one is worked on."""
    return ahead(pages, 1) if getattr(source, "is_remote", False) else pages
