"""Connections that are only made to addresses that may be called, and never wait beyond a moment. Used by the client alone.

The address is checked where the socket is opened: no second resolution can lead elsewhere. The watch ends the wait for answer heads that
come drop by drop, which a timeout between two bytes never meets.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from connections.contract.errors import AddressRefused
from connections.outgoing.reach import Reach

TICK = 0.25


class Moment(threading.local):
    """Until when the call of this thread may take, by time.monotonic()."""

    ends = float("inf")


MOMENT = Moment()


class Watch:
    """Shuts sockets whose time is over; its thread ends when there is nothing to watch."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Watch nothing; in a process that was forked off, the thread of the other one is not there."""
        self._lock = threading.Lock()
        self._watched: dict[int, tuple[float, socket.socket]] = {}
        self._thread: threading.Thread | None = None

    def add(self, ends: float, sock: socket.socket) -> int:
        """Watch a socket; return the number to give back."""
        with self._lock:
            self._watched[id(sock)] = (ends, sock)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="outgoing-watch")
                self._thread.start()
        return id(sock)

    def remove(self, number: int) -> None:
        """Leave a socket alone."""
        with self._lock:
            self._watched.pop(number, None)

    def _run(self) -> None:
        idle = 0
        while idle < 40:
            time.sleep(TICK)
            now = time.monotonic()
            with self._lock:
                for _, sock in [item for item in self._watched.values() if item[0] < now]:
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)
                idle = 0 if self._watched else idle + 1
        with self._lock:
            if self._watched:
                self._thread = threading.Thread(target=self._run, daemon=True, name="outgoing-watch")
                self._thread.start()
            else:
                self._thread = None


WATCH = Watch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WATCH.begin)


def connect(connection: Any, reach: Reach, *, is_plain: bool) -> socket.socket:
    """Open a socket to the first of the host's addresses that may be called and answers."""
    host = str(connection._dns_host).strip("[]")
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NameResolutionError(host, connection, socket.gaierror(str(error))) from error
    failed: OSError | None = None
    for family, kind, protocol, _, address in found:
        # A proxy is reached in plain text; what goes through it is the tunnel's.
        reach.check(host, str(address[0]), connection.port, is_plain=is_plain and connection.proxy is None)
        try:
            return opened(family, kind, protocol, address, connection)
        except OSError as error:
            failed = error
    if isinstance(failed, TimeoutError):
        raise ConnectTimeoutError(connection, "timed out") from failed
    raise NewConnectionError(connection, "refused") from failed


def opened(family: int, kind: int, protocol: int, address: Any, connection: Any) -> socket.socket:
    """Return a connected socket."""
    sock = socket.socket(family, kind, protocol)
    try:
        for option in connection.socket_options or ():
            sock.setsockopt(*option)
        sock.settimeout(connection.timeout if isinstance(connection.timeout, int | float) else 10)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


class Waiting:
    """The wait for the head of an answer, watched."""

    sock: Any

    def getresponse(self) -> Any:
        """Return the answer once its head is there; the socket is shut when the time is over."""
        if MOMENT.ends == float("inf") or self.sock is None:
            return super().getresponse()  # type: ignore[misc]
        number = WATCH.add(MOMENT.ends, self.sock)
        try:
            answer = super().getresponse()  # type: ignore[misc]
        finally:
            WATCH.remove(number)
        if time.monotonic() >= MOMENT.ends:  # a shut socket reads like the end of the head
            raise TimeoutError
        return answer


def pool_classes(reach: Reach) -> dict[str, type[HTTPConnectionPool]]:
    """Return urllib3's pools whose connections keep to the rule."""

    class Plain(Waiting, HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self, reach, is_plain=True)

    class Encrypted(Waiting, HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self, reach, is_plain=False)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def check_behind_proxy(reach: Reach, host: str, port: int, *, is_plain: bool) -> None:
    """Raise AddressRefused for a host that the proxy would be asked for; what this machine can't resolve is the proxy's to find."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        if is_plain:
            raise AddressRefused(f"{host} would be called without TLS.", hint="Use an https address.") from None
        return
    for item in found:
        reach.check(host, str(item[4][0]), port, is_plain=is_plain)
