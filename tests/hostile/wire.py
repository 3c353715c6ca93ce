"""Requests byte by byte over kept connections, and the answers: what no HTTP library would send, and fast."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import BinaryIO
from urllib.parse import urlsplit

from tests.answers import Answer

THREADS = 4
SECONDS = 20  # longer than any answer may take
SILENCE = Answer(0, {}, b"")


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: `target` is what stands behind the method; `about` says in words what is hostile in it."""

    target: bytes
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    about: str = ""

    def head(self) -> bytes:
        """Return the request's lines up to the blank one."""
        lines = [f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in self.headers]
        if self.body is not None and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in self.headers):
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join([self.method.encode() + b" " + self.target + b" HTTP/1.1", b"Host: 127.0.0.1", *lines, b"", b""])


@dataclass(slots=True)
class Wire:
    """One kept connection to a server; `source` is the address that the caller has."""

    base: str
    source: str = "127.0.0.1"
    link: socket.socket | None = field(default=None, init=False)
    reader: BinaryIO | None = field(default=None, init=False)

    def close(self) -> None:
        """Forget the connection."""
        if self.link and self.reader:
            self.reader.close()
            self.link.close()
        self.link = self.reader = None

    def exchange(self, sent: Sent) -> Answer:
        """Send and read; a kept connection that the server has closed meanwhile is opened once more. Silence has status 0."""
        is_kept = self.link is not None
        answer = self._try(sent)
        return self._try(sent) if answer is SILENCE and is_kept else answer

    def _try(self, sent: Sent) -> Answer:
        try:
            link, reader = self._open()
            link.sendall(sent.head() + (sent.body or b""))
            answer = read_answer(reader, sent.method)
        except (ConnectionError, EOFError, TimeoutError):
            self.close()
            return SILENCE
        if answer.headers.get("connection", "").lower() == "close" or sent.method == "CONNECT":
            self.close()
        return answer

    def _open(self) -> tuple[socket.socket, BinaryIO]:
        if self.link is None or self.reader is None:
            address = urlsplit(self.base)
            self.link = socket.create_connection((address.hostname, address.port or 80), SECONDS, (self.source, 0))
            self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.reader = self.link.makefile("rb")
        return self.link, self.reader


def read_answer(reader: BinaryIO, method: str) -> Answer:
    """Read one answer; raise EOFError when the server hangs up before its end."""
    line = reader.readline()
    if not line:
        raise EOFError
    status = int(line.split()[1])
    headers: dict[str, str] = {}
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if status < 200:  # "100 Continue" stands before the answer
        return read_answer(reader, method)
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers, b"")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, headers, b"".join(chunks(reader)))
    length = headers.get("content-length")
    return Answer(status, headers, exactly(reader, int(length)) if length is not None else reader.read())


def chunks(reader: BinaryIO) -> Iterator[bytes]:
    """Give the parts of a chunked body."""
    while size := int(reader.readline().split(b";")[0], 16):
        yield exactly(reader, size)
        reader.readline()
    reader.readline()


def exactly(reader: BinaryIO, size: int) -> bytes:
    """Return so many bytes."""
    found = reader.read(size)
    if len(found) < size:
        raise EOFError
    return found


@dataclass(slots=True)
class Wires:
    """Some connections to one server that threads share."""

    base: str
    source: str = "127.0.0.1"
    free: SimpleQueue[Wire] = field(default_factory=SimpleQueue, init=False)

    def __post_init__(self) -> None:
        for _ in range(THREADS):
            self.free.put(Wire(self.base, self.source))

    @contextmanager
    def one(self) -> Iterator[Wire]:
        """Lend a connection."""
        wire = self.free.get()
        try:
            yield wire
        finally:
            self.free.put(wire)

    def exchange(self, sent: Sent) -> Answer:
        """Send one request."""
        with self.one() as wire:
            return wire.exchange(sent)

    def exchange_all(self, requests: Iterable[Sent]) -> Iterator[tuple[Sent, Answer]]:
        """Send many, a few at once; give each with its answer, in order."""
        listed = list(requests)
        with ThreadPoolExecutor(THREADS) as pool:
            yield from zip(listed, pool.map(self.exchange, listed), strict=True)

    def close(self) -> None:
        """Close the connections."""
        for _ in range(THREADS):
            self.free.get().close()
