"""Signed messages as Standard Webhooks has them: id, time and body under a secret that both sides know."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32
SHORTEST, LONGEST = 24, 64  # bytes of a secret, as the specification has them


def new_secret() -> str:
    """Return a secret."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Claim that the text is a secret that can be signed with."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PREFIX) and SHORTEST <= len(key) <= LONGEST


def headers(webhook_id: str, at: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the headers of a delivery; one signature for each valid secret. `at`: seconds since 1970."""
    content = f"{webhook_id}.{at}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix(PREFIX)) for secret in secrets]
    signed = ["v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys]
    return {"webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": " ".join(signed)}
