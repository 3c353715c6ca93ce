"""Groups: rights that many users share."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from apiserver.ui.access import admin_page
from users import services
from users.acting import by
from users.forms import GroupForm
from users.models import PRIVILEGES, Group
from users.pages import PAGE


@admin_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the groups."""
    page = Paginator(Group.objects.annotate(size=Count("users")).order_by("name"), PAGE).get_page(request.GET.get("page"))
    return render(request, "users/groups.html", {"page": page, "privileges": PRIVILEGES})


@admin_page
def add(request: HttpRequest) -> HttpResponse:
    """Make a group."""
    form = GroupForm(request.POST or None)
    if form.is_valid():
        group = store(request, Group(), form)
        return redirect("users:rights", "group", group.pk)
    return render(request, "users/group.html", {"form": form}, status=422 if form.errors else 200)


@transaction.atomic
def store(request: HttpRequest, group: Group, form: GroupForm) -> Group:
    """Put the form's values into the group."""
    given = form.cleaned_data
    services.save_group(group, name=given["name"], privileges=given["privileges"], **by(request))
    services.set_members(group, list(given["members"]), **by(request))
    return group


@admin_page
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a group."""
    group = get_object_or_404(Group, pk=pk)
    form = GroupForm(request.POST or None, existing=group)
    if form.is_valid():
        try:
            store(request, group, form)
        except ValidationError as error:
            form.add_error("members", error.messages)
        else:
            messages.success(request, _("Saved."))
            return redirect("users:group", pk)
    return render(request, "users/group.html", {"form": form, "group": group}, status=422 if form.errors else 200)


@admin_page
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete a group."""
    group = get_object_or_404(Group, pk=pk)
    problem = ""
    if request.method == "POST":
        try:
            services.delete_group(group, **by(request))
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, _("Group %(name)s was deleted.") % {"name": group.name})
            return redirect("users:groups")
    members = list(group.users.values_list("name", flat=True))
    context = {"group": group, "problem": problem, "members": members}
    return render(request, "users/group_delete.html", context, status=409 if problem else 200)
