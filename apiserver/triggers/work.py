"""What the worker's tick does for triggers, twice a second."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from django.utils import timezone

from apiserver.server import options
from apiserver.triggers import polling
from apiserver.triggers.detection import detect_due
from apiserver.triggers.dispatching import DISPATCHER
from apiserver.triggers.models import Delivery

LOOKING = threading.Lock()


def tick() -> None:
    """Send what waits and look at the tables that are due; a look that takes long keeps nothing from being sent."""
    DISPATCHER.fill()
    if not LOOKING.acquire(blocking=False):
        return
    try:
        if detect_due(now=timezone.now()):
            DISPATCHER.fill()
    finally:
        LOOKING.release()


def forget_old(*, now: datetime) -> None:
    """Drop states and deliveries whose time is over."""
    polling.forget_old(now=now)
    days = timedelta(days=int(options.current().triggers["log_days"]))
    Delivery.objects.exclude(state=Delivery.WAITING).filter(created__lt=now - days).delete()
