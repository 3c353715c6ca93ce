"""Deliveries that were taken, stored many at once: most deliveries go so, and a statement for each would be most of their cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from apiserver.triggers.models import Delivery, Subscription


@dataclass(slots=True)
class Taken:
    """A delivery that its receiver took, of a subscription that was not failing; `is_last` = the subscription is given back."""

    subscription: int
    fence: int
    delivery: int
    status: int
    is_last: bool
    is_held: bool = False  # the answer: the subscription still is ours


def store(items: Sequence[Taken], now: datetime) -> None:
    """Store what was taken, within the caller's transaction."""
    wanted = {item.subscription for item in items}
    held = dict(Subscription.objects.select_for_update().filter(pk__in=wanted).order_by("pk").values_list("pk", "fence"))
    by_status: defaultdict[int, list[int]] = defaultdict(list)
    for item in items:
        item.is_held = held.get(item.subscription) == item.fence
        by_status[item.status].append(item.delivery)  # even where it is not: the receiver has it
    for status, ids in by_status.items():
        Delivery.objects.filter(pk__in=ids).update(state=Delivery.DONE, attempts=F("attempts") + 1, status=status, error="", tried=now)
    give_back({item.subscription for item in items if item.is_last and item.is_held}, now)


def give_back(ids: set[int], now: datetime) -> None:
    """Let subscriptions go, locked by the caller; those for which something waits stay due."""
    if not ids:
        return
    waiting = set(
        Delivery.objects.filter(subscription__in=ids, state=Delivery.WAITING).order_by().values_list("subscription", flat=True).distinct()
    )
    for some, next_at in ((ids & waiting, now), (ids - waiting, None)):
        if some:
            Subscription.objects.filter(pk__in=some).update(lease_until=None, next_at=next_at)
