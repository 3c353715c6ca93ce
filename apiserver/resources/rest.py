"""Published resources in the management API: entries, refresh, duplicate, repoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.resources import names, services
from apiserver.resources.configuration import TEXTS, exported
from apiserver.resources.models import ALL_METHODS, Resource
from apiserver.resources.replica import OTHERWISE
from apiserver.server import audit
from apiserver.server.configuration_protocol import Change, ConfigurationError, reference
from apiserver.server.rest import by, given
from apiserver.server.rest_entries import ActionView, Entries
from apiserver.server.rest_schema import described, entry_urls, url
from apiserver.server.rest_schema import reference as schema_reference
from apiserver.ui.access import CONSOLE
from connections.models import Connection

SETTINGS = (*TEXTS, "methods", "key", "columns", "search", "replica", "relations")
COLUMNS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}


def schema() -> dict[str, Any]:
    """Return the schema of an entry."""
    texts = {name: {"type": "string"} for name in ("name", "connection", "schema", "table", *TEXTS)}
    return {
        "type": "object",
        "properties": {
            **texts,
            "id": {"type": "string", "description": "Letters and digits that stay for life; made from the first name."},
            "methods": {"type": "array", "items": {"type": "string", "enum": list(ALL_METHODS)}},
            "key": COLUMNS,
            "search": COLUMNS,
            "columns": {
                "nullable": True,
                "description": "null: all of them; a list of columns; or column -> property name or details.",
                "oneOf": [COLUMNS, {"type": "object", "additionalProperties": True}],
            },
            "replica": {
                "type": "object",
                "description": "Of serve: replicated.",
                "properties": {
                    "job": {"type": "string"},
                    "max_age": {"type": "integer", "description": "Minutes; 0: of any age."},
                    "otherwise": {"type": "string", "enum": list(OTHERWISE)},
                },
            },
            "relations": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "to": {"type": "string"},
                        "columns": {"type": "object", "additionalProperties": {"type": "string"}},
                        "collection": {"type": "boolean"},
                        "partner": {"type": "string"},
                    },
                },
            },
        },
        "required": ["connection", "table"],
    }


class ResourceEntries(Entries):
    """Published resources."""

    room, noun, roles = "resources", "resource", CONSOLE
    blank = {name: getattr(Resource(), name) for name in SETTINGS}
    created, changed = "resource published", "resource changed"

    def rows(self, text: str) -> QuerySet[Any]:
        """Return the resources whose name, title or connection holds the text."""
        found = Resource.objects.select_related("connection").defer("snapshot")
        return found.filter(Q(name__icontains=text) | Q(title__icontains=text) | Q(connection__name__icontains=text)) if text else found

    def find(self, name: str) -> Resource | None:
        """Return the resource of that name."""
        return Resource.objects.select_related("connection").filter(name=name).first()

    def entry(self, row: Resource) -> dict[str, Any]:
        """Return the resource."""
        return exported(row)

    def default_name(self, entry: Mapping[str, Any]) -> str | None:
        """Return the table's name, with connection and schema before it on a clash."""
        table = entry.get("table")
        if not isinstance(table, str) or not table:
            return None
        taken = list(Resource.objects.values_list("name", flat=True))
        return names.resource_name(str(entry.get("connection", "")), str(entry.get("schema") or ""), table, taken)

    def rename(self, row: Resource, name: str, request: Request) -> None:
        """Publish under another name; rights and relations follow."""
        if names.identifier(name) != name:
            message = f"resources.{row.name}.name: {name!r} is no simple identifier; {names.identifier(name)} is."
            raise ConfigurationError(message)
        if Resource.objects.filter(name__iexact=name).exclude(pk=row.pk).exists():
            raise ConfigurationError(f"resources.{row.name}.name: Another resource has this name.")
        services.rename(row, name)
        audit.record("resource renamed", subject=name, **by(request))

    def delete(self, row: Resource, request: Request) -> None:
        """Take the resource back."""
        name = row.name
        services.unpublish(row)
        audit.record("resource unpublished", subject=name, **by(request))


class ResourceView(ActionView):
    """Something that is done with one resource."""

    entries, roles = ResourceEntries(), CONSOLE


class RefreshView(ResourceView):
    """Reading the table anew."""

    def post(self, request: Request, name: str) -> Response:
        """Read the table's columns, keys and relations anew."""
        row = self.row(name)
        has_changed = services.refresh_resource(row)
        if has_changed:
            audit.record("resource changed", subject=name, **by(request))
        return Response({"changed": has_changed})


class DuplicateView(ResourceView):
    """Publishing the same table once more."""

    def post(self, request: Request, name: str) -> Response:
        """Publish the same table once more under a name of its own."""
        copy = services.duplicate_resource(self.row(name))
        audit.record("resource published", subject=copy.name, **by(request))
        return self.made(request, copy, Change(timezone.now()))


class RepointView(ResourceView):
    """Reading the same table from another connection."""

    def post(self, request: Request, name: str) -> Response:
        """Read the same table from the connection that the body names (staging -> production)."""
        row, data = self.row(name), given(request)
        by_name = {item.name: item for item in Connection.objects.all()}
        connection = by_name[reference(str(data.get("connection", "")), by_name, f"resources.{name}.connection")]
        if services.repoint(row, connection):
            audit.record("resource repointed", subject=name, **by(request))
        return Response(self.entries.shown(row))


def urls() -> list[URLPattern]:
    """Return the addresses of this room."""
    one, entry = "resources/(?P<name>[^/]+)", schema_reference("Resource")
    changed = {"type": "object", "properties": {"changed": {"type": "boolean"}}}
    chosen = {"type": "object", "properties": {"connection": {"type": "string"}}, "required": ["connection"]}
    described(RefreshView, "post", "refreshResource", "Read a resource's table anew", answer=changed)
    described(DuplicateView, "post", "duplicateResource", "Duplicate a resource", answer=entry, status=201)
    described(RepointView, "post", "repointResource", "Read a resource from another connection", answer=entry, body=chosen)
    views = {"refresh": RefreshView, "duplicate": DuplicateView, "repoint": RepointView}
    return [*entry_urls(ResourceEntries(), "Resource"), *(url(f"{one}/{word}", view) for word, view in views.items())]


SCHEMAS = {"Resource": schema}
