"""Is the process alive, is it ready: for the supervisor, load balancers and platforms."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from apiserver.server.errors import RETRY_SECONDS


class Migrated:
    """Remembers that the schema was found complete: it does not fall behind while we run."""

    is_known = False


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: the process runs."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers and is migrated, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not Migrated.is_known:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return not_ready("The database is being migrated.")
            Migrated.is_known = True
    except DatabaseError:
        return not_ready("The product's own database does not answer.")
    return JsonResponse({"status": "ready"})


def not_ready(reason: str) -> JsonResponse:
    """Return a 503 that says when to ask again."""
    return JsonResponse({"status": "not ready", "reason": reason}, status=503, headers={"Retry-After": RETRY_SECONDS})
