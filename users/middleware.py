"""Notes when an authtoken was used, once its answer has left, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponseBase

from apiserver.server.responses import when_closed
from users import tokens
from users.principal import Principal


class UsageMiddleware:
    """Keeps `Authtoken.last_used` true to the minute."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        principal: Principal | None = getattr(request, "principal", None)
        token_id = principal.token_id if principal else None
        if token_id is not None and tokens.is_touch_due(token_id, now=datetime.now(UTC)):
            when_closed(response, lambda: tokens.touch(token_id, now=datetime.now(UTC)))
        return response
