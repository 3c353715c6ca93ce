"""`$subscriptions`: who is told of what at which address. A user sees and ends only its own.

POST {Resource}/{event} subscribes, {Resource}/{event}/$sample shows a message; {Resource}/{event}/{id} is one subscription, with $test,
$rotate, $deliveries and $deliveries/{number}/$replay below it.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from django.db import transaction
from django.http import HttpResponseBase
from django.utils import timezone

from apiserver.odata.errors import BadPayload, Forbidden, NotAllowed, NotBuilt, NotFound
from apiserver.odata.service import Exchange, readable
from apiserver.odata.writer_body import read_json
from apiserver.resources.catalog import PublishedResource
from apiserver.resources.models import Resource
from apiserver.server import audit, options
from apiserver.server.errors import answering
from apiserver.server.responses import ApiResponse
from apiserver.triggers import calling, messages, signing, standing, telling, watching
from apiserver.triggers.checks import DELETED, EVENTS
from apiserver.triggers.matching import Matcher, matcher
from apiserver.triggers.models import Subscription
from connections import vault
from connections.contract.errors import AddressRefused
from users.errors import AccessDenied

LONGEST = 4096  # characters of a callback
FIELDS = frozenset({"callbackUrl", "filter", "$filter"})
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # our own database takes none of them
RETRY_SECONDS = 60
Answer = Callable[["Asked"], HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: the segments behind $subscriptions."""

    exchange: Exchange
    parts: tuple[str, ...]

    @property
    def user_id(self) -> int:
        """Return the user; raise Forbidden for the anonymous one."""
        principal = self.exchange.request.principal  # type: ignore[attr-defined]
        if not principal.user_id:
            raise Forbidden("Subscriptions belong to a user.", hint="Send an authtoken.")
        return int(principal.user_id)


def answer(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer what lies at and below $subscriptions."""
    asked = Asked(exchange, tuple(path.split("/")[1:]))
    shape = len(asked.parts)
    if shape == 3 and asked.parts[2] == "$sample":
        return by_method(asked, {"GET": show_sample})
    found = SHAPES.get((shape, asked.parts[3] if shape > 3 else "", asked.parts[5] if shape > 5 else ""))
    if found is None:
        raise NotFound("Nothing is at this address.", hint="Write $subscriptions/Orders/created.")
    with answering():
        return by_method(asked, found)


def by_method(asked: Asked, known: dict[str, Answer]) -> HttpResponseBase:
    """Answer by the method, or refuse one that means nothing here."""
    found = known.get(asked.exchange.method)
    if found is None:
        raise NotAllowed(asked.exchange.method, (*known, "OPTIONS"))
    return found(asked)


# ---- subscribe ----


def resource_of(asked: Asked) -> tuple[PublishedResource, Matcher]:
    """Return the resource and what this user sees of it under the filter of the request."""
    name, event = asked.parts[:2]
    catalog = readable(asked.exchange.catalog)
    resource = catalog.resources.get(name)
    if resource is None:
        raise NotFound(f"{name} is not published.", target=name, hint="Write $subscriptions/Orders/created.")
    if event not in EVENTS:
        raise NotFound(f"{name} has no such trigger.", target=name, hint=f"Write one of {', '.join(EVENTS)}.")
    asked.exchange.context.log["resource"] = name
    if not watching.can_tell(resource, event):
        hint = "An administrator can choose a check column that is never null on the resource's page; it needs a key, too."
        raise NotFound(f"{name} has no column that shows which rows were {event}.", target=name, hint=hint)
    return resource, matcher(catalog, resource, "", asked.exchange.context.root)


def subscribe(asked: Asked) -> HttpResponseBase:
    """Store a subscription, or give the one that is there for this address."""
    user_id = asked.user_id
    resource, _ = resource_of(asked)
    callback, text = body_of(asked)
    check_filter(asked, resource, text)
    check_callback(callback)
    row = Resource.objects.get(public_id=resource.id)
    now, event = timezone.now(), asked.parts[1]
    watching.ensure(row, event, now=now)
    digest = hashlib.sha256(callback.encode()).hexdigest()
    with transaction.atomic():
        known = Subscription.objects.filter(user=user_id, resource=row, event=event, callback_sha256=digest).first()
        if known is None or known.state == Subscription.ENDED:
            check_number(user_id)
        host = calling.host_of(callback)
        made, is_new = Subscription.objects.get_or_create(
            user_id=user_id,
            resource=row,
            event=event,
            callback_sha256=digest,
            defaults={
                "public_id": uuid.uuid4().hex,
                "callback": vault.seal(callback),
                "host": host,
                "secret": vault.seal(signing.new_secret()),
                "filter": text,
                "created": now,
            },
        )
        if not is_new and (made.filter != text or made.state != Subscription.ACTIVE):
            made.filter, made.state, made.reason, made.failing_since = text, Subscription.ACTIVE, "", None
            made.save(update_fields=["filter", "state", "reason", "failing_since"])
        if is_new:
            record(asked, "subscription made", made, resource=resource.name, event=event, host=host)
    body = shown(asked, made) | {"secret": vault.reveal(made.secret)}
    return json_response(body, status=201, headers={"Location": address(asked, made)})


def body_of(asked: Asked) -> tuple[str, str]:
    """Return callback and filter of the body."""
    body = read_json(asked.exchange.request, asked.exchange.limits)
    for name in body.keys() - FIELDS:
        raise BadPayload(f"{name[:60]} is no property of a subscription.", target=name[:60], hint="Send callbackUrl and filter.")
    callback = body.get("callbackUrl")
    texts = [body[name] for name in ("filter", "$filter") if body.get(name) is not None]
    if not isinstance(callback, str) or not callback or len(callback) > LONGEST or not callback.isascii():
        hint = f"At most {LONGEST} characters; others than those of ASCII are percent-encoded."
        raise BadPayload("callbackUrl must be an https address.", target="callbackUrl", hint=hint)
    if len(texts) > 1 or not all(isinstance(text, str) and len(text) <= 2000 for text in texts):
        raise BadPayload("filter must be one text.", target="filter", hint="Write it as in $filter: Total gt 100.")
    if any(UNSTORABLE.search(text) for text in texts):
        raise BadPayload("filter holds characters that no text has.", target="filter", hint="Leave out NUL and lone surrogates.")
    return callback, texts[0].strip() if texts else ""


def check_filter(asked: Asked, resource: PublishedResource, text: str) -> None:
    """Raise what is wrong with the filter, with its position."""
    if asked.parts[1] == DELETED and (text or resource.row_filters):
        what = "can't be filtered" if text else "can't be told under a row filter"
        raise NotBuilt(f"Rows that are gone {what}: only their keys are known.", hint="Use created or modified.")
    matcher(readable(asked.exchange.catalog), resource, text)


def check_callback(callback: str) -> None:
    """Raise BadPayload for an address that may not be called."""
    try:
        calling.check(callback)
    except AddressRefused as error:
        raise BadPayload(error.message, target="callbackUrl", hint=error.hint) from error


def check_number(user_id: int) -> None:
    """Refuse one subscription too many."""
    most = int(options.current().triggers["subscriptions"])
    if Subscription.objects.filter(user=user_id, state=Subscription.ACTIVE).count() >= most:
        raise AccessDenied(
            429,
            "TooManyRequests",
            f"You have {most} subscriptions, as many as you may.",
            hint="Delete one first.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )


# ---- one of one's own ----


def own(asked: Asked) -> Subscription:
    """Return the subscription of an address; raise NotFound for an unknown one or another user's."""
    number = asked.parts[2]
    found = Subscription.objects.select_related("resource").filter(user=asked.user_id, public_id=number).first()
    if found is None or found.event != asked.parts[1]:
        raise NotFound("There is no such subscription.", hint="$subscriptions lists yours.")
    return found


def listing(asked: Asked) -> HttpResponseBase:
    """List the caller's subscriptions."""
    mine = list(Subscription.objects.select_related("resource").filter(user=asked.user_id))
    problems = standing.problems_of(mine)
    return json_response({"value": [shown(asked, item, problems.get(item.pk, "")) for item in mine]})


def show(asked: Asked) -> HttpResponseBase:
    """Show one."""
    found = own(asked)
    return json_response(shown(asked, found, standing.problems_of([found]).get(found.pk, "")))


def unsubscribe(asked: Asked) -> HttpResponseBase:
    """End one for good."""
    found = own(asked)
    record(asked, "subscription deleted", found, resource=found.resource.name, event=found.event, host=found.host)
    found.delete()
    return ApiResponse(status=204)


def show_sample(asked: Asked) -> HttpResponseBase:
    """Show what a message of this event looks like."""
    _, view = resource_of(asked)
    return ApiResponse(messages.sample(view, asked.parts[1]), content_type="application/json")


def test(asked: Asked) -> HttpResponseBase:
    """Send the sample to a subscription, in its turn."""
    found = own(asked)
    _, view = resource_of(asked)
    made = telling.send_test(found, messages.sample(view, found.event), now=timezone.now())
    record(asked, "subscription tested", found)
    return json_response(telling.shown(made), status=202)


def rotate(asked: Asked) -> HttpResponseBase:
    """Give a new secret; both sign for a day."""
    found = own(asked)
    secret = signing.rotate(found, now=timezone.now())
    record(asked, "subscription secret rotated", found)
    return json_response(shown(asked, found) | {"secret": secret})


def deliveries(asked: Asked) -> HttpResponseBase:
    """List the latest deliveries, newest first."""
    found = own(asked).deliveries.order_by("-pk")[:100]
    return json_response({"value": [telling.shown(item) for item in found]})


def replay(asked: Asked) -> HttpResponseBase:
    """Send one again, with the id that it had."""
    found = own(asked)
    delivery = found.deliveries.filter(webhook_id=asked.parts[4]).first()
    if delivery is None:
        raise NotFound("There is no such delivery.", hint="$deliveries lists the latest.")
    telling.replay(found, delivery, now=timezone.now())
    record(asked, "delivery replayed", found, delivery=delivery.webhook_id)
    return json_response(telling.shown(delivery), status=202)


# ---- answers ----


def shown(asked: Asked, item: Subscription, problem: str = "") -> dict[str, Any]:
    """Return what a subscription shows of itself; the callback's query is a credential and stays here."""
    return {
        "id": item.public_id,
        "address": address(asked, item),
        "resource": item.resource.name,
        "event": item.event,
        "filter": item.filter,
        "host": item.host,
        "state": item.state,
        "reason": item.reason,
        "problem": problem,
        "created": item.created,
        "failingSince": item.failing_since,
    }


def address(asked: Asked, item: Subscription) -> str:
    """Return the absolute address of a subscription."""
    return f"{asked.exchange.context.root}/$subscriptions/{quote(item.resource.name)}/{item.event}/{item.public_id}"


def json_response(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponseBase:
    """Return JSON."""
    return ApiResponse(orjson.dumps(body, option=orjson.OPT_UTC_Z), status=status, content_type="application/json", headers=headers)


def record(asked: Asked, action: str, item: Subscription, **detail: Any) -> None:
    """Leave a trace of what was done."""
    log = asked.exchange.context.log
    who = asked.exchange.request.principal.name  # type: ignore[attr-defined]
    audit.record(action, who=who, subject=item.public_id, address=str(log.get("address") or ""), **detail)


ONE: dict[str, Answer] = {"GET": show, "DELETE": unsubscribe}
SHAPES: dict[tuple[int, str, str], dict[str, Answer]] = {
    (0, "", ""): {"GET": listing},
    (2, "", ""): {"POST": subscribe},
    (3, "", ""): ONE,
    (4, "$test", ""): {"POST": test},
    (4, "$rotate", ""): {"POST": rotate},
    (4, "$deliveries", ""): {"GET": deliveries},
    (6, "$deliveries", "$replay"): {"POST": replay},
}
