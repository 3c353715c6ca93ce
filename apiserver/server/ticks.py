"""What the ticks of rooms share: the product's own database is left alone for a while after it did not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

from apiserver.server.errors import NotReady

log = logging.getLogger(__name__)
PAUSE_SECONDS = 5.0


class Patience:
    """The work of one room, and until when it rests."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._until = float("-inf")

    def run(self, *works: Callable[[], None]) -> None:
        """Do the work in turn, unless the database was away a moment ago."""
        if time.monotonic() < self._until:
            return
        try:
            for work in works:
                work()
        except (NotReady, OperationalError, InterfaceError) as error:
            self._until = time.monotonic() + PAUSE_SECONDS
            connection.close()
            log.warning("%s wait for the database: %s", self._name, type(error).__name__)
