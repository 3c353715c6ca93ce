"""Every address of the management API: what the rooms bring, then what says that nothing is there."""

from __future__ import annotations

from django.urls import URLPattern, re_path
from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema

from apiserver.server.registry import MANAGEMENT_ROOMS
from apiserver.server.rest import Nothing


def patterns() -> list[URLPattern]:
    """Return the addresses, in the order of the rooms."""
    found = [pattern for room in MANAGEMENT_ROOMS for pattern in import_string(f"{room}.urls")()]
    return [*found, re_path(r"^(?:/[\s\S]*)?\Z", extend_schema(exclude=True)(Nothing).as_view())]


urlpatterns = patterns()
