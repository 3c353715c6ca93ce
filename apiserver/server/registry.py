"""What rooms bring to the server, by dotted strings, so that nothing below imports what is above."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

# In the order of applying: what comes later refers to what comes before.
SECTIONS: dict[str, str] = {
    "server": "apiserver.server.configuration_server.ServerSection",
    "connections": "connections.configuration.ConnectionsSection",
    "resources": "apiserver.resources.configuration.ResourcesSection",
    "jobs": "apiserver.jobs.configuration.JobsSection",
    "groups": "users.configuration_groups.GroupsSection",
    "users": "users.configuration.UsersSection",
    "oauth_clients": "users.oauth.configuration.ClientsSection",
    "notifications": "apiserver.server.notification_settings.NotificationsSection",
}
# Verbs of rooms that seal all their secrets anew and return how many they were.
SEALED = (
    "connections.services.reseal",
    "connections.oauth.store.reseal",
    "users.tokens.reseal",
    "apiserver.triggers.secrets.reseal",
    "apiserver.powerplatform.long_read_results.reseal",
    "apiserver.server.notification_settings.reseal",
    "apiserver.server.notices.reseal",
    "users.oauth.clients.reseal",
    "apiserver.jobs.event_settings.reseal",
)
# What rooms bring to the management API: `urls()` and `SCHEMAS` of each module.
MANAGEMENT_ROOMS = (
    "connections.rest",
    "connections.rest_uploads",
    "apiserver.resources.rest",
    "apiserver.jobs.rest",
    "users.rest_entries",
    "users.oauth.rest",
    "apiserver.server.rest_notifications",
    "apiserver.server.rest_views",
)
# First segments of addresses below the service root that rooms answer: a verb of (exchange, path).
ADDRESSES = {
    "$poll": "apiserver.triggers.polling.answer",
    "$subscriptions": "apiserver.triggers.subscribing.answer",
    "$postman": "apiserver.powerplatform.postman.answer",
    "$odc": "apiserver.powerplatform.office.odc",
    "$parts": "apiserver.powerplatform.parts.answer",
    "$pbids": "apiserver.powerplatform.office.pbids",
    "$async": "apiserver.powerplatform.long_reads.answer",
    "$connector": "apiserver.powerplatform.package_answers.answer",
    "$dynamic": "apiserver.powerplatform.dynamic.answer",
    "$tabular": "apiserver.powerplatform.tabular.answer",
    "$metadata.json": "apiserver.powerplatform.tabular.answer",
    "datasets": "apiserver.powerplatform.tabular.answer",
}
# Of these, those whose clients read another error body than OData's: a verb of (problem, OData's body).
REFUSALS = dict.fromkeys(("$tabular", "$metadata.json", "datasets"), "apiserver.powerplatform.tabular.refusal")
# What takes a read whose answer may come later: a verb of (exchange), None where it is answered at once.
DEFERRED = "apiserver.powerplatform.long_reads.defer"
# Kinds of work that is answered 202 and done by the worker: verbs of (running, sink) that return status and headers of the result.
LONG_WORK = {"read": "apiserver.powerplatform.long_read_odata.run_read"}
# What rooms add to $oas for each resource: verbs of (paths, definitions, resource); by kind of operation where a maker can do without.
DESCRIBED = ("apiserver.powerplatform.long_read_described.add",)
DESCRIBED_KINDS = {
    "polling": "apiserver.triggers.described.add_polling",
    "subscriptions": "apiserver.triggers.described.add_subscriptions",
}
# Where the replica of a resource stands that is served from one: a verb of (public id, Wish) that returns a Standing.
REPLICA = "apiserver.jobs.replica_serving.standing"
# What rooms show on the page of a resource: verbs of (request, resource) that return HTML.
RESOURCE_PANELS = ("apiserver.jobs.replica_panel.panel", "apiserver.triggers.panel.panel")
# What rooms forget once a minute: verbs that take `now`.
HOUSEKEEPING = (
    "apiserver.triggers.work.forget_old",
    "apiserver.powerplatform.long_read_results.forget_old",
    "apiserver.server.notices.forget_old",
    "users.oauth.validator.forget_old",
    "apiserver.jobs.work.forget_old",
)
# What rooms do twice a second in the worker: verbs that end soon, or keep themselves from being begun twice.
TICKS = (
    "apiserver.triggers.work.tick",
    "apiserver.powerplatform.long_read_work.tick",
    "apiserver.powerplatform.contract_work.tick",
    "apiserver.jobs.work.tick",
    "apiserver.server.notifying.tick",
)
# What rooms derive from the configuration and settle before it is exported: verbs that take `now`.
SETTLED = ("apiserver.powerplatform.contract_store.settle",)
# Every error that a room raises -> what a client is told.
PROBLEMS = "apiserver.odata.errors.problem_of"
# Sections that the file may hold in later versions: named, so that nobody thinks they took effect.
NOT_YET: tuple[str, ...] = ()


def sections() -> dict[str, Any]:
    """Return the sections, made anew."""
    return {name: import_string(path)() for name, path in SECTIONS.items()}
