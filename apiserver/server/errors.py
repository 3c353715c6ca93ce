"""Refusals made before the service is reached, in the OData body (JSON Format 4.01, 19)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse

API = "/api.rsc"


def is_api(request: HttpRequest) -> bool:
    """Claim that the request is for the API."""
    return request.path_info == API or request.path_info.startswith(f"{API}/")


def refusal(request: HttpRequest, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return an error: OData JSON under /api.rsc, plain text elsewhere."""
    if is_api(request):
        body = json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False)
        response = HttpResponse(body, status=status, content_type="application/json")
        response["OData-Version"] = "4.0"
    else:
        response = HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")
    for name, value in (headers or {}).items():
        response[name] = value
    return response
