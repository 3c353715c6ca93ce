"""What every request passes: log, CORS, security headers, address, host. Sessions and the like are for pages alone (pages_only.py)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase
from django.http.request import split_domain_port, validate_host

from apiserver.server import addresses, options, requestlog
from apiserver.server.cors import CorsMiddleware
from apiserver.server.errors import NotReady, is_service, refusal, unavailable
from apiserver.server.masking import masked_path, masked_query
from apiserver.server.responses import when_closed

Next = Callable[[HttpRequest], HttpResponseBase]
OPEN = ("/healthz", "/readyz")
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
}
SERVICE_HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class RequestLogMiddleware:
    """Gives each API request a log entry that the stages fill, and writes it. Nothing goes on while our database is away."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        entry: dict[str, Any] = {}
        request.log_entry = entry  # type: ignore[attr-defined]
        if not is_service(request):
            return self.answer(request)
        started, now = time.perf_counter(), time.time()
        response = self.answer(request)

        def write() -> None:
            entry["ms"] = round((time.perf_counter() - started) * 1000, 2)
            requestlog.WRITER.put(entry)

        entry |= {
            "at": now,
            "method": request.method,
            "path": masked_path(request.path_info),
            "query": masked_query(request.META.get("QUERY_STRING", "")),
            "status": response.status_code,
            "address": entry.get("address") or request.META.get("REMOTE_ADDR", ""),
        }
        if response.streaming:
            when_closed(response, write)
        else:
            write()
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Return the 503 of a page whose database went away meanwhile."""
        return unavailable(request) if isinstance(error, NotReady | OperationalError | InterfaceError) else None

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer, 503 while the settings can't be read: who may come in is among them."""
        if request.path_info not in OPEN:
            try:
                request.server_options = options.current()  # type: ignore[attr-defined]
            except NotReady:
                return unavailable(request)
        return self.get_response(request)


class AddressMiddleware:
    """Lets only trusted addresses in; a 403 names the address and the setting."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in OPEN:
            return self.get_response(request)
        caller = addresses.caller(request)
        request.log_entry["address"] = caller.address  # type: ignore[attr-defined]
        if caller.is_spoofed:
            message = (
                "The request came through a proxy or tunnel on this machine that is not listed. "
                "Add its address to trusted_proxies on Settings -> Server."
            )
            return refusal(request, 403, "ProxyNotTrusted", message)
        if not addresses.is_listed(caller.address, options.of(request).trusted_addresses):
            message = f"The address {caller.address} is not trusted. Add it to trusted_addresses on Settings -> Server."
            return refusal(request, 403, "AddressNotTrusted", message)
        if caller.is_proxied:
            addresses.adopt(request)
        return self.get_response(request)


class HostMiddleware:
    """Answers only for the allowed host names; behind the address, for a listed proxy tells the host that its client used."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        host, allowed = request.META.get("HTTP_HOST", ""), settings.ALLOWED_HOSTS
        if request.path_info in OPEN or "*" in allowed or validate_host(split_domain_port(host)[0], allowed):
            return self.get_response(request)
        message = f"The host {host[:100]!r} is not served here. Add it to the variable APISERVER_ALLOWED_HOSTS, or use a listed one."
        return refusal(request, 400, "HostNotAllowed", message)


class SecurityHeadersMiddleware:
    """Headers that keep browsers from doing harm."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in SECURITY_HEADERS.items():
            response.setdefault(name, value)
        if is_service(request):
            for name, value in SERVICE_HEADERS.items():
                response[name] = value
        else:
            response.setdefault("Referrer-Policy", "same-origin")
            response.setdefault("Cache-Control", "no-store")  # pages show what only this user may see; static files say otherwise
        return response


__all__ = ["AddressMiddleware", "CorsMiddleware", "HostMiddleware", "RequestLogMiddleware", "SecurityHeadersMiddleware"]
