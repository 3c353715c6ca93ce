"""What of a user's $oas fits one connector of Power Platform: told here before a maker finds out there."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.odata.documents import ByFingerprint
from apiserver.odata.swagger import Address
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
from apiserver.odata.swagger_report import Measure, Report, report
from apiserver.resources.services import catalog_for
from apiserver.server.addresses import service_root
from apiserver.ui.access import admin_page
from users.models import User
from users.principal import principal_of

MOST_CHECKED = 20  # users, on Status
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


@lru_cache(maxsize=16)
def reported(key: ByFingerprint, root: str) -> Report:
    """Return the report of a catalog, remembered until anything changes."""
    parts = urlsplit(root)
    return report(key.catalog, Address(parts.scheme, parts.netloc, parts.path))


def shown(measure: Measure, root: str) -> dict[str, Any]:
    """Return a measure as the page shows it."""
    address = f"{root}/$oas?{measure.query}" if measure.query else f"{root}/$oas"
    return {"it": measure, "address": address, "left_out": said(measure.left_out)}


def said(kinds: Iterable[str]) -> str:
    """Return the names of kinds in the reader's language."""
    return ", ".join(str(KINDS[kind]) for kind in kinds)


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
    """Claim that the catalog has more operations than one document."""
    return bool(planned(key.catalog).left_out)
