"""Breaks the connection of an answer that failed half-way, so that no client takes the part for the whole.

PEP 3333 hosts do this themselves when the body raises; granian ends the body as if all were well and says nothing of the port
at the other end (2.8, 2026-11). So the connection is looked for among those of this process; where two could be it, none is
broken: the body is malformed in any case.
"""

from __future__ import annotations

import math
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from apiserver.server.addresses import Address, parsed

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
OPEN_FILES = Path("/proc/self/fd")
SETTLE_SECONDS = 0.5  # for the last bytes to leave: they say what went wrong
INFO_BYTES, INFO_TIMES = 104, struct.Struct("=44xI4xI")  # struct tcp_info of Linux: milliseconds since data was sent, was received
ESTABLISHED = 1
CLOCK_MS = 10  # the kernel's clock ticks in steps


class Body:
    """A body that breaks its connection when it raises."""

    def __init__(self, body: Iterable[bytes], call: Callable[[], None]) -> None:
        self._body = body
        self._break = call

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception:
            time.sleep(SETTLE_SECONDS)
            self._break()
            raise

    def close(self) -> None:
        """Pass on that the answer has been sent or given up."""
        close = getattr(self._body, "close", None)
        if close:
            close()


def breaking(application: Application) -> Application:
    """Return the application with streamed bodies watched, where the host needs it."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        since, caller, port = time.monotonic(), environ.get("REMOTE_ADDR", ""), environ.get("SERVER_PORT", "")
        body = application(environ, start_response)
        if not getattr(body, "streaming", False) or environ.get("SERVER_SOFTWARE") != "Granian":
            return body
        return Body(body, partial(break_connection, str(caller), str(port), since=since))

    return answer


def break_connection(caller: str, port: str, *, since: float) -> None:
    """Shut the one connection down that can be this request's; `since` is when it came."""
    with ExitStack() as stack:
        every = [stack.enter_context(item) for item in sockets()]
        found = [item for item in every if is_between(item, parsed(caller), port) and is_answering(item, since)]
        if len(found) == 1:
            with suppress(OSError):  # the client was quicker
                found[0].shutdown(socket.SHUT_RDWR)


def sockets() -> Iterator[socket.socket]:
    """Give copies of the sockets of this process; closing the copy of a file would end all its locks on it, the database's too."""
    for name in OPEN_FILES.glob("*"):  # nothing where a system has no such folder
        try:
            if not str(name.readlink()).startswith("socket:"):
                continue
            copy = os.dup(int(name.name))
        except OSError:  # closed meanwhile
            continue
        try:
            yield socket.socket(fileno=copy)
        except OSError:  # closed meanwhile, and its number given to a file: that is let go of at the end of the process
            continue


def is_between(item: socket.socket, caller: Address | None, port: str) -> bool:
    """Claim that the socket leads from our port to the caller."""
    try:
        peer, own = item.getpeername(), item.getsockname()
    except OSError:  # it leads nowhere
        return False
    return isinstance(peer, tuple) and isinstance(own, tuple) and str(own[1]) == port and parsed(peer[0]) == caller


def is_answering(item: socket.socket, since: float) -> bool:
    """Claim that the connection can be the one: something was sent since, and nothing received, as a client waits for its answer."""
    elapsed = (time.monotonic() - since) * 1000
    sent, received = times(item)
    return sent <= elapsed + CLOCK_MS and received >= elapsed - CLOCK_MS


def times(item: socket.socket) -> tuple[float, float]:
    """Return the milliseconds since the socket sent and received data; of one that is closed on a side, as if it had never received."""
    info = item.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
    sent, received = INFO_TIMES.unpack_from(info)
    return (sent, received) if info[0] == ESTABLISHED else (math.inf, -math.inf)
