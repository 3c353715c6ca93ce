"""Operations of $oas on one resource and their parameters, in the words of its columns and comments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from apiserver.odata.swagger_info import one_line
from apiserver.odata.swagger_schemas import allowed, page_schema, sentence, shown, summary, title, type_of
from apiserver.odata.swagger_words import LONGEST_LIST, columns_said, example, listed, searched, such_as
from apiserver.resources.catalog import PublishedResource
from connections.contract.table import Type


def percent(name: str) -> str:
    """Return a name as it stands in a URL."""
    return name if name.isascii() else quote(name)


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
    """Return the query options of a set, described by the resource's own columns and their comments."""
    first = resource.properties[0].name if resource.properties else ""
    found = [
        parameter("$filter", "Filter", f"Which rows to return{such_as(example(resource))}. The columns are {columns_said(resource)}."),
        parameter("$select", "Select", "The columns to return, separated by commas. Empty returns all of them."),
        parameter("$orderby", "Order By", f"The columns to order by{such_as(first and f'{first} desc')}."),
        parameter("$top", "Top Count", "The most rows to return.", type="integer", format="int32"),
        parameter("$skip", "Skip Count", "The number of rows to leave out first.", type="integer", format="int32"),
        parameter("$count", "Count", "Whether to return the number of all matching rows.", type="boolean"),
    ]
    if texts := searched(resource):
        found.append(parameter("$search", "Search", f"Words that the text of a row must contain. Searched are {texts}."))
    if resource.navigations:
        related = listed([navigation.name for navigation in resource.navigations], LONGEST_LIST // 3)
        found.append(parameter("$expand", "Expand", f"The related rows to include, out of {related}.", **{"x-ms-visibility": "advanced"}))
    return found


def key_parameters(resource: PublishedResource) -> list[dict[str, Any]]:
    """Return the key's parts as path parameters."""
    found = []
    for name in resource.key:
        item = resource.by_name[name]
        schema = type_of(item.column) | allowed(item.column)
        about = f" {sentence(item.description)}" if item.description else ""
        found.append(
            {"name": item.name, "in": "path", "required": True, **schema, "x-ms-summary": title(item)}
            | {"description": f"The {item.name} of the row.{about}", "x-ms-url-encoding": "single"}
        )
    return found


def key_path(resource: PublishedResource) -> str:
    """Return the path of one row: /Orders({id}), /Countries('{code}'), /Items(order={order},line={line})."""
    parts = []
    for name in resource.key:
        mark = f"'{{{name}}}'" if resource.by_name[name].column.type is Type.STRING else f"{{{name}}}"
        parts.append(mark if len(resource.key) == 1 else f"{name}={mark}")
    return f"/{percent(resource.name)}({','.join(parts)})"


def body_parameter(definition: str, description: str) -> dict[str, Any]:
    """Return the body."""
    return {"name": "body", "in": "body", "required": True, "description": description, "schema": {"$ref": f"#/definitions/{definition}"}}
