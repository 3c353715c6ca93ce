"""One number that rises with every change of configuration; every cache keys on it. Read at most twice a second a process."""

from __future__ import annotations

import time

from django.db import transaction
from django.db.models import F

from apiserver.server.models import Stamp

SECONDS = 0.5


class Seen:
    """What this process read last."""

    value = -1
    at = float("-inf")


def changed() -> None:
    """Tell every process that configuration changed, as part of the caller's transaction."""
    Stamp.objects.get_or_create(pk=1)
    Stamp.objects.filter(pk=1).update(number=F("number") + 1)
    forget()
    transaction.on_commit(forget)


def forget() -> None:
    """Read the number anew at the next question."""
    Seen.at = float("-inf")


def value() -> int:
    """Return the number, at most half a second old."""
    now = time.monotonic()
    if now - Seen.at > SECONDS:
        row = Stamp.objects.filter(pk=1).values_list("number", flat=True).first()
        Seen.value, Seen.at = row or 0, now
    return Seen.value
