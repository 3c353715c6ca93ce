"""Rights of a user or a group, resource by resource: which are seen, by which methods, which columns and rows."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.registry_checks import check_grant, published_columns
from apiserver.ui.access import admin_page
from apiserver.ui.said import said
from users import services
from users.acting import by
from users.forms import GrantForm
from users.models import Group, User

MOST = 200
Holder = User | Group


def holder_of(kind: str, pk: int) -> Holder:
    """Return the user or the group."""
    if kind not in ("user", "group"):
        raise Http404
    return get_object_or_404(User, pk=pk) if kind == "user" else get_object_or_404(Group, pk=pk)


def store(request: HttpRequest, holder: Holder, resources: dict[str, Any] | None) -> None:
    """Keep the rights."""
    if isinstance(holder, User):
        services.save_user(holder, resources=resources, **by(request))
    else:
        services.save_group(holder, resources=resources, **by(request))


@admin_page
def rights(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Show which resources are seen; add and remove some."""
    holder = holder_of(kind, pk)
    known = sorted(published_columns())
    if request.method == "POST":
        change(request, holder, known)
        return redirect("users:rights", kind, pk)
    text = request.GET.get("q", "").strip().lower()
    held = holder.resources or {}
    others = [name for name in known if name not in held and text in name.lower()]
    context = {"holder": holder, "kind": kind, "held": sorted(held.items()), "others": others[:MOST], "count": len(others), "most": MOST}
    context |= {"q": request.GET.get("q", ""), "is_open": holder.resources is None}
    return render(request, "users/rights.html", context)


def change(request: HttpRequest, holder: Holder, known: list[str]) -> None:
    """Do what the pressed button says."""
    held = dict(holder.resources or {})
    if "all" in request.POST:
        store(request, holder, None)
    elif "chosen" in request.POST:
        store(request, holder, held)
    elif "remove" in request.POST:
        held.pop(request.POST["remove"], None)
        store(request, holder, held)
    else:
        ticked = [name for name in request.POST.getlist("resource") if name in known]
        if not ticked:
            messages.error(request, _("Tick one resource at least."))
        store(request, holder, {**held, **{name: {} for name in ticked if name not in held}})


@admin_page
def right(request: HttpRequest, kind: str, pk: int, name: str) -> HttpResponse:
    """Change the rights to one resource."""
    holder = holder_of(kind, pk)
    if name not in (holder.resources or {}):
        raise Http404
    initial = holder.resources[name] or {}  # type: ignore[index]
    form = GrantForm(published_columns().get(name, ()), request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            check_grant(name, form.grant(), name)
        except ConfigurationError as error:
            form.add_error("filter", said(str(error)))
        else:
            store(request, holder, {**(holder.resources or {}), name: form.grant()})
            messages.success(request, _("Saved."))
            return redirect("users:rights", kind, pk)
    context = {"holder": holder, "kind": kind, "name": name, "form": form}
    return render(request, "users/right.html", context, status=422 if form.errors else 200)
