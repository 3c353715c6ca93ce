"""What a process works on in threads of its own: each second every piece says that it goes on. Runs of jobs and long reads share it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from django.db import DatabaseError, InterfaceError, connection

log = logging.getLogger(__name__)
BEAT_SECONDS = 1.0


class Beating(Protocol):
    """A piece of work that prolongs its lease, and stops itself where it is no longer wanted."""

    def beat(self) -> None:
        """Say that the work goes on; stop it where that is not so."""


Work = TypeVar("Work", bound=Beating)


class UnderWay(Generic[Work]):
    """What this process works on, and the thread that says so. `kind` is what the log calls a piece, such as "a run"."""

    def __init__(self, kind: str, *, thread: str) -> None:
        self._kind = kind
        self._name = thread
        self._lock = threading.Lock()
        self._running: set[Work] = set()
        self._thread: threading.Thread | None = None

    def add(self, running: Work) -> None:
        """Begin to say that it goes on."""
        with self._lock:
            self._running.add(running)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, daemon=True, name=self._name)
                self._thread.start()

    def begin(self, running: Work, do: Callable[[Work], None], *, name: str, then: Callable[[], None]) -> None:
        """Do the work in a thread of its own, called so; let the next begin when it is over."""
        self.add(running)
        threading.Thread(target=self._do, args=(running, do, then), daemon=True, name=name).start()

    def _do(self, running: Work, do: Callable[[Work], None], then: Callable[[], None]) -> None:
        try:
            do(running)
        except Exception:  # its lease runs out, then another worker takes it up
            log.exception("%s could not be worked on", self._kind)
        finally:
            self.remove(running)
            connection.close()
        then()
        connection.close()

    def remove(self, running: Work) -> None:
        """It is over."""
        with self._lock:
            self._running.discard(running)

    def all(self) -> list[Work]:
        """Return what is under way."""
        with self._lock:
            return list(self._running)

    def _beat(self) -> None:
        while running := self._beating():
            for one in running:
                try:
                    one.beat()
                except (DatabaseError, InterfaceError) as error:  # ours does not answer: another worker may take over
                    log.warning("%s could not say that it goes on: %s", self._kind, type(error).__name__)
                    connection.close()
                except Exception:
                    log.exception("%s could not be followed", self._kind)
            time.sleep(BEAT_SECONDS)
        connection.close()

    def _beating(self) -> list[Work]:
        """Return what is under way; with nothing left this thread is let go, so that what is added while it ends gets one of its own."""
        with self._lock:
            if not self._running:
                self._thread = None
            return list(self._running)
