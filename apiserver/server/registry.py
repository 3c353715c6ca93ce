"""What rooms bring to the server, by dotted strings, so that nothing below imports what is above."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

# In the order of applying: what comes later refers to what comes before.
SECTIONS: dict[str, str] = {
    "server": "apiserver.server.configuration_server.ServerSection",
    "connections": "connections.configuration.ConnectionsSection",
    "resources": "apiserver.resources.configuration.ResourcesSection",
    "groups": "users.configuration_groups.GroupsSection",
    "users": "users.configuration.UsersSection",
}
# Verbs of rooms that seal all their secrets anew and return how many they were.
SEALED = ("connections.services.reseal", "connections.oauth.store.reseal", "users.tokens.reseal", "apiserver.triggers.secrets.reseal")
# What rooms bring to the management API: `urls()` and `SCHEMAS` of each module.
MANAGEMENT_ROOMS = (
    "connections.rest",
    "connections.rest_uploads",
    "apiserver.resources.rest",
    "users.rest_entries",
    "apiserver.server.rest_views",
)
# First segments of addresses below the service root that rooms answer: a verb of (exchange, path).
ADDRESSES = {"$poll": "apiserver.triggers.polling.answer", "$subscriptions": "apiserver.triggers.subscribing.answer"}
# What rooms add to $oas for each resource: verbs of (paths, definitions, resource).
DESCRIBED = ("apiserver.triggers.described.add",)
# What rooms show on the page of a resource: verbs of (request, resource) that return HTML.
RESOURCE_PANELS = ("apiserver.triggers.panel.panel",)
# What rooms forget once a minute: verbs that take `now`.
HOUSEKEEPING = ("apiserver.triggers.work.forget_old",)
# What rooms do twice a second in the worker: verbs that end soon, or keep themselves from being begun twice.
TICKS = ("apiserver.triggers.work.tick",)
# Every error that a room raises -> what a client is told.
PROBLEMS = "apiserver.odata.errors.problem_of"
# Sections that the file may hold in later versions: named, so that nobody thinks they took effect.
NOT_YET = ("jobs", "notifications")


def sections() -> dict[str, Any]:
    """Return the sections, made anew."""
    return {name: import_string(path)() for name, path in SECTIONS.items()}
