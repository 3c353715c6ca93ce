"""What of a user's $oas fits one connector of Power Platform: told here before a maker finds out there."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apiserver.odata.documents import ByFingerprint
from apiserver.odata.swagger import Address, fitted
from apiserver.odata.swagger_limits import (
    CREATE,
    DELETE,
    LIST,
    MOST_BYTES,
    MOST_IN_SOLUTION,
    MOST_OPERATIONS,
    ONE,
    POLLING,
    SUBSCRIPTIONS,
    UPDATE,
    planned,
)
from apiserver.odata.swagger_report import Measure, reported
from apiserver.resources.catalog import Catalog
from apiserver.resources.services import catalog_for
from apiserver.server.addresses import service_root
from apiserver.ui.access import admin_page
from users.models import User
from users.principal import principal_of

MOST_CHECKED = 20  # users, on Status
# Bytes of an operation and of a property without its description; schemas that name a property: the row, what creates and what changes one.
MOST_OF_OPERATION, MOST_OF_PROPERTY, SCHEMAS = 3000, 400, 3
KINDS = {
    LIST: gettext_lazy("lists of rows"),
    CREATE: gettext_lazy("new rows"),
    ONE: gettext_lazy("single rows"),
    UPDATE: gettext_lazy("updates"),
    DELETE: gettext_lazy("deletes"),
    POLLING: gettext_lazy("polling triggers"),
    SUBSCRIPTIONS: gettext_lazy("subscriptions"),
}


@admin_page
def fitting(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the size of the user's document, what is left out of it and addresses of parts that fit."""
    person = get_object_or_404(User, pk=pk)
    root = service_root(request, None)
    found = reported(ByFingerprint(catalog_for(principal_of(person))), root)
    context = {
        "person": person,
        "whole": shown(found.whole, root),
        "choices": [shown(item, root) for item in found.choices],
        "parts": [shown(item, root) for item in found.parts],
        "untold": found.untold,
        "limits": {"operations": MOST_OPERATIONS, "size": MOST_BYTES // 1000, "solution": MOST_IN_SOLUTION // 1000},
    }
    return render(request, "console/fitting.html", context)


def shown(measure: Measure, root: str) -> dict[str, Any]:
    """Return a measure as the page shows it."""
    return {"it": measure, "address": measure.address(root), "left_out": said(measure)}


def said(measure: Measure) -> str:
    """Return what is left out in the reader's language."""
    parts = [str(KINDS[kind]) for kind in measure.left_out]
    if measure.untold:
        parts.append(ngettext("%(count)s resource", "%(count)s resources", measure.untold) % {"count": measure.untold})
    return ", ".join(parts)


def too_much() -> str:
    """Return which users' documents leave operations out, "" when none does."""
    people = User.objects.filter(is_active=True).prefetch_related("groups").order_by("name")[:MOST_CHECKED]
    names = [person.name for person in people if left_out(ByFingerprint(catalog_for(principal_of(person))))]
    if not names:
        return ""
    message = _("The description for Power Platform ($oas) leaves operations out. See What fits one connector, on the page of: {}.")
    return message.format(", ".join(names))


@lru_cache(maxsize=100)
def left_out(key: ByFingerprint) -> bool:
    """Claim that the catalog has more than one document holds. Only where it may be too large is it written to see how large it is."""
    catalog = key.catalog
    plan = planned(catalog)
    if plan.is_whole and may_be_large(catalog, plan.operations):
        plan = fitted(catalog, Address("https", "localhost", "/api.rsc")).plan
    return not plan.is_whole


def may_be_large(catalog: Catalog, operations: int) -> bool:
    """Claim that a document may have more bytes than one connector holds, by what operations and properties take at most by experience."""
    size = operations * MOST_OF_OPERATION
    for resource in catalog.resources.values():
        texts = sum(len(item.description) for item in resource.properties)
        size += SCHEMAS * (len(resource.properties) * MOST_OF_PROPERTY + 6 * texts)
        if size >= MOST_BYTES:
            return True
    return False
