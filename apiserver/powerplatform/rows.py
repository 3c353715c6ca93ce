"""Rows of one resource at an address of this room: read, checked and written as the API does, dressed as the address wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponseBase

from apiserver.odata import reader, service_read, service_rows, service_write
from apiserver.odata.errors import NotAllowed
from apiserver.odata.etag import etag_of, has_etag
from apiserver.odata.format import negotiate
from apiserver.odata.payload import PayloadWriter, dumps, whole_page
from apiserver.odata.payload_context import entity_context
from apiserver.odata.resolve import Hop, Target, resolve_id
from apiserver.odata.service import Exchange, authorize
from apiserver.odata.writer import no_row
from apiserver.odata.writer_sql import by_column
from apiserver.powerplatform.row_ids import row_id
from apiserver.resources.catalog import Catalog, PublishedResource
from apiserver.resources.remembered import remembered
from apiserver.server.responses import ApiResponse
from connections.connectors.exact_json import DECODER, json_text
from connections.contract.table import FLOATS, Type

MOST_ROWS = 2000  # of a page: Power Apps takes a table that answers 2,100 rows at once for one that does not page
ON_SET, ON_ROW = ("GET", "HEAD", "POST"), ("GET", "HEAD", "PATCH", "DELETE")
TO_STANDARD = str.maketrans("-_", "+/")
Entity = dict[str, Any]
Key = Mapping[str, Any]  # property name -> contract value


@dataclass(frozen=True, slots=True)
class Dress:
    """What is done to each row, a JSON object already (None: nothing), and whether answers name their context."""

    row: Callable[[PublishedResource, Entity, Key], Entity] | None
    has_context: bool


def answer(exchange: Exchange, resource: PublishedResource, key: Key | None, dress: Dress) -> HttpResponseBase:
    """Answer a request for the rows of a resource, or (`key`) for one of them, by the rights of the user."""
    known = ON_SET if key is None else ON_ROW
    if exchange.method not in known:
        raise NotAllowed(exchange.method, (*known, "OPTIONS"))
    if exchange.method == "PATCH":
        resource = never_created(resource)
    exchange.target = Target((Hop(resource, None, key),))
    authorize(exchange)
    if exchange.method not in ("GET", "HEAD"):
        return written(exchange, resource, dress)
    service_read.check_options(exchange)
    exchange.format = negotiate(exchange.request.headers.get("Accept", ""), exchange.options.format)
    return page(exchange, resource, dress) if key is None else one(exchange, resource, key, dress)


@remembered
def never_created(resource: PublishedResource) -> PublishedResource:
    """Return the resource as one whose rows a PATCH never creates."""
    return replace(resource, methods=resource.methods - {"POST"})


# ---- reading ----


def page(exchange: Exchange, resource: PublishedResource, dress: Dress) -> HttpResponseBase:
    """Answer a page of rows, its next link at the address that was asked."""
    options = exchange.options
    size = service_read.page_size(exchange)
    question = service_rows.question_of(exchange, resource, options, {})
    names = service_rows.needed_names(resource, options)
    straight = service_rows.straight_maker(exchange, question) if dress.row is None and not odd(resource) else None
    size, root = min(size or MOST_ROWS, MOST_ROWS), exchange.context.root
    found = reader.read_set(question, size=size, names=names, root=root, straight=straight)
    writer = PayloadWriter(exchange.catalog, root, exchange.format)
    head = writer.context(entity_context(exchange.catalog, resource, options, False)) if dress.has_context else {}
    if options.count and found.count is not None:
        head["@odata.count"] = str(found.count) if exchange.format.is_ieee754 else found.count
    exchange.context.log["rows"] = found.row_count
    if found.text is not None:
        return page_of(exchange, whole_page(head, found.text))
    shape = writer.shape(resource, options)
    rows = [row if found.is_json else dressed(resource, row, writer.entity(shape, row), dress) for row in found.rows]
    exchange.context.log["rows"] = len(rows)
    return page_of(exchange, b"".join(writer.collection(head, rows, lambda: service_read.next_link(exchange, found.next))))


def page_of(exchange: Exchange, body: bytes) -> HttpResponseBase:
    """Answer the page that was written."""
    return ApiResponse(body, content_type=exchange.format.content_type, headers={"Vary": "Accept, Prefer, OData-MaxVersion"})


def one(exchange: Exchange, resource: PublishedResource, key: Key, dress: Dress) -> HttpResponseBase:
    """Answer one row; raise NotFound where this user has none of this key."""
    row = service_rows.read_one(exchange, resource, exchange.options, by_column(resource, key))
    if row is None:
        raise no_row(resource)
    exchange.context.log["rows"] = 1
    headers = {"ETag": etag_of(resource, row)} if has_etag(resource) else {}
    unchanged = service_read.still(exchange, headers["ETag"]) if headers else None
    if unchanged is not None:
        return unchanged
    writer = PayloadWriter(exchange.catalog, exchange.context.root, exchange.format)
    context = writer.context(entity_context(exchange.catalog, resource, exchange.options, True)) if dress.has_context else {}
    entity = dressed(resource, row, writer.entity(writer.shape(resource, exchange.options), row), dress)
    return ApiResponse(dumps(context | entity), content_type=exchange.format.content_type, headers=headers)


def dressed(resource: PublishedResource, row: Mapping[str, Any], entity: Entity, dress: Dress) -> Entity:
    """Return a row that was read as the address shows it."""
    found = standard(resource, entity)
    return found if dress.row is None else dress.row(resource, found, {name: row[name] for name in resource.key})


def standard(resource: PublishedResource, entity: Entity) -> Entity:
    """Return the row as its schema has it: bytes in base64 (OData has base64url), no number that JSON can't say (OData has "NaN")."""
    for name, kind in odd(resource):
        value = entity.get(name)
        if isinstance(value, str):
            entity[name] = value.translate(TO_STANDARD) if kind is Type.BINARY else None
    return entity


@remembered
def odd(resource: PublishedResource) -> tuple[tuple[str, Type], ...]:
    """Return the properties whose values OData says otherwise than their schema, with their types."""
    kinds = FLOATS | {Type.BINARY}
    return tuple(
        (item.name, item.column.type) for item in resource.properties if item.column.type in kinds and not item.column.is_collection
    )


# ---- writing ----


def written(exchange: Exchange, resource: PublishedResource, dress: Dress) -> HttpResponseBase:
    """Do a write; its answer is the row, unless the client wants none, and the row's address here."""
    if exchange.method == "PATCH" and not exchange.preferences.returns:
        exchange.preferences = replace(exchange.preferences, returns="representation")
    path = exchange.path.strip("/")
    response = service_write.answer(exchange)
    key: Key = exchange.target.last.key or {}
    if "Location" in response:
        alone = Catalog({resource.name: resource}, "")  # who may write it may not always read it
        key = resolve_id(alone, exchange.context.root, response["Location"]).last.key or {}
        response["Location"] = f"{exchange.context.root}/{service_read.address(path)}/{row_id(resource, key)}"
        del response["OData-EntityId"]
    if isinstance(response, ApiResponse) and response.status_code in (200, 201) and response.content:
        entity = DECODER.decode(response.content.decode())
        context = entity.pop("@odata.context", None)
        shown = standard(resource, entity) if dress.row is None else dress.row(resource, standard(resource, entity), key)
        if dress.has_context and context is not None:
            shown = {"@odata.context": context, **shown}
        response.content = json_text(shown).encode()
    return response
