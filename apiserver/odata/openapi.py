"""$openapi: OpenAPI 3.0.3 or 3.1.0 of the very document that $oas gives as Swagger 2.0, in the words of the newer standard.

Equal catalogs give equal bytes; what only Power Platform reads (x-ms-...) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiserver.odata.swagger import SECURITY, Address, described, written
from apiserver.odata.swagger_limits import ALL
from apiserver.resources.catalog import Catalog

MEDIA = "application/vnd.oai.openapi+json;version="
VERSION_OF_MEDIA = {f"{MEDIA}3.0": "3.0.3", f"{MEDIA}3.1": "3.1.0"}
JSON = "application/json"
BEFORE, NOW = "#/definitions/", "#/components/schemas/"
PLACE = frozenset({"name", "in", "required", "description"})  # of a parameter; the rest is its schema
ITEM: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("code", "message", "target")},
    "required": ["code", "message"],
}
ERROR: dict[str, Any] = {
    "type": "object",
    "title": "Error",
    "description": "An error in the OData format.",
    "properties": {"error": {**ITEM, "properties": {**ITEM["properties"], "details": {"type": "array", "items": ITEM}}}},
    "required": ["error"],
}
SCHEMES: dict[str, Any] = {
    "authtoken": SECURITY,
    "basic": {"type": "http", "scheme": "basic", "description": "The user name, and the authtoken as password."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The authtoken."},
}


def openapi(catalog: Catalog, address: Address, version: str, kinds: frozenset[str] = ALL) -> bytes:
    """Return the document in one of the versions."""
    old, is_new = described(catalog, address, kinds, with_byte=True), version.startswith("3.1")
    schemas = {name: schema_of(schema, is_new=is_new) for name, schema in old["definitions"].items()}
    paths = {
        path: {verb: operation_of(item, is_new=is_new) for verb, item in verbs.items() if not verb.startswith("x-")}
        for path, verbs in old["paths"].items()
    }
    tell_upserts(paths)
    document: dict[str, Any] = {
        "openapi": version,
        "info": old["info"],
        "servers": [{"url": f"{address.scheme}://{address.host}{address.base_path}"}],
        "paths": paths,
        "components": {"schemas": {**schemas, "Error": ERROR}},
    }
    if not address.is_open:
        document["components"]["securitySchemes"] = SCHEMES
        document["security"] = [{name: []} for name in SCHEMES]
    return written(document)


def tell_upserts(paths: Mapping[str, dict[str, Any]]) -> None:
    """Say that a PATCH creates the row that is missing, where rows may be created."""
    for path, verbs in paths.items():
        if "patch" in verbs and "post" in paths.get(path.partition("(")[0], {}):
            answers = verbs["patch"]["responses"]
            answers["201"] = {**answers["200"], "description": "The row as it was created: none had this key."}


def operation_of(old: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    """Return an operation: the body stands apart, answers have media types."""
    found = {name: old[name] for name in ("operationId", "summary", "description")}
    parameters = [parameter_of(item, is_new=is_new) for item in old["parameters"] if item["in"] != "body"]
    if parameters:
        found["parameters"] = parameters
    for item in old["parameters"]:
        if item["in"] == "body":
            content = {JSON: {"schema": schema_of(item["schema"], is_new=is_new)}}
            found["requestBody"] = {"required": True, "description": item["description"], "content": content}
    found["responses"] = {status: response_of(item, status, is_new=is_new) for status, item in old["responses"].items()}
    return found


def parameter_of(old: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    """Return a parameter, its type in a schema."""
    schema = schema_of({name: value for name, value in old.items() if name not in PLACE}, is_new=is_new)
    return {**{name: value for name, value in old.items() if name in PLACE}, "schema": schema}


def response_of(old: Mapping[str, Any], status: str, *, is_new: bool) -> dict[str, Any]:
    """Return a response."""
    schema = {"$ref": f"{NOW}Error"} if status == "default" else old.get("schema")
    found: dict[str, Any] = {"description": old["description"]}
    return found if schema is None else {**found, "content": {JSON: {"schema": schema_of(schema, is_new=is_new)}}}


def schema_of(old: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    """Return a schema: references lead elsewhere, null is a type (3.1) or a switch (3.0), base64 is an encoding (3.1)."""
    found: dict[str, Any] = {}
    for name, value in old.items():
        if name == "$ref":
            found[name] = value.replace(BEFORE, NOW)
        elif name == "properties":
            found[name] = {key: schema_of(item, is_new=is_new) for key, item in value.items()}
        elif name == "items":
            found[name] = schema_of(value, is_new=is_new)
        elif not name.startswith("x-"):
            found[name] = value
    if is_new and found.get("format") == "byte":
        del found["format"]
        found["contentEncoding"] = "base64url"
    if old.get("x-nullable"):
        found |= {"type": [found["type"], "null"]} if is_new else {"nullable": True}
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found
