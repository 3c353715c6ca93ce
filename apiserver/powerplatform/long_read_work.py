"""What the worker's tick does for long work, twice a second: it claims what is due; what does it is loaded when there is some."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from django.db.models import F, Q
from django.utils import timezone

from apiserver.powerplatform.long_read_models import LongRead
from apiserver.server import options
from apiserver.server.leases import is_free
from apiserver.server.ticks import AnyDue, Patience

PATIENCE = Patience("long reads")
CLAIMING = threading.Lock()
LOOKED_AT = 100


def tick() -> None:
    """Begin what is due."""
    PATIENCE.run(begin_due)


def due(now: datetime) -> Q:
    """Return the condition of work that nobody does and somebody should."""
    return Q(state__in=(LongRead.WAITING, LongRead.RUNNING), due__lte=now) & is_free(now)


IS_ANY_DUE = AnyDue(lambda now: LongRead.objects.filter(due(now)))


def begin_due() -> None:
    """Begin due work in the free places of this process; one thread at a time chooses."""
    if not IS_ANY_DUE(timezone.now()) or not CLAIMING.acquire(blocking=False):
        return
    try:
        from apiserver.powerplatform.long_read_doing import begin, users_under_way

        for read in chosen(users_under_way(), now=timezone.now()):
            begin(read)
    finally:
        CLAIMING.release()


def chosen(under_way: Mapping[int | None, int], *, now: datetime) -> list[LongRead]:
    """Return what to begin: users who have little under way come first, and none takes the last of several places."""
    places = int(options.current().long_reads["at_once"])
    users = Counter(under_way)
    if users.total() >= places:
        return []
    waiting = list(LongRead.objects.filter(due(now)).order_by("due", "pk")[:LOOKED_AT])
    found: list[LongRead] = []
    while waiting and users.total() < places:
        read = min(waiting, key=lambda item: users[item.user_id])
        if places > 1 and users[read.user_id] >= places - 1:
            break
        waiting.remove(read)
        users[read.user_id] += 1
        found.append(read)
    return found


def cancel(read: LongRead) -> bool:
    """End work without its result, by somebody else than who asked; claim that it was still open."""
    from apiserver.powerplatform.long_read_doing import give_up

    is_open = Q(state__in=(LongRead.WAITING, LongRead.RUNNING), pk=read.pk)
    if not LongRead.objects.filter(is_open).update(fence=F("fence") + 1, lease_until=None):
        return False
    read.refresh_from_db()
    return give_up(read, "An administrator cancelled it.", "Ask again.")
