"""$oas: Swagger 2.0 for Power Platform, of the same model as $metadata. Pure ASCII; equal catalogs give equal bytes.

One document serves the action "HTTP + Swagger" and custom connectors (rules: Microsoft's connector documentation).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from django.utils.module_loading import import_string

from apiserver.odata.selection import narrowed
from apiserver.odata.swagger_info import LONGEST_DESCRIPTION, Address, info, metadata
from apiserver.odata.swagger_limits import (
    ALL,
    CREATE,
    DELETE,
    LIST,
    MOST_BYTES,
    MOST_SCHEMAS,
    ONE,
    SPOKEN,
    UPDATE,
    VERBS,
    Adds,
    Plan,
    contributions,
    fewer,
    has,
    planned,
    shorter,
)
from apiserver.odata.swagger_operations import (
    create_operation,
    delete_operation,
    key_path,
    list_operation,
    one_operation,
    percent,
    update_operation,
)
from apiserver.odata.swagger_schemas import (
    COLLECTION_SCHEMAS,
    PAGE_SCHEMAS,
    body_schema,
    definition_name,
    related_name,
    related_schemas,
    row_schema,
    schema_count,
)
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedResource
from apiserver.server.registry import DESCRIBED

SECURITY = {"type": "apiKey", "in": "header", "name": "x-cdata-authtoken"}
LEFT_OUT = (
    "Left out, as one document holds 256 operations and 1 MB: {parts}. Choose tables with ?resources= or ?connection=, "
    "or kinds with ?operations=, in its address; $parts lists addresses of parts that fit."
)
NOTHING = "Nothing is described here: no table is published to this user, or the user has no privilege on any of them."
LONGEST_NAME = 60
NEEDLESS = ("x-ms-summary", "x-nullable")
REFERENCE = b'"$ref":"#/definitions/'
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Written:
    """A document as data and as bytes, and the kinds of operations that it holds."""

    document: dict[str, Any]
    body: bytes
    plan: Plan


def swagger(catalog: Catalog, address: Address, wanted: frozenset[str] = ALL) -> bytes:
    """Return the document, as much of it as one connector holds."""
    return fitted(catalog, address, wanted).body


def fitted(catalog: Catalog, address: Address, wanted: frozenset[str] = ALL) -> Written:
    """Return the document without what is too much for one connector: kinds of operations, then resources; it says which these are."""
    plan, is_related, thrift = planned(catalog, wanted), any(item.navigations for item in catalog.resources.values()), 0
    while True:
        document = told(catalog, address, plan, is_related=is_related)
        if thrift:
            shorten(document, thrift)
        body = written(document)
        if len(body) >= MOST_BYTES and is_related:
            is_related = False  # operations are worth more than $expand, which is not offered without the shapes of what it brings
            continue
        less = shorter(plan, catalog) if len(body) >= MOST_BYTES else None
        size = len(body)
        while size >= MOST_BYTES and less is None and thrift < len(NEEDLESS):
            thrift += 1
            size -= shorten(document, thrift)
            if size < MOST_BYTES or thrift == len(NEEDLESS):
                body = written(document)
                size = len(body)
        if len(body) >= MOST_BYTES:
            less = less or fewer(plan, catalog, len(body))
        if less is None:
            return Written(document, body, plan)
        plan = less


def told(catalog: Catalog, address: Address, plan: Plan, *, is_related: bool) -> dict[str, Any]:
    """Return a document and, in its description, what it leaves out."""
    part = narrowed(catalog, set(catalog.resources) - set(plan.untold)) if plan.untold else catalog
    document = described(part, address, plan.kinds, is_related=is_related)
    if not plan.is_whole:
        document["info"]["description"] = noted(document["info"]["description"], LEFT_OUT.format(parts=left_out(plan, catalog)))
    elif not document["paths"]:
        document["info"]["description"] = noted(document["info"]["description"], NOTHING)
    return document


def left_out(plan: Plan, catalog: Catalog) -> str:
    """Return what one document can't hold: kinds, and the resources behind the last that it tells."""
    parts = [SPOKEN[kind] for kind in reversed(plan.left_out)]
    if plan.untold:
        first = plan.untold[0]
        name = first if len(first) <= LONGEST_NAME else f"{first[:LONGEST_NAME]}..."
        parts.append(f"{len(plan.untold)} of {len(catalog.resources)} tables, from {name} on")
    return ", ".join(parts)


def noted(description: str, note: str) -> str:
    """Return the description with a note, within its length."""
    return f"{description[: LONGEST_DESCRIPTION - len(note) - 1].rstrip()} {note}"


def shorten(document: dict[str, Any], thrift: int) -> int:
    """Take headers that nobody has to send out of a new document and, of properties, what is said twice (1) and what may be null (2).

    Returns how many bytes that is worth, or somewhat less.
    """
    spared = 0
    for schema in document["definitions"].values():
        for item in schema["properties"].values():
            for name in NEEDLESS[:thrift]:
                if name in item:
                    spared += len(name) + len(str(item.pop(name))) + 4
    for path in document["paths"].values():
        for found in (path[verb] for verb in VERBS if verb in path):
            found["parameters"] = [item for item in found["parameters"] if item["in"] != "header" or item.get("required")]
    return spared


def written(document: dict[str, Any]) -> bytes:
    """Return a document's bytes: the shortest JSON, in ASCII."""
    try:
        body = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # halves of surrogate pairs: JSON may hold them escaped
        return (json.dumps(document, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")
    return body if body.isascii() else BEYOND_ASCII.sub(escaped, body.decode()).encode("ascii")


def escaped(found: re.Match[str]) -> str:
    """Return characters as JSON escapes, those beyond the first plane as pairs."""
    return json.dumps(found[0])[1:-1]


def described(
    catalog: Catalog, address: Address, kinds: frozenset[str] = ALL, *, is_related: bool = True, with_byte: bool = False
) -> dict[str, Any]:
    """Return the document as data, from which OpenAPI 3 is written too.

    `is_related`: with $expand and the shapes of what it brings; `with_byte`: bytes that come back have the format `byte`.
    """
    related = {
        name: resource.having(navigations=expandable(catalog, resource) if is_related else ())
        for name, resource in catalog.resources.items()
    }
    resources = {name: resource.having(navigations=offered(related, resource)) for name, resource in related.items()}
    document: dict[str, Any] = {
        "swagger": "2.0",
        "info": info(catalog, address),
        "host": address.host,
        "basePath": address.base_path,
        "schemes": [address.scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {},
        "definitions": {},
    }
    paths, definitions = document["paths"], document["definitions"]
    for resource in resources.values():
        add_resource(document, resource, kinds, with_byte=with_byte)
        for navigation in told_relations(resources, resource):
            definitions[definition_name(resource)]["properties"] |= related_schemas(resources[navigation.target], navigation)
    for add in (*(add for kind, add in contributions().items() if kind in kinds), *general()):
        for resource in resources.values():
            add(paths, definitions, resource)
    for name in sorted({navigation.target for resource in resources.values() for navigation in resource.navigations}):
        # Its relations left out: none holds itself. One row may be none, which no reference can say.
        definitions[related_name(resources[name])] = row_schema(resources[name], with_byte=with_byte) | {"x-nullable": True}
    document["definitions"] = reachable(paths, definitions)
    document["x-ms-connector-metadata"] = metadata(catalog, address)
    if not address.is_open:
        document["securityDefinitions"] = {"authtoken": SECURITY}
        document["security"] = [{"authtoken": []}]
    return document


@cache
def general() -> tuple[Adds, ...]:
    """Return what rooms above add to documents of any kinds."""
    return tuple(import_string(path) for path in DESCRIBED)


def told_relations(resources: Mapping[str, PublishedResource], resource: PublishedResource) -> Iterator[PublishedNavigation]:
    """Give the relations whose rows a body can describe besides the resource's own, single ones first."""
    room = MOST_SCHEMAS - PAGE_SCHEMAS - schema_count(resource)
    for navigation in sorted(resource.navigations, key=lambda item: item.is_collection):
        room -= schema_count(resources[navigation.target]) + (COLLECTION_SCHEMAS if navigation.is_collection else 0)
        if room < 0:
            return
        yield navigation


def offered(resources: Mapping[str, PublishedResource], resource: PublishedResource) -> tuple[PublishedNavigation, ...]:
    """Return the relations that $expand is offered for: those whose rows are described."""
    told = list(told_relations(resources, resource))
    return tuple(navigation for navigation in resource.navigations if navigation in told)


def add_resource(document: dict[str, Any], resource: PublishedResource, kinds: frozenset[str], *, with_byte: bool) -> None:
    """Add the paths and definitions of one resource; only the methods that this user has."""
    paths, definitions = document["paths"], document["definitions"]
    name = definition_name(resource)
    definitions[name] = row_schema(resource, with_byte=with_byte)
    collection: dict[str, Any] = {}
    if LIST in kinds and has(resource, LIST):
        collection["get"] = list_operation(resource, name)
    if CREATE in kinds and has(resource, CREATE):
        definitions[f"{name}Create"] = body_schema(resource, is_create=True)
        collection["post"] = create_operation(resource, name)
    if collection:
        paths[f"/{percent(resource.name)}"] = collection
    one = entity_operations(definitions, resource, name, kinds)
    if one:
        paths[key_path(resource)] = one


def entity_operations(definitions: dict[str, Any], resource: PublishedResource, name: str, kinds: frozenset[str]) -> dict[str, Any]:
    """Return the operations on one row."""
    found: dict[str, Any] = {}
    if ONE in kinds and has(resource, ONE):
        found["get"] = one_operation(resource, name)
    if UPDATE in kinds and has(resource, UPDATE):
        definitions[f"{name}Update"] = body_schema(resource, is_create=False)
        found["patch"] = update_operation(resource, name)
    if DELETE in kinds and has(resource, DELETE):
        found["delete"] = delete_operation(resource)
    return found


def expandable(catalog: Catalog, resource: PublishedResource) -> tuple[PublishedNavigation, ...]:
    """Return the relations whose rows this user may read with the resource's own."""
    if "GET" not in resource.methods or not resource.key:
        return ()
    readable = (navigation for navigation in resource.navigations if navigation.target in catalog.resources)
    return tuple(navigation for navigation in readable if "GET" in catalog.resources[navigation.target].methods)


def reachable(paths: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions that the paths name, in their order."""
    found: set[str] = set()
    waiting = names_in(paths)
    while waiting:
        found |= waiting
        waiting = names_in([definitions[name] for name in waiting]) - found
    return {name: schema for name, schema in definitions.items() if name in found}


def names_in(part: Any) -> set[str]:
    """Return the names of the definitions that a part refers to."""
    return {piece.partition(b'"')[0].decode() for piece in orjson.dumps(part).split(REFERENCE)[1:]}
