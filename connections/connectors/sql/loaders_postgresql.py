"""Dates and times of PostgreSQL as Python's; what Python has no value for (infinity, BC, the year 10000, 24:00) stays text.

psycopg refuses a whole batch of rows for one of those.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Loader


def loader(read: Callable[[str], Any]) -> type[Loader]:
    """Return psycopg's loader of a type whose text `read` takes."""

    class Reading(Loader):
        def load(self, data: Buffer) -> Any:
            text = bytes(data).decode()
            try:
                return read(text)
            except ValueError:
                return text

    return Reading


LOADERS = {
    "date": loader(dt.date.fromisoformat),
    "time": loader(dt.time.fromisoformat),
    "timestamp": loader(dt.datetime.fromisoformat),
    "timestamptz": loader(dt.datetime.fromisoformat),
}


def register(connection: psycopg.Connection[Any]) -> None:
    """Let a connection read by these."""
    for name, made in LOADERS.items():
        connection.adapters.register_loader(name, made)
