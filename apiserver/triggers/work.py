"""What the worker's tick does for triggers, twice a second; what reads tables and calls receivers is loaded when there is work."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from apiserver.server import options
from apiserver.server.ticks import AnyDue, Patience
from apiserver.triggers.leases import is_due, is_free
from apiserver.triggers.models import Delivery, Poll, Subscription, Watch

PATIENCE = Patience("triggers")
DELIVERIES = AnyDue(lambda now: Subscription.objects.filter(state=Subscription.ACTIVE, next_at__lte=now))
LOOKS = AnyDue(lambda now: Watch.objects.filter(is_free(now), is_due(now)))
POLL_DAYS = 30


class Begun:
    """Whether threads of this process look at tables, whose leases are to be kept."""

    looking = False


def tick() -> None:
    """Send what waits and look at the tables that are due."""
    PATIENCE.run(deliver, look)


def deliver() -> None:
    """Let free threads send what waits."""
    if not DELIVERIES(timezone.now()):
        return
    from apiserver.triggers.dispatching import DISPATCHER

    DISPATCHER.fill()


def look() -> None:
    """Let free threads look at the tables that are due."""
    if not Begun.looking and not LOOKS(timezone.now()):
        return
    from apiserver.triggers.looking import LOOKER

    LOOKER.fill()
    Begun.looking = bool(LOOKER.active())


def forget_old(*, now: datetime) -> None:
    """Drop states that nobody has asked with for a month, and deliveries whose time is over."""
    Poll.objects.filter(used__lt=now - timedelta(days=POLL_DAYS)).delete()
    days = timedelta(days=int(options.current().triggers["log_days"]))
    Delivery.objects.exclude(state=Delivery.WAITING).filter(created__lt=now - days).delete()
