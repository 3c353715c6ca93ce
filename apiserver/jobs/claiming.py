"""Which runs this process works on. Who is gone is told by its beats, not by the clock: those of a worker at work go on changing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from apiserver.jobs.models import OPEN, RUNNING, WAITING, Run
from apiserver.jobs.running import begin
from apiserver.jobs.under_way import LEASE_SECONDS, UNDER_WAY
from apiserver.server import options

LOOKED_AT = 200


class Claimer:
    """Chooses for this process; one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[int, tuple[int, datetime | None, float]] = {}  # run -> fence, beat, and since when we know of no newer one

    def fill(self) -> None:
        """Begin as many runs as there are free places."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            places = int(options.current().jobs["at_once"]) - len(UNDER_WAY.all())
            for run in self._free(places):
                if claim(run, now=timezone.now()):
                    begin(run)
        finally:
            self._lock.release()

    def _free(self, places: int) -> list[Run]:
        """Return runs that wait, and those whose workers are gone."""
        mine = {one.run.pk for one in UNDER_WAY.all()}
        waiting = list(Run.objects.filter(state=WAITING).exclude(pk__in=mine).order_by("due", "pk")[: max(0, places)])
        elsewhere = list(Run.objects.filter(state=RUNNING).exclude(pk__in=mine).order_by("pk")[:LOOKED_AT])
        return [*self._left(elsewhere, time.monotonic()), *waiting][: max(0, places)]

    def _left(self, runs: Iterable[Run], now: float) -> list[Run]:
        """Return those of other workers that have not said for a while that they go on."""
        before, self._seen = self._seen, {}
        for run in runs:
            fence, beat, since = before.get(run.pk, (run.fence, run.beat_at, now))
            self._seen[run.pk] = (run.fence, run.beat_at, since if (fence, beat) == (run.fence, run.beat_at) else now)
        return [run for run in runs if now - self._seen[run.pk][2] > LEASE_SECONDS]


def claim(run: Run, *, now: datetime) -> bool:
    """Take a run, unless another worker was quicker or a beat of the one before came after all; its fence tells us from others."""
    free = Run.objects.filter(pk=run.pk, fence=run.fence, beat_at=run.beat_at, state__in=OPEN)
    changes = {"state": RUNNING, "attempts": F("attempts") + 1, "started": run.started or now, "beat_at": now}
    if not free.update(fence=run.fence + 1, lease_until=now + timedelta(seconds=LEASE_SECONDS), **changes):
        return False
    run.refresh_from_db()
    return True


CLAIMER = Claimer()
