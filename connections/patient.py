"""Sessions of their own for long work: a statement of it may take longer than the Timeout of its connection allows a request."""

from __future__ import annotations

from typing import Any

from apiserver.server import options
from connections.connectors.registry import get_connector
from connections.connectors.sql.properties import TIMEOUT
from connections.contract.connector import Session
from connections.models import Connection
from connections.services import Sessions, reachable, values_of
from connections.services import session_for as quick_session_for


def longest() -> int:
    """Return the seconds that long work may take."""
    return int(options.current().long_reads["seconds"])


class PatientSessions(Sessions):
    """Open sessions whose statements end with the work, not before; calls of HTTP services keep their Timeout."""

    def values(self, connection: Connection) -> dict[str, Any]:
        """Return the properties to open a connection with."""
        found = values_of(connection)
        if TIMEOUT in get_connector(connection.connector).properties:
            found["Timeout"] = max(found["Timeout"], longest())
        return found

    def state(self, version: int | None) -> Any:
        """Return what a session was opened under."""
        return (version, reachable(), longest())


SESSIONS = PatientSessions()


def session_for(connection_id: int) -> Session:
    """Return the session of a stored connection for long work; a view over several reads by the sessions of requests."""
    return quick_session_for(connection_id) if connection_id < 0 else SESSIONS.get(connection_id)
