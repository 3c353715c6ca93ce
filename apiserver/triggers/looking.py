"""Who looks at which table: due ones are claimed and given to threads, few of one connection at once: no source holds up another."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import connection
from django.utils import timezone

from apiserver.triggers.detection import look
from apiserver.triggers.dispatching import DISPATCHER
from apiserver.triggers.leases import LEASES, is_due, is_free, take
from apiserver.triggers.models import Watch

log = logging.getLogger(__name__)
THREADS = 8
OF_ONE_CONNECTION = 2
ASKED_AT_ONCE = 50


class Looker:
    """The threads of this process and the tables that they look at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claiming = threading.Lock()
        self._active: dict[int, Watch] = {}
        self._pool: ThreadPoolExecutor | None = None

    def fill(self) -> None:
        """Keep the leases of what is looked at, and let free threads look at what is due."""
        if not self._claiming.acquire(blocking=False):
            return
        try:
            active = self.active()
            prolong(active)
            for watch in claim(active, THREADS, now=timezone.now()):
                self._begin(watch)
        finally:
            self._claiming.release()

    def active(self) -> list[Watch]:
        """Return what is looked at in this process."""
        with self._lock:
            return list(self._active.values())

    def _begin(self, watch: Watch) -> None:
        with self._lock:
            self._active[watch.pk] = watch
            self._pool = self._pool or ThreadPoolExecutor(THREADS, thread_name_prefix="look")
            self._pool.submit(self._run, watch)

    def _run(self, watch: Watch) -> None:
        try:
            look(watch)
            DISPATCHER.fill()
        except Exception:
            log.exception("a table could not be looked at")
        finally:
            with self._lock:
                del self._active[watch.pk]
            connection.close()


def prolong(watches: Iterable[Watch]) -> None:
    """Keep the leases of looks that take long: their sources are slow, not we gone."""
    now = timezone.now()
    for watch in watches:
        until = watch.lease_until
        if until is not None and until - now < LEASES[Watch] / 2:
            watch.lease_until = now + LEASES[Watch]
            Watch.objects.filter(pk=watch.pk, fence=watch.fence, lease_until__isnull=False).update(lease_until=watch.lease_until)


def claim(active: Collection[Watch], most: int, *, now: datetime) -> list[Watch]:
    """Take tables that are due, as many as `most` leaves besides those that are looked at."""
    if len(active) >= most:
        return []
    per_connection = Counter(item.resource.connection_id for item in active)
    full = [key for key, count in per_connection.items() if key is not None and count >= OF_ONE_CONNECTION]
    due = Watch.objects.select_related("resource").filter(is_free(now), is_due(now)).exclude(pk__in=[item.pk for item in active])
    taken: list[Watch] = []
    for watch in due.exclude(resource__connection__in=full).order_by("next_at")[:ASKED_AT_ONCE]:
        if len(active) + len(taken) >= most:
            break
        if per_connection[watch.resource.connection_id] < OF_ONE_CONNECTION and take(watch, now=timezone.now()):
            per_connection[watch.resource.connection_id] += 1
            taken.append(watch)
    return taken


LOOKER = Looker()
