"""Work of another thread: it takes what comes while the rest of the move works on what came, or counts while rows are written."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

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


class Beside(Generic[Item]):
    """What another thread finds while this one goes on with its work. Nobody waits for one whose result is not wanted any more."""

    def __init__(self, find: Callable[[], Item]) -> None:
        self._found: Future[Item] = Future()
        threading.Thread(target=contextvars.copy_context().run, args=(self._run, find), name="beside", daemon=True).start()

    def _run(self, find: Callable[[], Item]) -> None:
        try:
            self._found.set_result(find())
        except BaseException as error:  # noqa: BLE001 raised where the result is taken
            self._found.set_exception(error)
        finally:
            connections.close_all()

    def result(self) -> Item:
        """Return what was found, as soon as it is there; raise what the thread raised."""
        return self._found.result()


def ahead_of(source: Any, pages: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Give the pages of a source; of a service the next one is asked for while one is worked on."""
    return ahead(pages, 1) if getattr(source, "is_remote", False) else pages
