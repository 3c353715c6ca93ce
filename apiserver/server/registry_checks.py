"""What rooms above know and rooms below ask for, found by dotted strings: what is published, whether a grant makes sense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string

from apiserver.server.registry import SETTLED

COLUMNS = "apiserver.resources.builder.columns_by_name"
GRANT_CHECKS = ("apiserver.odata.grant_check.check",)


def check_grant(resource: str, grant: Mapping[str, Any], place: str) -> None:
    """Raise ConfigurationError for a grant of an unknown resource or column, or with a filter that can't be bound."""
    for path in GRANT_CHECKS:
        import_string(path)(resource, grant, place)


def settle_all() -> None:
    """Settle what follows from the configuration and is exported with it."""
    for path in SETTLED:
        import_string(path)(now=timezone.now())


def published_columns() -> Mapping[str, Sequence[str]]:
    """Return the names of all published resources, each with its properties."""
    found: Mapping[str, Sequence[str]] = import_string(COLUMNS)()
    return found
