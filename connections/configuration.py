"""The section `connections` of the configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, reference, typed
from apiserver.server.configuration_server import count
from connections import vault
from connections.connectors.registry import connector_keys
from connections.contract.errors import InvalidProperties
from connections.models import Connection
from connections.oauth.carried import GrantUnreadable, brought_back, taken_out
from connections.services import drop_connection, save_connection

KEYS = ("connector", "labels", "properties", "read_only", "max_rows", "oauth")


class ConnectionsSection:
    """Connections as data."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Create and change the named connections; delete the others when pruned."""
        if not isinstance(data, Mapping):
            raise ConfigurationError("connections must be a mapping of names to connections.")
        for name, given in data.items():
            self.one(str(name), given, change)
        for connection in Connection.objects.exclude(name__in=list(data)) if prune else ():
            if connection.resources.exists():
                connection.resources.all().delete()
            change.deleted.append(f"connections/{connection.name}")
            change.last.append(partial(drop_connection, connection))  # jobs may leave it for another further down in the file

    def one(self, name: str, given: Any, change: Change) -> None:
        """Create or change one connection; the file is the whole truth about its properties."""
        place = f"connections.{name}"
        values = check_keys(given, KEYS, place)
        existing = Connection.objects.filter(name=name).first()
        connector = values.get("connector") or (existing.connector if existing else "")
        reference(str(connector), connector_keys(), f"{place}.connector")
        given_properties = typed({} if values.get("properties") is None else values["properties"], dict, f"{place}.properties")
        properties = dict(given_properties) if "properties" in values or not existing else dict(existing.properties)
        sealed = typed(values["oauth"], str, f"{place}.oauth") if values.get("oauth") is not None else ""
        before = existing.version if existing else 0
        kept = {n: "" for n in existing.secrets if n not in properties} if existing and "properties" in values else {}
        try:
            saved = save_connection(
                name=name,
                connector=str(connector),
                values={**kept, **properties},
                existing=existing,
                labels=labels_of(values.get("labels", existing.labels if existing else []), f"{place}.labels"),
                read_only=typed(values.get("read_only", existing.read_only if existing else False), bool, f"{place}.read_only"),
                max_rows=count(values.get("max_rows", existing.max_rows if existing else 0), f"{place}.max_rows"),
            )
            brought_back(saved, sealed)
        except InvalidProperties as error:
            raise ConfigurationError(f"{place}.properties.{error}.") from error
        except GrantUnreadable as error:
            raise ConfigurationError(f"{place}.oauth: {error}.") from error
        except ValidationError as error:
            raise ConfigurationError(f"{place}: {' '.join(error.messages)}") from error
        if existing is None:
            change.created.append(place.replace(".", "/", 1))
        elif saved.version != before:
            change.updated.append(place.replace(".", "/", 1))

    def export(self, secrets: SecretWriter) -> Any:
        """Return all connections; secrets as the writer says."""
        return {connection.name: exported(connection, secrets) for connection in Connection.objects.all()}


def labels_of(given: Any, place: str) -> list[str]:
    """Return the labels, which are texts."""
    return [typed(label, str, f"{place}[{number}]") for number, label in enumerate(typed(given, list, place))]


def exported(connection: Connection, secrets: SecretWriter) -> dict[str, Any]:
    """Return one connection as data."""
    found = described(connection)
    for name, sealed in connection.secrets.items():
        found["properties"][name] = secrets.write("connections", connection.name, name, vault.reveal(sealed))
    grant = taken_out(connection) if secrets.is_sealing else ""
    if grant:
        found["oauth"] = secrets.write("connections", connection.name, "oauth", grant)
    return found


def described(connection: Connection) -> dict[str, Any]:
    """Return one connection as data, without its secrets."""
    found: dict[str, Any] = {"connector": connection.connector, "properties": dict(connection.properties)}
    if connection.labels:
        found["labels"] = connection.labels
    if connection.read_only:
        found["read_only"] = True
    if connection.max_rows:
        found["max_rows"] = connection.max_rows
    return found
