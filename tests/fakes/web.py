"""A small HTTP service on loopback with a request log and controls: what the stand-ins of remote services have in common."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What a caller asked."""

    method: str
    path: str  # decoded, without query
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    root: str  # scheme, host and port as the caller wrote them

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def all(self, name: str) -> list[str]:
        """Return every value of a query parameter."""
        return [value for key, value in self.query if key == name]

    def form(self) -> dict[str, str]:
        """Return a form-encoded body."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """What the service says: a JSON value, or bytes as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, str]:
        """Return the body's bytes and their media type."""
        if isinstance(self.body, bytes):
            return self.body, "text/html; charset=utf-8"
        return (b"" if self.body is None else json.dumps(self.body).encode()), "application/json; charset=utf-8"


class Refused(Exception):
    """Ends a request with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


class Fake:
    """One running stand-in. Children answer requests; `/_log` tells what was asked, `/_control` sets what goes wrong."""

    logged: tuple[str, ...] = ()  # headers that the log tells
    controls: dict[str, Any] = {}  # name -> what it is when nothing goes wrong

    def __init__(self, port: int = 0) -> None:
        self.lock = threading.RLock()
        self.requests: list[dict[str, Any]] = []
        self.control = dict(self.controls)
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler(self))
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def url(self) -> str:
        """Return the service's root, without a slash at the end."""
        return f"http://{self.address}"

    def answer(self, request: Request) -> Answer:
        """Answer one request of the service itself."""
        raise NotImplementedError

    def asked(self, part: str = "") -> list[dict[str, Any]]:
        """Return what was asked of paths that hold `part`, oldest first."""
        with self.lock:
            return [entry for entry in self.requests if part in entry["path"]]

    def forget(self) -> None:
        """Empty the request log."""
        with self.lock:
            self.requests.clear()

    def respond(self, request: Request) -> Answer:
        """Answer one request: log, controls, or the service."""
        if request.path == "/_log":
            return self.told_log(request)
        if request.path == "/_control":
            return self.controlled(request)
        if request.path == "/favicon.ico":
            return Answer(204)
        entry: dict[str, Any] = {"method": request.method, "path": request.path, "query": [list(pair) for pair in request.query]}
        if self.logged:
            entry["headers"] = {name: request.headers.get(name, "") for name in self.logged}
        with self.lock:
            self.requests.append(entry)
        try:
            answer = self.answer(request)
        except Refused as refused:
            answer = refused.answer
        entry["status"] = answer.status
        return answer

    def told_log(self, request: Request) -> Answer:
        """Return or empty the log."""
        if request.method == "DELETE":
            self.forget()
            return Answer(204)
        return Answer(body=self.asked())

    def controlled(self, request: Request) -> Answer:
        """Return the controls, changed by the body's; an unknown name is refused, since a misspelt one would prove nothing."""
        changes = json.loads(request.body or b"{}")
        if unknown := sorted(set(changes) - set(self.controls)):
            return Answer(400, {"error": f"no such control: {', '.join(unknown)}"})
        with self.lock:
            self.control.update(changes)
        return Answer(body=self.control)

    def spend(self, name: str) -> bool:
        """Take one from a control that counts; False when it is at zero."""
        with self.lock:
            if self.control[name] <= 0:
                return False
            self.control[name] -= 1
            return True


def handler(fake: Fake) -> type[BaseHTTPRequestHandler]:
    """Return the request handler of a fake."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command,
                unquote(parts.path),
                tuple(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
                f"http://{self.headers.get('Host', fake.address)}",
            )
            answer = fake.respond(request)
            body, media = answer.encoded()
            self.send_response(answer.status)
            for name, value in {"Content-Type": media, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the log is kept in memory."""

    return Handler


def run_forever(fake: Fake) -> None:
    """Serve until interrupted, for use by hand."""
    with fake:
        print(json.dumps({"url": fake.url}), flush=True)
        while True:
            time.sleep(3600)
