"""What one user may do in the end: role, privileges, groups and rights taken together, resource by resource."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from apiserver.resources.builder import published
from apiserver.resources.services import catalog_for
from apiserver.ui.access import admin_page
from users.models import User
from users.principal import principal_of

ORDER = ("GET", "POST", "PATCH", "PUT", "DELETE")


@admin_page
def effective(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the resources that the user sees."""
    person = get_object_or_404(User, pk=pk)
    every = published()
    rows = [
        {
            "name": name,
            "methods": [method for method in ORDER if method in resource.methods],
            "columns": [item.name for item in resource.properties] if len(resource.properties) < len(every[name].properties) else [],
            "filters": [item.text for item in resource.row_filters],
        }
        for name, resource in catalog_for(principal_of(person)).resources.items()
    ]
    return render(request, "console/effective.html", {"person": person, "rows": rows, "every": ORDER, "hidden": len(every) - len(rows)})
