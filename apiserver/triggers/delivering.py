"""The deliveries of one subscription on their way: in order, signed, tried again with growing pauses. Run by the dispatcher."""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

from django.utils import timezone

from apiserver.odata.errors import problem_of
from apiserver.server import audit, options
from apiserver.triggers import calling, rights, signing
from apiserver.triggers.leases import LEASES, is_held
from apiserver.triggers.models import Delivery, Subscription
from apiserver.triggers.settling import Taken
from apiserver.triggers.together import TOGETHER
from connections import vault
from connections.contract.errors import ConnectorError
from connections.outgoing import Reply

PAUSES = (2, 5, 15, 60, 300, 1800, 7200, 18_000, 36_000, 36_000)  # seconds after each failed try; the last failure ends the delivery
LONGEST_PAUSE = 86_400
TURN_SECONDS = 30.0  # of one subscription before others have their turn
AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try."""

    status: int | None
    error: str = ""
    retry_after: float = 0.0
    is_withdrawn: bool = False  # not sent: its user may not read the row any more

    @property
    def is_taken(self) -> bool:
        """Claim that the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Claim that nobody wants to be told there any more."""
        return self.status in (404, 410)


WITHDRAWN = Outcome(None, "Not sent: its user may not read the row any more.", is_withdrawn=True)


def deliver_turn(subscription: Subscription) -> None:
    """Send what waits for one subscription, in order, until one fails or the turn is over."""
    ends = time.monotonic() + TURN_SECONDS
    url = vault.reveal(subscription.callback)
    secrets = signing.secrets_of(subscription, now=timezone.now())
    waiting = list(Delivery.objects.filter(subscription=subscription, state=Delivery.WAITING)[:AT_A_TIME])
    for place, delivery in enumerate(waiting, 1):
        outcome = attempt(subscription, delivery, url, secrets)
        is_last = place == len(waiting) or time.monotonic() > ends
        if not settle(subscription, delivery, outcome, is_last=is_last) or is_last:
            return
    TOGETHER.run(partial(release, subscription))


def attempt(subscription: Subscription, delivery: Delivery, url: str, secrets: list[str]) -> Outcome:
    """Try once, if it may still be told."""
    try:
        body = rights.body_now(subscription, delivery)
    except Exception as error:  # noqa: BLE001 whatever the source says of the row: nothing was sent, it is tried again
        return Outcome(None, f"Its user's rights have changed, and its row can't be read anew. {problem_of(error).message}")
    if body is None:
        return WITHDRAWN
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


def settle(subscription: Subscription, delivery: Delivery, outcome: Outcome, *, is_last: bool) -> bool:
    """Store what came of a try, with those of other threads; claim that the next delivery may follow."""
    is_plain = outcome.is_taken and not subscription.failing_since and (is_last or not is_lease_short(subscription, timezone.now()))
    if is_plain and outcome.status is not None:
        return TOGETHER.taken(Taken(subscription.pk, subscription.fence, delivery.pk, outcome.status, is_last))
    return bool(TOGETHER.run(partial(settled, subscription, delivery, outcome, is_last=is_last)))


def settled(subscription: Subscription, delivery: Delivery, outcome: Outcome, *, is_last: bool) -> bool:
    """Store what came of a try; claim that the next delivery may follow."""
    now = timezone.now()
    is_given_up = outcome.is_withdrawn or (not outcome.is_taken and (delivery.is_test or delivery.attempts >= len(PAUSES)))
    delivery.attempts += not outcome.is_withdrawn
    state = Delivery.DONE if outcome.is_taken else Delivery.FAILED if is_given_up else Delivery.WAITING
    ours = Delivery.objects.filter(pk=delivery.pk, subscription__fence=subscription.fence)
    if not ours.update(state=state, attempts=delivery.attempts, status=outcome.status, error=outcome.error, tried=now):
        return False
    if not outcome.is_taken and (outcome.is_gone or not is_given_up):
        postpone(subscription, delivery, outcome, now)
        return False
    if is_last:
        release(subscription, has_succeeded=outcome.is_taken)
    elif outcome.is_taken and (subscription.failing_since or is_lease_short(subscription, now)):
        subscription.failing_since, subscription.lease_until = None, now + LEASES[Subscription]
        is_held(subscription, failing_since=None, lease_until=subscription.lease_until)
    return True


def is_lease_short(subscription: Subscription, now: datetime) -> bool:
    """Claim that another call may take longer than the lease lasts."""
    until = subscription.lease_until
    return until is None or (until - now).total_seconds() < calling.SECONDS + 5


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


def release(subscription: Subscription, *, has_succeeded: bool = False) -> None:
    """Give the subscription back; it stays due while something waits."""
    changes = {"failing_since": None} if has_succeeded else {}
    if is_held(subscription, lease_until=None, **changes):  # from here on nobody adds to it until this is stored
        has_more = Delivery.objects.filter(subscription=subscription, state=Delivery.WAITING).exists()
        is_held(subscription, next_at=timezone.now() if has_more else None)
