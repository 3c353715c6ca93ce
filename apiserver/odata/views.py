"""The one view of the API: who asks, what they may see, then the service. Every method, no CSRF: credentials are never cookies."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from apiserver.odata.documents import document
from apiserver.odata.service import ServiceContext, run
from apiserver.resources.services import catalog_for
from apiserver.server.addresses import service_root
from connections.services import session_for
from users.authentication import ANONYMOUS, authenticate, split_path_token


@csrf_exempt
def serve(request: HttpRequest, path: str | None = None) -> HttpResponseBase:
    """Answer anything at or below /api.rsc."""
    token, rest = split_path_token(path or "")

    def open_context(request: HttpRequest) -> ServiceContext:
        return context_of(request, token)

    return run(request, rest, open_context)


def context_of(request: HttpRequest, token: str | None) -> ServiceContext:
    """Authenticate and collect what the service needs to know; leave it on the request for the log."""
    log: dict[str, Any] | None = getattr(request, "log_entry", None)
    if log is None:
        log = {}
    principal = authenticate(request, token)
    log["user"] = principal.name
    root = service_root(request, token)
    request.principal = principal  # type: ignore[attr-defined]
    request.service_root = root  # type: ignore[attr-defined]
    request.log_entry = log  # type: ignore[attr-defined]
    catalog = catalog_for(principal)
    is_open = token is not None or principal.name == ANONYMOUS
    return ServiceContext(catalog, session_for, root, log, partial(document, catalog, root, is_open=is_open))
