"""Checks that rooms above bring: whether a grant names what exists. Found by dotted strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.module_loading import import_string

GRANT_CHECKS = ("apiserver.odata.grant_check.check",)


def check_grant(resource: str, grant: Mapping[str, Any], place: str) -> None:
    """Raise ConfigurationError for a grant of an unknown resource or column, or with a filter that can't be bound."""
    for path in GRANT_CHECKS:
        import_string(path)(resource, grant, place)
