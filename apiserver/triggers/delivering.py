"""Deliveries on their way: each subscription's in order, signed, tried again with growing pauses. Run by the worker's tick."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from django.db import close_old_connections, transaction
from django.utils import timezone

from apiserver.server import audit, options
from apiserver.triggers import calling, signing
from apiserver.triggers.leases import is_free, is_held, take
from apiserver.triggers.models import Delivery, Subscription
from connections import vault
from connections.contract.errors import ConnectorError
from connections.outgoing import Reply

log = logging.getLogger(__name__)
THREADS = 32
PAUSES = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)  # seconds after each failed try; the last failure ends the delivery
LONGEST_PAUSE = 86_400
TURN_SECONDS = 30.0  # of one subscription before others have their turn: well below the lease
AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try."""

    status: int | None
    error: str = ""
    retry_after: float = 0.0

    @property
    def is_taken(self) -> bool:
        """Claim that the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Claim that nobody wants to be told there any more."""
        return self.status in (404, 410)


class Dispatcher:
    """The threads of this process, and which subscriptions and hosts they are busy with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[int] = set()
        self._hosts: Counter[str] = Counter()
        self._pool: ThreadPoolExecutor | None = None

    def fill(self) -> int:
        """Give due subscriptions to free threads; return how many."""
        now = timezone.now()
        due = Subscription.objects.filter(is_free(now), state=Subscription.ACTIVE, next_at__lte=now).order_by("next_at")
        started = 0
        with self._lock:
            if len(self._busy) >= THREADS:
                return 0
            for found in due.exclude(pk__in=list(self._busy))[: THREADS * 4]:
                if len(self._busy) < THREADS and self._hosts[found.host] < calling.AT_ONCE:
                    self._start(found)
                    started += 1
        return started

    def _start(self, subscription: Subscription) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="deliver")
        self._busy.add(subscription.pk)
        self._hosts[subscription.host] += 1
        self._pool.submit(self._run, subscription)

    def _run(self, subscription: Subscription) -> None:
        try:
            if take(subscription, now=timezone.now()):
                deliver_turn(subscription)
        except Exception:
            log.exception("deliveries of a subscription could not be worked on")
        finally:
            with self._lock:
                self._busy.discard(subscription.pk)
                self._hosts[subscription.host] -= 1
            with contextlib.suppress(Exception):  # the next tick asks again
                self.fill()
            close_old_connections()


DISPATCHER = Dispatcher()


def deliver_turn(subscription: Subscription) -> None:
    """Send what waits for one subscription, in order, until one fails or the turn is over."""
    ends = time.monotonic() + TURN_SECONDS
    url = vault.reveal(subscription.callback)
    secrets = signing.secrets_of(subscription, now=timezone.now())
    waiting = Delivery.objects.filter(subscription=subscription, state=Delivery.WAITING)
    for delivery in list(waiting[:AT_A_TIME]):
        if time.monotonic() > ends:
            break
        outcome = attempt(url, delivery, secrets)
        if not settled(subscription, delivery, outcome):
            return
    release(subscription)


def attempt(url: str, delivery: Delivery, secrets: list[str]) -> Outcome:
    """Try once."""
    body = vault.reveal(delivery.body).encode("utf-8", "surrogatepass")
    headers = signing.headers(delivery.webhook_id, int(time.time()), body, secrets)
    try:
        reply = calling.post(url, body, headers)
    except ConnectorError as error:
        return Outcome(None, error.message)
    if 200 <= reply.status < 300:
        return Outcome(reply.status)
    return Outcome(reply.status, f"The receiver answered {reply.status}.", retry_after(reply))


def retry_after(reply: Reply) -> float:
    """Return the pause that the receiver asks for; 0 = none."""
    text = reply.headers.get("Retry-After", "").strip()
    if text.isdecimal() and len(text) < 10:
        return min(float(text), LONGEST_PAUSE)
    with contextlib.suppress(ValueError, TypeError):
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - time.time()), LONGEST_PAUSE)
    return 0.0


def settled(subscription: Subscription, delivery: Delivery, outcome: Outcome) -> bool:
    """Store what came of a try; claim that the next delivery may follow."""
    now = timezone.now()
    with transaction.atomic():
        if not is_held(subscription, **({"failing_since": None} if outcome.is_taken else {"fence": subscription.fence})):
            return False
        delivery.attempts += 1
        delivery.status, delivery.error, delivery.tried = outcome.status, outcome.error, now
        has_failed = not outcome.is_taken and (delivery.is_test or delivery.attempts > len(PAUSES))
        delivery.state = Delivery.DONE if outcome.is_taken else Delivery.FAILED if has_failed else Delivery.WAITING
        delivery.save(update_fields=["attempts", "status", "error", "tried", "state"])
        if outcome.is_taken or (has_failed and not outcome.is_gone):
            return True
        postpone(subscription, delivery, outcome, now)
    return False


def postpone(subscription: Subscription, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    """Try again later, or end a subscription whose receiver is gone or has failed for days."""
    since = subscription.failing_since or now
    days = int(options.current().triggers["give_up_days"])
    if outcome.is_gone:
        end(subscription, f"The receiver answered {outcome.status}: nobody is there any more.", now)
    elif now - since > timedelta(days=days):
        end(subscription, f"No delivery was taken for {days} days. {outcome.error}", now)
    else:
        pause = max(PAUSES[delivery.attempts - 1] * random.uniform(0.8, 1.2), outcome.retry_after)  # noqa: S311 - no secret
        is_held(subscription, failing_since=since, next_at=now + timedelta(seconds=pause), lease_until=None)


def end(subscription: Subscription, reason: str, now: datetime) -> None:
    """End a subscription; what waits for it is given up."""
    is_held(subscription, state=Subscription.ENDED, reason=reason, next_at=None, lease_until=None)
    Delivery.objects.filter(subscription=subscription, state=Delivery.WAITING).update(state=Delivery.FAILED, tried=now)
    audit.record("subscription ended", who="server", subject=subscription.public_id, reason=reason)


def release(subscription: Subscription) -> None:
    """Give the subscription back; it stays due while something waits."""
    with transaction.atomic():
        held = Subscription.objects.select_for_update().filter(pk=subscription.pk, fence=subscription.fence).first()
        if held is None:
            return
        has_more = Delivery.objects.filter(subscription=subscription, state=Delivery.WAITING).exists()
        is_held(subscription, lease_until=None, next_at=timezone.now() if has_more else None)
