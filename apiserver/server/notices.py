"""What happened and is to be told: stored with its deliveries in the caller's transaction; the worker sends them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apiserver.server import notification_settings as settings
from apiserver.server.models import Notice, NoticeDelivery
from connections import vault
from connections.outgoing import listed_host

KEPT = timedelta(days=30)
LONGEST_SUBJECT, LONGEST_TEXT = 200, 1_000_000


def post(
    event: str,
    *,
    subject: str,
    text: str,
    data: Mapping[str, Any],
    level: str,
    now: datetime,
    is_test: bool = False,
    instead: Mapping[str, Any] | None = None,
) -> Notice | None:
    """Store what happened for those who want to know; None when nobody does.

    `text` is Markdown, `level` decides who cares. `instead`: what differs from the settings here, by their names (`on`, `to`).
    """
    values = {**settings.revealed(), **(instead or {})}
    ways = [] if not (is_test or is_wanted(event, level, values)) else ways_of(values)
    if not ways:
        return None
    with transaction.atomic():
        line = " ".join(subject.split())[:LONGEST_SUBJECT]
        notice = Notice.objects.create(event=event, subject=line, text=text[:LONGEST_TEXT], data=dict(data), is_test=is_test, created=now)
        for kind, to, shown in ways:
            made = NoticeDelivery(notice=notice, kind=kind, to=to, shown=shown[:300], message_id=f"msg_{secrets.token_hex(16)}")
            made.next_at = now
            made.save()
    return notice


def is_wanted(event: str, level: str, values: Mapping[str, Any]) -> bool:
    """Claim that somebody asked to be told of such an event."""
    if event.startswith("contract."):
        return bool(values["contract"] == settings.ALL or (values["contract"] == settings.BREAKING and level == settings.BREAKING))
    return bool(values["on"] == settings.ALL or (values["on"] == settings.ERRORS and level == "error"))


def ways_of(values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return kind, address and what is shown of it, for each way out."""
    found = [(NoticeDelivery.WEBHOOK, vault.seal(item["url"]), listed_host(item["url"])) for item in values["webhooks"]]
    if values["smtp"] and values["to"]:
        found.append((NoticeDelivery.EMAIL, ", ".join(values["to"]), ", ".join(values["to"])))
    return found


def reseal() -> int:
    """Seal the addresses of deliveries with the first key; return how many were sealed with another."""
    count = 0
    for row in NoticeDelivery.objects.select_for_update().filter(kind=NoticeDelivery.WEBHOOK):
        if not vault.is_current(row.to):
            NoticeDelivery.objects.filter(pk=row.pk).update(to=vault.rotate(row.to))
            count += 1
    return count


def forget_old(*, now: datetime) -> None:
    """Drop what was told a month ago; what waits stays."""
    waiting = NoticeDelivery.objects.filter(state=NoticeDelivery.WAITING).values("notice")
    Notice.objects.filter(created__lt=now - KEPT).exclude(pk__in=waiting).delete()
