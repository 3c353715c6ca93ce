"""How long a worker holds a row of this room."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from apiserver.server import leases
from apiserver.server.leases import is_free, is_held
from apiserver.triggers.models import Subscription, Watch

# Whoever looks at a table prolongs it at each tick; longer than one call, for each delivery prolongs it.
LEASES = {Watch: timedelta(seconds=20), Subscription: timedelta(seconds=30)}


def is_due(now: datetime) -> Q:
    """Return the condition of tables that are to be looked at: it is time, or their service said that something changed."""
    return Q(next_at__lte=now) | Q(rung_at__isnull=False)


def take(row: Watch | Subscription, *, now: datetime) -> bool:
    """Claim that the row is ours now; its fence tells us from others."""
    return leases.take(row, now=now, lease=LEASES[type(row)])


__all__ = ["LEASES", "is_due", "is_free", "is_held", "take"]
