"""API: the list of resources with their addresses, Add Table, the page of one resource."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from apiserver.resources import services
from apiserver.resources.forms import ResourceForm
from apiserver.resources.models import Resource
from apiserver.resources.relation_pages import relations
from apiserver.server import audit
from apiserver.server.addresses import caller, service_root
from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections.contract.errors import ConnectorError
from connections.contract.table import TableInfo
from connections.models import Connection
from connections.services import list_tables

MOST_TABLES = 300
PAGE = 50


def note(request: HttpRequest, action: str, subject: str) -> None:
    """Write what was done into the audit trail."""
    audit.record(action, who=request.user.get_username(), subject=subject, address=caller(request).address)


@console_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the resources, a page at a time, with their addresses."""
    root, text = service_root(request, None), request.GET.get("q", "").strip()
    found = Resource.objects.select_related("connection").defer("snapshot")
    if text:
        found = found.filter(Q(name__icontains=text) | Q(title__icontains=text) | Q(connection__name__icontains=text))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rows = [{"it": item, "address": f"{root}/{item.name}"} for item in page]
    context = {"rows": rows, "page": page, "q": text, "root": root, "oas": f"{root}/$oas", "has_any": bool(text or rows)}
    return render(request, "resources/list.html", context)


@console_page
def add(request: HttpRequest) -> HttpResponse:
    """Ask for the connection: the first step of Add Table."""
    chosen = request.GET.get("connection", "")
    if chosen.isdigit() and Connection.objects.filter(pk=int(chosen)).exists():
        return redirect("resources:tables", int(chosen))
    return render(request, "resources/add.html", {"connections": Connection.objects.all()})


@console_page
def tables(request: HttpRequest, pk: int) -> HttpResponse:
    """Search and tick tables, then publish them: the second step of Add Table."""
    connection = get_object_or_404(Connection, pk=pk)
    text = request.GET.get("q", "").strip().lower()
    context: dict[str, Any] = {"connection": connection, "q": request.GET.get("q", ""), "most": MOST_TABLES}
    try:
        known = list_tables(connection, now=timezone.now(), refresh="refresh" in request.POST)
        if request.method == "POST" and "refresh" not in request.POST and publish(request, connection, known):
            return redirect("resources:list")
        found = [item for item in known if text in str(item.ref).lower()]
        context |= {"rows": rows_of(connection, found[:MOST_TABLES]), "count": len(found)}
    except ConnectorError as error:
        context["failure"] = error
    return render(request, "resources/tables.html", context)


def rows_of(connection: Connection, known: list[TableInfo]) -> list[dict[str, Any]]:
    """Return the tables, each with the place by which it is ticked and how often it is published."""
    published = set(connection.resources.values_list("schema", "table"))  # type: ignore[attr-defined]
    return [{"it": item, "value": value_of(item), "is_published": (item.ref.schema, item.ref.name) in published} for item in known]


def value_of(item: TableInfo) -> str:
    """Return the value of a table's tick: schema and name, told apart by a bar."""
    return f"{item.ref.schema}|{item.ref.name}"


def publish(request: HttpRequest, connection: Connection, known: list[TableInfo]) -> bool:
    """Publish the ticked tables; False when none was ticked."""
    ticked = set(request.POST.getlist("table"))
    refs = [item.ref for item in known if value_of(item) in ticked]
    if not refs:
        messages.error(request, _("Tick one table at least."))
        return False
    found = services.publish_tables(connection, refs, now=timezone.now())
    for resource in found:
        note(request, "resource published", resource.name)
    text = ngettext("%(count)d resource was published.", "%(count)d resources were published.", len(found))
    messages.success(request, text % {"count": len(found)})
    return True


@console_page
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and change one resource."""
    resource = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    form = ResourceForm(resource, request.POST or None)
    if form.is_bound and form.is_valid():
        if form.cleaned_data["name"] != resource.name:
            services.rename(resource, form.cleaned_data["name"])
            note(request, "resource renamed", resource.name)
        if services.update(resource, **form.settings()):
            note(request, "resource changed", resource.name)
        messages.success(request, _("Saved."))
        return redirect("resources:edit", pk)
    root = service_root(request, None)
    context = {"resource": resource, "form": form, "address": f"{root}/{resource.name}", "oas": f"{root}/$oas"}
    context |= {"relations": relations(resource), "holders": [holder.name for holder in services.holders(resource.name)]}
    return render(request, "resources/form.html", context, status=422 if form.errors else 200)


@require_POST
@console_page
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the table's columns anew."""
    resource = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    try:
        has_changed = services.refresh_resource(resource)
    except ConnectorError as error:
        messages.error(request, f"{said(error.message)} {said(error.hint)}")
    else:
        messages.success(request, _("The table has changed: see its columns.") if has_changed else _("The table has not changed."))
    return redirect("resources:edit", pk)


@console_page
def unpublish(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then take the resource back."""
    resource = get_object_or_404(Resource, pk=pk)
    if request.method != "POST":
        return render(request, "resources/unpublish.html", {"resource": resource})
    name = resource.name
    services.unpublish(resource)
    note(request, "resource unpublished", name)
    messages.success(request, _("%(name)s is no longer published.") % {"name": name})
    return redirect("resources:list")
