"""What every address of the management API shares: who may, bodies, limits, one form of errors (that of the API), ETags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypedDict, cast

import orjson
from django.http import HttpRequest
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apiserver.server.addresses import caller
from apiserver.server.masking import masked_path
from apiserver.server.rest_errors import Refusal, body_of, problem_of

ADMIN = ("admin",)
SAFE = ("GET", "HEAD", "OPTIONS")
NUL = b"\\u0000"


class Acting(TypedDict):
    """The keyword arguments of every audited verb."""

    who: str
    address: str


class AlwaysJson(BaseContentNegotiation):
    """Answers JSON whatever the client accepts, errors too."""

    def select_parser(self, request: Request, parsers: Any) -> None:
        """Read no body: `given` does."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[Any, str]:
        """Return the one renderer."""
        return renderers[0], renderers[0].media_type


class ManagementView(APIView):
    """An address of the management API; `roles` may use it, `readers` its safe methods.

    Who asks, and their limits, are apiserver.settings' classes.
    """

    roles: tuple[str, ...] = ADMIN
    readers: tuple[str, ...] = ()  # roles that may only look
    renderer_classes = [JSONRenderer]
    parser_classes: list[Any] = []
    content_negotiation_class = AlwaysJson

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let OPTIONS pass, which tells nothing; ask everybody else who they are."""
        if request.method != "OPTIONS":
            super().initial(request, *args, **kwargs)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tell the methods."""
        return Response(headers={"Allow": ", ".join(self.allowed_methods)})

    def check_permissions(self, request: Request) -> None:
        """Refuse roles that the console would refuse."""
        super().check_permissions(request)
        roles = (*self.roles, *self.readers) if request.method in SAFE else self.roles
        if getattr(request.auth, "role", "") not in roles:
            raise PermissionDenied("Only administrators may do this.")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Tell the limits and give the place back."""
        ticket = getattr(self.request._request, "ticket", None)
        found = super().finalize_response(request, response, *args, **kwargs)
        if ticket is not None:
            for name, value in ticket.headers.items():
                found.setdefault(name, value)
            ticket.leave()
        return found


class Nothing(ManagementView):
    """Every address that is none: 401 first, as everywhere."""

    roles = ("admin", "operator")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Say that nothing is here, to those who may know."""
        super().initial(request, *args, **kwargs)
        raise NotFound(f"Nothing is at {masked_path(request.path)}.")


def refused(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer whatever was raised (the framework's EXCEPTION_HANDLER)."""
    place = getattr(context.get("view"), "place", "")
    problem = problem_of(error, place)
    response = Response(body_of(problem), status=problem.status, headers=problem.headers)
    response.exception = True
    return response


def plain(request: Request) -> HttpRequest:
    """Return Django's request."""
    return cast(HttpRequest, request._request)


def by(request: Request) -> Acting:
    """Return who acts and from where, for the audit trail."""
    entry = getattr(plain(request), "log_entry", None) or {}
    return {"who": str(request.user), "address": str(entry.get("address") or caller(plain(request)).address)}


def given(request: Request, *, is_optional: bool = False) -> dict[str, Any]:
    """Return the JSON object of the body."""
    raw = plain(request).body
    if not raw and is_optional:
        return {}
    media = (plain(request).content_type or "").lower()
    if media != "application/json" and not media.endswith("+json"):
        raise Refusal(415, "UnsupportedMediaType", "The body must be JSON.", hint="Send Content-Type: application/json.")
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "InvalidPayload", f"The body is no JSON: {error}.") from error
    if not isinstance(data, dict):
        raise Refusal(400, "InvalidPayload", "The body must be a JSON object.")
    if NUL in raw:
        raise Refusal(400, "InvalidPayload", "The body holds a null character.", hint="Remove it.")
    return data


def switch(request: Request, name: str) -> bool:
    """Return a true or false of the query."""
    text = request.query_params.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise Refusal(400, "BadRequest", f"{name} must be true or false, not {text!r}.", target=name)
    return text in ("true", "1")


def number(request: Request, name: str, default: int, *, most: int) -> int:
    """Return a number of the query, from 0 to `most`."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) <= most):
        raise Refusal(400, "BadRequest", f"{name} must be a number from 0 to {most}, not {text[:40]!r}.", target=name)
    return int(text)


def words(request: Request, name: str) -> str:
    """Return a text of the query."""
    text: str = request.query_params.get(name, "").strip()
    if "\0" in text:
        raise Refusal(400, "BadRequest", f"{name} holds a null character.", target=name)
    return text[:200]


def etag_of(data: Any) -> str:
    """Return the version of what is shown."""
    return f'"{hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]}"'


def check_match(request: Request, data: Any) -> None:
    """Refuse a change of something that has changed since the client read it."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and wanted.strip() != "*" and etag_of(data) not in [item.strip() for item in wanted.split(",")]:
        raise Refusal(412, "PreconditionFailed", "It has changed since it was read.", hint="Read it again.")


def shown(data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that says its version."""
    return Response(data, status=status, headers={"ETag": etag_of(data), **(headers or {})})
