"""The secrets by which deliveries are signed, as Standard Webhooks has them."""

from __future__ import annotations

from datetime import datetime, timedelta

from apiserver.server.standard_webhooks import headers, new_secret
from apiserver.triggers.models import Subscription
from connections import vault

BOTH_VALID = timedelta(days=1)


def secrets_of(subscription: Subscription, *, now: datetime) -> list[str]:
    """Return the valid secrets, the newest first."""
    is_both = subscription.previous_secret and subscription.previous_until and subscription.previous_until > now
    sealed = [subscription.secret, *([subscription.previous_secret] if is_both else [])]
    return [vault.reveal(item) for item in sealed]


def rotate(subscription: Subscription, *, now: datetime) -> str:
    """Give a new secret; the one before signs beside it for a day."""
    secret = new_secret()
    subscription.previous_secret, subscription.previous_until = subscription.secret, now + BOTH_VALID
    subscription.secret = vault.seal(secret)
    subscription.save(update_fields=["secret", "previous_secret", "previous_until"])
    return secret


__all__ = ["headers", "new_secret", "rotate", "secrets_of"]
