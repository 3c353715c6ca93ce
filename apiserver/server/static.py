"""Addresses of static files below the path prefix under which a WSGI host serves us."""

from __future__ import annotations

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.urls import get_script_prefix


class PrefixedStorage(StaticFilesStorage):
    """Django puts the prefix before a relative STATIC_URL once, at start, when there is none yet: so each address gets it here."""

    def url(self, name: str | None) -> str:
        """Return the address of a file."""
        return get_script_prefix().rstrip("/") + super().url(name)
