"""Background work: one periodic task, `tick`. The database is the truth, the broker only a doorbell."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")

# Celery fears pickled messages under root; ours are JSON and stay in the process or in the operator's Redis.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("apiserver")
app.config_from_object("django.conf:settings", namespace="CELERY")
TICK_SECONDS = 60.0
app.conf.beat_schedule = {"tick": {"task": "apiserver.tick", "schedule": TICK_SECONDS}}
app.conf.task_ignore_result = True


@app.task(name="apiserver.tick")
def tick() -> None:
    """Do what is due: drop old log entries, dead set-up links and sessions."""
    from django.core.management import call_command
    from django.utils import timezone

    from apiserver.server import requestlog
    from users.models import SetupLink

    requestlog.prune()
    SetupLink.objects.filter(expires__lt=timezone.now()).delete()
    call_command("clearsessions")


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
