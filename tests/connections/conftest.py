"""Threads of these tests share one database in memory, which locks whole tables where a file would not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.backends.signals import connection_created


@pytest.fixture(autouse=True)
def readers_wait_for_nobody() -> Iterator[None]:
    """Let reads pass a table that another thread writes, as they do in a file with a write-ahead log."""

    def relax(connection: Any, **_: Any) -> None:
        if connection.vendor == "sqlite":
            connection.cursor().execute("PRAGMA read_uncommitted = 1")

    connection_created.connect(relax)
    yield
    connection_created.disconnect(relax)
