"""Every secret of the room sealed anew with the first key."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models

from apiserver.triggers.models import Delivery, Gone, Hook, Subscription, Watch
from connections import vault

SEALED: tuple[tuple[type[models.Model], tuple[str, ...]], ...] = (
    (Subscription, ("callback", "secret", "previous_secret")),
    (Delivery, ("body",)),
    (Watch, ("keys",)),
    (Hook, ("secret",)),
    (Gone, ("key",)),
)


def reseal() -> int:
    """Seal every secret with the first key; return how many were sealed with another."""
    return sum(renewed(row, names) for kind, names in SEALED for row in rows_of(kind))


def rows_of(kind: type[models.Model]) -> Iterable[models.Model]:
    """Return the stored rows, locked."""
    return kind._default_manager.select_for_update().iterator(chunk_size=500)


def renewed(row: models.Model, names: Iterable[str]) -> int:
    """Seal the old secrets of a row anew; return how many there were."""
    old = [name for name in names if getattr(row, name) and not vault.is_current(getattr(row, name))]
    for name in old:
        setattr(row, name, vault.rotate(getattr(row, name)))
    if old:
        row.save(update_fields=old)
    return len(old)
