"""A receiver of callbacks on loopback that notes what comes and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

Reply = tuple[int, dict[str, str]]


@dataclass
class Call:
    """One POST that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]

    def is_signed(self, secret: str) -> bool:
        """Verify with the public library of Standard Webhooks."""
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


@dataclass
class Receiver:
    """What came, and what is answered."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    reply: Callable[[Call], Reply] = lambda call: (204, {})

    def url(self, path: str = "/hook?sig=a%2Fb") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def names(self) -> list[str]:
        return [call.data["name"] for call in self.calls]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sent it was killed meanwhile: nothing came
                return
            call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            found.calls.append(call)
            status, headers = found.reply(call)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
