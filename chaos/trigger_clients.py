"""Clients of triggers as Power Automate is one, written from what is documented of it: one that polls, one that is called."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from standardwebhooks.webhooks import Webhook

from chaos.promises import require
from chaos.site import HEADERS
from tests.served import Served


@dataclass(slots=True)
class Told:
    """One row as it was told."""

    name: str
    version: int
    created: str
    updated: str
    webhook_id: str = ""

    @staticmethod
    def of(row: dict[str, Any], webhook_id: str = "") -> Told:
        """Return a row of an answer."""
        return Told(row["name"], row["version"], row["created"], row["updated"], webhook_id)


class Poller(threading.Thread):
    """Follows the states. No answer, or a 5xx, is asked again as it was; one answer in ten is taken for lost."""

    def __init__(self, served: Served, event: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._served, self._path = served, f"/api.rsc/$poll/orders/{event}"
        self._chance, self._ended = random.Random(seed), threading.Event()
        self.begun = threading.Event()
        self.told: list[Told] = []
        self.repeated = 0
        self.failed: list[str] = []

    def run(self) -> None:
        quiet = 0
        while not (self._ended.is_set() and quiet > 3):
            try:
                status, headers, body = self._served.get(self._path, HEADERS)
            except OSError:  # killed meanwhile
                time.sleep(0.1)
                continue
            if status in (200, 202) and self.begun.is_set() and self._chance.random() < 0.1:
                self.repeated += 1
                continue
            if status not in (200, 202):
                self.failed += [f"{status} {body[:200]!r}"] if status < 500 else []
                time.sleep(0.2)
                continue
            parts = urlsplit(headers["location"])
            self._path = f"{parts.path}?{parts.query}"
            self.begun.set()
            self.told += [Told.of(row) for row in json.loads(body)] if status == 200 else []
            quiet = quiet + 1 if status == 202 else 0
            time.sleep(0.2 if status == 202 else 0)

    def finish(self) -> None:
        """Ask until nothing is new."""
        self._ended.set()
        self.join(120)
        require(not self.is_alive() and not self.failed, self.failed[:3] or "it polls still")


@dataclass(slots=True)
class Hook:
    """One subscription as its receiver sees it. It loses `lost` of the answers and refuses `refused`, none of a message twice."""

    event: str
    lost: float = 0.0
    refused: float = 0.0
    secret: str = ""
    calls: list[tuple[Told, bytes]] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    bad_signatures: int = 0

    def first(self) -> list[Told]:
        """Return what was told, each message once, in the order in which it came first."""
        seen: dict[str, Told] = {}
        for told, _ in self.calls:
            seen.setdefault(told.webhook_id, told)
        return list(seen.values())


@contextmanager
def receiving(hooks: dict[str, Hook]) -> Iterator[int]:
    """Run the receiver of callbacks at `/{name}`; give its port."""
    chance, lock = random.Random(7), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(body) < int(self.headers["Content-Length"]):  # its sender was killed
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            hook, number = hooks[self.path[1:]], headers["webhook-id"]
            with lock:
                try:
                    Webhook(hook.secret).verify(body, headers)
                except Exception:  # noqa: BLE001 whatever the library finds wrong
                    hook.bad_signatures += 1
                hook.calls.append((Told.of(json.loads(body)["data"], number), body))
                throw = 1.0 if number in hook.failed else chance.random()
                hook.failed |= {number} if throw < hook.lost + hook.refused else set()
            if throw < hook.lost:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(503 if throw < hook.lost + hook.refused else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def subscribe(served: Served, hooks: dict[str, Hook], port: int) -> None:
    """Subscribe each hook."""
    for name, hook in hooks.items():
        body = {"callbackUrl": f"http://127.0.0.1:{port}/{name}"}
        status, headers, answer = served.get(f"/api.rsc/$subscriptions/orders/{hook.event}", HEADERS, "POST", body)
        require(status == 201 and "location" in headers, answer[:300])
        hook.secret = json.loads(answer)["secret"]
