"""A small HTTP service on loopback that behaves as it is told: a table of rows in every style of paging, and one address for each fault.

`with Upstream(rows) as upstream:`; `upstream.calls` is what arrived, in order.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.upstream_faults import FAULTS


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str  # percent-encoded, as sent
    query: list[tuple[str, str]]
    headers: dict[str, str]  # lower-case names
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        return dict(self.query)


@dataclass
class Answer:
    """What a route gives back; `body` is JSON unless bytes."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[[Seen], Answer]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, parse_qsl(parts.query, keep_blank_values=True), headers, self.rfile.read(length))
        upstream = self.server.upstream
        upstream.calls.append(seen)
        if parts.path.startswith("/fault/"):
            name = parts.path.split("/")[2]
            upstream.faults_met[name] = upstream.faults_met.get(name, 0) + 1
            FAULTS[name](self, upstream, seen)
            return
        route = upstream.routes.get((seen.method, parts.path)) or upstream.routes.get(("*", parts.path)) or upstream.fallback
        self.give(route(seen))

    def give(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        if answer.status == 204:
            body = b""
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any


class Server(ThreadingHTTPServer):
    daemon_threads = True
    upstream: Upstream

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


class Upstream:
    """The running service."""

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows = rows or []
        self.calls: list[Seen] = []
        self.faults_met: dict[str, int] = {}
        self.routes: dict[tuple[str, str], Route] = {("*", "/rows"): self.plain}
        self.fallback: Route = lambda seen: Answer({"error": {"message": f"There is nothing at {seen.path}."}}, 404)
        self.stopped = threading.Event()

    def __enter__(self) -> Upstream:
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.upstream = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def allow(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}",)

    def route(self, path: str, route: Route | Any, method: str = "*") -> None:
        """Answer a path by a function or with a fixed body."""
        self.routes[method, path] = route if callable(route) else lambda _seen: Answer(route)

    def plain(self, seen: Seen) -> Answer:
        return Answer(self.rows)

    def paths(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.calls]
