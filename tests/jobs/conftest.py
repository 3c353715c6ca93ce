"""Jobs between two SQLite files; settings and caches as on a fresh server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs.models import Job
from apiserver.jobs.services import Given, create_job
from connections.models import Connection
from tests.server.conftest import fresh

__all__ = ["fresh"]
NOW = datetime(2026, 11, 22, 6, 20, 30, tzinfo=UTC)
Make = Callable[..., Job]


def connection(name: str, path: Path, **fields: Any) -> Connection:
    """Store a connection to a SQLite file."""
    return Connection.objects.create(name=name, connector="sqlite", properties={"Database": str(path)}, **fields)


@pytest.fixture
def make(db: None, tmp_path: Path) -> Make:
    """Return how jobs from `shop` to `copy` are made, of statements and other values."""
    shop, copy = connection("shop", tmp_path / "shop.db"), connection("copy", tmp_path / "copy.db")

    def made(*statements: str, name: str = "nightly", now: datetime = NOW, **values: Any) -> Job:
        given = {"source": shop, "destination": copy} | values
        return create_job(who="admin", now=now, name=name, tasks=[Given(text) for text in statements], **given)

    return made
