"""What the ticks of rooms share: questions that cost little, and a database that is left alone for a while after it did not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import QuerySet

from apiserver.server.errors import NotReady

log = logging.getLogger(__name__)
PAUSE_SECONDS = 5.0
SOME_TIME = datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)  # stands in a statement for the time at which it is asked


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


class AnyDue:
    """Whether there are rows, asked by a statement that is written once: it is asked twice a second for years.

    `rows` returns the rows that are due at a time; nothing but that time differs between two questions.
    """

    def __init__(self, rows: Callable[[datetime], QuerySet[Any]]) -> None:
        self._rows = rows
        self._statement: tuple[str, tuple[Any, ...]] | None = None

    def __call__(self, now: datetime) -> bool:
        """Claim that something is due."""
        if self._statement is None:
            self._statement = self._rows(SOME_TIME).query.exists().get_compiler(connection=connection).as_sql()
        sql, binds = self._statement
        adapted = connection.ops.adapt_datetimefield_value
        stand_in = adapted(SOME_TIME)
        with connection.cursor() as cursor:
            cursor.execute(sql, [adapted(now) if bind == stand_in else bind for bind in binds])
            return cursor.fetchone() is not None
