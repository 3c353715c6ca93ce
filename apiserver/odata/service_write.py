"""POST, PATCH, PUT and DELETE on sets, entities, properties and references: HTTP in, one transaction, HTTP out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from random import random
from time import sleep
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from apiserver.odata import deadline, kept, replicated, service_read
from apiserver.odata.errors import BadPayload, InvalidValue, NotBuilt
from apiserver.odata.etag import check_match, etag_of, has_etag
from apiserver.odata.format import negotiate
from apiserver.odata.payload_context import entity_id
from apiserver.odata.resolve import Target, resolve_id
from apiserver.odata.service import Exchange
from apiserver.odata.service_rows import filter_condition
from apiserver.odata.versions import check_version
from apiserver.odata.writer import COUNTER_FOLLOWS, Outside, Writer, child_key, may, no_row
from apiserver.odata.writer_body import Change, change_of, nested_expand, property_value, read_json, read_value, reference_of
from apiserver.odata.writer_rows import RowWriter, idempotency_of, is_conditional
from apiserver.odata.writer_sql import Row, by_column, by_property
from apiserver.resources.catalog import PublishedNavigation, PublishedResource
from apiserver.server.responses import ApiResponse
from connections.contract.connector import Session
from connections.contract.errors import ConstraintViolated, Overtaken
from connections.contract.unsayable import Unsayable
from connections.engine.prepared import gives_rows

TRIES = 8  # of one write
PAUSE_SECONDS = 0.02
Finish = Callable[[], HttpResponseBase]  # what is answered once the transaction has committed
Action = Callable[[Exchange, Writer, Any], Finish]


def answer(exchange: Exchange) -> HttpResponseBase:
    """Do the write that method and address mean."""
    check_version(exchange.options)
    if exchange.options.given.keys() & {"apply", "filter", "search", "orderby", "top", "skip"}:
        raise NotBuilt("Query options that choose rows are not served on writes.", hint="Write to one entity by its key.")
    if exchange.target.filters:
        raise NotBuilt("Writes to a filtered set are not served.", hint="Write to one entity by its key.")
    negotiated(exchange)
    action = _action(exchange)
    body = _body(exchange)
    session = exchange.context.session_of(exchange.target)
    try:
        finish = in_turn(lambda: _written(exchange, session, action, body))
    finally:  # also where it failed: a source without transactions may have done a part
        kept.note_write()
        replicated.note_write(exchange.catalog, exchange.target.resource)
    return finish()


def in_turn(write: Callable[[], Finish]) -> Finish:
    """Do a write, and again when another change of the same rows came first: two that create one row are a create and a change."""
    for _ in range(TRIES):
        try:
            return write()
        except Overtaken as error:
            overtaken = error
            deadline.check()
            sleep(random() * PAUSE_SECONDS)  # noqa: S311 - no secret: those who met should not meet again
    cause = overtaken.__cause__
    raise cause if isinstance(cause, ConstraintViolated) else overtaken


def _written(exchange: Exchange, session: Session, action: Action, body: Any) -> Finish:
    with writing(exchange, session) as writer:
        try:
            finish = action(exchange, writer, body)
        finally:
            exchange.context.log["sql"] = ";\n".join(writer.statements)
    exchange.context.log["rows"] = writer.rows_written
    return finish


@contextmanager
def writing(exchange: Exchange, session: Session) -> Iterator[Writer]:
    """Give what writes to the session, within one transaction where it has such."""
    find = partial(find_entity, exchange)
    if gives_rows(session.dialect):
        idempotency = idempotency_of(exchange.request, exchange.context.log.get("user", ""))
        yield RowWriter(
            exchange.catalog,
            session.dialect,
            None,  # type: ignore[arg-type]
            lambda _: None,
            find,
            session=session,  # type: ignore[arg-type]
            idempotency=idempotency,
            is_conditional=is_conditional(exchange.request),
        )
        return
    with session.transaction() as transaction:
        yield Writer(
            exchange.catalog,
            session.dialect,
            transaction,
            lambda resource: filter_condition(exchange.catalog, resource, session.dialect),
            find,
        )


def negotiated(exchange: Exchange) -> None:
    """Settle the representation before anything is written; nothing is shown of what is removed or linked."""
    if exchange.method == "DELETE" or exchange.target.suffix == "$ref":
        return
    exchange.format = negotiate(exchange.request.headers.get("Accept", ""), exchange.options.format)


def _action(exchange: Exchange) -> Action:
    target = exchange.target
    if target.suffix == "$ref":
        actions: dict[str, Action] = {"POST": add_reference, "PUT": set_reference, "DELETE": remove_reference}
        return actions[exchange.method]
    if target.item is not None:
        return write_property
    if exchange.method == "POST":
        return create
    return remove if exchange.method == "DELETE" else change


def _body(exchange: Exchange) -> Any:
    target = exchange.target
    if exchange.method == "DELETE":
        return None
    if target.suffix == "$value" and target.item is not None:
        return read_value(exchange.request, target.item, exchange.limits)
    body = read_json(exchange.request, exchange.limits)
    if target.suffix == "$ref":
        return reference_of(body)
    if target.item is not None:
        return property_value(target.item, body)
    return change_of(target.resource, body)


def walk(writer: Writer, target: Target) -> tuple[Row | None, Row]:
    """Return the row before the last hop (None for the first hop) and what fixes the rows of the last one."""
    before: Row | None = None
    where: Row = {}
    for hop in target.hops:
        if hop.navigation is not None:
            where = child_key(hop.navigation, before or {})
        if hop.key is not None:
            where = where | by_column(hop.resource, hop.key)
        if hop is target.last:
            break
        before = writer.fetch(hop.resource, where) if None not in where.values() else None
        if before is None:
            raise no_row(hop.resource)
    return before, where


def create(exchange: Exchange, writer: Writer, change: Change) -> Finish:
    """POST to a set or a navigation collection: the parent gives the foreign key (Protocol 4.01, 11.4.2)."""
    target = exchange.target
    before, where = walk(writer, target)
    _show_nested(exchange, change)
    row = writer.create(target.resource, change, fixed=where if before is not None else None)
    return lambda: created(exchange, target.resource, row)


def _show_nested(exchange: Exchange, change: Change) -> None:
    """Expand the answer to a deep insert as deep as the body went (Protocol 4.01, 11.4.2.2)."""
    if change.nested and exchange.options.expand is None:
        exchange.options = replace(exchange.options, expand=nested_expand(change.nested))


def change(exchange: Exchange, writer: Writer, change: Change) -> Finish:
    """PATCH merges, PUT replaces; both create a row that is not there (Protocol 4.01, 11.4.3 to 11.4.4)."""
    resource = exchange.target.resource
    row = _current(exchange, writer)
    if row is None:
        return _upsert(exchange, writer, change)
    _match(exchange.request, resource, row)
    replaces = exchange.method == "PUT" and not exchange.catalog.put_merges
    changed = writer.change(resource, row, change, replaces=replaces)
    return lambda: updated(exchange, resource, changed)


def _current(exchange: Exchange, writer: Writer) -> Row | None:
    _, where = walk(writer, exchange.target)
    return writer.fetch(exchange.target.resource, where, lock=True) if None not in where.values() else None


def _upsert(exchange: Exchange, writer: Writer, change: Change) -> Finish:
    target = exchange.target
    resource, key = target.resource, target.last.key
    if exchange.request.headers.get("If-Match"):
        check_match(exchange.request, None)
    generated = [name for name in resource.key if resource.by_name[name].column.is_generated]
    if key is None or len(target.hops) > 1 or "POST" not in resource.methods:
        raise no_row(resource)
    if generated and resource.dialect not in COUNTER_FOLLOWS:
        raise no_row(resource)
    _show_nested(exchange, change)
    change.values.update(key)
    try:
        row = writer.create(resource, change)
    except Outside as error:  # the same where there is a hidden row and where there is none: an upsert must not tell
        raise (no_row(resource) if error.target == resource.name else error) from None
    except ConstraintViolated as error:
        if error.kind != "unique":
            raise
        raise Overtaken("Another change of the same rows came first.", hint="Try again.") from error
    return lambda: created(exchange, resource, row)


def remove(exchange: Exchange, writer: Writer, body: None) -> Finish:
    """DELETE one row."""
    resource = exchange.target.resource
    row = _current(exchange, writer)
    if row is None:
        if exchange.request.headers.get("If-Match"):
            check_match(exchange.request, None)
        raise no_row(resource)
    _match(exchange.request, resource, row)
    writer.remove(resource, row)
    return lambda: ApiResponse(status=204)


def write_property(exchange: Exchange, writer: Writer, value: Any) -> Finish:
    """PUT, PATCH and DELETE of one property; DELETE sets null (Protocol 4.01, 11.4.9)."""
    target = exchange.target
    item = target.item
    if item is None:
        raise AssertionError("the address names a property")
    if exchange.method == "DELETE" and not item.column.is_nullable:
        raise InvalidValue(f"{item.name} can't be null.", target=item.name, hint="Set another value.")
    row = _current(exchange, writer)
    if row is None:
        raise no_row(target.resource)
    _match(exchange.request, target.resource, row)
    changed = writer.update(target.resource, row, {item.column.name: value})
    if exchange.method == "DELETE" or not wants_row(exchange) or target.suffix == "$value":
        return lambda: _no_content(exchange, target.resource, changed)
    return lambda: _applied(exchange, service_read.property_response(exchange, target.resource, by_property(target.resource, changed)))


# ---- references (Protocol 4.01, 11.4.6) ----


def add_reference(exchange: Exchange, writer: Writer, entity: str) -> Finish:
    """POST to Customers(1)/Orders/$ref: the foreign key of the order is set."""
    before, navigation = _relation(exchange, writer)
    writer.adopt(navigation, before, entity)
    return lambda: ApiResponse(status=204)


def set_reference(exchange: Exchange, writer: Writer, entity: str) -> Finish:
    """PUT to Orders(1)/Customer/$ref: the order's own foreign key is set."""
    before, navigation = _relation(exchange, writer)
    _point(exchange, writer, navigation, before, entity)
    return lambda: ApiResponse(status=204)


def remove_reference(exchange: Exchange, writer: Writer, body: None) -> Finish:
    """DELETE of a reference: the foreign key becomes null, wherever it is."""
    before, navigation = _relation(exchange, writer)
    target = exchange.target
    if not navigation.is_collection:
        _point(exchange, writer, navigation, before, None)
        return lambda: ApiResponse(status=204)
    key = target.last.key
    if key is None:
        if not exchange.options.id:
            raise BadPayload("The reference to remove is not named.", target="$id", hint="Add ?$id= with the entity's address.")
        found, key = find_entity(exchange, exchange.options.id)
        if found.name != navigation.target:
            raise BadPayload(f"$id names no entity of {navigation.target}.", target="$id", hint="Name one that is linked.")
    writer.release(navigation, before, by_column(target.resource, key))
    return lambda: ApiResponse(status=204)


def _relation(exchange: Exchange, writer: Writer) -> tuple[Row, PublishedNavigation]:
    before, _ = walk(writer, exchange.target)
    navigation = exchange.target.last.navigation
    if before is None or navigation is None:
        raise AssertionError("the address goes through a navigation property")
    return before, navigation


def _point(exchange: Exchange, writer: Writer, navigation: PublishedNavigation, row: Row, entity: str | None) -> None:
    source = exchange.target.hops[-2].resource
    may(source, "PATCH")
    _match(exchange.request, source, row)
    writer.point(source, navigation, row, entity)


# ---- answers ----


def wants_row(exchange: Exchange) -> bool:
    """Claim that an update answers with the row: only when the client asks (Protocol 4.01, 8.2.8.7)."""
    return exchange.preferences.returns == "representation"


def created(exchange: Exchange, resource: PublishedResource, row: Row) -> HttpResponseBase:
    """Answer 201 with the row, or 204 when the client wants none."""
    address = f"{exchange.context.root}/{entity_id(resource, by_property(resource, row))}"
    if exchange.preferences.wants_minimal or not is_sayable(row):
        response: HttpResponseBase = ApiResponse(status=204)
        response["OData-EntityId"] = address
        _tag(response, resource, row)
    else:
        response = service_read.written_response(exchange, resource, by_property(resource, row), status=201)
    response["Location"] = address
    return _applied(exchange, response)


def updated(exchange: Exchange, resource: PublishedResource, row: Row) -> HttpResponseBase:
    """Answer 204, or 200 with the row when the client asks for it."""
    if not wants_row(exchange) or not is_sayable(row):
        return _no_content(exchange, resource, row)
    return _applied(exchange, service_read.written_response(exchange, resource, by_property(resource, row), status=200))


def is_sayable(row: Row) -> bool:
    """Claim that the row can be shown: what was written stays written, so one that can't is answered without it."""
    return not any(isinstance(value, Unsayable) for value in row.values())


def _no_content(exchange: Exchange, resource: PublishedResource, row: Row) -> HttpResponseBase:
    response = ApiResponse(status=204)
    _tag(response, resource, row)
    return _applied(exchange, response) if is_sayable(row) else response


def _applied(exchange: Exchange, response: HttpResponseBase) -> HttpResponseBase:
    if exchange.preferences.returns:
        response["Preference-Applied"] = f"return={exchange.preferences.returns}"
    return response


def _tag(response: HttpResponseBase, resource: PublishedResource, row: Row) -> None:
    if has_etag(resource):
        response["ETag"] = etag_of(resource, by_property(resource, row))


def _match(request: HttpRequest, resource: PublishedResource, row: Row) -> None:
    if "If-Match" in request.headers or "If-None-Match" in request.headers:
        check_match(request, etag_of(resource, by_property(resource, row)))


def find_entity(exchange: Exchange, entity: str) -> tuple[PublishedResource, Mapping[str, Any]]:
    """Return resource and key of an entity id."""
    target = resolve_id(exchange.catalog, exchange.context.root, entity)
    return target.resource, target.last.key or {}
