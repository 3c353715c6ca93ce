"""Why an active subscription stands still: a table that fails, rights or a filter that no longer fit, a receiver that does not answer."""

from __future__ import annotations

from collections.abc import Sequence

from apiserver.odata.errors import problem_of
from apiserver.triggers import rights
from apiserver.triggers.checks import DELETED, can_tell_gone
from apiserver.triggers.matching import matcher
from apiserver.triggers.models import Delivery, Subscription, Watch

NO_RIGHT = "Its user may not read the resource now."
IN_PART = "Its user sees the resource in part only: which rows are gone is not told."


def problems_of(found: Sequence[Subscription]) -> dict[int, str]:
    """Return the problems of subscriptions by their number, safe to show; those without are absent."""
    active = [item for item in found if item.state == Subscription.ACTIVE]
    errors = {
        (resource, event): error
        for resource, event, error in Watch.objects.filter(resource__in={item.resource_id for item in active})
        .exclude(error="")
        .values_list("resource", "event", "error")
    }
    failing = [item.pk for item in active if item.failing_since]
    waiting = Delivery.objects.filter(subscription__in=failing, state=Delivery.WAITING, attempts__gt=0).order_by("-pk")
    tried = dict(waiting.values_list("subscription", "error"))
    texts = {item.pk: misfit(item) or errors.get((item.resource_id, item.event)) or tried.get(item.pk, "") for item in active}
    return {pk: text for pk, text in texts.items() if text}


def misfit(item: Subscription) -> str:
    """Return why its user is told nothing of what is found; empty where all is well."""
    view = rights.view_of(item)
    if view is None:
        return NO_RIGHT
    if item.event == DELETED and not can_tell_gone(view.resource, view.resource.key):
        return IN_PART
    try:
        matcher(view.catalog, view.resource, item.filter)
    except Exception as error:  # noqa: BLE001 whatever the filter meets in the resource as it is now
        return problem_of(error).message
    return ""
