"""The section `oauth_clients` of the configuration file: programs that may sign users in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from apiserver.server import stamp
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, reference, typed
from connections import vault
from users.oauth.clients import KINDS, SECRET, check, new_secret, set_secret
from users.oauth.models import Client
from users.oauth.scopes import ALL
from users.tokens import digest

KEYS = ("client_id", "client_secret", "type", "redirect_uris", "scopes", "active")


class ClientsSection:
    """OAuth clients as data."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Create and change the named clients; delete the others when pruned."""
        if not isinstance(data, Mapping):
            raise ConfigurationError("oauth_clients must be a mapping of names to OAuth clients.")
        for name, given in data.items():
            self.one(str(name), given, change)
        for client in Client.objects.exclude(name__in=[str(name) for name in data]) if prune else ():
            client.delete()
            stamp.changed()
            change.deleted.append(f"oauth_clients/{client.name}")

    def one(self, name: str, given: Any, change: Change) -> None:
        """Create or change one client."""
        place = f"oauth_clients.{name}"
        values = check_keys(given, KEYS, place)
        existing = Client.objects.filter(name=name).first()
        client = existing or Client(name=name, scopes=list(ALL), client_type="confidential", client_secret="")
        before = state(client)
        for key, value in wanted(values, place).items():
            setattr(client, key, value)
        client.authorization_grant_type, client.hash_client_secret = Client.GRANT_AUTHORIZATION_CODE, False
        self.secret(client, values, change, place)
        try:
            check(client)
        except ValidationError as error:
            raise ConfigurationError(f"{place}: {' '.join(error.messages)}") from error
        if existing is not None and state(client) == before:
            return
        client.save()
        stamp.changed()
        (change.created if existing is None else change.updated).append(f"oauth_clients/{name}")

    def secret(self, client: Client, values: Mapping[str, Any], change: Change, place: str) -> None:
        """Give the client the file's secret, or one that is told once."""
        text = values.get("client_secret")
        if client.is_public:
            if text is not None:
                raise ConfigurationError(f"{place}.client_secret: a public client has none.")
            client.client_secret = client.sealed = ""
        elif text is not None:
            if not isinstance(text, str) or not SECRET.fullmatch(text):
                raise ConfigurationError(f"{place}.client_secret must have 22 to 200 characters: letters, digits and . _ ~ -")
            if digest(text) != client.client_secret:
                set_secret(client, text)
        elif not client.client_secret:
            change.authtokens[f"oauth_clients/{client.name}"] = text = new_secret()
            set_secret(client, text)

    def export(self, secrets: SecretWriter) -> Any:
        """Return all clients; secrets as the writer says."""
        return {client.name: exported(client, secrets) for client in Client.objects.all()}


def state(client: Client) -> tuple[Any, ...]:
    """Return what the file says of a client."""
    secret = client.client_secret
    return client.client_id, client.client_type, client.redirect_uris, list(client.scopes), client.is_active, secret


def wanted(values: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the fields that the file sets."""
    found: dict[str, Any] = {}
    if "client_id" in values:
        found["client_id"] = str(typed(values["client_id"], str, f"{place}.client_id"))
    if "type" in values:
        found["client_type"] = reference(str(values["type"]), KINDS, f"{place}.type")
    if "redirect_uris" in values:
        listed = typed(values["redirect_uris"], list, f"{place}.redirect_uris")
        found["redirect_uris"] = "\n".join(str(typed(item, str, f"{place}.redirect_uris")).strip() for item in listed)
    if "scopes" in values:
        given = [reference(str(item), ALL, f"{place}.scopes") for item in typed(values["scopes"], list, f"{place}.scopes")]
        found["scopes"] = [scope for scope in ALL if scope in given]
    if "active" in values:
        found["is_active"] = typed(values["active"], bool, f"{place}.active")
    return found


def exported(client: Client, secrets: SecretWriter) -> dict[str, Any]:
    """Return one client as data, with its secret."""
    found = described(client)
    if client.sealed:
        found["client_secret"] = secrets.write("oauth_clients", client.name, "client_secret", vault.reveal(client.sealed))
    return found


def described(client: Client) -> dict[str, Any]:
    """Return one client as data, without its secret."""
    found: dict[str, Any] = {
        "client_id": client.client_id,
        "type": client.client_type,
        "redirect_uris": client.redirects,
        "scopes": list(client.scopes),
    }
    return found if client.is_active else {**found, "active": False}
