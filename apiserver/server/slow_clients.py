"""Clients that send or read slowly must not hold what others need: places for slow bodies are few, those that stall are cut off.

The web server (granian 2.8, 2026-11) reads a body when the application asks for it, in the thread of the request, and sends an
answer at the pace of its reader; neither has a time limit.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from apiserver.server import options, turns
from apiserver.server.addresses import parsed
from apiserver.server.errors import NotReady
from apiserver.server.hangup import is_between, sockets, times

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
PLACES = 16  # threads of a worker that may wait for bodies
STREAMS = 8  # threads of a worker that may wait for readers; each holds a connection to its source
PATIENCE_SECONDS = 15.0  # for a body, once others wait for a place
WAIT_SECONDS = 0.5
HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


class TooManyBodies(NotReady, OSError):
    """Every place is taken by bodies that are still being sent. An OSError: what a failed read of a body is."""

    message = "Too many requests whose bodies come slowly are under way."


class Places:
    """Threads that wait for bodies, since when and for which address."""

    def __init__(self, count: int) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[float, str, str]] = {}

    @contextmanager
    def one(self, address: str, port: str) -> Iterator[None]:
        """Hold a place; make room when there is none, raise TooManyBodies when that does not help."""
        if not self._free.acquire(blocking=False) and not (self.cut() and self._free.acquire(timeout=WAIT_SECONDS)):
            raise TooManyBodies
        me = threading.get_ident()
        with self._lock:
            self._waiting[me] = (time.monotonic(), address, port)
        try:
            yield
        finally:
            with self._lock:
                del self._waiting[me]
            self._free.release()

    def cut(self) -> bool:
        """Break the connections that keep their places for too long; return whether there are any."""
        now = time.monotonic()
        with self._lock:
            late = {(address, port) for since, address, port in self._waiting.values() if now - since > PATIENCE_SECONDS}
        for address, port in late:
            cut_off(address, port)
        return bool(late)


def cut_off(address: str, port: str) -> None:
    """Break the connections of the address that got no answer to what they began to send so long ago."""
    with ExitStack() as stack:
        for item in [stack.enter_context(found) for found in sockets()]:
            if is_between(item, parsed(address), port) and is_stalled(item):
                with suppress(OSError):  # the client was quicker
                    item.shutdown(socket.SHUT_RDWR)


def is_stalled(item: socket.socket) -> bool:
    """Claim that the connection received something after it was last answered, and that the answer is long due."""
    sent, received = times(item)
    return sent > PATIENCE_SECONDS * 1000 and received < sent


class Input:
    """A body of which each read holds a place."""

    def __init__(self, body: Any, address: str, port: str) -> None:
        self._body = body
        self._who = address, port

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or all that are left."""
        with PLACES_OF_WORKER.one(*self._who):
            found: bytes = self._body.read(size) if size >= 0 else self._body.read()
        return found

    def readline(self, size: int = -1) -> bytes:
        """Return a line."""
        with PLACES_OF_WORKER.one(*self._who):
            found: bytes = self._body.readline(size) if size >= 0 else self._body.readline()
        return found


PLACES_OF_WORKER = Places(PLACES)


class TooManyStreams(NotReady):
    """Every place is taken by answers that are still being read."""

    message = "Too many streamed answers are under way."


STREAMS_OF_WORKER = threading.BoundedSemaphore(STREAMS)


def enter_stream() -> Callable[[], None]:
    """Take a place for an answer that holds its thread until it is read; return what gives it back, raise TooManyStreams."""
    if not STREAMS_OF_WORKER.acquire(blocking=False):
        raise TooManyStreams
    return STREAMS_OF_WORKER.release


class Listening:
    """The seconds that this worker's listening socket was told to give slow readers, and the settings in which they stood."""

    seconds = 0
    known: options.Known | None = None


def give_up_silent_readers() -> None:
    """Have the system break connections whose clients take nothing of their answers: sockets inherit that when they are accepted."""
    if options.Cache.known is Listening.known is not None:
        return
    try:
        seconds = int(options.current().request_limits["reader_seconds"])
    except NotReady:  # the request is refused for that soon
        return
    Listening.known = options.Cache.known
    if seconds == Listening.seconds or not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    Listening.seconds = seconds
    with ExitStack() as stack:
        for item in [stack.enter_context(found) for found in sockets()]:
            if item.family in (socket.AF_INET, socket.AF_INET6) and item.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                item.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)


def guarded(application: Application) -> Application:
    """Return the application safe from slow clients, under the web server that needs it."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("SERVER_SOFTWARE") != "Granian":
            return application(environ, start_response)
        give_up_silent_readers()
        if has_body(environ):
            environ["wsgi.input"] = Input(environ["wsgi.input"], str(environ.get("REMOTE_ADDR", "")), str(environ.get("SERVER_PORT", "")))
        turns.begin()
        try:
            return application(environ, start_response)
        except TooManyBodies as error:
            start_response("503 Service Unavailable", list({**HEADERS, **error.headers}.items()))
            return [json.dumps({"error": {"code": "Unavailable", "message": f"{error.message} {error.hint}"}}).encode()]
        finally:
            turns.end()

    return answer


def has_body(environ: dict[str, Any]) -> bool:
    """Claim that the request announces a body."""
    return environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
