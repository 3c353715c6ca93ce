"""Long work in threads of the worker, from the claim to the published result."""

from __future__ import annotations

import logging
import threading
from collections import Counter
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
MOST_ATTEMPTS = 3
LATER = timedelta(seconds=3)


def users_under_way() -> Counter[int | None]:
    """Return how much of each user this process does."""
    return Counter(one.read.user_id for one in UNDER_WAY.all())


def begin(read: LongRead) -> None:
    """Claim work and do it in a thread of its own, unless another worker was quicker."""
    running = Running(read)
    if claim(read, now=timezone.now()):
        UNDER_WAY.add(running)
        threading.Thread(target=in_thread, args=(running,), daemon=True, name=f"long-read-{read.pk}").start()


def claim(read: LongRead, *, now: datetime) -> bool:
    """Claim work; give up what has ended several workers."""
    attempts = read.attempts + 1
    if not take(read, now=now, lease=LEASE, state=LongRead.RUNNING, attempts=attempts, started=now, rows=0):
        return False
    read.pieces.exclude(fence=read.fence).delete()
    if attempts <= MOST_ATTEMPTS:
        return True
    give_up(read, f"The worker ended {MOST_ATTEMPTS} times while it did this.", "Ask for less, or tell the administrator.")
    return False


def in_thread(running: Running) -> None:
    """Do one piece of work, then let the next begin."""
    try:
        carry_out(running)
    except Exception:  # the lease runs out, then it is begun anew
        log.exception("a long read could not be worked on")
    finally:
        UNDER_WAY.remove(running)
        connection.close()
    tick()
    connection.close()


def carry_out(running: Running) -> None:
    """Do the work and publish what came of it."""
    sink = Sink(running.read)
    try:
        status, headers = outcome(running, sink)
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
