"""One number that differs after every change of configuration; every cache keys on it. Read at most twice a second a process."""

from __future__ import annotations

import secrets
import threading
import time

from django.db import connection

from apiserver.server.errors import NotReady, answering
from apiserver.server.models import Stamp

SECONDS = 0.5
# While the database is away requests are refused without asking it each time.
PAUSE_SECONDS = 1.0


class Seen:
    """What this process read last."""

    value = -1
    at = float("-inf")
    failed_at = float("-inf")


class Own(threading.local):
    """Whether this thread's transaction changed the number: nobody else sees it yet, and it may be rolled back."""

    is_dirty = False


OWN = Own()


def changed() -> None:
    """Tell every process that configuration changed, as part of the caller's transaction."""
    # Random, not counted: a number that was rolled back must never come again with other contents.
    Stamp.objects.update_or_create(pk=1, defaults={"number": secrets.randbits(62) + 1})
    OWN.is_dirty = True


def forget() -> None:
    """Read the number anew at the next question."""
    Seen.at = Seen.failed_at = float("-inf")


def value() -> int:
    """Return the number, at most half a second old; raise NotReady when the database does not answer."""
    if OWN.is_dirty:
        if connection.in_atomic_block:
            return read()
        OWN.is_dirty = False
        forget()
    now = time.monotonic()
    if now - Seen.at > SECONDS:
        if now - Seen.failed_at < PAUSE_SECONDS:
            raise NotReady
        try:
            Seen.value = read()
        except NotReady:
            Seen.failed_at = time.monotonic()  # when it was known, which took a while: the request's next question is refused at once
            raise
        Seen.at = now
    return Seen.value


def read() -> int:
    """Return the number as the database has it."""
    with answering():
        return Stamp.objects.filter(pk=1).values_list("number", flat=True).first() or 0
