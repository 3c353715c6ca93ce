"""The Swagger 2.0 definition of the tabular protocol, for the connector whose `capabilities` are `PROPERTIES["capabilities"]`.

All operations are internal: Power Apps calls them, nobody picks them. Source: microsoft/power-fx-enhanced-connector.
"""

from __future__ import annotations

from typing import Any

from apiserver.odata.swagger_info import Address
from apiserver.powerplatform.documents import Document, listed, ok, operation, segment, skeleton, text
from apiserver.resources.catalog import Catalog

# What apiProperties.json of such a connector has beside its connection parameters.
PROPERTIES: dict[str, Any] = {
    "capabilities": ["tabular"],
    "interfaces": {"CDPTabular1": {"revisions": {"1": {"baseUrl": "/", "status": "Production"}}}},
}
DATASET = segment("dataset", "Dataset", "The logical name of the dataset.")
TABLE = segment("table", "Table", "The logical name of the table.")
ROW = segment("id", "Row Id", "The key of the row; the values of one of several parts are separated by commas.")
ITEM = {"$ref": "#/definitions/Item"}
QUERY = (
    ("$filter", "Filter Query", "Which rows to return, such as Total gt 100."),
    ("$orderby", "Order By", "The columns to order by, such as Total desc."),
    ("$select", "Select Query", "The columns to return, separated by commas."),
    ("$top", "Top Count", "The most rows to return."),
    ("$skip", "Skip Count", "The number of rows to leave out first."),
    ("$count", "Count", "Whether to return the number of all matching rows."),
)
TYPES: dict[str, Document] = {"$top": {"type": "integer", "format": "int32"}, "$skip": {"type": "integer", "format": "int32"}}
TYPES["$count"] = {"type": "boolean"}


def definition(catalog: Catalog, address: Address) -> Document:
    """Return the definition; which tables there are is asked when an app is made."""
    document = skeleton(catalog, address)
    document["paths"] = {**descriptions(), **rows_of(verbs_of(catalog))}
    document["definitions"] = definitions()
    return document


def verbs_of(catalog: Catalog) -> frozenset[str]:
    """Return the methods that the user has of any table."""
    return frozenset().union(*(resource.methods for resource in catalog.resources.values()))


def internal(name: str, summary: str, description: str, parameters: list[Any], responses: Document, **more: Any) -> Document:
    """Return an operation that only the platform calls."""
    return operation(name, summary, description, parameters, responses, x_ms_visibility="internal", **more)


def descriptions() -> Document:
    """Return the operations that say what is there."""
    about = {"$ref": "#/definitions/DatasetsMetadata"}
    table = {"$ref": "#/definitions/TableMetadata"}
    names = {"$ref": "#/definitions/Names"}
    found = {
        "/$metadata.json/datasets": internal(
            "GetDataSetsMetadata",
            "Get the metadata of datasets",
            "Returns how datasets are named and addressed.",
            [],
            ok("How datasets are named.", about),
        ),
        "/datasets": internal(
            "GetDataSets", "Get datasets", "Returns the datasets, each the tables of one connection.", [], ok("The datasets.", names)
        ),
        "/datasets/{dataset}/tables": internal(
            "GetTables", "Get tables", "Returns the tables of a dataset.", [DATASET], ok("The tables.", names)
        ),
        "/$metadata.json/datasets/{dataset}/tables/{table}": internal(
            "GetTable",
            "Get the metadata of a table",
            "Returns the columns of a table and what can be asked of them.",
            [DATASET, TABLE],
            ok("The table.", table),
        ),
    }
    return {path: {"get": item} for path, item in found.items()}


def rows_of(verbs: frozenset[str]) -> Document:
    """Return the operations on rows that the user has."""
    changed = {"name": "item", "in": "body", "required": True, "description": "The values of the row.", "schema": ITEM}
    place = [DATASET, TABLE]
    several: Document = {}
    one: Document = {}
    if "GET" in verbs:
        pages = {"x_ms_pageable": {"nextLinkName": "@odata.nextLink"}}
        page = ok("A page of rows.", {"$ref": "#/definitions/ItemsList"})
        several["get"] = internal("GetItems", "Get items", "Returns rows of a table.", [*place, *query()], page, **pages)
        one["get"] = internal("GetItem", "Get item", "Returns one row of a table.", [*place, ROW], ok("The row.", ITEM))
    if "POST" in verbs:
        made = {"201": {"description": "The row as it was stored.", "schema": ITEM}}
        several["post"] = internal("PostItem", "Create item", "Creates a row of a table.", [*place, changed], made)
    if "PATCH" in verbs:
        now = ok("The row as it is now.", ITEM)
        one["patch"] = internal("PatchItem", "Update item", "Changes a row of a table.", [*place, ROW, changed], now)
    if "DELETE" in verbs:
        gone = {"204": {"description": "Deleted."}}
        one["delete"] = internal("DeleteItem", "Delete item", "Deletes a row of a table.", [*place, ROW], gone)
    base = "/datasets/{dataset}/tables/{table}/items"
    return {path: found for path, found in ((base, several), (base + "/{id}", one)) if found}


def query() -> list[Document]:
    """Return the query options of rows."""
    found = []
    for name, title, description in QUERY:
        about = {"required": False, "x-ms-summary": title, "description": description, "x-ms-visibility": "advanced"}
        found.append({"name": name, "in": "query", **TYPES.get(name, {"type": "string"}), **about})
    return found


def definitions() -> Document:
    """Return the schemas."""
    name = {"Name": text("Name", "The name in addresses."), "DisplayName": text("Display Name", "The name that makers read.")}
    tabular = {
        "source": text("Source", "Where datasets are chosen from."),
        "displayName": text("Display Name", "What a dataset is called."),
        "urlEncoding": text("URL Encoding", "How often names are encoded."),
        "tableDisplayName": text("Table Display Name", "What a table is called."),
        "tablePluralName": text("Table Plural Name", "What tables are called."),
    }
    about = {"type": "object", "title": "Tabular", "description": "How tables are named.", "properties": tabular}
    table = {
        "name": text("Name", "The name in addresses."),
        "title": text("Title", "The name that makers read."),
        "x-ms-permission": text("Permission", "Whether rows can be written."),
        "x-ms-capabilities": anything("Capabilities", "What can be asked of the table."),
        "schema": anything("Schema", "The columns of the table."),
        "referencedEntities": anything("Referenced Entities", "Related tables; none are described."),
    }
    items = listed(ITEM, "Items", "The rows of this page.")
    items["properties"]["@odata.count"] = {"type": "integer", "format": "int64", **titled("Count", "The number of all matching rows.")}
    items["properties"]["@odata.nextLink"] = text("Next Link", "Where the next page is.")
    return {
        "DatasetsMetadata": {"type": "object", "properties": {"tabular": about}},
        "Names": listed({"type": "object", "properties": name}, "Names", "The names."),
        "TableMetadata": {"type": "object", "properties": table},
        "Item": {"type": "object", "description": "A row; its columns are those of the table.", "additionalProperties": True},
        "ItemsList": items,
    }


def titled(title: str, description: str) -> Document:
    """Return how a property is called."""
    return {"title": title, "x-ms-summary": title, "description": description}


def anything(title: str, description: str) -> Document:
    """Return the schema of an object whose properties depend on the table."""
    return {"type": "object", **titled(title, description), "additionalProperties": True}
