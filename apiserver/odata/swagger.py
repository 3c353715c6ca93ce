"""$oas: Swagger 2.0 for Power Platform, of the same model as $metadata. Pure ASCII; equal catalogs give equal bytes.

One document serves the action "HTTP + Swagger" and custom connectors (rules: Microsoft's connector documentation).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from apiserver.odata.swagger_info import Address, info, metadata, one_line
from apiserver.odata.swagger_limits import fitted
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource
from apiserver.server.registry import DESCRIBED
from connections.contract.table import Column, Type

SECURITY = {"type": "apiKey", "in": "header", "name": "x-cdata-authtoken"}
LONGEST_SUMMARY = 80
UNWANTED = re.compile(r"[/\\<>*%&?]")

FORMATS: dict[Type, dict[str, str]] = {
    Type.BOOLEAN: {"type": "boolean"},
    Type.BYTE: {"type": "integer", "format": "int32"},
    Type.SBYTE: {"type": "integer", "format": "int32"},
    Type.INT16: {"type": "integer", "format": "int32"},
    Type.INT32: {"type": "integer", "format": "int32"},
    Type.INT64: {"type": "integer", "format": "int64"},
    Type.DECIMAL: {"type": "number", "format": "double"},
    Type.SINGLE: {"type": "number", "format": "float"},
    Type.DOUBLE: {"type": "number", "format": "double"},
    Type.STRING: {"type": "string"},
    Type.GUID: {"type": "string", "format": "uuid"},
    Type.DATE: {"type": "string", "format": "date"},
    Type.TIME: {"type": "string"},
    Type.TIMESTAMP: {"type": "string", "format": "date-time"},
    Type.DURATION: {"type": "string"},
    Type.BINARY: {"type": "string", "format": "byte"},
}


def swagger(catalog: Catalog, address: Address) -> bytes:
    """Return the document, as much of it as one connector holds."""
    return written(fitted(described(catalog, address)))


def written(document: dict[str, Any]) -> bytes:
    """Return a document's bytes."""
    return (json.dumps(document, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")


def described(catalog: Catalog, address: Address) -> dict[str, Any]:
    """Return the document as data, from which OpenAPI 3 is written too."""
    resources = {name: replace(resource, navigations=expandable(catalog, resource)) for name, resource in catalog.resources.items()}
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
    for resource in resources.values():
        add_resource(document, resources, resource)
    for add in contributions():
        for resource in resources.values():
            add(document["paths"], document["definitions"], resource)
    for name in sorted({navigation.target for resource in resources.values() for navigation in resource.navigations}):
        document["definitions"][related_name(resources[name])] = row_schema(resources[name])  # its relations left out: none holds itself
    document["x-ms-connector-metadata"] = metadata(catalog, address)
    if not address.is_open:
        document["securityDefinitions"] = {"authtoken": SECURITY}
        document["security"] = [{"authtoken": []}]
    return document


@cache
def contributions() -> tuple[Callable[[dict[str, Any], dict[str, Any], PublishedResource], None], ...]:
    """Return what rooms above add."""
    return tuple(import_string(path) for path in DESCRIBED)


def add_resource(document: dict[str, Any], resources: Mapping[str, PublishedResource], resource: PublishedResource) -> None:
    """Add the paths and definitions of one resource; only the methods that this user has."""
    paths, definitions = document["paths"], document["definitions"]
    name = definition_name(resource)
    definitions[name] = row_schema(resource)
    definitions[name]["properties"] |= {item.name: related_schema(resources[item.target], item) for item in resource.navigations}
    collection: dict[str, Any] = {}
    if "GET" in resource.methods:
        collection["get"] = list_operation(resource, name)
    if "POST" in resource.methods:
        definitions[f"{name}Create"] = body_schema(resource, is_create=True)
        collection["post"] = create_operation(resource, name)
    if collection:
        paths[f"/{resource.name}" if resource.name.isascii() else f"/{percent(resource.name)}"] = collection
    one = entity_operations(definitions, resource, name)
    if one:
        paths[key_path(resource)] = one


def entity_operations(definitions: dict[str, Any], resource: PublishedResource, name: str) -> dict[str, Any]:
    """Return the operations on one row."""
    if not resource.key:
        return {}
    found: dict[str, Any] = {}
    if "GET" in resource.methods:
        found["get"] = one_operation(resource, name)
    if "PATCH" in resource.methods:
        definitions[f"{name}Update"] = body_schema(resource, is_create=False)
        found["patch"] = update_operation(resource, name)
    if "DELETE" in resource.methods:
        found["delete"] = delete_operation(resource)
    return found


def expandable(catalog: Catalog, resource: PublishedResource) -> tuple[PublishedNavigation, ...]:
    """Return the relations whose rows this user may read with the resource's own."""
    if "GET" not in resource.methods or not resource.key:
        return ()
    readable = (navigation for navigation in resource.navigations if navigation.target in catalog.resources)
    return tuple(navigation for navigation in readable if "GET" in catalog.resources[navigation.target].methods)


def percent(name: str) -> str:
    """Return a name as it stands in a URL."""
    from urllib.parse import quote

    return quote(name)


def definition_name(resource: PublishedResource) -> str:
    """Return the name of the row's definition: from the immutable id, letters and digits."""
    return f"{resource.id}Row"


def related_name(resource: PublishedResource) -> str:
    """Return the name of the row's definition where it comes with another row."""
    return f"{resource.id}Related"


def shown(resource: PublishedResource) -> str:
    """Return the resource's name as summaries show it."""
    return UNWANTED.sub(" ", one_line(resource.title or resource.name))[:50].strip() or "rows"


def summary(text: str) -> str:
    """Return a summary within its limits: no special characters, a letter, digit or `)` at the end."""
    found = UNWANTED.sub(" ", one_line(text))[:LONGEST_SUMMARY].rstrip()
    return found if found and (found[-1].isalnum() or found[-1] == ")") else f"{found.rstrip('_-.,;: ')} rows"[:LONGEST_SUMMARY]


def operation(
    resource: PublishedResource, verb: str, title: str, description: str, parameters: Sequence[Any], responses: Any
) -> dict[str, Any]:
    """Return one operation; its id comes from the immutable id, so that renames keep flows working."""
    return {
        "operationId": f"{verb}{resource.id}",
        "summary": summary(title),
        "description": description,
        "parameters": list(parameters),
        "responses": {**responses, "default": {"description": "An error, in the OData error format."}},
    }


# ---- operations ----


def list_operation(resource: PublishedResource, name: str) -> dict[str, Any]:
    """Return "Return Issues"."""
    about = f" {one_line(resource.description)[:200].rstrip('.')}." if resource.description else ""
    response = {"description": "The rows, a page at a time.", "schema": page_schema(name)}
    found = operation(
        resource,
        "Return",
        f"Return {shown(resource)}",
        f"Returns rows of {shown(resource)}.{about}",
        query_parameters(resource),
        {"200": response},
    )
    return found | {"x-ms-visibility": "important", "x-ms-pageable": {"nextLinkName": "@odata.nextLink"}}


def one_operation(resource: PublishedResource, name: str) -> dict[str, Any]:
    """Return "Return one of Issues"."""
    response = {"description": "The row.", "schema": {"$ref": f"#/definitions/{name}"}}
    parameters = [*key_parameters(resource), parameter("$select", "Select", "The columns to return, separated by commas.")]
    title = f"Return one of {shown(resource)}"
    return operation(resource, "ReturnOneOf", title, f"Returns the row of {shown(resource)} with this key.", parameters, {"200": response})


def create_operation(resource: PublishedResource, name: str) -> dict[str, Any]:
    """Return "Create in Issues"."""
    response = {"description": "The row as it was stored.", "schema": {"$ref": f"#/definitions/{name}"}}
    body = body_parameter(f"{name}Create", "The values of the new row.")
    return operation(resource, "Create", f"Create in {shown(resource)}", f"Creates a row of {shown(resource)}.", [body], {"201": response})


def update_operation(resource: PublishedResource, name: str) -> dict[str, Any]:
    """Return "Update one of Issues"."""
    parameters = [*key_parameters(resource), body_parameter(f"{name}Update", "The values to change; the others stay.")]
    responses = {
        "200": {"description": "The row as it is now.", "schema": {"$ref": f"#/definitions/{name}"}},
        "204": {"description": "Changed."},
    }
    title = f"Update one of {shown(resource)}"
    return operation(resource, "Update", title, f"Changes the row of {shown(resource)} with this key.", parameters, responses)


def delete_operation(resource: PublishedResource) -> dict[str, Any]:
    """Return "Delete one of Issues"."""
    title = f"Delete one of {shown(resource)}"
    description = f"Deletes the row of {shown(resource)} with this key."
    return operation(resource, "Delete", title, description, key_parameters(resource), {"204": {"description": "Deleted."}})


# ---- parameters ----


def parameter(name: str, title: str, description: str, **more: Any) -> dict[str, Any]:
    """Return one query parameter."""
    return {"name": name, "in": "query", "type": "string", "required": False, "x-ms-summary": title, "description": description} | more


def query_parameters(resource: PublishedResource) -> list[dict[str, Any]]:
    """Return the query options of a set, described by the resource's own columns."""
    names = ", ".join(item.name for item in resource.properties)[:300]
    first = resource.properties[0].name if resource.properties else "Id"
    found = [
        parameter("$filter", "Filter", f"Which rows to return, such as {first} eq '1'. The columns are {names}."),
        parameter("$select", "Select", "The columns to return, separated by commas. Empty returns all of them."),
        parameter("$orderby", "Order By", f"The columns to order by, such as {first} desc."),
        parameter("$top", "Top Count", "The most rows to return.", type="integer", format="int32"),
        parameter("$skip", "Skip Count", "The number of rows to leave out first.", type="integer", format="int32"),
        parameter("$count", "Count", "Whether to return the number of all matching rows.", type="boolean"),
        parameter("$search", "Search", "Words that the text of a row must contain."),
    ]
    if resource.navigations:
        related = ", ".join(navigation.name for navigation in resource.navigations)[:200]
        found.append(parameter("$expand", "Expand", f"The related rows to include, out of {related}.", **{"x-ms-visibility": "advanced"}))
    return found


def key_parameters(resource: PublishedResource) -> list[dict[str, Any]]:
    """Return the key's parts as path parameters."""
    found = []
    for name in resource.key:
        item = resource.by_name[name]
        schema = FORMATS[item.column.type]
        description = f"The {item.name} of the row."
        found.append(
            {"name": item.name, "in": "path", "required": True, **schema, "x-ms-summary": title(item), "description": description}
            | {"x-ms-url-encoding": "single"}
        )
    return found


def key_path(resource: PublishedResource) -> str:
    """Return the path of one row: /Orders({id}), /Countries('{code}'), /Items(order={order},line={line})."""
    parts = []
    for name in resource.key:
        mark = f"'{{{name}}}'" if resource.by_name[name].column.type is Type.STRING else f"{{{name}}}"
        parts.append(mark if len(resource.key) == 1 else f"{name}={mark}")
    base = resource.name if resource.name.isascii() else percent(resource.name)
    return f"/{base}({','.join(parts)})"


def body_parameter(definition: str, description: str) -> dict[str, Any]:
    """Return the body."""
    return {"name": "body", "in": "body", "required": True, "description": description, "schema": {"$ref": f"#/definitions/{definition}"}}


# ---- schemas ----


def title(item: PublishedProperty) -> str:
    """Return a property's display name."""
    return one_line(item.label or item.name)[:LONGEST_SUMMARY] or item.name


def property_schema(item: PublishedProperty) -> dict[str, Any]:
    """Return the schema of one property."""
    column = item.column
    found: dict[str, Any] = dict(FORMATS[column.type])
    if column.allowed_values and not column.is_nullable and len(set(column.allowed_values)) == len(column.allowed_values):
        found["enum"] = list(column.allowed_values)
    if column.is_collection:
        found = {"type": "array", "items": found}
    if item.is_read_only:
        found["readOnly"] = True
    description = one_line(item.description)[:400] or f"The column {item.name}."
    found |= {"title": title(item), "x-ms-summary": title(item), "description": description}
    if column.is_nullable and not item.is_key:
        found["x-nullable"] = True
    return found


def row_schema(resource: PublishedResource) -> dict[str, Any]:
    """Return the schema of a row as it comes back; every column is in it."""
    properties: dict[str, Any] = {"@odata.etag": internal("The version of the row."), "@odata.context": internal("What the answer holds.")}
    properties |= {item.name: property_schema(item) for item in resource.properties}
    return {"type": "object", "properties": properties}


def related_schema(target: PublishedResource, navigation: PublishedNavigation) -> dict[str, Any]:
    """Return the schema of what an expansion brings."""
    row = {"$ref": f"#/definitions/{related_name(target)}"}
    if not navigation.is_collection:
        return row
    return {"type": "array", "title": navigation.name, "description": f"The related rows of {shown(target)}, if expanded.", "items": row}


def internal(description: str) -> dict[str, Any]:
    """Return the schema of control information."""
    return {"type": "string", "title": description.rstrip("."), "description": description, "x-ms-visibility": "internal"}


def page_schema(name: str) -> dict[str, Any]:
    """Return the schema of a page of rows."""
    properties = {
        "@odata.context": internal("What the answer holds."),
        "@odata.count": {"type": "integer", "format": "int64", "title": "Count", "description": "The number of all matching rows."},
        "@odata.nextLink": internal("Where the next page is."),
        "value": {"type": "array", "title": "Rows", "description": "The rows of this page.", "items": {"$ref": f"#/definitions/{name}"}},
    }
    return {"type": "object", "properties": properties}


def body_schema(resource: PublishedResource, *, is_create: bool) -> dict[str, Any]:
    """Return the schema of what a client may send."""
    written = [item for item in resource.properties if not item.is_read_only and (is_create or not item.is_key)]
    found: dict[str, Any] = {"type": "object", "properties": {item.name: property_schema(item) for item in written}}
    required = [item.name for item in written if is_create and is_needed(item.column)]
    if required:
        found["required"] = required
    return found


def is_needed(column: Column) -> bool:
    """Claim that a new row must name the column."""
    return not column.is_nullable and not column.has_default and not column.is_generated
