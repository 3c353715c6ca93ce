"""What Status tells of the server: the steps of a first visit, the last hour, what deserves a second look. Called by the Status page."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apiserver.console.fitting import too_much
from apiserver.resources.models import Resource
from apiserver.server import options, requestlog
from apiserver.ui.access import ADMIN
from connections.models import Connection
from users.models import Authtoken

EVERYONE = ("*", "0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Step:
    """One step towards a working API; without an address the reader's role may not take it."""

    label: str
    help: str
    url: str
    is_done: bool


def steps(role: str) -> list[Step]:
    """Return the steps of a new administrator, each with its state."""
    now = timezone.now()
    valid = Q(revoked=None) | Q(revoked__gt=now)
    tokens = Authtoken.objects.filter(valid, Q(expires=None) | Q(expires__gt=now), user__is_active=True)
    return [
        Step(
            _("Connect a database"),
            _("Choose a data source, create and test."),
            reverse("connections:gallery"),
            Connection.objects.exists(),
        ),
        Step(_("Publish tables"), _("Tick the tables that become resources."), reverse("resources:add"), Resource.objects.exists()),
        Step(
            _("Add a user with an authtoken"),
            _("Clients show the authtoken with each request."),
            reverse("users:add") if role in ADMIN else "",
            tokens.exists(),
        ),
        Step(
            _("Call the API"),
            _("Send the authtoken to an address below, from a program or Power Automate. Try it, beside each resource, shows how."),
            reverse("resources:list"),
            bool(requestlog.search(limit=1, status="2xx", is_by_client=True)),
        ),
    ]


def warnings() -> list[str]:
    """Return what is open or broken and may not be meant."""
    now, found = options.current(), []
    if any(entry in EVERYONE for entry in now.trusted_addresses):
        found.append(_("Every address is trusted. Name the networks of your clients under Settings, Server."))
    if now.allow_authtoken_in_url:
        found.append(_("Authtokens are taken from URLs, which proxies and browsers keep in their logs."))
    if now.anonymous:
        found.append(_("Requests without an authtoken are answered with the rights of the user anonymous."))
    if now.cors["enabled"] and "*" in now.cors["allow_origins"]:
        found.append(_("CORS is on for every domain: pages of any site may call the API from a browser."))
    if now.page_size == 0:
        found.append(_("Page size is 0: an answer holds every row."))
    if said := too_much():
        found.append(said)
    return found + options.file_problems()


def health() -> list[dict[str, Any]]:
    """Return each connection with whether its last test went well, the failed ones first."""
    found = Connection.objects.order_by("name").annotate(result=F("last_test__ok")).values_list("pk", "name", "result")
    rows = [{"pk": pk, "name": name, "test": None if ok is None else {"ok": ok}} for pk, name, ok in found]
    return sorted(rows, key=lambda row: (row["test"] != {"ok": False}, row["test"] is not None))


def product_version() -> str:
    """Return the installed version; the source tree has none installed."""
    try:
        return version("apiserver")
    except PackageNotFoundError:
        return _("development")
