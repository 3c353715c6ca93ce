"""The API's way in: Django's requests and responses without what pages alone need (resolving addresses, sessions, start signals).

Half of the time of a small answer went there. The middleware and the view are the ones that Django's own handler runs for the
same addresses, in the same order: any host that uses that one serves the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import LimitedStream, WSGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.utils.module_loading import import_string

from apiserver.server.addresses import without_public_prefix
from apiserver.server.errors import API
from apiserver.server.middleware import SECURITY_HEADERS, SERVICE_HEADERS
from apiserver.server.responses import PlainHeaders

# The path's bytes as they came: Django writes its own text of them over PATH_INFO, bytes that are no UTF-8 percent-encoded.
RAW_PATH = "apiserver.raw_path"
# What this sets one by one is said here for all answers at once.
SECURITY = "apiserver.server.middleware.SecurityHeadersMiddleware"
API_HEADERS = tuple({**SECURITY_HEADERS, **SERVICE_HEADERS}.items())
# What a request without a body, below no other application, has none of.
PLAIN = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH", "SCRIPT_URL", "REDIRECT_URL"})
UNPREFIXED = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class MetaHeaders(Mapping[str, str]):
    """The headers of a request, looked up where WSGI has them: Django copies all of them before the first can be read."""

    __slots__ = ("_meta",)

    def __init__(self, meta: Mapping[str, Any]) -> None:
        self._meta = meta

    def get(self, name: str, default: Any = None) -> Any:
        """Return one header by its name in any case."""
        return self._meta.get(meta_name(name), default)

    def __getitem__(self, name: str) -> str:
        return str(self._meta[meta_name(name)])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and meta_name(name) in self._meta

    def __iter__(self) -> Iterator[str]:
        for name in self._meta:
            if name.startswith("HTTP_"):
                yield name[5:].replace("_", "-").title()
            elif name in UNPREFIXED:
                yield name.replace("_", "-").title()

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def meta_name(header: str) -> str:
    """Return WSGI's name of a header; only names that our code asks for come here."""
    name = header.upper().replace("-", "_")
    return name if name in UNPREFIXED else f"HTTP_{name}"


class ApiRequest(WSGIRequest):
    """A request of the API."""

    def __init__(self, environ: dict[str, Any]) -> None:
        path = environ.get("PATH_INFO", "")
        if not path.isascii() or not PLAIN.isdisjoint(environ) or environ.get("SCRIPT_NAME") or settings.FORCE_SCRIPT_NAME:
            super().__init__(environ)
        else:  # what the framework's constructor comes to (a test compares)
            self.environ = self.META = environ
            self.path = self.path_info = path
            environ["SCRIPT_NAME"] = ""
            self.method = environ["REQUEST_METHOD"].upper()
            self.content_type, self.content_params = "", {}
            self._stream = LimitedStream(environ["wsgi.input"], 0)  # type: ignore[assignment]
            self._read_started = False
            self.resolver_match = None
        self._headers = MetaHeaders(environ)

    @property
    def headers(self) -> Any:
        """Return the headers."""
        return self._headers


class ApiHandler:
    """A WSGI application for what is at and below /api.rsc."""

    def __init__(self) -> None:
        view = import_string(settings.API_VIEW)

        def serve(request: HttpRequest) -> HttpResponseBase:
            answer: HttpResponseBase = view(request, request.path_info[len(API) + 1 :])
            return answer

        call = serve
        for path in reversed(settings.API_MIDDLEWARE):
            if path != SECURITY:
                call = import_string(path)(call)
        self._answer = cast(Callable[[HttpRequest], HttpResponseBase], convert_exception_to_response(call))  # none of it is async

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = self._answer(ApiRequest(environ))
        headers = response.headers.pairs() if isinstance(response.headers, PlainHeaders) else response.items()
        start_response(f"{response.status_code} {response.reason_phrase}", [*headers, *API_HEADERS])
        return response


def with_api(pages: Application) -> Application:
    """Return the application that sends the API's addresses its own way and all others through Django's handler."""
    api = ApiHandler()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not is_of_api(path):
            path = environ["PATH_INFO"] = without_public_prefix(path)
        environ[RAW_PATH] = path
        return (api if is_of_api(path) else pages)(environ, start_response)

    return answer


def is_of_api(path: str) -> bool:
    """Claim that the address is at or below the API's."""
    return path.startswith(API) and path[len(API) : len(API) + 1] in ("", "/")
