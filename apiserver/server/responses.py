"""What is done once an answer has left: streamed bodies are still being made when a middleware returns."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

from django.db import connection
from django.http import HttpResponse, HttpResponseBase
from django.http.response import ResponseHeaders


class PlainHeaders(ResponseHeaders):
    """Headers of an answer. Names and values of printable ASCII, which nearly all are, need none of the framework's conversions."""

    def __setitem__(self, key: str, value: Any) -> None:
        if type(value) is str and value.isascii() and value.isprintable():
            self._store[key.lower()] = (key, value)
        else:
            super().__setitem__(key, value)

    def setdefault(self, key: str, value: Any) -> None:
        """Set a header that is not there yet."""
        if key.lower() not in self._store:
            self[key] = value

    def pairs(self) -> list[tuple[str, str]]:
        """Return names and values."""
        return list(self._store.values())


class ApiResponse(HttpResponse):
    """An answer of the API in one piece. Its end is no signal to all of Django, which costs a tenth of a small answer."""

    def __init__(
        self, content: bytes | str = b"", *, content_type: str = "text/html; charset=utf-8", status: int = 200, headers: Any = None
    ) -> None:
        # What the framework's own constructors set (a test compares), without what they do to find it out.
        self.headers = PlainHeaders({})
        for name, value in (headers or {}).items():
            self.headers[name] = value
        self.headers.setdefault("Content-Type", content_type)
        self._charset = None
        self._resource_closers: list[Callable[[], object]] = []
        self._handler_class = None
        self.cookies = SimpleCookie()
        self.closed = False
        self._reason_phrase = None
        self.status_code = status
        self.content = content

    def close(self) -> None:
        """End it; the product's own database, which most requests never ask, is left as that signal leaves it."""
        self.closed = True
        if connection.connection is not None:
            connection.close_if_unusable_or_obsolete()


def when_closed(response: HttpResponseBase, call: Callable[[], None]) -> None:
    """Call once the web server has sent, or given up, the whole answer."""
    close = response.close

    def closing() -> None:
        try:
            close()
        finally:
            call()

    response.close = closing  # type: ignore[method-assign]
