"""Settings and caches as on a fresh server."""

from __future__ import annotations

from tests.server.conftest import fresh

__all__ = ["fresh"]
