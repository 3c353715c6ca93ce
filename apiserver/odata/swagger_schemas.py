"""Schemas of $oas: a row, a page of rows, what may be sent; each from the resource as this user sees it."""

from __future__ import annotations

import re
from typing import Any

from apiserver.odata.swagger_info import one_line
from apiserver.resources.catalog import PublishedNavigation, PublishedProperty, PublishedResource
from connections.contract.table import Column, Type

LONGEST_SUMMARY = 80
UNWANTED = re.compile(r"[/\\<>*%&?]")
LONGEST_DESCRIPTION = 400

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

# Of texts that no format of Swagger describes.
EXAMPLES: dict[str, str] = {Type.TIME: "12:00:00", Type.DURATION: "PT1H", "JSON": "{}"}


def internal(description: str) -> dict[str, Any]:
    """Return the schema of control information."""
    return {"type": "string", "title": description.rstrip("."), "description": description, "x-ms-visibility": "internal"}


CONTEXT = internal("What the answer holds.")
ETAG = internal("The version of the row.")
NEXT = internal("Where the next page is.")
# Schemas of a page besides its rows; of a relation to many rows besides these.
PAGE_SCHEMAS, COLLECTION_SCHEMAS = 5, 3
COUNT: dict[str, Any] = {"type": "integer", "format": "int64", "title": "Count", "description": "The number of all matching rows."}


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


def title(item: PublishedProperty) -> str:
    """Return a property's display name."""
    return one_line(item.label)[:LONGEST_SUMMARY] if item.label else item.name[:LONGEST_SUMMARY]


def sentence(text: str) -> str:
    """Return a text of the source on one line, ended as a sentence."""
    found = one_line(text)[:LONGEST_DESCRIPTION].rstrip()
    return found if not found or found[-1] in ".!?。" else f"{found}."


def allowed(column: Column) -> dict[str, list[str]]:
    """Return the values that the column takes, where the source lists them."""
    values = list(dict.fromkeys(column.allowed_values))
    return {"enum": values} if values and column.type is Type.STRING else {}


def type_of(column: Column) -> dict[str, Any]:
    """Return type and format of a column's values; decimals without digits after the point are whole."""
    return {"type": "integer"} if column.type is Type.DECIMAL and column.scale == 0 else dict(FORMATS[column.type])


def property_schema(item: PublishedProperty, *, is_sent: bool = False, with_byte: bool = False) -> dict[str, Any]:
    """Return the schema of one property.

    What is sent offers the values of an enumeration in any case; what comes back may be null besides, which no enum can hold.
    Bytes come back as base64url (OData JSON Format 4.01, 7.1), for which Swagger has no format: `byte` is base64, and clients decode it.
    """
    column = item.column
    found: dict[str, Any] = type_of(column)
    is_text = not with_byte and column.type is Type.BINARY and not is_sent
    if is_text:
        del found["format"]
    if column.allowed_values and (is_sent or not column.is_nullable):
        found.update(allowed(column))
    if column.is_collection:
        found = {"type": "array", "items": found | {"x-nullable": True}}  # an array holds nulls whatever its column says
    elif text := EXAMPLES.get("JSON" if column.is_json else column.type):
        found["example"] = "[]" if column.native_type.endswith("[]") else text
    if item.is_read_only:
        found["readOnly"] = True
    name = title(item)
    found["title"] = found["x-ms-summary"] = name
    found["description"] = sentence(item.description) or f"The column {item.name}."
    if is_text:
        found["description"] += " Bytes as base64url text."
    if column.is_nullable and not item.is_key:
        found["x-nullable"] = True
    return found


def row_schema(resource: PublishedResource, *, with_byte: bool = False) -> dict[str, Any]:
    """Return the schema of a row as it comes back; every column is in it."""
    properties: dict[str, Any] = {"@odata.etag": ETAG, "@odata.context": CONTEXT}
    properties |= {item.name: property_schema(item, with_byte=with_byte) for item in resource.properties}
    return {"type": "object", "properties": properties}


def schema_count(resource: PublishedResource) -> int:
    """Return how many schemas a row is: itself, what it says of itself, its properties, the items of arrays."""
    return 3 + len(resource.properties) + sum(item.column.is_collection for item in resource.properties)


def related_schemas(target: PublishedResource, navigation: PublishedNavigation) -> dict[str, Any]:
    """Return the schemas of what an expansion brings: related rows, of many also their number and where the next ones are."""
    row = {"$ref": f"#/definitions/{related_name(target)}"}
    name = navigation.name
    if not navigation.is_collection:
        return {name: row}
    rows = {"type": "array", "title": name, "description": f"The related rows of {shown(target)}, if expanded.", "items": row}
    return {name: rows, f"{name}@odata.count": COUNT | {"x-ms-visibility": "internal"}, f"{name}@odata.nextLink": NEXT}


def page_schema(name: str) -> dict[str, Any]:
    """Return the schema of a page of rows."""
    properties = {
        "@odata.context": CONTEXT,
        "@odata.count": COUNT,
        "@odata.nextLink": NEXT,
        "value": {"type": "array", "title": "Rows", "description": "The rows of this page.", "items": {"$ref": f"#/definitions/{name}"}},
    }
    return {"type": "object", "properties": properties}


def body_schema(resource: PublishedResource, *, is_create: bool) -> dict[str, Any]:
    """Return the schema of what a client may send."""
    written = writable(resource, is_create=is_create)
    found: dict[str, Any] = {"type": "object", "properties": {item.name: property_schema(item, is_sent=True) for item in written}}
    required = [item.name for item in written if is_create and is_needed(item.column)]
    if required:
        found["required"] = required
    return found


def writable(resource: PublishedResource, *, is_create: bool) -> list[PublishedProperty]:
    """Return what a client may give; the key of a row that is there stays."""
    return [item for item in resource.properties if not item.is_read_only and (is_create or not item.is_key)]


def is_needed(column: Column) -> bool:
    """Claim that a new row must name the column."""
    return not column.is_nullable and not column.has_default and not column.is_generated
