"""What the worker's tick does for triggers, twice a second; what reads tables and calls receivers is loaded when there is work."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from apiserver.server import options
from apiserver.triggers.leases import is_due, is_free
from apiserver.triggers.models import Delivery, Poll, Subscription, Watch

log = logging.getLogger(__name__)
POLL_DAYS = 30
PAUSE_SECONDS = 5.0


class Away:
    """Until when the database is left alone after it did not answer."""

    until = float("-inf")


class Begun:
    """Whether threads of this process look at tables, whose leases are to be kept."""

    looking = False


def tick() -> None:
    """Send what waits and look at the tables that are due."""
    if time.monotonic() < Away.until:
        return
    try:
        deliver()
        look()
    except (OperationalError, InterfaceError) as error:
        Away.until = time.monotonic() + PAUSE_SECONDS
        connection.close()
        log.warning("triggers wait for the database: %s", type(error).__name__)


def deliver() -> None:
    """Let free threads send what waits."""
    if not Subscription.objects.filter(state=Subscription.ACTIVE, next_at__lte=timezone.now()).exists():
        return
    from apiserver.triggers.dispatching import DISPATCHER

    DISPATCHER.fill()


def look() -> None:
    """Let free threads look at the tables that are due."""
    if not Begun.looking and not Watch.objects.filter(is_free(timezone.now()), is_due(timezone.now())).exists():
        return
    from apiserver.triggers.looking import LOOKER

    LOOKER.fill()
    Begun.looking = bool(LOOKER.active())


def forget_old(*, now: datetime) -> None:
    """Drop states that nobody has asked with for a month, and deliveries whose time is over."""
    Poll.objects.filter(used__lt=now - timedelta(days=POLL_DAYS)).delete()
    days = timedelta(days=int(options.current().triggers["log_days"]))
    Delivery.objects.exclude(state=Delivery.WAITING).filter(created__lt=now - days).delete()
