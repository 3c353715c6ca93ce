"""Background work: one periodic task, `tick`. The database is the truth, the broker only a doorbell."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")

# Celery fears pickled messages under root; ours are JSON and stay in the process or in the operator's Redis.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("apiserver")
app.config_from_object("django.conf:settings", namespace="CELERY")
TICK_SECONDS = 0.5
HOUSEKEEPING_SECONDS = 60.0
# A tick that waited while the worker was away is worth nothing: the next one finds the same work due.
app.conf.beat_schedule = {"tick": {"task": "apiserver.tick", "schedule": TICK_SECONDS, "options": {"expires": 5}}}
app.conf.task_ignore_result = True


class Housekeeping:
    """When this process cleaned up last; the lock keeps a slow round from being begun twice."""

    lock = threading.Lock()
    at = float("-inf")


@app.task(name="apiserver.tick")
def tick() -> None:
    """Do what is due."""
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
    if app.conf.broker_url.startswith("memory"):
        threading.Thread(target=ring, daemon=True, name="tick").start()


def ring() -> None:
    """Send `tick` for as long as the process lives."""
    pause = threading.Event()
    while True:
        tick.delay()
        pause.wait(TICK_SECONDS)


@beat_init.connect
def follow_supervisor(**_: Any) -> None:
    """End with the supervisor."""
    from apiserver.server.lifeline import follow

    follow()
