"""What a user may be told at the moment of delivery: rights may have ended since a message was stored.

A message goes as it was stored while its user sees the same columns of the same rows. Else its row is read anew, as the user sees it
now; one that is not there for this user is not told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from apiserver.odata import nodes
from apiserver.odata.binder import Binder
from apiserver.odata.binder_state import Scope
from apiserver.odata.payload_values import plain_text
from apiserver.odata.reader_plan import Plan, Question, conditions, planned, run
from apiserver.odata.service import readable
from apiserver.odata.skiptoken import values
from apiserver.resources.catalog import Catalog, PublishedResource
from apiserver.resources.models import Resource
from apiserver.resources.services import catalog_for
from apiserver.server import stamp
from apiserver.triggers import messages
from apiserver.triggers.checks import DELETED, can_tell_gone
from apiserver.triggers.matching import Matcher, matcher, rights_of
from apiserver.triggers.models import Delivery, Subscription
from connections import vault
from connections.engine.nodes import all_of, select
from connections.engine.prepared import prepared
from connections.services import session_for
from users.models import User
from users.principal import principal_of

MOST_VIEWS = 10_000


@dataclass(frozen=True, slots=True)
class View:
    """A resource as one user sees it now."""

    catalog: Catalog
    resource: PublishedResource
    rights: str


@dataclass(slots=True)
class Seen:
    """The views of this process, as they were made of one state of the configuration."""

    stamp: int = -1
    views: dict[tuple[int, int], View | None] = field(default_factory=dict)


class Cache:
    """Replaced whole when the configuration changes."""

    seen = Seen()


def view_of(subscription: Subscription) -> View | None:
    """Return what the user of a subscription sees of its resource now; None = nothing. No query while the configuration stands."""
    number, seen = stamp.value(), Cache.seen
    if seen.stamp != number or len(seen.views) > MOST_VIEWS:
        seen = Cache.seen = Seen(number)
    key = (subscription.user_id, subscription.resource_id)
    if key not in seen.views:
        seen.views[key] = made(*key)
    return seen.views[key]


def made(user_id: int, resource_id: int) -> View | None:
    """Return the view of a user, asked of the database."""
    user = User.objects.prefetch_related("groups").filter(pk=user_id, is_active=True).first()
    public_id = Resource.objects.filter(pk=resource_id).values_list("public_id", flat=True).first()
    if user is None or public_id is None:
        return None
    catalog = readable(catalog_for(principal_of(user)))
    resource = next((item for item in catalog.resources.values() if item.id == public_id), None)
    return None if resource is None else View(catalog, resource, rights_of(resource))


def body_now(subscription: Subscription, delivery: Delivery) -> bytes | None:
    """Return what is sent; None where its user may not be told any more. Raise what the source says where its row is read anew."""
    view = view_of(subscription)
    if view is None:
        return None
    body, _, key = vault.reveal(delivery.body).partition("\n")
    if view.rights == delivery.rights:
        return body.encode("utf-8", "surrogatepass")
    if delivery.is_test:
        return messages.sample(seen_by(view), subscription.event)
    if subscription.event == DELETED:
        return key_now(view, body)
    row = row_now(view, key) if key else None
    return None if row is None else messages.body(view.resource.name, subscription.event, seen_by(view).data(row), now=delivery.created)


def seen_by(view: View) -> Matcher:
    """Return how rows are shown to the user."""
    return matcher(view.catalog, view.resource, "")


def key_now(view: View, body: str) -> bytes | None:
    """Return the message of a row that is gone; None under a row filter or without its key: nobody knows whether it was the user's."""
    told: dict[str, Any] = json.loads(body)
    if not can_tell_gone(view.resource, told["data"]):
        return None
    return body.encode("utf-8", "surrogatepass")


def key_text(resource: PublishedResource, row: Mapping[str, Any]) -> str:
    """Return the key of a row by source column as JSON."""
    items = [resource.by_name[name] for name in resource.key]
    return json.dumps({item.column.name: plain_text(item.column, row[item.column.name]) for item in items})


def row_now(view: View, key: str) -> dict[str, Any] | None:
    """Return a row by source column as it is now, if the user may see it."""
    stored: dict[str, str] = json.loads(key)
    columns = {item.column.name: item.column for item in view.resource.all_properties}
    if not stored or not stored.keys() <= columns.keys():
        return None
    found = values([columns[name] for name in stored], list(stored.values()))
    where = dict(zip(stored, found, strict=True))
    question = Question(session_for(view.resource.connection_id), view.catalog, view.resource, nodes.Options(), where, {})
    plan, literals = planned(question, lambda binder: row_plan(binder, question), "told")
    given = {f"={name}": value for name, value in where.items()}
    with closing(run(question, plan, literals, given)) as rows:
        row = next(iter(rows), None)
    return None if row is None else dict(zip(plan.names, row, strict=True))


def row_plan(binder: Binder, question: Question) -> Plan:
    """Return the plan that reads what the user sees of one row."""
    scope = Scope(question.resource, binder.alias())
    items = [item for item in question.resource.properties if not item.column.is_costly]
    query = select([binder.property_value_any(item, scope) for item in items], binder.source(question.resource, scope.alias))
    query.where(all_of(conditions(binder, question, scope)), copy=False)
    decoders = tuple(question.dialect.decode(item.column) for item in items)
    return Plan(prepared(query, question.dialect), tuple(binder.slots), decoders, tuple(item.column.name for item in items))
