"""Taking a resource back, after a look at whom and what that touches."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from apiserver.resources import builder, services
from apiserver.resources.models import Resource
from apiserver.resources.relation_pages import note
from apiserver.server import requestlog
from apiserver.ui.access import console_page
from connections.contract.table import TableRef
from connections.derived import reads
from users.models import Group, User

DAYS = 7


@console_page
def unpublish(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then take the resource back."""
    resource = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    if request.method != "POST":
        return render(request, "resources/unpublish.html", {"resource": resource, **consequences(resource)})
    name = resource.name
    services.unpublish(resource)
    note(request, "resource unpublished", name)
    messages.success(request, _("%(name)s is no longer published.") % {"name": name})
    return redirect("resources:list")


def consequences(resource: Resource) -> dict[str, Any]:
    """Return who asks for the resource, who may, and what else of the API leads to its table."""
    return {
        "callers": requestlog.users_of(resource.name, since=time.time() - DAYS * 86400),
        "days": DAYS,
        "everyone": unconfined(),
        "holders": [{"it": holder, "is_group": isinstance(holder, Group)} for holder in services.holders(resource.name)],
        "broken": relations_to(resource),
        "views": views_over(resource),
    }


def unconfined() -> int:
    """Return how many active users see every resource, because neither their rights nor a group names any."""
    confined = Group.objects.exclude(resources__isnull=True)
    return User.objects.filter(is_active=True, resources__isnull=True).exclude(groups__in=confined).count()


def relations_to(resource: Resource) -> list[dict[str, Any]]:
    """Return the relations of other resources that lead to this one: they go with it."""
    keys = dict(Resource.objects.values_list("name", "pk"))
    return [
        {"pk": keys[name], "resource": name, "relation": item.name}
        for name, other in builder.published().items()
        for item in other.navigations
        if item.target == resource.name and name != resource.name
    ]


def views_over(resource: Resource) -> list[Resource]:
    """Return the derived views that read the same table: they stay published."""
    if resource.sql or resource.connection is None:
        return []
    others = Resource.objects.filter(connection=resource.connection_id).exclude(sql="").defer("snapshot")
    ref, dialect = TableRef(resource.schema, resource.table), resource.connection.connector
    return [other for other in others if reads(other.sql, dialect, ref)]
