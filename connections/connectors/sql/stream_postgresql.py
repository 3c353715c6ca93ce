"""Rows of a long PostgreSQL answer as they come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any


class StreamCursor:
    """One statement in libpq's chunked mode: no transaction around it and no named cursor, whose plan would favour the first rows."""

    CHUNK = 500  # rows that libpq holds at a time

    def __init__(self, connection: Any) -> None:
        self._cursor = connection.cursor()
        self._rows: Iterator[Any] = iter(())

    @property
    def description(self) -> Any:
        """Return the columns."""
        return self._cursor.description

    def execute(self, sql: str, binds: Any) -> None:
        """Run the statement up to its first rows, so that what is wrong with it is said here."""
        stream = self._cursor.stream(sql, binds, size=self.CHUNK)
        first = next(stream, None)
        self._stream = stream
        self._rows = stream if first is None else chain((first,), stream)

    def fetchmany(self, size: int) -> list[Any]:
        """Return the next rows."""
        return list(islice(self._rows, size))

    def close(self) -> None:
        """Cancel what is left."""
        self._stream.close()
        self._cursor.close()
