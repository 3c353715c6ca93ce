"""The API's way in: Django's requests and responses without what pages alone need (resolving addresses, sessions, start signals).

Half of the time of a small answer went there. The middleware and the view are the ones that Django's own handler runs for the
same addresses, in the same order: any host that uses that one serves the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.utils.module_loading import import_string

from apiserver.server.errors import API

# The path's bytes as they came: Django writes its own text of them over PATH_INFO, bytes that are no UTF-8 percent-encoded.
RAW_PATH = "apiserver.raw_path"
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ApiHandler:
    """A WSGI application for what is at and below /api.rsc."""

    def __init__(self) -> None:
        view = import_string(settings.API_VIEW)

        def serve(request: HttpRequest) -> HttpResponseBase:
            answer: HttpResponseBase = view(request, request.path_info[len(API) + 1 :])
            return answer

        call = serve
        for path in reversed(settings.API_MIDDLEWARE):
            call = import_string(path)(call)
        self._answer = cast(Callable[[HttpRequest], HttpResponseBase], convert_exception_to_response(call))  # none of it is async

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = self._answer(WSGIRequest(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return response  # type: ignore[return-value]


def with_api(pages: Application) -> Application:
    """Return the application that sends the API's addresses its own way and all others through Django's handler."""
    api = ApiHandler()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        environ[RAW_PATH] = path
        is_api = path.startswith(API) and path[len(API) : len(API) + 1] in ("", "/")
        return (api if is_api else pages)(environ, start_response)

    return answer
