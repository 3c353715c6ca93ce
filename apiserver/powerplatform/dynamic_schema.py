"""Schemas of one table for the generic connector: of a page, a row, and the bodies that create and change one."""

from __future__ import annotations

from typing import Any

from apiserver.odata.swagger_limits import POLLING, contributions
from apiserver.odata.swagger_operations import percent
from apiserver.odata.swagger_schemas import body_schema, internal, row_schema
from apiserver.resources.catalog import PublishedResource
from apiserver.resources.remembered import remembered

LIST, READ, CREATE, UPDATE, DELETE = "list", "read", "create", "update", "delete"
EVENTS = ("created", "modified")
METHODS = {LIST: "GET", READ: "GET", CREATE: "POST", UPDATE: "PATCH", DELETE: "DELETE", **dict.fromkeys(EVENTS, "GET")}
ID = "ItemInternalId"  # the name that makers know from tables of other connectors


def schema_for(resource: PublishedResource, purpose: str) -> dict[str, Any]:
    """Return the JSON schema of what an operation takes (create, update) or answers (list, read, delete: the row; events: rows)."""
    if purpose in EVENTS:
        return {"type": "array", "items": row_schema(resource, with_byte=True)}
    if purpose in (CREATE, UPDATE):
        return body_schema(resource, is_create=purpose == CREATE)
    return page(resource) if purpose == LIST else row(resource)


def may(resource: PublishedResource, purpose: str) -> bool:
    """Claim that the user may do it on the table: one row needs a key to be named by, an event a column that shows it."""
    if METHODS[purpose] not in resource.methods:
        return False
    if purpose in EVENTS:
        return purpose in polled(resource)
    return purpose == LIST or bool(resource.key)


@remembered
def polled(resource: PublishedResource) -> frozenset[str]:
    """Return the events of the table that can be polled for: those that rooms describe in $oas."""
    paths: dict[str, Any] = {}
    contributions()[POLLING](paths, {}, resource)
    return frozenset(event for event in EVENTS if f"/$poll/{percent(resource.name)}/{event}" in paths)


def row(resource: PublishedResource) -> dict[str, Any]:
    """Return the schema of a row, its id first."""
    found = row_schema(resource, with_byte=True)
    if resource.key:
        about: dict[str, Any] = {"type": "string", "title": "Row Id", "x-ms-summary": "Row Id"}
        about |= {"description": "What the operations on one row take as its id.", "readOnly": True}
        found["properties"] = {id_name(resource): about, **found["properties"]}
    return found


def page(resource: PublishedResource) -> dict[str, Any]:
    """Return the schema of a page of rows."""
    count = {"type": "integer", "format": "int64", "title": "Count", "description": "The number of all matching rows."}
    rows = {"type": "array", "title": "Rows", "x-ms-summary": "Rows", "description": "The rows of this page.", "items": row(resource)}
    properties = {
        "@odata.context": internal("What the answer holds."),
        "@odata.count": count,
        "@odata.nextLink": internal("Where the next page is."),
        "value": rows,
    }
    return {"type": "object", "properties": properties}


def id_name(resource: PublishedResource) -> str:
    """Return what the row's id is called; a column of that name keeps it."""
    name = ID
    while name in resource.by_name or name in resource.navigation_by_name:
        name += "_"
    return name
