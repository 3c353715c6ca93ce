"""What is done once an answer has left: streamed bodies are still being made when a middleware returns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.cookies import SimpleCookie
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
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

    def fill(self, headers: Mapping[str, str]) -> None:
        """Set the headers that are not there yet."""
        store = self._store
        for key, value in headers.items():
            name = key.lower()
            if name in store:
                continue
            if value.isascii() and value.isprintable():
                store[name] = key, value
            else:
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
        self.headers = found = PlainHeaders({})
        if headers:
            for name, value in headers.items():
                found[name] = value
        found.setdefault("Content-Type", content_type)
        self._charset = None
        self._resource_closers: list[Callable[[], object]] = []
        self._handler_class = None
        self.cookies = SimpleCookie()
        self.closed = False
        self._reason_phrase = None
        self.status_code = status
        if type(content) is bytes:
            self._container = [content]
        else:
            self.content = content
        self.after: list[Callable[[], None]] = []

    def close(self) -> None:
        """End it; the product's own database, which most requests never ask, is left as that signal leaves it."""
        self.closed = True
        own = OWN.wrapper
        try:
            if own.connection is not None and not own.in_atomic_block:  # of a request nothing is open then; of tests, it is theirs
                own.close_if_unusable_or_obsolete()
        finally:
            run_all(self.after)


class Own(threading.local):
    """This thread's way to the product's own database; finding it costs more than asking whether it is open."""

    def __init__(self) -> None:
        self.wrapper = connections[DEFAULT_DB_ALIAS]


OWN = Own()


def run_all(calls: list[Callable[[], None]]) -> None:
    """Make the calls in turn, each of them whatever became of the others."""
    if calls:
        try:
            calls[0]()
        finally:
            run_all(calls[1:])


def fill(response: HttpResponseBase, headers: Mapping[str, str]) -> None:
    """Set the headers that the response does not have yet."""
    if isinstance(response.headers, PlainHeaders):
        response.headers.fill(headers)
    else:
        for name, value in headers.items():
            response.setdefault(name, value)


def when_closed(response: HttpResponseBase, call: Callable[[], None]) -> None:
    """Call once the web server has sent, or given up, the whole answer."""
    if isinstance(response, ApiResponse):
        response.after.append(call)
        return
    close = response.close

    def closing() -> None:
        try:
            close()
        finally:
            call()

    response.close = closing  # type: ignore[method-assign]
