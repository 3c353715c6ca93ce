"""What differs between a resource's stored columns and the table as it is now, before anything is refreshed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from apiserver.resources import services, snapshot
from apiserver.resources.models import Resource
from apiserver.resources.move_pages import differences
from apiserver.ui.access import console_page
from connections.contract.errors import ConnectorError


@console_page
def drift(request: HttpRequest, pk: int) -> HttpResponse:
    """Compare with the table; change nothing."""
    resource = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    context: dict[str, Any] = {"resource": resource}
    try:
        now = services.table_now(resource)
    except ConnectorError as error:
        context |= {"failure": error}
    else:
        context |= {
            "differences": differences(snapshot.from_json(resource.snapshot), now),
            "has_changed": snapshot.to_json(now) != resource.snapshot,
        }
    return render(request, "resources/drift.html", context)
