"""Authtokens: made, rotated with overlap, revoked, revealed."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction

from apiserver.server import options, stamp
from connections import vault
from users.models import Authtoken, User

SHAPE = re.compile(r"[A-Za-z0-9_-]{22,128}")
BYTES = 32
TOUCH_EVERY = timedelta(minutes=1)
NOTED: dict[int, datetime] = {}  # authtoken -> when this process noted its use last
logger = logging.getLogger(__name__)


def digest(text: str) -> str:
    """Return the hash by which a token is found."""
    return hashlib.sha256(text.encode()).hexdigest()


def generate(user: User, *, now: datetime, text: str | None = None, note: str = "") -> str:
    """Give the user one more token and return its text; `text` is one that a configuration file brings."""
    text = text or secrets.token_urlsafe(BYTES)
    if not SHAPE.fullmatch(text):
        raise ValueError("An authtoken has 22 to 128 characters: letters, digits, - and _.")
    days = user.token_days if user.token_days is not None else options.current().limits["token_days"]
    expires = now + timedelta(days=days) if days and days > 0 else None
    Authtoken.objects.create(user=user, sha256=digest(text), sealed=vault.seal(text), expires=expires, note=note[:200])
    stamp.changed()
    return text


@transaction.atomic
def rotate(user: User, *, now: datetime, overlap: timedelta) -> str:
    """Give a new token; the old ones end after `overlap`, so that clients can be changed one by one."""
    ends = now + overlap
    for token in live(user, now=now):
        if token.expires is None or token.expires > ends:
            token.expires = ends
            token.save(update_fields=["expires"])
    return generate(user, now=now)


def is_touch_due(token_id: int, *, now: datetime) -> bool:
    """Claim that the last use was not noted within a minute; at most one caller is told so."""
    noted = NOTED.get(token_id)
    if noted is not None and now - noted < TOUCH_EVERY:
        return False
    NOTED[token_id] = now
    return True


def touch(token_id: int, *, now: datetime) -> None:
    """Note when a token was used last. Nobody depends on it: a busy database only leaves it older."""
    try:
        Authtoken.objects.filter(pk=token_id).update(last_used=now)
    except DatabaseError:
        logger.warning("The last use of authtoken %s could not be noted.", token_id, exc_info=True)


def revoke(token: Authtoken, *, now: datetime) -> None:
    """End a token at once, on every worker within a second."""
    token.revoked = now
    token.save(update_fields=["revoked"])
    stamp.changed()


def live(user: User, *, now: datetime) -> list[Authtoken]:
    """Return the user's tokens that work now, newest first."""
    return [token for token in user.authtokens.all() if token.revoked is None and (token.expires is None or token.expires > now)]


def reveal(token: Authtoken) -> str:
    """Return the token's text; callers record who asked."""
    return vault.reveal(token.sealed)


def reseal() -> int:
    """Seal every token with the first key; return how many were sealed with another."""
    old = [token for token in Authtoken.objects.select_for_update() if not vault.is_current(token.sealed)]
    for token in old:
        token.sealed = vault.rotate(token.sealed)
        token.save(update_fields=["sealed"])
    return len(old)
