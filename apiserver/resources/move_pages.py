"""Duplicate a resource, or read it from another connection, after a look at what would differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.resources import services, snapshot
from apiserver.resources.models import Resource
from apiserver.resources.relation_pages import note
from apiserver.ui.access import console_page
from connections.contract.errors import ConnectorError
from connections.contract.table import Column, Table
from connections.models import Connection


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs in one column: native types, "" where the column is missing."""

    column: str
    before: str
    after: str


def differences(before: Table, after: Table) -> list[Difference]:
    """Return the columns that are not the same in both tables."""
    found = []
    for name in dict.fromkeys([*before.by_name, *after.by_name]):
        old, new = before.by_name.get(name), after.by_name.get(name)
        if old is None or new is None or (old.type, old.precision, old.scale) != (new.type, new.precision, new.scale):
            found.append(Difference(name, shown(old), shown(new)))
    return found


def shown(column: Column | None) -> str:
    """Return the type of a column."""
    return f"{column.type} ({column.native_type})" if column else ""


@require_POST
@console_page
def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish the same table once more."""
    copy = services.duplicate_resource(get_object_or_404(Resource.objects.select_related("connection"), pk=pk))
    note(request, "resource published", copy.name)
    messages.success(request, _("This is the copy: give it its name, columns and methods."))
    return redirect("resources:edit", copy.pk)


@console_page
def repoint(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the connection, show what differs there, then move."""
    resource = get_object_or_404(Resource.objects.select_related("connection").exclude(connection=None), pk=pk)
    others = Connection.objects.exclude(name=resource.connection.name if resource.connection else "")
    chosen = others.filter(pk=request.GET["connection"]).first() if request.GET.get("connection", "").isdigit() else None
    context: dict[str, Any] = {"resource": resource, "connections": others, "chosen": chosen}
    if chosen is not None:
        try:
            table = services.table_there(resource, chosen)
            if request.method == "POST":
                services.repoint(resource, chosen)
                note(request, "resource repointed", resource.name)
                messages.success(request, _("%(name)s now reads from %(connection)s.") % {"name": resource.name, "connection": chosen.name})
                return redirect("resources:edit", pk)
            context |= {"differences": differences(snapshot.from_json(resource.snapshot), table)}
        except ConnectorError as error:
            context |= {"failure": error}
    return render(request, "resources/repoint.html", context)
