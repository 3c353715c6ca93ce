"""Who needs a connection: resources that read it, views over several connections and statements of jobs that name it, jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.module_loading import import_string

from connections.models import Connection

# Dotted paths of what rooms above know: () -> connection id -> views over several that name it; and (before, after),
# which lets SQL that names a connection follow its new name.
VIEWS = "apiserver.resources.several.views_by_connection"
FOLLOW = ("apiserver.resources.several.follow", "apiserver.jobs.following.follow")


class InUse(Exception):
    """A connection that resources or jobs need."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


def views_by_connection() -> Mapping[int, Sequence[Any]]:
    """Return the views over several connections by the ids of these."""
    found: Mapping[int, Sequence[Any]] = import_string(VIEWS)()
    return found


def users_of(connection: Connection) -> list[Any]:
    """Return the resources that need the connection, by name."""
    own = list(connection.resources.only("pk", "name", "connection"))
    return sorted([*own, *views_by_connection().get(connection.pk, ())], key=lambda item: str(item.name))


def jobs_of(connection: Connection) -> list[Any]:
    """Return the jobs that read or write the connection, by name."""
    found = {job.pk: job for relation in ("jobs_from", "jobs_to") for job in getattr(connection, relation).only("pk", "name")}
    return sorted(found.values(), key=lambda job: str(job.name))


def let_follow(before: str, after: str) -> None:
    """Let the views and statements that name a connection follow its new name."""
    for path in FOLLOW:
        import_string(path)(before, after)
