"""Calls to remote services that a page or the management API made, for the request log: sign-ins, tests, pickers, previews.

The API's own rows note what was asked of their source themselves.
"""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from apiserver.server import requestlog
from apiserver.server.errors import is_api, is_service
from apiserver.server.pages_only import Next
from connections.contract.hearing import Heard, listening


class RemoteCallsMiddleware:
    """Notes the calls; a page that made none leaves no entry. Query strings are left out: codes of a sign-in come in them."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_api(request):
            return self.get_response(request)
        heard, started, now = Heard(), time.perf_counter(), time.time()
        with listening(heard):
            response = self.get_response(request)
        if not heard.calls:
            return response
        entry: dict[str, Any] = {"sql": ";\n".join(heard.lines())}
        if is_service(request):
            request.log_entry.update(entry)  # type: ignore[attr-defined]
            return response
        entry |= {
            "at": now,
            "user": request.user.get_username(),
            "method": request.method,
            "path": request.path_info,
            "query": "",
            "status": response.status_code,
            "ms": round((time.perf_counter() - started) * 1000, 2),
            "address": request.log_entry["address"],  # type: ignore[attr-defined]
        }
        requestlog.WRITER.put(entry)
        return response
