"""API: the list of resources with their addresses and the page of one resource."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.resources import builder, services, snapshot
from apiserver.resources.forms import ResourceForm
from apiserver.resources.models import ALL_METHODS, Resource
from apiserver.resources.publish_pages import reading_reason
from apiserver.resources.relation_pages import note, relations
from apiserver.server.addresses import service_root
from apiserver.server.registry import RESOURCE_PANELS
from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections.contract.errors import ConnectorError

PAGE = 50


@console_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the resources, a page at a time, with their addresses."""
    root, text = service_root(request, None), request.GET.get("q", "").strip()
    found = Resource.objects.select_related("connection")
    if text:
        found = found.filter(Q(name__icontains=text) | Q(title__icontains=text) | Q(connection__name__icontains=text))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rows = [{"it": item, "address": f"{root}/{item.name}", "methods": served_methods(item)} for item in page]
    context = {
        "rows": rows,
        "every": ALL_METHODS,
        "page": page,
        "q": text,
        "root": root,
        "oas": f"{root}/$oas",
        "has_any": bool(text or rows),
    }
    return render(request, "resources/list.html", context)


def served_methods(resource: Resource) -> list[str]:
    """Return the methods that are answered in the end: views and tables without a key are only read."""
    found = builder.resource_of(resource, snapshot.from_json(resource.snapshot)).methods
    return [method for method in ALL_METHODS if method in found]


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
    context |= {"reason": reading_reason(resource.connection, form.table, builder.key_of(resource, form.table))}
    context |= {"relations": relations(resource), "holders": [holder.name for holder in services.holders(resource.name)]}
    context |= {"panels": [import_string(path)(request, resource) for path in RESOURCE_PANELS]}
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
