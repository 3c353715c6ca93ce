"""A service says that something changed: the tables concerned are looked at now. What is told is what the service then answers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from apiserver.resources.models import Resource
from apiserver.triggers.checks import DELETED
from apiserver.triggers.incoming import Event, squeezed
from apiserver.triggers.models import Gone, Hook, Watch
from connections import vault
from connections.models import Connection

MOST_GONE = 1000  # waiting, of one table; those beyond are found by comparing keys


def ring(hook: Hook, event: Event, *, now: datetime) -> int:
    """Let the tables of an event be looked at; return how many are watched."""
    resources = Resource.objects.filter(connection=hook.connection_id, sql="")
    concerned = [row.pk for row in resources.only("pk", "table") if squeezed(row.table) in event.tables]
    watches = list(Watch.objects.filter(resource__in=concerned))
    with transaction.atomic():
        Hook.objects.filter(pk=hook.pk).update(last_at=now, last_event=event.name)
        if event.gone:
            note_gone((watch for watch in watches if watch.event == DELETED), event.gone)
        Watch.objects.filter(pk__in=[watch.pk for watch in watches]).update(rung_at=now)
    return len(watches)


def note_gone(watches: Iterable[Watch], key: str) -> None:
    """Remember what a service said to be deleted, until it was asked."""
    for watch in watches:
        if Gone.objects.filter(watch=watch).count() < MOST_GONE:
            Gone.objects.create(watch=watch, key=vault.seal(json.dumps(key)))


def hook_of(connection: Connection, secret: str, *, now: datetime) -> Hook:
    """Return the webhook of a connection with this secret, made now where there is none."""
    found, _ = Hook.objects.update_or_create(
        connection=connection,
        defaults={"secret": vault.seal(secret)},
        create_defaults={"public_id": secrets.token_urlsafe(24), "secret": vault.seal(secret), "created": now},
    )
    return found
