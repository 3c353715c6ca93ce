"""The Swagger 2.0 definition of the generic connector: one operation a verb, its table and columns chosen when a flow is made.

`x-ms-dynamic-values` and `-list` give the tables, `x-ms-dynamic-schema` and `-properties` the columns; the later forms stand beside the
earlier ones, as Microsoft's reference of OpenAPI extensions asks.
"""

from __future__ import annotations

from collections.abc import Iterable

from apiserver.odata.swagger_info import Address
from apiserver.powerplatform.documents import Document, listed, ok, operation, segment, skeleton, text
from apiserver.powerplatform.dynamic_schema import CREATE, DELETE, LIST, METHODS, READ, UPDATE, may
from apiserver.resources.catalog import Catalog, PublishedResource

TABLES, SCHEMA = "ListTables", "GetTableSchema"
QUERY = (
    ("$filter", "Filter", "Which rows to return, such as Id eq '1'. Empty returns all of them."),
    ("$orderby", "Order By", "The columns to order by, such as Id desc."),
    ("$select", "Select", "The columns to return, separated by commas. Empty returns all of them."),
    ("$top", "Top Count", "The most rows to return."),
    ("$skip", "Skip Count", "The number of rows to leave out first."),
    ("$count", "Count", "Whether to return the number of all matching rows."),
    ("$search", "Search", "Words that the text of a row must contain."),
)
TRIGGERS = (
    ("created", "When a row is created", "was created"),
    ("modified", "When a row is created or modified", "was created or modified"),
)
NUMBER: Document = {"type": "integer", "format": "int32"}
TYPES: dict[str, Document] = {"$top": NUMBER, "$skip": NUMBER, "$count": {"type": "boolean"}}
ROW = segment("id", "Row Id", "The Row Id that the rows carry, or the value of the key.")


def definition(catalog: Catalog, address: Address) -> Document:
    """Return the definition, with the verbs that this user has of any table."""
    document = skeleton(catalog, address)
    document["paths"] = {"/tables": {"get": list_tables()}, "/tables/{table}/schema": {"get": table_schema()}}
    one: Document = {}
    several: Document = {}
    every = catalog.resources.values()
    if allowed(every, LIST):
        several["get"] = list_rows()
    if allowed(every, CREATE):
        several["post"] = create_row()
    if allowed(every, READ):
        one["get"] = read_row()
    if allowed(every, UPDATE):
        one["patch"] = update_row()
    if allowed(every, DELETE):
        one["delete"] = delete_row()
    for path, found in (("/tables/{table}/items", several), ("/tables/{table}/items/{id}", one)):
        if found:
            document["paths"][path] = found
    if several.get("get"):  # whichever tables have them today
        for event, title, done in TRIGGERS:
            document["paths"][f"/tables/{{table}}/{event}"] = {"get": trigger(event, title, done)}
    return document


def allowed(resources: Iterable[PublishedResource], purpose: str) -> bool:
    """Claim that the user may do it on a table at all."""
    return any(may(resource, purpose) for resource in resources)


# ---- what is asked when a flow is made ----


def list_tables() -> Document:
    """Return the operation that feeds the choice of a table."""
    item = {"name": text("Name", "The name in addresses."), "title": text("Title", "The name that makers read.")}
    response = ok("The tables.", listed({"type": "object", "properties": item}, "Tables", "The tables."))
    purpose = {"name": "for", "in": "query", "required": False, "type": "string", "enum": [*METHODS]}
    purpose |= {"x-ms-summary": "Purpose", "description": "What the user must be allowed to do on them."}
    return operation(TABLES, "List tables", "Returns the tables that this user may use.", [purpose], response, x_ms_visibility="internal")


def table_schema() -> Document:
    """Return the operation that tells the columns of a table."""
    table = segment("table", "Table", "The name of the table.")
    purpose = {"name": "for", "in": "query", "required": False, "type": "string", "enum": [*METHODS]}
    purpose |= {"x-ms-summary": "Purpose", "description": "What the schema is of: a page, a row, or the body of a write."}
    schema = {"type": "object", "title": "Schema", "x-ms-summary": "Schema", "description": "A JSON schema.", "additionalProperties": True}
    properties = {"name": text("Name", "The name of the table."), "title": text("Title", "The name that makers read."), "schema": schema}
    response = ok("The schema.", {"type": "object", "properties": properties})
    about = "Returns what the rows of a table look like."
    return operation(SCHEMA, "Get the schema of a table", about, [table, purpose], response, x_ms_visibility="internal")


def chosen_table(purpose: str) -> Document:
    """Return the parameter that chooses a table out of those for the purpose."""
    values = {
        "operationId": TABLES,
        "parameters": {"for": purpose},
        "value-collection": "value",
        "value-path": "name",
        "value-title": "title",
    }
    newer = {
        "operationId": TABLES,
        "parameters": {"for": {"value": purpose}},
        "itemsPath": "value",
        "itemValuePath": "name",
        "itemTitlePath": "title",
    }
    more = {"x-ms-dynamic-values": values, "x-ms-dynamic-list": newer}
    return segment("table", "Table", "The table; choose it from the list.", **more)


def of_table(purpose: str) -> Document:
    """Return the schema that the chosen table gives."""
    earlier = {"operationId": SCHEMA, "parameters": {"table": {"parameter": "table"}, "for": purpose}, "value-path": "schema"}
    later = {
        "operationId": SCHEMA,
        "parameters": {"table": {"parameterReference": "table"}, "for": {"value": purpose}},
        "itemValuePath": "schema",
    }
    return {"type": "object", "x-ms-dynamic-schema": earlier, "x-ms-dynamic-properties": later}


# ---- what flows do ----


def list_rows() -> Document:
    """Return "Return rows"."""
    parameters = [chosen_table(LIST)]
    for name, title, description in QUERY:
        about = {"required": False, "x-ms-summary": title, "description": description}
        parameters.append({"name": name, "in": "query", **TYPES.get(name, {"type": "string"}), **about})
    response = ok("The rows, a page at a time.", of_table(LIST))
    pages = {"nextLinkName": "@odata.nextLink"}
    said = "Returns rows of the table that is chosen."
    return operation("ReturnRows", "Return rows", said, parameters, response, x_ms_visibility="important", x_ms_pageable=pages)


def read_row() -> Document:
    """Return "Return one row"."""
    select = {"name": "$select", "in": "query", "required": False, "type": "string", "x-ms-summary": "Select"}
    select |= {"description": "The columns to return, separated by commas."}
    parameters = [chosen_table(READ), ROW, select]
    return operation("ReturnRow", "Return one row", "Returns the row with this id.", parameters, ok("The row.", of_table(READ)))


def create_row() -> Document:
    """Return "Create a row"."""
    parameters = [chosen_table(CREATE), body(CREATE, "The values of the new row.")]
    response = {"201": {"description": "The row as it was stored.", "schema": of_table(READ)}}
    return operation("CreateRow", "Create a row", "Creates a row in the table that is chosen.", parameters, response)


def update_row() -> Document:
    """Return "Update one row"."""
    parameters = [chosen_table(UPDATE), ROW, body(UPDATE, "The values to change; the others stay.")]
    response = ok("The row as it is now.", of_table(READ))
    return operation("UpdateRow", "Update one row", "Changes the row with this id.", parameters, response)


def delete_row() -> Document:
    """Return "Delete one row"."""
    response = {"204": {"description": "Deleted."}}
    return operation("DeleteRow", "Delete one row", "Deletes the row with this id.", [chosen_table(DELETE), ROW], response)


def trigger(event: str, title: str, done: str) -> Document:
    """Return a polling trigger: 202 while nothing is new; the state travels in Location."""
    parameters = [chosen_table(event)]
    for name, shown, description in (
        ("$filter", "Filter", "Which rows to tell, such as Id eq '1'. Empty tells all of them."),
        ("$select", "Select", "The columns to tell, separated by commas. Empty tells all of them."),
        ("triggerState", "Trigger State", "How far the rows were told; set by the server."),
    ):
        about = {"required": False, "type": "string", "x-ms-summary": shown, "description": description}
        parameters.append({"name": name, "in": "query", **about})
    parameters[-1]["x-ms-visibility"] = "internal"
    responses = {
        "200": {"description": "The rows that are new, oldest first.", "schema": of_table(event)},
        "202": {"description": "Nothing is new yet."},
    }
    said = f"This operation triggers when a row of the table that is chosen {done}."
    more = {
        "x_ms_trigger": "batch",
        "x_ms_trigger_metadata": {"kind": "query", "mode": "polling"},
        "x_ms_trigger_hint": "To see it work now, create or change a row.",
    }
    return operation(f"OnRow{event.title()}", title, said, parameters, responses, **more)


def body(purpose: str, description: str) -> Document:
    """Return the body of a write."""
    return {"name": "item", "in": "body", "required": True, "description": description, "schema": of_table(purpose)}
