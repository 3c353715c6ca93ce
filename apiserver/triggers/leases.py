"""Who works on a row: a lease that runs out, and a number by which a late writer is told apart."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from apiserver.triggers.models import Subscription, Watch

# Whoever looks at a table prolongs it at each tick; longer than one call, for each delivery prolongs it.
LEASES = {Watch: timedelta(seconds=20), Subscription: timedelta(seconds=30)}


def is_free(now: datetime) -> Q:
    """Return the condition of rows that nobody works on."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def is_due(now: datetime) -> Q:
    """Return the condition of tables that are to be looked at: it is time, or their service said that something changed."""
    return Q(next_at__lte=now) | Q(rung_at__isnull=False)


def take(row: Watch | Subscription, *, now: datetime) -> bool:
    """Claim that the row is ours now; its fence tells us from others."""
    free = type(row)._default_manager.filter(is_free(now), pk=row.pk, fence=row.fence)
    if not free.update(fence=row.fence + 1, lease_until=now + LEASES[type(row)]):
        return False
    row.fence += 1
    row.lease_until = now + LEASES[type(row)]
    return True


def is_held(row: Watch | Subscription, **changes: object) -> bool:
    """Change a row that is ours; claim that it still is."""
    return bool(type(row)._default_manager.filter(pk=row.pk, fence=row.fence).update(**changes))
