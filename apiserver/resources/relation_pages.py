"""Relations of a resource: those that foreign keys give, those that an administrator adds."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.resources import builder, services, snapshot
from apiserver.resources.forms import RelationForm
from apiserver.resources.models import Resource
from apiserver.server import audit
from apiserver.server.addresses import caller
from apiserver.ui.access import console_page


def relations(resource: Resource) -> list[dict[str, Any]]:
    """Return every relation with its columns, and foreign keys that lead to nothing published."""
    shown = builder.published()[resource.name].navigations
    found: list[dict[str, Any]] = [
        {
            "name": item.name,
            "target": item.target,
            "is_collection": item.is_collection,
            "pairs": [f"{here} = {there}" for here, there in item.pairs],
            "is_own": item.name in resource.relations,
        }
        for item in shown
    ]
    known = {item.pairs for item in shown}
    for key in snapshot.from_json(resource.snapshot).foreign_keys:
        if tuple(zip(key.columns, key.target_columns, strict=True)) not in known:
            pairs = [f"{here} = {there}" for here, there in zip(key.columns, key.target_columns, strict=True)]
            table = ".".join(part for part in (key.target_schema, key.target_table) if part)
            found.append({"name": "", "target": table, "pairs": pairs, "is_missing": True})
    return found


@console_page
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a relation."""
    resource = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    form = RelationForm(resource, request.POST or None)
    if form.is_valid():
        services.update(resource, relations=form.cleaned_data["relations"])
        note(request, "relation added", f"{resource.name}/{form.cleaned_data['name']}")
        messages.success(request, _("Saved."))
        return redirect("resources:edit", pk)
    columns = [
        (other.name, [column.name for column in snapshot.from_json(other.snapshot).columns])
        for other in Resource.objects.filter(connection=resource.connection_id)
    ]
    context = {"resource": resource, "form": form, "columns": columns}
    return render(request, "resources/relation.html", context, status=422 if form.errors else 200)


@require_POST
@console_page
def remove(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Remove a relation that was added."""
    resource = get_object_or_404(Resource, pk=pk)
    if services.update(resource, relations={key: value for key, value in resource.relations.items() if key != name}):
        note(request, "relation removed", f"{resource.name}/{name}")
    return redirect("resources:edit", pk)


def note(request: HttpRequest, action: str, subject: str) -> None:
    """Write what was done into the audit trail."""
    audit.record(action, who=request.user.get_username(), subject=subject, address=caller(request).address)
