"""What happened to the tables that are subscribed to: each read once for all its subscriptions, deliveries stored with the mark."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from apiserver.odata.errors import problem_of
from apiserver.odata.payload import dumps
from apiserver.odata.service import readable
from apiserver.resources.catalog import Catalog, PublishedResource
from apiserver.resources.services import catalog_for
from apiserver.server import options
from apiserver.triggers import messages, reconciling
from apiserver.triggers.checks import DELETED, can_tell_gone
from apiserver.triggers.leases import is_held
from apiserver.triggers.marks import Mark, Position, advanced, near
from apiserver.triggers.matching import Matcher, matcher
from apiserver.triggers.models import Delivery, Gone, Subscription, Watch
from apiserver.triggers.rights import View, key_text, row_now
from apiserver.triggers.storing import packed, unpacked
from apiserver.triggers.watching import first_mark, keys_now, question_of, revealed, sealed, whole, window_of
from apiserver.triggers.window import Found, Window, rows_beyond
from connections import vault
from users.models import User
from users.principal import principal_of

log = logging.getLogger(__name__)
MOST_ROWS = 500  # of one reading
MOST_DELIVERIES = 20_000  # stored at once
# Rows may come late for minutes. What was told there is read again each time while it is little, else once in a while; meanwhile what
# is newer than this is read.
FEW_KNOWN, KNOWN_A_SECOND = 500, 100
NEAR_SECONDS = 5.0


class LostLease(Exception):
    """Another worker does it now: nothing of ours may be stored."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A subscription and what its user sees; None = its user may not read the resource now."""

    subscription: Subscription
    matcher: Matcher | None


def look(watch: Watch) -> None:
    """Tell what happened to one table since the last look; a failure is told on its page and tried again."""
    now = timezone.now()
    settings = options.current().triggers
    pause = timedelta(seconds=int(settings["sweep_seconds" if watch.event == DELETED else "interval_seconds"]))
    try:
        listeners = listeners_of(watch)
        if not listeners:
            Watch.objects.filter(pk=watch.pk, fence=watch.fence).delete()
            return
        if watch.event != DELETED:
            read(watch, listeners, now + pause)
        elif watch.next_at > now and question_of(watch.resource, DELETED) == watch.question:
            ask_gone(watch, listeners)
        else:
            sweep(watch, listeners, now + pause)
    except LostLease:
        log.warning("a look at %s took longer than its lease", watch.resource.name)
    except Exception as error:  # noqa: BLE001 whatever the source did, the other tables are looked at
        problem = problem_of(error)
        is_held(watch, lease_until=None, next_at=now + pause, rung_at=None, error=problem.message)


def listeners_of(watch: Watch) -> list[Listener]:
    """Return the active subscriptions of a table, users with equal rights and filters sharing what they see."""
    found = list(Subscription.objects.filter(resource=watch.resource_id, event=watch.event, state=Subscription.ACTIVE))
    users = User.objects.prefetch_related("groups").in_bulk({item.user_id for item in found})
    catalogs = {pk: readable(catalog_for(principal_of(user))) for pk, user in users.items() if user.is_active}
    known: dict[tuple[str, str], Matcher | None] = {}
    listeners = []
    for item in found:
        catalog = catalogs.get(item.user_id)
        if catalog is None:
            continue
        key = (catalog.fingerprint, item.filter)
        if key not in known:
            known[key] = matcher_of(catalog, watch, item.filter)
        listeners.append(Listener(item, known[key]))
    return listeners


def matcher_of(catalog: Catalog, watch: Watch, text: str) -> Matcher | None:
    """Return what a user sees of the table; None where it is not there for this user, or the filter no longer fits it."""
    resource = next((item for item in catalog.resources.values() if item.id == watch.resource.public_id), None)
    if resource is None:
        return None
    try:
        return matcher(catalog, resource, text)
    except Exception as error:  # noqa: BLE001 one subscription's filter must not stop the others
        log.warning("a filter of a subscription to %s does not fit it any more: %s", resource.name, problem_of(error).message)
        return None


# ---- created and modified ----


def read(watch: Watch, listeners: Sequence[Listener], due: datetime) -> None:
    """Read what is new and store what is told of it."""
    window, question = window_of(watch.resource, watch.event), question_of(watch.resource, watch.event)
    now = timezone.now()
    if question != watch.question:
        store(watch, [], mark=first_mark(window, now=now), question=question, next_at=due)
        return
    mark = unpacked(bytes(watch.mark), window)
    most = max(1, min(MOST_ROWS, MOST_DELIVERIES // max(1, len(listeners))))
    seconds = float(options.current().triggers["reconcile_seconds"])
    if reconciling.is_due(mark, watch.swept, seconds=seconds, now=now):
        reconcile(watch, listeners, window, mark, most)
        return
    is_near = looks_near(watch, mark, now)
    floor, known = near(mark, now.timestamp() - NEAR_SECONDS) if is_near else (mark.floor, len(mark.known))
    new, has_more = not_told(window, mark, floor, known + most + 1, most)
    told = [item.told for item in new]
    after = advanced(mark, told, new[-1].clock, has_more=has_more, is_near=is_near) if new else mark
    changes: dict[str, Any] = {"mark": packed(after, window)} if new else {}
    changes |= {} if is_near else {"looked_back": now}
    rows = [by_column(window, item) for item in new]
    store(watch, deliveries(watch, listeners, rows, now), next_at=now if has_more else due, **changes)


def looks_near(watch: Watch, mark: Mark, now: datetime) -> bool:
    """Claim that it is too early to read again all that rows may still come among; the more were told there, the less often."""
    if len(mark.known) <= FEW_KNOWN or watch.looked_back is None:
        return False
    return timedelta() <= now - watch.looked_back < timedelta(seconds=len(mark.known) / KNOWN_A_SECOND)


def not_told(window: Window, mark: Mark, floor: Position | None, limit: int, most: int) -> tuple[list[Found], bool]:
    """Return the oldest rows beyond a position that were not told, and whether there are more than `most`."""
    new: list[Found] = []
    with closing(rows_beyond(window, floor, limit)) as rows:
        for found in rows:
            if found.told.id in mark.known:
                continue
            if len(new) == most:
                return new, True
            new.append(found)
    return new, False


def reconcile(watch: Watch, listeners: Sequence[Listener], window: Window, mark: Mark, most: int) -> None:
    """Tell rows that were committed after the mark had gone past them; the look itself follows at once."""
    now = timezone.now()
    found, has_more = reconciling.late_rows(window, mark, most)
    changes: dict[str, Any] = {} if has_more else {"swept": now}
    if found:
        changes["mark"] = packed(advanced(mark, [item.told for item in found], found[0].clock), window)
    store(watch, deliveries(watch, listeners, [by_column(window, item) for item in found], now), next_at=now, **changes)


def by_column(window: Window, found: Found) -> dict[str, Any]:
    """Return a row by source column."""
    return {item.column.name: found.row[item.name] for item in window.items}


def deliveries(watch: Watch, listeners: Sequence[Listener], rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Delivery]:
    """Return what is to be sent, by row and subscription."""
    made = []
    for row in rows:
        bodies: dict[int, str | None] = {}
        for listener in listeners:
            view = listener.matcher
            if view is None:
                continue
            if id(view) not in bodies:
                bodies[id(view)] = sealed_body(watch, view, row, now) if view.shows(row) else None
            body = bodies[id(view)]
            if body is not None:
                made.append(delivery(listener.subscription, body, now, rights=view.rights))
    return made


def sealed_body(watch: Watch, view: Matcher, row: Mapping[str, Any], now: datetime) -> str:
    """Return a message as it is stored, with the key of its row."""
    body = messages.body(view.resource.name, watch.event, view.data(row), now=now)
    return vault.seal(f"{body.decode('utf-8', 'surrogatepass')}\n{key_text(view.resource, row)}")


def delivery(subscription: Subscription, body: str, now: datetime, **more: Any) -> Delivery:
    """Return one delivery, not stored yet."""
    return Delivery(subscription=subscription, webhook_id=f"msg_{uuid.uuid4().hex}", body=body, created=now, **more)


def store(watch: Watch, made: Sequence[Delivery], **changes: Any) -> None:
    """Store deliveries and the mark that moved past their rows, together or not at all; raise LostLease."""
    with transaction.atomic():
        if not is_held(watch, lease_until=None, error="", **changes):
            raise LostLease
        Watch.objects.filter(pk=watch.pk, rung_at=watch.rung_at).update(rung_at=None)  # it stays where another ring came meanwhile
        enqueue(made)


def enqueue(made: Sequence[Delivery]) -> None:
    """Store deliveries within the caller's transaction and let their subscriptions be due."""
    if not made:
        return
    waiting = {item.subscription_id for item in made}
    ids = sorted(waiting)
    for start in range(0, len(ids), 500):
        Subscription.objects.filter(pk__in=ids[start : start + 500]).update(next_at=Coalesce(F("next_at"), made[0].created))
    Delivery.objects.bulk_create(made, batch_size=500)


# ---- deleted ----


def sweep(watch: Watch, listeners: Sequence[Listener], due: datetime) -> None:
    """Compare the keys that are there with those that were, and tell which are gone."""
    question, now = question_of(watch.resource, DELETED), timezone.now()
    said = list(Gone.objects.filter(watch=watch).values_list("pk", flat=True))
    there = keys_now(watch.resource)
    if question != watch.question:
        store(watch, [], keys=sealed(there), question=question, next_at=due)
        return
    before = revealed(watch.keys)
    made = tell_gone(watch, listeners, sorted(before - there), now)
    store(watch, made, next_at=due, **({} if there == before else {"keys": sealed(there)}))
    Gone.objects.filter(watch=watch, pk__in=said).delete()


def tell_gone(watch: Watch, listeners: Sequence[Listener], keys: Iterable[str], now: datetime) -> list[Delivery]:
    """Return what is to be sent of rows that are gone; nothing to who sees the key or the rows in part only."""
    made = []
    for key in keys:
        named = json.loads(key)
        told = [
            (item.subscription, item.matcher.rights)
            for item in listeners
            if item.matcher is not None and can_tell_gone(item.matcher.resource, named)
        ]
        if told:
            body = vault.seal(messages.body(watch.resource.name, DELETED, named, now=now).decode())
            made += [delivery(subscription, body, now, rights=rights) for subscription, rights in told]
    return made


def ask_gone(watch: Watch, listeners: Sequence[Listener]) -> None:
    """Tell which rows are gone of those that their service said to be deleted: it is asked for each of them."""
    said = list(Gone.objects.filter(watch=watch))
    catalog, resource = whole(watch.resource)
    view, now = View(catalog, resource, ""), timezone.now()
    before = revealed(watch.keys)
    gone = []
    for key in {key_named(resource, json.loads(vault.reveal(item.key))) for item in said} & before:
        if is_gone(view, json.loads(key)):
            gone.append(key)
    changes = {"keys": sealed(before.difference(gone))} if gone else {}
    store(watch, tell_gone(watch, listeners, sorted(gone), now), **changes)
    Gone.objects.filter(pk__in=[item.pk for item in said]).delete()


def key_named(resource: PublishedResource, number: str) -> str:
    """Return a key of one column as it is kept; empty where the key has several."""
    return dumps({resource.key[0]: number}).decode() if len(resource.key) == 1 else ""


def is_gone(view: View, key: Mapping[str, Any]) -> bool:
    """Ask the service for a row; Stripe answers what was deleted by its id alone."""
    columns = {view.resource.by_name[name].column.name: str(value) for name, value in key.items()}
    row = row_now(view, json.dumps(columns))
    return row is None or all(value is None for name, value in row.items() if name not in columns)
