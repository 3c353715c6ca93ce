"""What a table of the tabular protocol can do: columns with their rights, and what of a filter and an order is done exactly.

A capability is claimed where the source does it exactly or the engine does what the source leaves: text is compared and ordered by code
points on every source, times are UTC. Not claimed, though understood: what means something else in Power Fx than in OData (letters of
both cases made equal, lengths and positions in UTF-16, division of whole numbers) or may overflow at a source (arithmetic).
"""

from __future__ import annotations

from typing import Any

from apiserver.odata.swagger_info import one_line
from apiserver.odata.swagger_schemas import FORMATS, is_needed
from apiserver.powerplatform.tabular_names import titles_of
from apiserver.resources.catalog import PublishedProperty, PublishedResource
from connections.contract.table import NUMBERS, Type

LOGIC = ("and", "or", "not")
SAME = ("eq", "ne", "null")
ORDERED = ("eq", "ne", "lt", "le", "gt", "ge", "null")
TEXT = ("contains", "startswith", "endswith")
DAY = ("year", "month", "day")
CLOCK = ("hour", "minute", "second")
CLAIMED: dict[Type, tuple[str, ...]] = {
    **dict.fromkeys(NUMBERS, ORDERED),
    Type.STRING: ORDERED + TEXT,
    Type.DATE: ORDERED + DAY,
    Type.TIMESTAMP: ORDERED + DAY + CLOCK,
    Type.BOOLEAN: SAME,
    Type.GUID: SAME,
    Type.TIME: SAME,  # text to the client, whose order would be that of letters
    Type.DURATION: SAME,
}
UNSORTABLE = frozenset({Type.BINARY, Type.DURATION, Type.GUID})  # the client would find another order than theirs
WRITES = frozenset({"POST", "PATCH", "DELETE"})
READ_WRITE, READ_ONLY = "read-write", "read-only"
LONGEST_DESCRIPTION = 400


def table_metadata(resource: PublishedResource, title: str) -> dict[str, Any]:
    """Return the description of a table, as `$metadata.json/datasets/{dataset}/tables/{table}` answers it."""
    columns = columns_of(resource)
    row: dict[str, Any] = {"type": "object", "properties": columns}
    required = [item.name for item in ordered(resource) if is_required(resource, item)]
    if required:
        row["required"] = required
    return {
        "name": resource.name,
        "title": title,
        "x-ms-permission": READ_WRITE if is_writable(resource) else READ_ONLY,
        "x-ms-capabilities": capabilities(resource),
        "schema": {"type": "array", "items": row},
        "referencedEntities": {},
    }


def capabilities(resource: PublishedResource) -> dict[str, Any]:
    """Return what can be asked of the table; what a column can is said beside the column."""
    functions = {name for item in resource.properties for name in claimed(item)}
    unfiltered = [item.name for item in resource.properties if not claimed(item)]
    unsorted = [item.name for item in resource.properties if not is_sortable(item)]
    filters: dict[str, Any] = {"filterable": bool(functions)}
    if functions:
        demanded = [item.name for item in resource.properties if item.column.is_demanded]
        filters |= {"nonFilterableProperties": unfiltered, "requiredProperties": demanded}
    is_sorted = len(unsorted) < len(resource.properties)
    sorts = {"sortable": True, "unsortableProperties": unsorted, "ascendingOnlyProperties": []} if is_sorted else {"sortable": False}
    known = [*ORDERED[:-1], *LOGIC, "null", *TEXT, *DAY, *CLOCK]
    return {
        "sortRestrictions": sorts,
        "filterRestrictions": filters,
        "selectRestrictions": {"selectable": True},
        "countRestrictions": {"countable": True},
        "isOnlyServerPagable": True,
        "serverPagingOptions": ["top", "skiptoken"],
        "filterFunctionSupport": [name for name in known if name in functions],
        "odataVersion": 4,
        "supportsRecordPermission": False,
    }


def claimed(item: PublishedProperty) -> tuple[str, ...]:
    """Return what filters may do with a column; nothing where the answer costs the source a call a row, or is no plain value."""
    column = item.column
    if column.is_collection or column.is_costly or column.is_json or column.type not in CLAIMED:
        return ()
    return CLAIMED[column.type] + LOGIC


def is_sortable(item: PublishedProperty) -> bool:
    """Claim that rows come in the order of the column's values as the client has them."""
    return bool(claimed(item)) and item.column.type not in UNSORTABLE


# ---- columns ----


def ordered(resource: PublishedResource) -> list[PublishedProperty]:
    """Return the columns, the key first, as clients want them."""
    keys = [resource.by_name[name] for name in resource.key]
    return keys + [item for item in resource.properties if item.name not in resource.key]


def columns_of(resource: PublishedResource) -> dict[str, Any]:
    """Return the schemas of the columns by name."""
    titles = titles_of(resource)
    return {item.name: column_schema(resource, item, titles[item.name]) for item in ordered(resource)}


def column_schema(resource: PublishedResource, item: PublishedProperty, title: str) -> dict[str, Any]:
    """Return the schema of one column."""
    is_key = item.name in resource.key
    found: dict[str, Any] = {
        "title": title,
        "description": one_line(item.description)[:LONGEST_DESCRIPTION] or f"The column {title}.",
        **value_schema(item),
        "x-ms-keyType": "primary" if is_key else "none",
        "x-ms-permission": READ_WRITE if is_given(resource, item) else READ_ONLY,
        "x-ms-sort": "asc,desc" if is_sortable(item) else "none",
        "x-ms-visibility": "none",
    }
    if is_key:
        found["x-ms-keyOrder"] = resource.key.index(item.name)
    functions = claimed(item)
    if functions:
        found["x-ms-capabilities"] = {"filterFunctions": list(functions)}
    return found


def value_schema(item: PublishedProperty) -> dict[str, Any]:
    """Return type and format of a column's values; a number without format is a decimal to the client."""
    column = item.column
    found: dict[str, Any] = {"type": "number"} if column.type is Type.DECIMAL else dict(FORMATS[column.type])
    if column.is_collection:
        return {"type": "array", "items": found}
    if column.type is Type.STRING and column.max_length and column.max_length < 2**31 - 1:
        found["maxLength"] = column.max_length
    return found


# ---- rights ----


def is_writable(resource: PublishedResource) -> bool:
    """Claim that this user may write rows, and that they can be told apart."""
    return bool(resource.key) and bool(resource.methods & WRITES)


def is_given(resource: PublishedResource, item: PublishedProperty) -> bool:
    """Claim that this user gives the column's value: of a key when the row is made, of others also later."""
    if not is_writable(resource) or item.is_read_only or item.column.is_generated:
        return False
    if item.name in resource.key:
        return "POST" in resource.methods and not item.column.has_default
    return bool(resource.methods & {"POST", "PATCH"})


def is_required(resource: PublishedResource, item: PublishedProperty) -> bool:
    """Claim that a new row needs the column's value; a key that is given always is."""
    if not is_given(resource, item):
        return False
    return item.name in resource.key or ("POST" in resource.methods and is_needed(item.column))
