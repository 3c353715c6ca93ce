"""Who works on a row: a lease that runs out, and a number by which a late writer is told apart. For rows with `lease_until` and `fence`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q


def is_free(now: datetime) -> Q:
    """Return the condition of rows that nobody works on."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def take(row: Any, *, now: datetime, lease: timedelta, **changes: object) -> bool:
    """Claim that the row is ours now, with these changes made to it; its fence tells us from others."""
    free = type(row)._default_manager.filter(is_free(now), pk=row.pk, fence=row.fence)
    if not free.update(fence=row.fence + 1, lease_until=now + lease, **changes):
        return False
    row.fence += 1
    row.lease_until = now + lease
    for name, value in changes.items():
        setattr(row, name, value)
    return True


def is_held(row: Any, **changes: object) -> bool:
    """Change a row that is ours; claim that it still is."""
    return bool(type(row)._default_manager.filter(pk=row.pk, fence=row.fence).update(**changes))
