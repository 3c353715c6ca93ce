"""Long work in threads of the worker, from the claim to the published result."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from celery.signals import worker_shutdown
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from django.utils.module_loading import import_string

from apiserver.odata.errors import Abandoned
from apiserver.powerplatform.long_read_models import LongRead
from apiserver.powerplatform.long_read_odata import failed
from apiserver.powerplatform.long_read_results import LEASE, Lost, Sink, publish
from apiserver.powerplatform.long_read_under_way import UNDER_WAY, Running
from apiserver.powerplatform.long_read_work import tick
from apiserver.server.errors import NotReady
from apiserver.server.leases import is_held, take
from apiserver.server.registry import LONG_WORK

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 10  # most of those that end are ended by somebody else, a kill or a read beside them
MOST_REST = 120.0  # seconds before another attempt of what ended several workers: not the same ones meet again each time
LATER = timedelta(seconds=3)
TRIED_AGAIN = (2, 8, 20)  # seconds before a read whose source is away is begun anew; then its error is the result
MOST_PAUSE = 60.0  # that a source may ask for
AWAY = 503  # ConnectionFailed, RateLimited: the same read may succeed in a moment


def users_under_way() -> Counter[int | None]:
    """Return how much of each user this process does."""
    return Counter(one.read.user_id for one in UNDER_WAY.all())


def begin(read: LongRead) -> None:
    """Claim work and do it in a thread of its own, unless another worker was quicker."""
    running = Running(read)
    if claim(read, now=timezone.now()):
        UNDER_WAY.begin(running, carry_out, name=f"long-read-{read.pk}", then=tick)


def claim(read: LongRead, *, now: datetime) -> bool:
    """Claim work; give up what has ended several workers."""
    attempts = read.attempts + 1
    rest = random.uniform(0, min(2.0**attempts, MOST_REST)) if attempts > 2 else 0.0  # noqa: S311 - no secret
    due = now + timedelta(seconds=rest) + (LEASE if rest else timedelta())
    if not take(read, now=now, lease=LEASE, state=LongRead.RUNNING, attempts=attempts, started=now, rows=0, due=due):
        return False
    read.pieces.exclude(fence=read.fence).delete()
    if attempts <= MOST_ATTEMPTS:
        return True
    give_up(read, f"The worker ended {MOST_ATTEMPTS} times while it did this.", "Ask for less, or tell the administrator.")
    return False


def carry_out(running: Running) -> None:
    """Do the work and publish what came of it."""
    sink = Sink(running.read)
    try:
        status, headers = outcome(running, sink)
        if status == AWAY and begins_anew(running.read, headers, now=timezone.now()):
            return
        publish(sink, status=status, headers=headers, rows=running.rows if status < 400 else 0)
    except Lost:
        return
    except (NotReady, DatabaseError, InterfaceError) as error:  # our own database: not for a fault of the work
        log.warning("a long read begins anew later: %s", type(error).__name__)
        connection.close()
        give_back(running.read, now=timezone.now())


def outcome(running: Running, sink: Sink) -> tuple[int, dict[str, str]]:
    """Return status and headers of the result, be it an error."""
    try:
        found: tuple[int, dict[str, str]] = import_string(LONG_WORK[running.read.kind])(running, sink)
    except (Lost, NotReady, DatabaseError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 whatever came of it is the result
        return failed(error, sink)
    return found


def give_back(read: LongRead, *, now: datetime) -> None:
    """Let a worker begin it anew a little later; this attempt does not count."""
    attempts = max(0, read.attempts - 1)
    is_held(read, state=LongRead.WAITING, lease_until=None, due=now + LATER, attempts=attempts, fence=read.fence + 1)


def begins_anew(read: LongRead, headers: Mapping[str, str], *, now: datetime) -> bool:
    """Let a read whose source is away be begun anew in a while; False after the last time."""
    if read.failures >= len(TRIED_AGAIN):
        return False
    asked = headers.get("Retry-After", "")
    pause = max(float(TRIED_AGAIN[read.failures]), min(float(asked), MOST_PAUSE) if asked.isdecimal() else 0.0)
    anew = {"state": LongRead.WAITING, "lease_until": None, "due": now + timedelta(seconds=pause), "rows": 0}
    return is_held(read, **anew, attempts=max(0, read.attempts - 1), failures=read.failures + 1, fence=read.fence + 1)


def give_up(read: LongRead, message: str, hint: str) -> bool:
    """End work that is ours without its result; claim that it still was."""
    sink = Sink(read)
    try:
        status, headers = failed(Abandoned(message, hint=hint), sink)
        publish(sink, status=status, headers=headers, rows=0)
    except Lost:
        return False
    return True


@worker_shutdown.connect
def give_back_all(**_: object) -> None:
    """Let what is under way be begun anew by the worker that follows."""
    for running in UNDER_WAY.all():
        give_back(running.read, now=timezone.now())
        running.end(Lost())
