"""The users' side of Django REST Framework: authtokens sign in, administrators and operators may manage."""

from __future__ import annotations

from typing import Any, NoReturn

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from users.authentication import ANONYMOUS, authenticate
from users.errors import AccessDenied
from users.principal import Principal

MANAGERS = ("admin", "operator")


class Denied(APIException):
    """AccessDenied as the framework raises it; its exception handler writes `auth_header` and `wait` into headers."""

    def __init__(self, denied: AccessDenied) -> None:
        super().__init__({"code": denied.code, "message": denied.message, "hint": denied.hint}, denied.code)
        self.status_code = denied.status
        self.auth_header = denied.headers.get("WWW-Authenticate")
        self.wait = denied.headers.get("Retry-After")


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
        plain.principal = principal  # type: ignore[attr-defined]
        return Caller(principal), principal

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Basic realm="API Server", charset="UTF-8"'


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
