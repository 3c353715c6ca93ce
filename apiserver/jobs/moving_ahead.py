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
END = object()


class Ahead(Generic[Item]):
    """The items of an iterator that another thread runs, from now on. What it raises is raised here; closing this one closes it."""

    def __init__(self, found: Iterator[Item], held: int = HELD) -> None:
        self._found = found
        self._waiting: queue.Queue[Any] = queue.Queue(held)
        self._stopped = threading.Event()
        self._is_over = False
        # Whoever listens to calls hears those of the thread too.
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run,), name="reading ahead", daemon=True)
        self._thread.start()

    def _put(self, item: Any) -> None:
        while not self._stopped.is_set():
            with suppress(queue.Full):
                self._waiting.put(item, timeout=0.5)
                return

    def _run(self) -> None:
        try:
            for item in self._found:
                self._put(item)
                if self._stopped.is_set():
                    return
            self._put(END)
        except BaseException as error:  # noqa: BLE001 raised where the items are taken
            self._put(error)
        finally:
            connections.close_all()  # this thread's own: tokens of a service are looked up there

    def __iter__(self) -> Ahead[Item]:
        return self

    def __next__(self) -> Item:
        if self._is_over:
            raise StopIteration
        item = self._waiting.get()
        if item is END or isinstance(item, BaseException):
            self.close()
        if item is END:
            raise StopIteration
        if isinstance(item, BaseException):
            raise item
        found: Item = item
        return found

    def close(self) -> None:
        """End the thread and what it runs."""
        self._is_over = True
        self._stopped.set()
        self._thread.join()
        self._found.close()  # type: ignore[attr-defined]


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

    def result(self, seconds: float | None = None) -> Item:
        """Return what was found, as soon as it is there; raise what the thread raised, or TimeoutError after so many seconds."""
        return self._found.result(seconds)


def ahead_of(source: Any, pages: Generator[Item, None, None]) -> Ahead[Item] | Generator[Item, None, None]:
    """Give the pages of a source; of a service the next one is asked for while one is worked on."""
    return Ahead(pages, 1) if getattr(source, "is_remote", False) else pages
