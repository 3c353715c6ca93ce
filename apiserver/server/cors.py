"""CORS as the Server page says, per request: django-cors-headers reads its settings from the options in force instead of from Django's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from corsheaders import middleware as library
from corsheaders.conf import Settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apiserver.server import options
from apiserver.server.errors import is_service

EXPOSED = (
    "OData-Version",
    "ETag",
    "Location",
    "OData-EntityId",
    "Preference-Applied",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "Served-From",
    "Data-As-Of",
    "Left-Out",
)
ANY_ORIGIN = r"(?:https?|[a-z][a-z0-9+.-]*)://[^\s/?#@\\]+\Z|null\Z"


class OptionsInForce(Settings):
    """The library's settings, read anew for each request."""

    @property
    def CORS_ALLOW_ALL_ORIGINS(self) -> bool:
        cors = options.current().cors
        return "*" in cors["allow_origins"] and not cors["allow_all_without_star"]

    @property
    def CORS_ALLOWED_ORIGINS(self) -> list[str]:
        return []  # the library compares only scheme and host of these; the patterns below compare everything

    @property
    def CORS_ALLOWED_ORIGIN_REGEXES(self) -> Sequence[str]:
        cors = options.current().cors
        if cors["allow_all_without_star"]:
            return [ANY_ORIGIN]
        return [re.escape(origin.rstrip("/").lower()) + r"\Z" for origin in cors["allow_origins"] if origin != "*"]

    @property
    def CORS_ALLOW_CREDENTIALS(self) -> bool:
        cors = options.current().cors
        return bool(cors["allow_credentials"]) and not cors["allow_all_without_star"] and "*" not in cors["allow_origins"]

    @property
    def CORS_ALLOW_METHODS(self) -> Sequence[str]:
        return tuple(options.current().cors["allow_methods"])

    @property
    def CORS_ALLOW_HEADERS(self) -> Sequence[str]:
        return tuple(options.current().cors["allow_headers"])

    @property
    def CORS_PREFLIGHT_MAX_AGE(self) -> int:
        return int(options.current().cors["max_age"])

    @property
    def CORS_EXPOSE_HEADERS(self) -> Sequence[str]:
        return EXPOSED


library.conf = OptionsInForce()


class CorsMiddleware(library.CorsMiddleware):
    """Answers preflights without asking who calls, and gives every answer of the API, refusals too, its CORS headers."""

    def __call__(self, request: HttpRequest) -> Any:
        """Pass on what is none of CORS's business."""
        return super().__call__(request) if self.is_enabled(request) else self.get_response(request)

    def is_enabled(self, request: HttpRequest) -> bool:
        """Claim that CORS is on, and only for what programs call: never for the console."""
        return is_service(request) and bool(options.of(request).cors["enabled"])

    def add_response_headers(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the headers; a preflight is allowed besides what Power Platform's designer asks for, and anything with `echo_headers`."""
        super().add_response_headers(request, response)
        allowed = response.get(library.ACCESS_CONTROL_ALLOW_HEADERS)
        if allowed is not None:
            listed = [name.strip().lower() for name in allowed.split(",")]
            asked = [name.strip() for name in request.headers.get("Access-Control-Request-Headers", "").split(",")]
            known = TOKEN if options.current().cors["echo_headers"] else DESIGNERS
            more = [name for name in asked if known.fullmatch(name) and name.lower() not in listed]
            response[library.ACCESS_CONTROL_ALLOW_HEADERS] = ", ".join([allowed, *more]) if more else allowed
        return response


TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# Sent by Power Platform's designer with the document's address; its walkthroughs list one of them (Azure/LogicAppsUX, 2026-08).
DESIGNERS = re.compile(r"access-control-allow-origin|x-ms-[a-z0-9-]{1,80}", re.IGNORECASE)
