"""What triggers add to $oas: for each resource with a check column that this user may read. Ids come from the resource's immutable id."""

from __future__ import annotations

from typing import Any

from apiserver.odata.swagger import definition_name, operation, parameter, percent, shown
from apiserver.resources.catalog import PublishedResource
from apiserver.triggers.checks import CREATED, MODIFIED, check_of

TITLES = {CREATED: "When a row of {} is created", MODIFIED: "When a row of {} is created or modified"}
DONE = {CREATED: "was created", MODIFIED: "was created or modified"}
HINTS = {
    CREATED: "To see it work now, create a row in {}.",
    MODIFIED: "To see it work now, create or change a row in {}.",
}
VERBS = {CREATED: "OnCreated", MODIFIED: "OnModified"}


def add(paths: dict[str, Any], definitions: dict[str, Any], resource: PublishedResource) -> None:
    """Add the triggers of one resource."""
    if "GET" not in resource.methods:
        return
    for event in (CREATED, MODIFIED):
        if check_of(resource, event) is not None:
            paths[f"/$poll/{percent(resource.name)}/{event}"] = {"get": polling(resource, event)}


def polling(resource: PublishedResource, event: str) -> dict[str, Any]:
    """Return a trigger that is asked again and again."""
    title = TITLES[event].format(shown(resource))
    rows = {"type": "array", "items": {"$ref": f"#/definitions/{definition_name(resource)}"}}
    responses = {
        "200": {"description": "The rows that are new, oldest first.", "schema": rows},
        "202": {"description": "Nothing is new yet."},
    }
    description = f"This operation triggers when a row of {shown(resource)} {DONE[event]}."
    found = operation(resource, VERBS[event], title, description, parameters(resource), responses)
    hint = HINTS[event].format(shown(resource))
    return found | {"x-ms-trigger": "batch", "x-ms-trigger-metadata": {"kind": "query", "mode": "polling"}, "x-ms-trigger-hint": hint}


def parameters(resource: PublishedResource) -> list[dict[str, Any]]:
    """Return what the maker may say, and the state, which the platform carries."""
    first = resource.properties[0].name if resource.properties else "Id"
    return [
        parameter("$filter", "Filter", f"Which rows to tell, such as {first} eq '1'. Empty tells all of them."),
        parameter("$select", "Select", "The columns to tell, separated by commas. Empty tells all of them."),
        parameter("triggerState", "Trigger State", "How far the rows were told; set by the server.", **{"x-ms-visibility": "internal"}),
    ]
