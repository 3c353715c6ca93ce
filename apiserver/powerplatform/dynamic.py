"""`$dynamic`: the generic connector. Its definition names no table; tables and their columns are asked for when a flow is made.

A table that is published later needs no new version of the connector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from django.http import HttpResponseBase

from apiserver.odata.errors import BadRequest, Forbidden, NotFound
from apiserver.odata.service import Exchange, rooms_answer
from apiserver.odata.service_read import address
from apiserver.powerplatform import rows
from apiserver.powerplatform.documents import address_of, only_read, served
from apiserver.powerplatform.dynamic_definition import definition
from apiserver.powerplatform.dynamic_schema import LIST, METHODS, READ, id_name, may, schema_for
from apiserver.powerplatform.row_ids import decoded, key_of, row_id
from apiserver.resources.catalog import PublishedResource
from apiserver.server.configuration_protocol import nearest
from apiserver.server.responses import ApiResponse

BASE = "$dynamic"
FOR = "for"
Route = Callable[[Exchange, list[str]], HttpResponseBase]


def answer(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer what lies below `$dynamic`."""
    parts = path.split("/")[1:]
    return route_of(parts)(exchange, [decoded(part) for part in parts])


def route_of(parts: list[str]) -> Route:
    """Return what answers an address."""
    match parts:
        case ["$oas"]:
            return document
        case ["tables"]:
            return tables
        case ["tables", _, "schema"]:
            return schema
        case ["tables", _, "items", *_]:
            return items
        case ["tables", _, "created" | "modified"]:
            return event
    hint = f"Below {BASE} are $oas, tables, tables/NAME/schema, tables/NAME/items, tables/NAME/created and tables/NAME/modified."
    raise NotFound("Nothing of the generic connector is at this address.", hint=hint)


def document(exchange: Exchange, parts: list[str]) -> HttpResponseBase:
    """Answer the definition."""
    only_read(exchange)
    return served(exchange, definition(exchange.catalog, address_of(exchange, BASE)))


def tables(exchange: Exchange, parts: list[str]) -> HttpResponseBase:
    """Answer the tables on which this user may do what is asked for, all of them where nothing is."""
    only_read(exchange)
    purpose = purpose_of(exchange, "")
    found = [
        {"name": name, "title": resource.title or name}
        for name, resource in exchange.catalog.resources.items()
        if not purpose or may(resource, purpose)
    ]
    return ApiResponse(orjson.dumps({"value": found}), content_type="application/json")


def schema(exchange: Exchange, parts: list[str]) -> HttpResponseBase:
    """Answer what a row, a page or a body of the table looks like to this user."""
    only_read(exchange)
    resource = table_of(exchange, parts[1])
    purpose = purpose_of(exchange, LIST)
    exchange.context.log["resource"] = resource.name
    method = METHODS[purpose]
    if purpose != READ and method not in resource.methods:  # what a write answers is a row, too
        raise Forbidden(f"You may not {method} {resource.name}.", target=resource.name, hint="Ask the administrator for the right.")
    body = {"name": resource.name, "title": resource.title or resource.name, "schema": schema_for(resource, purpose)}
    return ApiResponse(orjson.dumps(body), content_type="application/json")


def items(exchange: Exchange, parts: list[str]) -> HttpResponseBase:
    """Answer `items`, and `items/{id}`: all that follows is the id, for an encoded slash arrives as a slash."""
    resource = table_of(exchange, parts[1])
    raw = exchange.path.lstrip("/").split("/", 4)[4:]
    key = key_of(resource, decoded(raw[0])) if raw and raw[0] else None
    return rows.answer(exchange, resource, key, DRESS)


def event(exchange: Exchange, parts: list[str]) -> HttpResponseBase:
    """Answer a polling trigger as `$poll` does; the next state is asked for at this address, which the connector knows."""
    _, name, kind = parts
    table_of(exchange, name)
    response = rooms_answer("$poll")(exchange, f"$poll/{name}/{kind}")
    if response is None:
        raise AssertionError("$poll is a room's own")
    if "Location" in response:
        state = response["Location"].partition("?")[2]
        response["Location"] = f"{exchange.context.root}/{address(f'{BASE}/tables/{name}/{kind}')}?{state}"
    return response


def with_id(resource: PublishedResource, entity: rows.Entity, key: rows.Key) -> rows.Entity:
    """Return the row with its id, which the operations on one row take."""
    if key:
        entity[id_name(resource)] = row_id(resource, key)
    return entity


DRESS = rows.Dress(with_id, has_context=True)


def table_of(exchange: Exchange, name: str) -> PublishedResource:
    """Return a table by the name of its resource."""
    resource = exchange.catalog.resources.get(name)
    if resource is None:
        raise NotFound(f"{name[:80] or 'A table'} is not published.", target="table", hint=f"GET {BASE}/tables lists what is.")
    return resource


def purpose_of(exchange: Exchange, default: str) -> str:
    """Return what the answer is for; raise BadRequest for what is no purpose."""
    given: list[Any] = [value for name, value in exchange.options.custom if name == FOR]
    purpose = given[0] if given else default
    if len(given) > 1 or (purpose and purpose not in METHODS):
        hint = f"Use one of {', '.join(METHODS)}."
        raise BadRequest(f"There is no {purpose[:40]!r}{nearest(purpose, METHODS)}.", target=FOR, hint=hint)
    return str(purpose)
