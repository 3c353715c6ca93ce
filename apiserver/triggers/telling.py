"""Messages that people ask for: a test, one sent again. Called by the addresses and by the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from apiserver.odata.errors import Conflict
from apiserver.triggers.detection import delivery, enqueue
from apiserver.triggers.models import Delivery, Subscription
from connections import vault


def send_test(subscription: Subscription, body: bytes, *, now: datetime) -> Delivery:
    """Let a message be sent to a subscription once, behind what waits."""
    check_active(subscription)
    made = delivery(subscription, vault.seal(body.decode("utf-8", "surrogatepass")), now, is_test=True)
    with transaction.atomic():
        enqueue([made])
    return made


def replay(subscription: Subscription, found: Delivery, *, now: datetime) -> None:
    """Let a delivery be sent again, at once; its id tells the receiver that it is the same."""
    check_active(subscription)
    found.state, found.attempts = Delivery.WAITING, 0
    with transaction.atomic():
        found.save(update_fields=["state", "attempts"])
        Subscription.objects.filter(pk=subscription.pk).update(next_at=now)


def check_active(subscription: Subscription) -> None:
    """Refuse to send to one that ended."""
    if subscription.state != Subscription.ACTIVE:
        raise Conflict("This subscription has ended.", hint="Subscribe again.")


def shown(item: Delivery) -> dict[str, Any]:
    """Return what a delivery shows of itself."""
    return {
        "id": item.webhook_id,
        "state": item.state,
        "attempts": item.attempts,
        "status": item.status,
        "error": item.error,
        "isTest": item.is_test,
        "created": item.created,
        "tried": item.tried,
    }
