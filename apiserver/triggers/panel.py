"""What a resource's page shows of its triggers: those that work, with their addresses, and why others don't."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.odata.errors import NotFound
from apiserver.resources.catalog import PublishedResource
from apiserver.resources.models import Resource
from apiserver.server.addresses import service_root
from apiserver.triggers import checks, watching
from apiserver.triggers.checks import CREATED, DELETED, EVENTS, MODIFIED
from apiserver.triggers.models import Subscription, Watch

TITLES = {
    CREATED: gettext_lazy("When a row is created"),
    MODIFIED: gettext_lazy("When a row is created or modified"),
    DELETED: gettext_lazy("When a row is deleted"),
}
WHY = {
    checks.NULLABLE: gettext_lazy("it may be null"),
    checks.UNNAMED: gettext_lazy("its name does not tell what it is the time of"),
    checks.UNCOUNTED: gettext_lazy("the source does not count it up"),
    checks.OTHER: gettext_lazy("it shows something else"),
}


def panel(request: HttpRequest, row: Resource) -> str:
    """Return the panel as HTML."""
    context: dict[str, Any] = {"resource": row, "count": Subscription.objects.filter(resource=row, state=Subscription.ACTIVE).count()}
    try:
        _catalog, found = watching.whole(row)
    except NotFound as error:
        context |= {"problem": f"{error.message} {error.hint}"}
    else:
        errors = dict(Watch.objects.filter(resource=row).values_list("event", "error"))
        root = service_root(request, None)
        context |= {"triggers": [shown(found, event, root, errors.get(event, "")) for event in EVENTS]}
    return render_to_string("triggers/_panel.html", context, request)


def shown(resource: PublishedResource, event: str, root: str, error: str) -> dict[str, Any]:
    """Return one trigger as the panel shows it."""
    check = checks.check_of(resource, event)
    works = watching.can_tell(resource, event)
    return {
        "event": event,
        "title": TITLES[event],
        "column": check.column.name if check else "",
        "works": works,
        "reasons": [] if works else reasons(resource, event),
        "poll": f"{root}/$poll/{resource.name}/{event}" if works and event != DELETED else "",
        "subscribe": f"{root}/$subscriptions/{resource.name}/{event}" if works else "",
        "error": error,
    }


def reasons(resource: PublishedResource, event: str) -> list[str]:
    """Return why a trigger can't work, a sentence each."""
    if not resource.key:
        return [_("The table has no key: rows can't be told apart.")]
    found = checks.looked_at(resource, event)
    if not found:
        return [_("No column holds a time.")]
    return [_("%(column)s was looked at: %(why)s.") % {"column": name, "why": WHY[why]} for name, why in found]
