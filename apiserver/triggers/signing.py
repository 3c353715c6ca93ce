"""Signatures of deliveries as Standard Webhooks has them: id, time and body under a secret that both sides know."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from datetime import datetime, timedelta

from apiserver.triggers.models import Subscription
from connections import vault

PREFIX = "whsec_"
SECRET_BYTES = 32
BOTH_VALID = timedelta(days=1)


def new_secret() -> str:
    """Return a secret."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def headers(webhook_id: str, at: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the headers of a delivery; one signature for each valid secret."""
    content = f"{webhook_id}.{at}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix(PREFIX)) for secret in secrets]
    signed = ["v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys]
    return {"webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": " ".join(signed)}


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
