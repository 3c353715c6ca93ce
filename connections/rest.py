"""Connections in the management API: entries, tests, tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.server import audit
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.rest import by, number, switch, words
from apiserver.server.rest_entries import LIMIT, MOST, ActionView, Entries
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import described, entry_urls, url
from apiserver.ui.access import CONSOLE
from connections import pages, services, vault
from connections.configuration import described as entry_of
from connections.connectors.registry import connector_keys, get_connector
from connections.gallery import may_configure
from connections.models import Connection
from connections.uses import InUse

TEST = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "at": {"type": "string", "format": "date-time"},
        "steps": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
    },
}
GRANT = {
    "type": "object",
    "description": "What a service granted, where the connection signs in by OAuth; its tokens are never shown.",
    "properties": {
        "account": {"type": "string"},
        "scopes": {"type": "array", "items": {"type": "string"}},
        "connected": {"type": "string", "format": "date-time"},
        "problem": {"type": "string", "description": "Why somebody must connect again on the console; empty: it works."},
    },
}
TABLE = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("schema", "table", "kind", "comment")} | {"is_published": {"type": "boolean"}},
}


def schema() -> dict[str, Any]:
    """Return the schema of an entry."""
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 80},
            "connector": {"type": "string", "enum": list(connector_keys())},
            "labels": {"type": "array", "items": {"type": "string"}},
            "properties": {
                "type": "object",
                "additionalProperties": True,
                "description": "By the names that the connector declares. Secrets are written, never read: one that is not named stays, "
                "null or an empty text forgets it.",
            },
            "read_only": {"type": "boolean"},
            "max_rows": {"type": "integer", "minimum": 0},
            "secrets": {"type": "array", "items": {"type": "string"}, "readOnly": True, "description": "Properties with a stored secret."},
            "last_test": {"allOf": [TEST], "nullable": True, "readOnly": True},
            "grant": {"allOf": [GRANT], "readOnly": True},
        },
        "required": ["name", "connector"],
    }


class ConnectionEntries(Entries):
    """Connections; secrets are taken, never given."""

    room, noun, roles = "connections", "connection", CONSOLE
    blank = {"labels": [], "properties": {}, "read_only": False, "max_rows": 0}
    read_only = ("secrets", "last_test", "grant")
    created = changed = "connection saved"

    def rows(self, text: str) -> QuerySet[Any]:
        """Return the connections whose name, data source and labels hold every word of the text."""
        found = Connection.objects.select_related("grant")
        return found.filter(pk__in=[row.pk for row in Connection.objects.defer("tables") if pages.fits(row, text)]) if text else found

    def find(self, name: str) -> Connection | None:
        """Return the connection of that name."""
        return Connection.objects.filter(name=name).first()

    def entry(self, row: Connection) -> dict[str, Any]:
        """Return the connection without its secrets."""
        return {**entry_of(row), "secrets": sorted(row.secrets), "last_test": row.last_test, **granted(row)}

    def merged(self, row: Connection, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the change with the properties that it does not name."""
        given = entry.get("properties")
        if not isinstance(given, Mapping):
            return entry
        return {**entry, "properties": with_secrets(row, {**row.properties, **given})}

    def whole(self, row: Connection | None, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the whole entry; secrets that it does not name stay."""
        found = dict(super().whole(row, entry))
        if row is not None and isinstance(found["properties"], Mapping):
            found["properties"] = with_secrets(row, found["properties"])
        return found

    def check(self, row: Connection | None, entry: Mapping[str, Any], request: Request) -> None:
        """Refuse operators what only administrators may configure."""
        keys = {str(entry.get("connector") or ""), row.connector if row else ""} & set(connector_keys())
        if not all(may_configure(getattr(request.auth, "role", ""), get_connector(key)) for key in keys):
            raise PermissionDenied("Only administrators may configure such connections.")

    def rename(self, row: Connection, name: str, request: Request) -> None:
        """Give the connection another name; resources follow."""
        settings = {"labels": row.labels, "read_only": row.read_only, "max_rows": row.max_rows}
        try:
            services.save_connection(name=name, connector=row.connector, values=row.properties, existing=row, **settings)
        except ValidationError as error:
            raise ConfigurationError(f"connections.{row.name}.name: {' '.join(error.messages)}") from error

    def delete(self, row: Connection, request: Request) -> None:
        """Delete a connection that no resource or job uses."""
        name = row.name
        try:
            services.delete_connection(row)
        except InUse as error:
            message = f"Resources or jobs use the connection {name}: {', '.join(error.names[:20])}."
            raise Refusal(409, "Conflict", message, hint="Repoint or delete them first.") from error
        audit.record("connection deleted", subject=name, **by(request))


def granted(row: Connection) -> dict[str, Any]:
    """Return the grant's part of an entry; what each renewal changes is left out, so that the entry's ETag stays."""
    grant = getattr(row, "grant", None)
    return {"grant": {name: getattr(grant, name) for name in ("account", "scopes", "connected", "problem")}} if grant else {}


def with_secrets(row: Connection, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties with the stored secrets that they do not name; null forgets a property."""
    kept = {name: vault.reveal(sealed) for name, sealed in row.secrets.items() if name not in properties}
    return {name: value for name, value in {**kept, **properties}.items() if value is not None}


class TestView(ActionView):
    """The named test steps."""

    entries, roles = ConnectionEntries(), CONSOLE

    def post(self, request: Request, name: str) -> Response:
        """Test the connection as it is stored; a failed test is an answer, not an error."""
        row = self.row(name)
        services.test_stored(row, now=timezone.now())
        return Response(row.last_test)


class TablesView(ActionView):
    """The tables that can be published."""

    entries, roles = ConnectionEntries(), CONSOLE

    def get(self, request: Request, name: str) -> Response:
        """Return the tables that fit `q`, read anew when `refresh` is true."""
        row, text = self.row(name), words(request, "q").lower()
        limit, offset = number(request, "limit", LIMIT, most=MOST), number(request, "offset", 0, most=2**31)
        known = services.list_tables(row, now=timezone.now(), refresh=switch(request, "refresh"))
        found = [item for item in known if text in str(item.ref).lower()]
        published = set(row.resources.values_list("schema", "table"))
        results = [
            {
                "schema": item.ref.schema,
                "table": item.ref.name,
                "kind": item.kind,
                "comment": item.comment,
                "is_published": (item.ref.schema, item.ref.name) in published,
            }
            for item in found[offset : offset + limit]
        ]
        return Response({"count": len(found), "results": results})


def urls() -> list[URLPattern]:
    """Return the addresses of this room."""
    one = "connections/(?P<name>[^/]+)"
    page = {"type": "object", "properties": {"count": {"type": "integer"}, "results": {"type": "array", "items": TABLE}}}
    return [
        *entry_urls(ConnectionEntries(), "Connection"),
        url(f"{one}/test", described(TestView, "post", "testConnection", "Test a connection", answer=TEST)),
        url(
            f"{one}/tables",
            described(
                TablesView, "get", "listTables", "List a connection's tables", answer=page, query=("q", "refresh", "limit", "offset")
            ),
        ),
    ]


SCHEMAS = {"Connection": schema}
