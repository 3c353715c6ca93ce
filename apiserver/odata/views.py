"""The one view of the API: who asks, what they may see, then the service. Every method, no CSRF: credentials are never cookies."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits
from apiserver.odata.security_choice import document
from apiserver.odata.service import ServiceContext, run
from apiserver.resources.services import catalog_for
from apiserver.server.addresses import service_root
from apiserver.server.options import ServerOptions, of
from apiserver.server.responses import fill, when_closed
from connections.services import session_for
from users.authentication import ANONYMOUS, authenticate, split_path_token
from users.limits import Ticket, enter
from users.principal import Principal


@csrf_exempt
def serve(request: HttpRequest, path: str | None = None) -> HttpResponseBase:
    """Answer anything at or below /api.rsc."""
    token, rest = split_path_token(path or "")
    tickets: list[Ticket] = []

    def open_context(request: HttpRequest) -> ServiceContext:
        principal = authenticate(request, token)
        tickets.append(enter(principal, of(request).limits, now=time.time()))
        return context_of(request, token, principal)

    response = run(request, rest, open_context, limits_of(of(request)))
    for ticket in tickets:
        finish(response, ticket)
    return response


class Known:
    """The limits of this process and the settings that they were made of."""

    options: ServerOptions | None = None
    limits = DEFAULT_LIMITS


def limits_of(now: ServerOptions) -> Limits:
    """Return what one request may ask for."""
    if now is not Known.options:
        Known.limits = Limits(**now.request_limits)
        Known.options = now
    return Known.limits


def finish(response: HttpResponseBase, ticket: Ticket) -> None:
    """Tell the limits and give the place back once the answer is through, also when the client hung up."""
    fill(response, ticket.headers)
    when_closed(response, ticket.leave)


def context_of(request: HttpRequest, token: str | None, principal: Principal) -> ServiceContext:
    """Collect what the service needs to know; leave it on the request for the log."""
    log: dict[str, Any] | None = getattr(request, "log_entry", None)
    if log is None:
        log = {}
    log["user"] = principal.name
    root = service_root(request, token)
    request.principal = principal  # type: ignore[attr-defined]
    request.service_root = root  # type: ignore[attr-defined]
    request.log_entry = log  # type: ignore[attr-defined]
    catalog = catalog_for(principal)
    is_open = token is not None or principal.name == ANONYMOUS
    return ServiceContext(catalog, session_for, root, log, partial(document, catalog, root, is_open=is_open))
