"""`python -m tests.contract.prefixed PREFIX`: our application under another WSGI host (wsgiref), below a path prefix."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.util import shift_path_info

from apiserver.wsgi import application


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request."""

    daemon_threads = True


def below(prefix: str) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Return the application as a host mounts it: SCRIPT_NAME is the prefix, PATH_INFO what follows."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(f"{prefix}/"):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"outside"]
        for _ in prefix.strip("/").split("/"):
            shift_path_info(environ)
        return application(environ, start_response)

    return answer


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(below(sys.argv[1]))
    print(server.server_address[1], flush=True)
    server.serve_forever()
