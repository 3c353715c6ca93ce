"""What every request passes: log, CORS, address, security headers. Sessions and the like are for pages alone (pages_only.py)."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apiserver.server import addresses, options, requestlog
from apiserver.server.errors import is_api, refusal

Next = Callable[[HttpRequest], HttpResponseBase]
OPEN = ("/healthz", "/readyz")
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class RequestLogMiddleware:
    """Gives each API request a log entry that the stages fill, and writes it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        entry: dict[str, object] = {}
        request.log_entry = entry  # type: ignore[attr-defined]
        if not is_api(request):
            return self.get_response(request)
        started, now = time.perf_counter(), time.time()
        response = self.get_response(request)
        entry |= {
            "at": now,
            "method": request.method,
            "path": requestlog.masked_path(request.path_info),
            "query": requestlog.masked_query(request.META.get("QUERY_STRING", "")),
            "status": response.status_code,
            "ms": round((time.perf_counter() - started) * 1000, 2),
            "address": entry.get("address") or request.META.get("REMOTE_ADDR", ""),
        }
        requestlog.WRITER.put(entry)
        return response


class CorsMiddleware:
    """CORS as the Server page says, per request, under /api.rsc only; preflights need no authtoken."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        cors = options.current().cors
        if not is_api(request) or not cors["enabled"]:
            return self.get_response(request)
        is_preflight = request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META
        response: HttpResponseBase = HttpResponse(status=200) if is_preflight else self.get_response(request)
        origin = request.headers.get("Origin", "")
        self.add_vary(response)
        allowed = self.allowed_origin(origin, cors)
        if allowed:
            response["Access-Control-Allow-Origin"] = allowed
            response["Access-Control-Expose-Headers"] = "OData-Version, ETag, Location, OData-EntityId, Retry-After, Preference-Applied"
            if cors["allow_credentials"] and allowed != "*" and not cors["allow_all_without_star"]:
                response["Access-Control-Allow-Credentials"] = "true"
            if is_preflight:
                self.add_preflight(request, response, cors)
        return response

    def allowed_origin(self, origin: str, cors: object) -> str:
        """Return the value of Access-Control-Allow-Origin, '' for none."""
        settings = dict(cors)  # type: ignore[call-overload]
        if not origin:
            return ""
        if settings["allow_all_without_star"]:
            return origin
        if "*" in settings["allow_origins"]:
            return "*"
        return origin if origin.lower() in {item.lower().rstrip("/") for item in settings["allow_origins"]} else ""

    def add_preflight(self, request: HttpRequest, response: HttpResponseBase, cors: object) -> None:
        """Add what a preflight asks."""
        settings = dict(cors)  # type: ignore[call-overload]
        asked = [item.strip() for item in request.headers.get("Access-Control-Request-Headers", "").split(",") if item.strip()]
        listed = list(settings["allow_headers"])
        if settings["echo_headers"]:
            listed += [name for name in asked if name.lower() not in {item.lower() for item in listed}]
        response["Access-Control-Allow-Methods"] = ", ".join(settings["allow_methods"])
        response["Access-Control-Allow-Headers"] = ", ".join(listed)
        response["Access-Control-Max-Age"] = str(settings["max_age"])

    def add_vary(self, response: HttpResponseBase) -> None:
        """Say that the answer depends on the Origin."""
        vary = response.get("Vary", "")
        if "origin" not in vary.lower():
            response["Vary"] = f"{vary}, Origin" if vary else "Origin"


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
        if not addresses.is_listed(caller.address, options.current().trusted_addresses):
            message = f"The address {caller.address} is not trusted. Add it to trusted_addresses on Settings -> Server."
            return refusal(request, 403, "AddressNotTrusted", message)
        return self.get_response(request)


class SecurityHeadersMiddleware:
    """Headers that keep browsers from doing harm."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response["X-Content-Type-Options"] = "nosniff"
        response["X-Frame-Options"] = "DENY"
        response["Content-Security-Policy"] = POLICY
        response["Referrer-Policy"] = "no-referrer" if is_api(request) else "same-origin"
        if is_api(request):
            response["Cache-Control"] = "no-store"
        return response
