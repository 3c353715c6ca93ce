"""Refusals made before the service is reached, in the OData body (JSON Format 4.01, 19); the product's own database being away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import HttpRequest, HttpResponse

API = "/api.rsc"
MANAGEMENT = "/manage/api"
SIGN_IN = ("/oauth/token", "/oauth/revoke", "/.well-known/oauth-authorization-server")  # what programs call to sign in
RETRY_SECONDS = "2"


@dataclass(slots=True)
class Problem:
    """One error, ready to be written."""

    status: int
    code: str
    message: str
    target: str = ""
    details: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


class NotReady(Exception):
    """The product's own database does not answer, or is not migrated yet."""

    status = 503
    message = "The server is not ready: its own database does not answer."
    hint = "Try again in a moment."

    def __init__(self) -> None:
        super().__init__(self.message)
        self.headers = {"Retry-After": RETRY_SECONDS}


@contextmanager
def answering() -> Iterator[None]:
    """Turn failures of the product's own database into NotReady."""
    try:
        yield
    except (OperationalError, InterfaceError, ProgrammingError) as error:  # the last: a table that is not migrated yet
        raise NotReady from error


def is_api(request: HttpRequest) -> bool:
    """Claim that the request is for the API."""
    return request.path_info == API or request.path_info.startswith(f"{API}/")


def is_service(request: HttpRequest) -> bool:
    """Claim that the request is what programs send: for the API, the management API or sign-in."""
    path = request.path_info
    return is_api(request) or path == MANAGEMENT or path.startswith(f"{MANAGEMENT}/") or path in SIGN_IN


def refusal(request: HttpRequest, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return an error: JSON for programs, plain text elsewhere."""
    if is_service(request):
        body = json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False)
        response = HttpResponse(body, status=status, content_type="application/json")
        if is_api(request):
            response["OData-Version"] = "4.0"
    else:
        response = HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def unavailable(request: HttpRequest) -> HttpResponse:
    """Return the 503 of a server that is not ready."""
    return refusal(request, NotReady.status, "Unavailable", f"{NotReady.message} {NotReady.hint}", {"Retry-After": RETRY_SECONDS})
