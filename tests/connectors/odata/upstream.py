"""A service on loopback that answers what a test scripts, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from connections.connectors.odata.connector import ODataConnector
from connections.connectors.odata.session import ODataSession
from connections.contract.context import Context

Answer = tuple[int, dict[str, str], bytes]


def page(rows: Any, **more: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps({"value": rows, **more}).encode()


class Upstream:
    """The service; `answer` gets method, path with query, headers and body."""

    def __init__(self, metadata: str) -> None:
        self.metadata, self.asked = metadata, list[tuple[str, str, dict[str, str], bytes]]()
        self.answer: Callable[[str, str], Answer] = lambda method, path: page([])
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.close_connection = True
                super().handle_one_request()

            def reply(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream.asked.append((self.command, self.path, dict(self.headers), body))
                is_metadata = self.path.split("?")[0].endswith("$metadata")
                status, headers, content = (
                    (200, {}, upstream.metadata.encode()) if is_metadata else upstream.answer(self.command, self.path)
                )
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = reply

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}"

    def session(self, **values: Any) -> ODataSession:
        context = Context(outgoing=(f"127.0.0.1:{self.port}",))
        return ODataConnector().open({"URL": f"{self.base}/svc/", **values}, context=context)

    def paths(self) -> list[str]:
        """Return what was asked but for the metadata."""
        return [path for _, path, _, _ in self.asked if "$metadata" not in path]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
