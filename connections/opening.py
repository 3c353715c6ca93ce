"""How a stored connection becomes a session: what the product lends it, and the engine around sources that give rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from apiserver.server import options
from connections import uploads
from connections.connectors.registry import get_connector
from connections.contract.connector import Session
from connections.contract.context import Context
from connections.contract.hearing import hear
from connections.engine.budget import Limits
from connections.engine.session import EngineSession
from connections.models import Connection
from connections.oauth.grants import tokens_of


def context_of(connection: Connection | None, own: tuple[str, ...]) -> Context:
    """Return what a connection may use; of None, one that is not stored yet."""
    data = settings.DATA_DIR
    return Context(
        connection_id=connection.pk if connection else None,
        name=connection.name if connection else "",
        tokens=tokens_of(connection) if connection else None,
        outgoing=tuple(options.current().outgoing["allow"]),
        folders=settings.ALLOWED_FOLDERS,
        uploads=uploads.folder_of(connection) if connection and connection.pk else None,
        shared=data / "shared",
        heard=hear,
        own=own,
    )


def limits() -> Limits:
    """Return what one query may cost at a source that gives rows."""
    asked = options.current().request_limits
    return Limits(asked["source_calls"], asked["source_rows"], asked["source_memory"])


def opened(connection: Connection, values: Mapping[str, Any], context: Context) -> Session:
    """Return the session of a connection; a source that gives rows is wrapped by the engine."""
    session = get_connector(connection.connector).open(values, read_only=connection.read_only, context=context)
    if session.dialect is not None:
        return session
    return EngineSession(session, limits=limits)  # type: ignore[return-value]
