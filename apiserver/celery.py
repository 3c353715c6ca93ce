"""Background work: one periodic task, `tick`. The database is the truth, the broker a doorbell: who hears none looks by itself."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import beat_init, worker_ready, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")

# Celery fears pickled messages under root; ours are JSON and stay in the process or in the operator's Redis.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("apiserver")
app.config_from_object("django.conf:settings", namespace="CELERY")
log = logging.getLogger(__name__)
TICK_SECONDS = 0.5
SILENT_SECONDS = 2.0  # without a tick for so long a worker does what is due by itself
HOUSEKEEPING_SECONDS = 60.0
# A tick that waited while the worker was away is worth nothing: the next one finds the same work due.
app.conf.beat_schedule = {"tick": {"task": "apiserver.tick", "schedule": TICK_SECONDS, "options": {"expires": 5}}}
app.conf.task_ignore_result = True


class Bell:
    """When this process last began a tick, by a clock that nobody sets, and whether it is about to end."""

    rung = float("-inf")
    ending = threading.Event()


class Housekeeping:
    """When this process cleaned up last; the lock keeps a slow round from being begun twice."""

    lock = threading.Lock()
    at = float("-inf")


@app.task(name="apiserver.tick")
def tick() -> None:
    """Do what is due."""
    Bell.rung = time.monotonic()
    for work in ticks():
        work()
    if not Housekeeping.lock.acquire(blocking=False):
        return
    try:
        if time.monotonic() - Housekeeping.at >= HOUSEKEEPING_SECONDS:
            Housekeeping.at = time.monotonic()
            clean_up()
    finally:
        Housekeeping.lock.release()


@cache
def ticks() -> tuple[Callable[[], None], ...]:
    """Return what rooms do twice a second."""
    from django.utils.module_loading import import_string

    from apiserver.server.registry import TICKS

    return tuple(import_string(path) for path in TICKS)


def clean_up() -> None:
    """Drop old log entries, dead set-up links, sign-ins and sessions; keep idle OAuth grants alive."""
    from django.core.management import call_command
    from django.utils import timezone
    from django.utils.module_loading import import_string

    from apiserver.server import requestlog
    from apiserver.server.registry import HOUSEKEEPING
    from connections.oauth.grants import refresh_idle_grants
    from connections.oauth.signin import forget_old
    from users.models import SetupLink

    requestlog.prune()
    SetupLink.objects.filter(expires__lt=timezone.now()).delete()
    call_command("clearsessions")
    forget_old(now=timezone.now())
    refresh_idle_grants(now=timezone.now())
    for path in HOUSEKEEPING:
        import_string(path)(now=timezone.now())


@worker_ready.connect
def ring_own_bell(**_: Any) -> None:
    """Without a broker the worker rings its own bell: an in-process queue can't be shared with beat."""
    from apiserver.server.lifeline import follow

    follow()
    has_broker = not app.conf.broker_url.startswith("memory")
    threading.Thread(target=listen if has_broker else ring, daemon=True, name="tick").start()


def ring() -> None:
    """Send `tick` until the worker is about to end."""
    while not Bell.ending.is_set():
        tick.delay()
        Bell.ending.wait(TICK_SECONDS)


def listen() -> None:
    """Do what is due where no bell rings: the broker is away or empty, beat is gone, its clock or this one was set.

    Beat goes by the time of day, and a message whose end that time has passed is thrown away.
    """
    while not Bell.ending.wait(TICK_SECONDS):
        if time.monotonic() - Bell.rung > SILENT_SECONDS:
            tick_unasked()


def tick_unasked() -> None:
    """Do what is due, with connections to the database as a task has them."""
    from django.db import close_old_connections

    close_old_connections()
    try:
        tick()
    except Exception:  # as a task that fails: the next one comes
        log.exception("a tick failed")
    finally:
        close_old_connections()


@worker_shutting_down.connect
def claim_no_more(**_: Any) -> None:
    """Do nothing more unasked: what is under way is about to be given back."""
    Bell.ending.set()


@beat_init.connect
def follow_supervisor(**_: Any) -> None:
    """End with the supervisor."""
    from apiserver.server.lifeline import follow

    follow()
