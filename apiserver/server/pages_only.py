"""Django's middleware of pages, wrapped so that it does nothing for the API: no session, no language, no CSRF there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django_htmx.middleware import HtmxMiddleware

from apiserver.server import options
from apiserver.server.addresses import public_prefix, put_below, site_root
from apiserver.server.errors import SIGN_IN

NOT_PAGES = ("/api.rsc", "/healthz", "/readyz", "/manage/api", "/static/", "/hooks/", *SIGN_IN)

Next = Callable[[HttpRequest], HttpResponseBase]


def is_page(request: HttpRequest) -> bool:
    """Claim that the request is for a page of the console."""
    return not request.path_info.startswith(NOT_PAGES)


class PagesOnly:
    """Runs one middleware for pages and steps aside for the rest."""

    middleware: Any

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.inner = self.middleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_page(request):
            return self.get_response(request)
        response: HttpResponseBase = self.inner(request)
        return response

    def process_view(self, request: HttpRequest, *arguments: Any) -> Any:
        """Pass on to the middleware's own hook."""
        hook = getattr(self.inner, "process_view", None)
        return hook(request, *arguments) if hook and is_page(request) else None


class PublicPrefix:
    """Puts pages below the path of the configured public address, as its clients see them."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        prefix = public_prefix(options.of(request).public_url) if is_page(request) else ""
        if prefix:
            put_below(request, prefix)
        return self.get_response(request)


class SecureSession(SessionMiddleware):
    """Sessions whose cookie never travels unencrypted where clients come by https."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Mark the cookie before it leaves."""
        return secured(request, super().process_response(request, response), settings.SESSION_COOKIE_NAME)


def secured(request: HttpRequest, response: Any, name: str) -> Any:
    """Return the answer, its cookie of that name marked Secure where clients come by https."""
    if name in response.cookies and site_root(request).startswith("https:"):
        response.cookies[name]["secure"] = True
    return response


class Session(PagesOnly):
    """Sessions."""

    middleware = SecureSession


class Locale(PagesOnly):
    """Languages."""

    middleware = LocaleMiddleware


class OwnOriginCsrf(CsrfViewMiddleware):
    """The check against forged requests; the configured public address is an origin of ours too."""

    def _origin_verified(self, request: HttpRequest) -> bool:
        parts = urlsplit(site_root(request))
        is_ours = request.META.get("HTTP_ORIGIN") == f"{parts.scheme}://{parts.netloc}"
        return is_ours or bool(super()._origin_verified(request))  # type: ignore[misc]

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Mark the cookie before it leaves."""
        return secured(request, super().process_response(request, response), settings.CSRF_COOKIE_NAME)


class Csrf(PagesOnly):
    """Cross-site request forgery."""

    middleware = OwnOriginCsrf


class Authentication(PagesOnly):
    """Signed-in users."""

    middleware = AuthenticationMiddleware


class Messages(PagesOnly):
    """Messages between pages."""

    middleware = MessageMiddleware


class Htmx(PagesOnly):
    """What htmx tells of its requests."""

    middleware = HtmxMiddleware
