"""The desktop flow: for some minutes this process listens on the loopback port of CallbackURL and sends the browser on to the console.

It answers one sign-in, knows only the digest of its state and no code: the console's own callback takes both, in the browser's session.
"""

from __future__ import annotations

import hmac
import logging
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connections.contract.errors import InvalidProperties
from connections.oauth.store import digest

SECONDS = 600
HOSTS = ("localhost", "127.0.0.1", "::1")
logger = logging.getLogger(__name__)


def port_of(callback: str) -> int:
    """Return the loopback port that the address names; 0 for any other address."""
    try:
        parts = urlsplit(callback)
        return parts.port or 80 if parts.scheme == "http" and parts.hostname in HOSTS else 0
    except ValueError:
        return 0


class Listener(ThreadingHTTPServer):
    """Waits for one answer."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 8
    timeout = 0.5

    def __init__(self, host: str, port: int, *, state: str, onward: str, done: threading.Event) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Relay)
        self.state, self.onward, self.done = state, onward, done

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note that somebody hung up."""
        logger.debug("A caller of the sign-in's port hung up")


class Relay(BaseHTTPRequestHandler):
    """Sends the browser that brings the right state on to the console."""

    server: Listener
    timeout = 5
    protocol_version = "HTTP/1.0"
    server_version, sys_version = "APIServer", ""

    def do_GET(self) -> None:
        """Answer 302 once, 400 to everybody else."""
        query = self.path.partition("?")[2]
        states = parse_qs(query[:16384]).get("state", [])
        if len(states) == 1 and hmac.compare_digest(digest(states[0]), self.server.state):
            self.server.done.set()
            self.send_response(302)
            self.send_header("Location", f"{self.server.onward}?{query}")
        else:
            self.send_response(400)
        self.send_header("Content-Length", "0")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Keep the code out of the log."""


def listen(callback: str, *, state: str, onward: str, seconds: float = SECONDS) -> None:
    """Listen until the answer came or the time is over; raise InvalidProperties when the port is taken."""
    port, done = port_of(callback), threading.Event()
    servers: list[Listener] = []
    try:
        servers.append(Listener("127.0.0.1", port, state=state, onward=onward, done=done))
    except OSError as error:
        text = "this port is taken on this machine: choose another one, or sign in by code"
        raise InvalidProperties({"CallbackURL": text}) from error
    try:
        servers.append(Listener("::1", port, state=state, onward=onward, done=done))
    except OSError:
        logger.debug("No IPv6 loopback: the sign-in's port answers on 127.0.0.1 alone")
    for server in servers:
        threading.Thread(target=serve, args=(server, seconds), daemon=True, name="sign-in").start()


def serve(server: Listener, seconds: float) -> None:
    """Answer until it is done."""
    ends = time.monotonic() + seconds
    with server:
        while not server.done.is_set() and time.monotonic() < ends:
            server.handle_request()
