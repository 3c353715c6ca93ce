"""Derived views over several connections: their sessions, made anew when any configuration changes, and which connections they name."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import cast

from apiserver.resources.models import Resource
from apiserver.server import stamp
from apiserver.server.errors import answering
from connections.contract.connector import Session
from connections.contract.errors import ConnectionFailed
from connections.derived_several import session_of
from connections.engine.session import EngineSession
from connections.view_names import ListedNames, connections_read, renamed_in


class Sessions:
    """Sessions of this process by resource."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp = -1
        self._sessions: dict[int, EngineSession] = {}

    def get(self, pk: int) -> EngineSession:
        """Return the session of a view; the database is asked only when some configuration changed."""
        with self._lock:
            if (current := stamp.value()) != self._stamp:
                self._sessions.clear()
                self._stamp = current
            if pk not in self._sessions:
                with answering():
                    row = Resource.objects.filter(pk=pk, connection=None).first()
                if row is None:
                    raise ConnectionFailed("The view was deleted.", hint="Ask again: the resource is gone.")
                self._sessions[pk] = session_of(row.sql, row.key)
            return self._sessions[pk]


SESSIONS = Sessions()


def session_for(pk: int) -> Session:
    """Return the session of a view over several connections."""
    return cast(Session, SESSIONS.get(pk))


def views_by_connection() -> dict[int, list[Resource]]:
    """Return the views by the ids of the connections that they name."""
    views = list(Resource.objects.filter(connection=None).only("pk", "name", "sql", "connection"))
    if not views:
        return {}
    names, found = ListedNames(), defaultdict(list)
    for view in views:
        for pk in connections_read(view.sql, names):
            found[pk].append(view)
    return dict(found)


def follow(before: str, after: str) -> None:
    """Let the views that name a connection follow its new name."""
    for view in Resource.objects.filter(connection=None):
        sql = renamed_in(view.sql, before, after)
        if sql != view.sql:
            view.sql = sql
            view.version += 1
            view.save(update_fields=["sql", "version"])
