"""External Objects of a destination: address and login for OData clients such as Salesforce Connect, and the tables that they read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apiserver.jobs import external
from apiserver.jobs.external import DataSource
from apiserver.jobs.models import ExternalService
from apiserver.jobs.replica_relations import relate
from apiserver.server import options
from apiserver.server.addresses import is_loopback, service_root
from apiserver.ui.access import admin_page
from connections.contract.errors import ConnectorError
from connections.models import Connection
from connections.picking import pick
from connections.services import list_tables
from users import services as users
from users import tokens
from users.acting import by
from users.models import Authtoken

HIDDEN = "••••••••"
MOST_SHOWN = 200
OVERLAP_HOURS = (0, 1, 24, 168)
DEFAULT_OVERLAP = 24
TO_SHOW = "external_password"  # in the session: the one password that the next page may show
TICKED, UNTICKED, EMPTY = gettext_lazy("ticked"), gettext_lazy("not ticked"), gettext_lazy("empty")
LOOPBACK = {"127.0.0.1", "::1"}


@admin_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the destinations, each with what it shares."""
    services = {item.connection_id: item for item in ExternalService.objects.select_related("user")}
    rows = [{"it": item, "service": services.get(item.pk)} for item in Connection.objects.all() if external.is_destination(item)]
    return render(request, "jobs/external_list.html", {"rows": rows})


@never_cache
@admin_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show address, login and data sources; save the ticks."""
    connection = destination(pk)
    service = external.service_of(connection)
    if service is None:
        return render(request, "jobs/external_first.html", {"connection": connection})
    given = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"connection": connection, "q": given.get("q", "").strip()}
    status = 200
    try:
        lines, context["count"] = shown(service, context["q"])
        if "save" in request.POST and saved(request, service, lines):
            messages.success(request, _("Saved."))
            return redirect(f"{reverse('external:show', args=[pk])}{query_of(context['q'])}")
        status = 422 if "save" in request.POST else 200
        context["lines"] = lines
    except ConnectorError as error:
        context["failure"] = error
    context |= login(request, service) | {"most": MOST_SHOWN, "ticked": ticked(request, context.get("lines", []))}
    return render(request, "jobs/external.html", context, status=status)


def destination(pk: int) -> Connection:
    """Return the connection, where jobs can write into it."""
    connection = get_object_or_404(Connection, pk=pk)
    if not external.is_destination(connection):
        raise Http404
    return connection


def query_of(text: str) -> str:
    """Return the search as part of an address."""
    query = QueryDict(mutable=True)
    query["q"] = text
    return f"?{query.urlencode()}" if text else ""


def shown(service: ExternalService, text: str) -> tuple[list[DataSource], int]:
    """Return the lines that the search finds, and how many there are in all; read anew each time: a job may have made a table just now."""
    known = list_tables(service.connection, now=timezone.now(), refresh=True)
    found = pick(external.shareable(known), text, "")
    return external.data_sources(service, found[:MOST_SHOWN]), len(found)


def saved(request: HttpRequest, service: ExternalService, lines: list[DataSource]) -> bool:
    """Share what is ticked among the lines that the form showed."""
    offered = set(request.POST.getlist("offered"))
    lines = [line for line in lines if line.value in offered]
    keys = {line.value: request.POST.get(f"key:{line.value}", "") for line in lines}
    if not external.share(service, lines, set(request.POST.getlist("table")), keys, **by(request)):
        return False
    relate(service.connection)
    return True


def ticked(request: HttpRequest, lines: list[DataSource]) -> set[str]:
    """Return the ticks to show: as sent, where they could not be saved."""
    if "save" in request.POST:
        return set(request.POST.getlist("table"))
    return {line.value for line in lines if line.is_shared}


def login(request: HttpRequest, service: ExternalService) -> dict[str, Any]:
    """Return address and login as a client wants them, and what keeps a client in the cloud out."""
    found = external.live_tokens(service.user, now=timezone.now())
    revealed = request.session.pop(TO_SHOW, None)
    token = next((item for item in found if item.pk == revealed), None)
    root, now = service_root(request, None), options.current()
    parts = urlsplit(root)
    return {
        "service": service,
        "root": f"{root}/",
        "tokens": found,
        "password": tokens.reveal(token) if token else HIDDEN,
        "is_revealed": token is not None,
        "salesforce": salesforce(service, f"{root}/", tokens.reveal(token) if token else HIDDEN),
        "is_https": parts.scheme == "https",
        "is_here": parts.hostname == "localhost" or is_loopback(parts.hostname or ""),
        "is_local": set(now.trusted_addresses) <= LOOPBACK,
        "trusted": ", ".join(now.trusted_addresses),
    }


def salesforce(service: ExternalService, root: str, password: str) -> list[dict[str, Any]]:
    """Return the fields of Salesforce's page New External Data Source, under its own names, in its order."""
    name = service.connection.name
    values = {
        "External Data Source": name,
        "Name": (re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", name)).strip("_") or "Replica")[:40],
        "Type": "Salesforce Connect: OData 4.0",
        "URL": root,
        "Connection Timeout (Seconds)": "120",
        "Writable External Objects": UNTICKED,
        "High Data Volume": UNTICKED,
        "Server Driven Pagination": TICKED,
        "Request Row Counts": TICKED,
        "Compress Requests": UNTICKED,
        "Include in Salesforce Searches": TICKED,
        "Custom Query Option for Salesforce Search": EMPTY,
        "Format": "JSON",
        "Special Compatibility": "Default",
        "Certificate": EMPTY,
        "Identity Type": "Named Principal",
        "Authentication Protocol": "Password Authentication",
        "Username": service.user.name,
        "Password": password,
    }
    return [
        {"id": f"salesforce-{number}", "label": label, "value": value, "is_typed": value not in (TICKED, UNTICKED, EMPTY, HIDDEN)}
        for number, (label, value) in enumerate(values.items())
    ]


@require_POST
@admin_page
def create(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the login and show its password once."""
    service = external.create_service(destination(pk), now=timezone.now(), **by(request))
    return lead_back(request, service, external.live_tokens(service.user, now=timezone.now())[0])


def lead_back(request: HttpRequest, service: ExternalService, token: Authtoken) -> HttpResponse:
    """Lead to the page, which shows this password once."""
    request.session[TO_SHOW] = token.pk
    return redirect("external:show", service.connection_id)


def own(pk: int) -> ExternalService:
    """Return the login of a destination."""
    return get_object_or_404(ExternalService.objects.select_related("user", "connection"), connection=pk)


@require_POST
@admin_page
def reveal(request: HttpRequest, pk: int, token: int) -> HttpResponse:
    """Show a password again; that is recorded."""
    service = own(pk)
    found = get_object_or_404(Authtoken, pk=token, user=service.user)
    users.reveal_token(found, **by(request))
    return lead_back(request, service, found)


@require_POST
@admin_page
def reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a new password; the old ones work for some hours more."""
    service = own(pk)
    asked = request.POST.get("overlap", "")
    hours = int(asked) if asked.isdigit() and int(asked) in OVERLAP_HOURS else DEFAULT_OVERLAP
    users.rotate_token(service.user, now=timezone.now(), overlap=timedelta(hours=hours), **by(request))
    if hours:
        messages.info(request, _("The old password works for %(hours)s hours more.") % {"hours": hours})
    return lead_back(request, service, external.live_tokens(service.user, now=timezone.now())[0])


@require_POST
@admin_page
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End every password at once, or the one that is named."""
    service, token = own(pk), request.POST.get("token", "")
    if token.isdigit():
        found = get_object_or_404(Authtoken, pk=int(token), user=service.user)
        users.revoke_token(found, now=timezone.now(), **by(request))
    else:
        external.revoke_all(service, now=timezone.now(), **by(request))
    messages.success(request, _("The password no longer works."))
    return redirect("external:show", pk)
