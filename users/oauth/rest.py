"""OAuth clients in the management API, for administrators. A secret is told once, when it is made."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import URLPattern
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.server.configuration_protocol import Change, ConfigurationError
from apiserver.server.rest import by
from apiserver.server.rest_entries import ActionView, Entries
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import described, entry_urls, url
from users.oauth import clients
from users.oauth.configuration import described as entry_of
from users.oauth.models import Client
from users.oauth.scopes import ALL

SECRET_SCHEMA: dict[str, Any] = {"type": "object", "properties": {"client_secret": {"type": "string"}}}


def client_schema() -> dict[str, Any]:
    """Return the schema of an OAuth client."""
    texts = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 150},
            "client_id": {"type": "string", "pattern": f"^{clients.CLIENT_ID.pattern}$"},
            "client_secret": {"type": "string", "description": "Written: takes the place of the old one. Read: only when it is made."},
            "type": {"type": "string", "enum": list(clients.KINDS)},
            "redirect_uris": texts,
            "scopes": {"type": "array", "items": {"type": "string", "enum": list(ALL)}},
            "active": {"type": "boolean"},
        },
        "required": ["name"],
    }


class ClientEntries(Entries):
    """OAuth clients."""

    room, noun = "oauth_clients", "OAuth client"
    blank = {"type": "confidential", "redirect_uris": [], "scopes": list(ALL), "active": True}
    created, changed = "OAuth client created", "OAuth client changed"

    def rows(self, text: str) -> QuerySet[Any]:
        """Return the clients whose name holds the text."""
        return Client.objects.filter(name__icontains=text) if text else Client.objects.all()

    def find(self, name: str) -> Client | None:
        """Return the client of that name."""
        return Client.objects.filter(name=name).first()

    def entry(self, row: Client) -> dict[str, Any]:
        """Return the client without its secret."""
        return entry_of(row)

    def rename(self, row: Client, name: str, request: Request) -> None:
        """Give the client another name."""
        try:
            clients.save_client(row, name=name, **by(request))
        except ValidationError as error:
            raise ConfigurationError(f"oauth_clients.{name}.name: {' '.join(error.messages)}") from error

    def delete(self, row: Client, request: Request) -> None:
        """Delete a client with its tokens."""
        clients.delete_client(row, **by(request))

    def told(self, row: Client, change: Change) -> dict[str, Any]:
        """Return the secret that was made for a new client."""
        made = change.authtokens.get(f"{self.room}/{row.name}")
        return {"client_secret": made} if made else {}


class SecretView(ActionView):
    """The secret of an OAuth client."""

    entries = ClientEntries()

    def post(self, request: Request, name: str) -> Response:
        """Give a new secret; the old one ends at once."""
        try:
            text = clients.rotate_secret(self.row(name), **by(request))
        except ValidationError as error:
            raise Refusal(409, "Conflict", " ".join(error.messages)) from error
        return Response({"client_secret": text}, status=201, headers={"Cache-Control": "no-store"})


class SignInsView(ActionView):
    """The sign-ins of an OAuth client."""

    entries = ClientEntries()

    def delete(self, request: Request, name: str) -> Response:
        """End every sign-in of the client: its tokens no longer work."""
        clients.end_sign_ins(self.row(name), **by(request))
        return Response(status=204)


def urls() -> list[URLPattern]:
    """Return the addresses of this room."""
    described(SecretView, "post", "rotateOAuthClientSecret", "Rotate an OAuth client's secret", answer=SECRET_SCHEMA, status=201)
    described(SignInsView, "delete", "endOAuthClientSignIns", "End an OAuth client's sign-ins", status=204)
    one = "oauth_clients/(?P<name>[^/]+)"
    return [*entry_urls(ClientEntries(), "OAuthClient"), url(f"{one}/secret", SecretView), url(f"{one}/sign_ins", SignInsView)]


SCHEMAS = {"OAuthClient": client_schema}
