"""$oas: Swagger 2.0 for Power Platform, of the same model as $metadata. Pure ASCII; equal catalogs give equal bytes.

One document serves the action "HTTP + Swagger" and custom connectors (rules: Microsoft's connector documentation).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from django.utils.module_loading import import_string

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
    "Left out, as one document holds 256 operations and 1 MB: {kinds}. Choose tables with ?resources= or ?connection=, "
    "or kinds with ?operations=, in its address."
)
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
    """Return the document without the kinds of operations that are too many for one connector; it says which these are."""
    plan, is_related = planned(catalog, wanted), True
    while True:
        document = described(catalog, address, plan.kinds, is_related=is_related)
        if plan.left_out:
            document["info"]["description"] = told(document["info"]["description"], plan.left_out)
        body = written(document)
        if len(body) < MOST_BYTES:
            break
        if is_related:  # operations are worth more than $expand, which is not offered without the shapes of what it brings
            is_related = False
            continue
        fewer = shorter(plan, catalog)
        if fewer is None:
            break
        plan = fewer
    if len(body) >= MOST_BYTES:
        document = {**document, "paths": bare(document["paths"]), "definitions": shortened(document["definitions"])}
        body = written(document)
    return Written(document, body, plan)


def told(description: str, kinds: Sequence[str]) -> str:
    """Return the description and, within its length, what is left out."""
    note = LEFT_OUT.format(kinds=", ".join(SPOKEN[kind] for kind in reversed(kinds)))
    return f"{description[: LONGEST_DESCRIPTION - len(note) - 1].rstrip()} {note}"


def bare(paths: dict[str, Any]) -> dict[str, Any]:
    """Return the paths without the headers that nobody has to send."""
    return {
        path: {verb: without_headers(found) if verb in VERBS else found for verb, found in item.items()} for path, item in paths.items()
    }


def without_headers(found: dict[str, Any]) -> dict[str, Any]:
    """Return an operation without its optional headers."""
    kept = [item for item in found["parameters"] if item["in"] != "header" or item.get("required")]
    return {**found, "parameters": kept}


def shortened(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions without what is said twice of a property, and without what only some readers know."""
    return {
        name: {**schema, "properties": {key: spare(item) for key, item in schema["properties"].items()}}
        for name, schema in definitions.items()
    }


def spare(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a property, its title said once."""
    return {key: value for key, value in schema.items() if key not in ("x-ms-summary", "x-nullable")}


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


def described(catalog: Catalog, address: Address, kinds: frozenset[str] = ALL, *, is_related: bool = True) -> dict[str, Any]:
    """Return the document as data, from which OpenAPI 3 is written too; `is_related` = with $expand and the shapes of what it brings."""
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
        add_resource(document, resource, kinds)
        for navigation in told_relations(resources, resource):
            definitions[definition_name(resource)]["properties"] |= related_schemas(resources[navigation.target], navigation)
    for add in (*(add for kind, add in contributions().items() if kind in kinds), *general()):
        for resource in resources.values():
            add(paths, definitions, resource)
    for name in sorted({navigation.target for resource in resources.values() for navigation in resource.navigations}):
        definitions[related_name(resources[name])] = row_schema(resources[name])  # its relations left out: none holds itself
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


def add_resource(document: dict[str, Any], resource: PublishedResource, kinds: frozenset[str]) -> None:
    """Add the paths and definitions of one resource; only the methods that this user has."""
    paths, definitions = document["paths"], document["definitions"]
    name = definition_name(resource)
    definitions[name] = row_schema(resource)
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
