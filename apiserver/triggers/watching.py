"""One table read for all subscriptions to one event of it: where it begins, how it is read. Called by detection and at subscribing."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from sqlglot import exp

from apiserver.odata import nodes
from apiserver.odata.binder import Binder
from apiserver.odata.binder_state import Scope, Slot
from apiserver.odata.errors import Conflict, NotFound
from apiserver.odata.payload import dumps
from apiserver.odata.payload_values import json_encoder
from apiserver.odata.reader_plan import COUNT_COLUMN, Plan, Question, planned, run
from apiserver.resources import snapshot
from apiserver.resources.catalog import Catalog, PublishedResource
from apiserver.resources.models import Resource
from apiserver.resources.services import catalog_for
from apiserver.server import options
from apiserver.triggers.checks import DELETED, check_of
from apiserver.triggers.marks import Clock, begun
from apiserver.triggers.models import Watch
from apiserver.triggers.storing import packed
from apiserver.triggers.window import Window, rows_beyond
from connections import vault
from connections.engine.nodes import select
from connections.engine.prepared import prepared
from connections.services import session_for
from users.principal import Principal, fingerprint

FIRST_KNOWN = 1000
READ = frozenset({"GET"})
EVERYTHING = Principal(0, "triggers", "admin", READ, None, fingerprint("admin", READ, None))


def whole(row: Resource) -> tuple[Catalog, PublishedResource]:
    """Return a resource with every row and column; raise NotFound for one that can't be read."""
    catalog = catalog_for(EVERYTHING)
    found = next((item for item in catalog.resources.values() if item.id == row.public_id), None)
    if found is None or "GET" not in found.methods:
        raise NotFound(f"{row.name} can't be read.", target=row.name, hint="Allow GET on its page.")
    return catalog, found


def can_tell(resource: PublishedResource, event: str) -> bool:
    """Claim that the event of the resource can be told."""
    return bool(resource.key) if event == DELETED else check_of(resource, event) is not None


def window_of(row: Resource, event: str) -> Window:
    """Return the incremental read of an event; raise NotFound where there is no check column."""
    catalog, resource = whole(row)
    check = check_of(resource, event)
    if check is None:
        raise NotFound(f"{row.name} has no column that shows which rows were {event}.", target=row.name, hint="Choose a check column.")
    session = session_for(resource.connection_id)
    items = tuple(item for item in resource.all_properties if not item.column.is_costly)
    table = not row.sql and snapshot.from_json(row.snapshot).kind == "table"
    question = Question(session, catalog, resource, nodes.Options(), {}, {})
    settings = options.current().triggers
    return Window(question, event, check, items, table, float(settings["late_seconds"]), int(settings["reconcile_rows"]))


def question_of(row: Resource, event: str) -> str:
    """Return a name of what is watched: by another check column or key all begins anew."""
    _, resource = whole(row)
    check = check_of(resource, event)
    text = json.dumps([check.column.name if check else "", [resource.by_name[name].column.name for name in resource.key]])
    return hashlib.sha256(text.encode()).hexdigest()


def ensure(row: Resource, event: str, *, now: datetime) -> Watch:
    """Return the watch of an event, begun now where there is none: what is there now is old."""
    found = Watch.objects.filter(resource=row, event=event).first()
    if found is not None:
        return found
    start = {"keys": sealed(keys_now(row))} if event == DELETED else {"mark": first_mark(window_of(row, event), now=now)}
    begins = {"question": question_of(row, event), "next_at": now, **start}
    return Watch.objects.get_or_create(resource=row, event=event, defaults=begins)[0]


def first_mark(window: Window, *, now: datetime) -> bytes:
    """Return the mark of a watch that begins."""
    found = list(rows_beyond(window, None, FIRST_KNOWN + 1, is_newest=True))
    clock = found[0].clock if found else Clock(now.timestamp())
    return packed(begun([item.told for item in found], has_more=len(found) > FIRST_KNOWN, clock=clock), window)


# ---- keys ----


def keys_now(row: Resource) -> set[str]:
    """Return the keys of all rows as JSON objects; raise Conflict where there are too many."""
    catalog, resource = whole(row)
    most = int(options.current().triggers["keys"])
    question = Question(session_for(resource.connection_id), catalog, resource, nodes.Options(), {}, {})
    found = set(keys_read(question, most + 1))
    if len(found) > most:
        hint = f"At most {most:,} are compared: server.triggers.keys."
        raise Conflict(f"{row.name} has too many rows for telling which were deleted.", target=row.name, hint=hint)
    return found


def keys_read(question: Question, limit: int) -> Iterator[str]:
    """Give the keys of the first rows."""
    items = [question.resource.by_name[name] for name in question.resource.key]

    def build(binder: Binder) -> Plan:
        scope = Scope(question.resource, binder.alias())
        query = select([binder.property_value_any(item, scope) for item in items], binder.source(question.resource, scope.alias))
        query.set("limit", exp.Limit(expression=binder.bind(Slot(COUNT_COLUMN, name="$limit"))))
        decoders = tuple(question.dialect.decode(item.column) for item in items)
        return Plan(prepared(query, question.dialect), tuple(binder.slots), decoders, question.resource.key)

    plan, literals = planned(question, build, "keys")
    encoders = [json_encoder(item.column, is_ieee754=False) for item in items]
    with closing(run(question, plan, literals, {"$limit": limit}, stream=1000)) as found:
        for row in found:
            values = [value if encode is None else encode(value) for value, encode in zip(row, encoders, strict=True)]
            yield dumps(dict(zip(question.resource.key, values, strict=True))).decode()


def sealed(keys: set[str]) -> str:
    """Return keys as they are stored: nobody who reads the database learns them."""
    return vault.seal(zlib.compress(json.dumps(sorted(keys)).encode(), 1).decode("latin-1"))


def revealed(text: str) -> set[str]:
    """Return the keys that were stored."""
    return set(json.loads(zlib.decompress(vault.reveal(text).encode("latin-1"))))
