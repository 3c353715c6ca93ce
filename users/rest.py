"""The users' side of Django REST Framework: authtokens sign in, administrators and operators may manage."""

from __future__ import annotations

import time
from typing import Any, NoReturn
from urllib.parse import urlsplit

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apiserver.server.addresses import site_root
from apiserver.server.options import of
from users.authentication import ANONYMOUS, authenticate
from users.errors import AccessDenied
from users.limits import enter
from users.principal import Principal

MANAGERS = ("admin", "operator")
SAFE = ("GET", "HEAD", "OPTIONS")
FOREIGN = "Send the authtoken in the header x-cdata-authtoken or as Bearer."


class Denied(APIException):
    """AccessDenied as the framework raises it; apiserver.server.rest_errors writes its words and headers."""

    def __init__(self, denied: AccessDenied) -> None:
        super().__init__({"code": denied.code, "message": denied.message, "hint": denied.hint}, denied.code)
        self.status_code = denied.status
        self.headers = denied.headers


class Caller:
    """What the framework calls a user: somebody with a principal."""

    is_authenticated = True

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    def __str__(self) -> str:
        return self.principal.name


class AuthtokenAuthentication(BaseAuthentication):
    """Signs in by authtoken as the API does, without the path; nobody manages anonymously."""

    def authenticate(self, request: Request) -> tuple[Caller, Principal]:
        """Return the caller and its rights; raise Denied."""
        plain: HttpRequest = request._request
        try:
            principal = authenticate(plain)
        except AccessDenied as denied:
            refuse(denied)
        if request.method not in SAFE and is_foreign(plain):
            raise Denied(AccessDenied(403, "Forbidden", "A page of another site sent this request.", hint=FOREIGN))
        getattr(plain, "log_entry", {})["user"] = principal.name
        plain.principal = principal  # type: ignore[attr-defined]
        return Caller(principal), principal

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Basic realm="API Server", charset="UTF-8"'


def is_foreign(request: HttpRequest) -> bool:
    """Claim that a page of another site may have had a browser send credentials that it keeps: those of Basic, and no others."""
    origin = request.headers.get("Origin")
    if origin is None or "x-cdata-authtoken" in request.headers or not request.headers.get("Authorization", "").lower().startswith("basic"):
        return False
    parts = urlsplit(site_root(request))
    return origin != f"{parts.scheme}://{parts.netloc}"


class UserLimits(BaseThrottle):
    """Counts the requests of the management API among those of the user."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Admit the request; the view gives the ticket back. Raise Denied when a limit is reached."""
        plain: HttpRequest = request._request
        try:
            plain.ticket = enter(request.auth, of(plain).limits, now=time.time())  # type: ignore[attr-defined]
        except AccessDenied as denied:
            refuse(denied)
        return True


def refuse(denied: AccessDenied) -> NoReturn:
    """Raise the refusal in the framework's words."""
    raise Denied(denied) from denied


class MayManage(BasePermission):
    """Administrators and operators; what only administrators may do, views say themselves."""

    message = "Only administrators and operators manage this server."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Claim that the caller manages."""
        principal = request.auth
        return isinstance(principal, Principal) and principal.name != ANONYMOUS and principal.role in MANAGERS
