"""Sends what is to be told: rows are claimed by lease, tried again with growing pauses. Called by the worker's tick and by *Send test*."""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import orjson
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apiserver.server import mailing, notices, options, standard_webhooks
from apiserver.server import notification_settings as settings
from apiserver.server.leases import is_free, is_held, take
from apiserver.server.models import Notice, NoticeDelivery
from apiserver.server.ticks import AnyDue, Patience
from connections import vault
from connections.contract.errors import ConnectorError
from connections.outgoing import Outgoing, Settings

log = logging.getLogger(__name__)
PATIENCE = Patience("notifications")
PAUSES = (60, 300, 1800, 7200, 21_600, 43_200)  # seconds after each failed try; the last failure ends it
LEASE = timedelta(seconds=90)  # longer than one e-mail or call takes
SECONDS = 15.0
MOST_BYTES = 2**16  # of an answer, which nobody reads
SENDING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try; an error may stand beside success: some recipients were refused."""

    is_taken: bool
    error: str = ""
    is_over: bool = False  # nobody is there: no further try


def tick() -> None:
    """Begin to send what waits."""
    PATIENCE.run(begin)


def begin() -> None:
    """Let a thread send what is due, unless one does: a mail server may take its time."""
    if not IS_ANY_DUE(timezone.now()) or not SENDING.acquire(blocking=False):
        return
    threading.Thread(target=send_due, daemon=True, name="notify").start()


def send_due() -> None:
    """Send until nothing is due; the lock was taken for this thread."""
    try:
        while (found := due(timezone.now())) is not None:
            if take(found, now=timezone.now(), lease=LEASE):
                deliver(found)
    except Exception:  # the next tick begins anew
        log.exception("notifications could not be sent")
    finally:
        SENDING.release()
        connection.close()


def waiting(now: datetime) -> QuerySet[NoticeDelivery]:
    """Return what should have gone out."""
    return NoticeDelivery.objects.filter(is_free(now), state=NoticeDelivery.WAITING, next_at__lte=now)


IS_ANY_DUE = AnyDue(waiting)


def due(now: datetime) -> NoticeDelivery | None:
    """Return what should have gone out first."""
    return waiting(now).select_related("notice").order_by("next_at").first()


def deliver(delivery: NoticeDelivery) -> Outcome:
    """Try once what is ours by lease, and store what came of it."""
    outcome = by_email(delivery) if delivery.kind == NoticeDelivery.EMAIL else by_webhook(delivery)
    now, attempts = timezone.now(), delivery.attempts + 1
    is_last = outcome.is_over or delivery.notice.is_test or attempts > len(PAUSES)
    changes: dict[str, object] = {"attempts": attempts, "error": outcome.error, "tried": now, "lease_until": None, "next_at": None}
    if outcome.is_taken or is_last:
        changes["state"] = NoticeDelivery.DONE if outcome.is_taken else NoticeDelivery.FAILED
    else:
        changes["next_at"] = now + timedelta(seconds=PAUSES[attempts - 1] * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
    is_held(delivery, **changes)
    return outcome


def test(*, now: datetime) -> list[tuple[NoticeDelivery, Outcome]] | None:
    """Send a test on every way, once, and return what came of it; None where nobody is told."""
    text = "This is a test.\n\nIt was sent from Settings, Notifications."
    notice = notices.post(
        "test", subject="Test of API Server", text=text, data={"message": "This is a test."}, level="", now=now, is_test=True
    )
    if notice is None:
        return None
    deliveries = notice.deliveries.select_related("notice")
    return [(item, deliver(item)) for item in deliveries if take(item, now=timezone.now(), lease=LEASE)]


def by_email(delivery: NoticeDelivery) -> Outcome:
    """Send through the mail server of the moment."""
    smtp, notice = settings.revealed()["smtp"], delivery.notice
    if not smtp:
        return Outcome(False, "There is no mail server in the settings any more.", is_over=True)
    to = delivery.to.split(", ")
    mail = mailing.message(smtp, to, notice.subject, notice.text, message_id=delivery.message_id, now=notice.created)
    try:
        return Outcome(True, mailing.send(smtp, mail))
    except mailing.MailError as error:
        return Outcome(False, str(error))


@lru_cache(maxsize=4)
def client(allow: tuple[str, ...]) -> Outgoing:
    """Return the outgoing client under the server's rules."""
    return Outgoing(Settings(allow=allow, timeout=SECONDS, max_bytes=MOST_BYTES))


def by_webhook(delivery: NoticeDelivery) -> Outcome:
    """POST the message, signed with the secret of the moment."""
    url = vault.reveal(delivery.to)
    secret = next((item["secret"] for item in settings.revealed()["webhooks"] if item["url"] == url), "")
    if not secret:
        return Outcome(False, "This address is not in the settings any more.", is_over=True)
    body = content(delivery.notice)
    headers = standard_webhooks.headers(delivery.message_id, int(time.time()), body, [secret])
    outgoing = client(tuple(options.current().outgoing.get("allow", ())))
    try:
        reply = outgoing.send("POST", url, headers={"Content-Type": "application/json", **headers}, body=body, is_redirected=False)
    except ConnectorError as error:
        return Outcome(False, f"{error.message} {error.hint}".strip())
    if 200 <= reply.status < 300:
        return Outcome(True)
    return Outcome(False, f"The receiver answered {reply.status}.", is_over=reply.status == 410)


def content(notice: Notice) -> bytes:
    """Return the message: type, timestamp and data, as Standard Webhooks names them."""
    return orjson.dumps({"type": notice.event, "timestamp": notice.created.isoformat(), "data": notice.data})
