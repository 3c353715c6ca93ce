"""Who delivers what: due subscriptions are claimed together and given to threads, few of one host at once."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from apiserver.triggers import calling
from apiserver.triggers.delivering import deliver_turn
from apiserver.triggers.leases import LEASES, is_free
from apiserver.triggers.models import Subscription

log = logging.getLogger(__name__)
THREADS = 32
CLAIMED_AT_ONCE = 64
QUEUED_OF_HOST = 32
STALE_SECONDS = 5.0  # a claim that waited for so long is given up: its lease may run out under way


class Dispatcher:
    """The threads of this process, the subscriptions claimed for them, and how many of each host there are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claiming = threading.Lock()
        self._queue: list[tuple[float, Subscription]] = []
        self._active: Counter[str] = Counter()
        self._pool: ThreadPoolExecutor | None = None

    def fill(self) -> None:
        """Claim what is due and let free threads begin."""
        if self._claiming.acquire(blocking=False):
            try:
                self._claim()
            finally:
                self._claiming.release()
        with self._lock:
            while self._active.total() < THREADS and (found := self._next()) is not None:
                self._pool = self._pool or ThreadPoolExecutor(THREADS, thread_name_prefix="deliver")
                self._pool.submit(self._run, found)

    def _claim(self) -> None:
        with self._lock:
            per_host = Counter(item.host for _, item in self._queue) + self._active
            room = CLAIMED_AT_ONCE - len(self._queue)
        if room <= CLAIMED_AT_ONCE // 2:
            return
        full = [host for host, count in per_host.items() if count >= QUEUED_OF_HOST]
        claimed = claim(full, per_host, room)
        with self._lock:
            self._queue += [(time.monotonic(), item) for item in claimed]

    def _next(self) -> Subscription | None:
        """Take the first of the queue whose host has room; the lock is held."""
        fresh = time.monotonic() - STALE_SECONDS
        self._queue = [item for item in self._queue if item[0] > fresh]
        for place, (_, found) in enumerate(self._queue):
            if self._active[found.host] < calling.AT_ONCE:
                del self._queue[place]
                self._active[found.host] += 1
                return found
        return None

    def _run(self, found: Subscription | None) -> None:
        """Work until nothing is left to do for this thread."""
        while found is not None:
            try:
                deliver_turn(found)
            except Exception:
                log.exception("deliveries of a subscription could not be worked on")
                connection.close()  # it may be broken
            with self._lock:
                self._active[found.host] -= 1
                is_empty = not self._queue
            if is_empty:
                try:
                    self.fill()
                except Exception:  # the next tick asks again
                    log.exception("due deliveries could not be claimed")
                    connection.close()
            with self._lock:
                found = self._next()
        connection.close()


def claim(full: list[str], per_host: Counter[str], most: int) -> list[Subscription]:
    """Claim due subscriptions for this process, none of hosts that are busy enough."""
    now = timezone.now()
    due = Subscription.objects.filter(is_free(now), state=Subscription.ACTIVE, next_at__lte=now).exclude(host__in=full)
    if not due.exists():
        return []
    chosen: list[Subscription] = []
    count = per_host.copy()
    with transaction.atomic():
        for found in due.select_for_update(skip_locked=True).order_by("next_at")[: most * 2]:
            if len(chosen) < most and count[found.host] < QUEUED_OF_HOST:
                count[found.host] += 1
                chosen.append(found)
        ids = [item.pk for item in chosen]
        Subscription.objects.filter(pk__in=ids).update(fence=F("fence") + 1, lease_until=now + LEASES[Subscription])
    for item in chosen:
        item.fence += 1
        item.lease_until = now + LEASES[Subscription]
    return chosen


DISPATCHER = Dispatcher()
