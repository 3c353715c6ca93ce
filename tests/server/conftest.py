"""Settings and caches as on a fresh server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apiserver.server import options, stamp


@pytest.fixture
def settings_file(db: None) -> Iterator[None]:
    """A place for settings.cfg; removed afterwards."""
    yield
    options.settings_file().unlink(missing_ok=True)


@pytest.fixture
def fresh(db: None) -> Iterator[None]:
    """Forget what other tests left in this process."""
    stamp.changed()
    yield
    stamp.forget()
