"""What triggers add to $oas: for each resource with a check column that this user may read. Ids come from the resource's immutable id."""

from __future__ import annotations

from typing import Any

from apiserver.odata.swagger_operations import operation, parameter, percent
from apiserver.odata.swagger_schemas import definition_name, row_schema, shown
from apiserver.resources.catalog import PublishedResource
from apiserver.triggers.checks import CREATED, DELETED, EVENTS, MODIFIED, check_of
from apiserver.triggers.watching import can_tell

TITLES = {CREATED: "When a row of {} is created", MODIFIED: "When a row of {} is created or modified"}
DONE = {CREATED: "was created", MODIFIED: "was created or modified"}
HINTS = {
    CREATED: "To see it work now, create a row in {}.",
    MODIFIED: "To see it work now, create or change a row in {}.",
}
VERBS = {CREATED: "OnCreated", MODIFIED: "OnModified"}
SAID = {CREATED: "created", MODIFIED: "created or modified", DELETED: "deleted"}


def add_polling(paths: dict[str, Any], definitions: dict[str, Any], resource: PublishedResource) -> None:
    """Add the triggers of one resource that are asked again and again."""
    if "GET" not in resource.methods:
        return
    for event in (CREATED, MODIFIED):
        if check_of(resource, event) is not None:
            paths[f"/$poll/{percent(resource.name)}/{event}"] = {"get": polling(resource, event)}


def add_subscriptions(paths: dict[str, Any], definitions: dict[str, Any], resource: PublishedResource) -> None:
    """Add the triggers of one resource that are told at an address of the platform."""
    if "GET" not in resource.methods:
        return
    for event in EVENTS:
        if can_tell(resource, event) and not (event == DELETED and resource.row_filters):
            path = f"/$subscriptions/{percent(resource.name)}/{event}"
            content = {"description": f"A row that was {SAID[event]}.", "schema": message(resource, event)}
            paths[path] = {"x-ms-notification-content": content, "post": subscribing(resource, event)}
            paths[f"{path}/{{subscription}}"] = {"delete": unsubscribing(resource, event)}


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


def subscribing(resource: PublishedResource, event: str) -> dict[str, Any]:
    """Return a trigger that is told at an address of the platform."""
    url = {"type": "string", "title": "Callback URL", "x-ms-summary": "Callback URL", "description": "Where to tell; set by the platform."}
    properties = {"callbackUrl": url | {"x-ms-notification-url": True, "x-ms-visibility": "internal"}}
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": ["callbackUrl"]}
    if event != DELETED:
        first = resource.properties[0].name if resource.properties else "Id"
        about = f"Which rows to tell, such as {first} eq '1'. Empty tells all of them."
        properties["filter"] = {"type": "string", "title": "Filter", "x-ms-summary": "Filter", "description": about}
    body = {"name": "body", "in": "body", "required": True, "description": "Where and of which rows to tell.", "schema": schema}
    name = shown(resource)
    description = f"This operation triggers when a row of {name} was {SAID[event]}, within seconds."
    title = f"When a row of {name} is {SAID[event]}, told at once"
    responses = {"201": {"description": "Subscribed."}}
    found = operation(resource, f"When{event.title()}", title, description, [body], responses)
    verb = {CREATED: "create a row in", MODIFIED: "create or change a row in", DELETED: "delete a row of"}[event]
    return found | {"x-ms-trigger": "single", "x-ms-trigger-hint": f"To see it work now, {verb} {name}."}


def unsubscribing(resource: PublishedResource, event: str) -> dict[str, Any]:
    """Return what ends a subscription; the platform calls it."""
    what = {"name": "subscription", "in": "path", "required": True, "type": "string", "x-ms-summary": "Subscription"}
    what |= {"description": "The id of the subscription.", "x-ms-url-encoding": "single"}
    title = f"Stop telling when a row of {shown(resource)} is {SAID[event]}"
    description = f"Ends a subscription to {shown(resource)}."
    found = operation(resource, f"Stop{event.title()}", title, description, [what], {"204": {"description": "Ended."}})
    return found | {"x-ms-visibility": "internal"}


def message(resource: PublishedResource, event: str) -> dict[str, Any]:
    """Return the schema of what is sent."""
    data: dict[str, Any] = {"$ref": f"#/definitions/{definition_name(resource)}"}
    if event == DELETED:
        row = row_schema(resource)["properties"]
        about = "The key of the row that is gone."
        data = {"type": "object", "title": "Key", "description": about, "properties": {name: row[name] for name in resource.key}}
    moment = {"type": "string", "format": "date-time", "title": "Timestamp", "description": "When the server noticed it."}
    kind = {"type": "string", "title": "Type", "description": "The resource and what happened."}
    return {"type": "object", "properties": {"type": kind, "timestamp": moment, "data": data}}
