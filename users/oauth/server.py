"""The protocol itself: oauthlib's server for authorization codes and refresh tokens, over the validator of this room."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from typing import Any

from django.http import HttpRequest
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauthlib.common import Request
from oauthlib.oauth2 import WebApplicationServer
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError

from apiserver.server import options

# A dot is in no authtoken and one dot is in no JWT: each kind of credential is known by its look.
ACCESS, REFRESH = "oat.", "ort."
BYTES = 32
BEGAN: ContextVar[datetime] = ContextVar("oauth_request_began")  # when the request came that is answered
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class Core(OAuthLibCore):
    """Reads requests strictly: what an address asks for stands in its query, what a program sends stands in the body."""

    def _extract_params(self, request: HttpRequest) -> tuple[str, str, str, dict[str, Any]]:
        uri, method, body, headers = super()._extract_params(request)
        if request.path_info == AUTHORIZE:
            return uri, "GET", "", headers
        return uri.partition("?")[0], method, body, headers


AUTHORIZE = "/oauth/authorize"


def seconds(request: Request) -> int:
    """Return how long a new access token lives."""
    return int(options.current().oauth["access_minutes"]) * 60


def access_token(request: Request) -> str:
    """Return a new access token."""
    return ACCESS + secrets.token_urlsafe(BYTES)


def refresh_token(request: Request) -> str:
    """Return a new refresh token."""
    return REFRESH + secrets.token_urlsafe(BYTES)


def strict(request: Request) -> dict[str, Any]:
    """Refuse answers in another part of the address than its query, and PKCE by anything but S256 (RFC 7636, 4.2)."""
    if request.response_mode not in (None, "query"):
        raise InvalidRequestError(description="Only response_mode=query is known.", request=request)
    if request.code_challenge is not None or request.code_challenge_method is not None:
        if request.code_challenge_method != "S256":
            raise InvalidRequestError(description="Only code_challenge_method=S256 is known.", request=request)
        if not CHALLENGE.fullmatch(request.code_challenge or ""):
            raise InvalidRequestError(description="The code_challenge is no SHA-256 in base64url.", request=request)
    return {}


@cache
def core() -> Core:
    """Return the server."""
    from users.oauth.validator import Validator  # its module asks for models while it is loaded

    server = WebApplicationServer(
        Validator(), token_generator=access_token, token_expires_in=seconds, refresh_token_generator=refresh_token
    )
    server.auth_grant.custom_validators.pre_auth.append(strict)
    return Core(server)
