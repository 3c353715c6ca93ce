"""What a page through a manifest costs over bare `requests` and `json` on the same pages, which a process of its own serves."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from connections.connectors.http.connector import ManifestConnector
from connections.connectors.http.manifest import Manifest
from connections.contract.context import Context
from connections.contract.scan import Scan
from connections.contract.table import Table, TableRef

PAGES, ROWS, ROUNDS = 40, 100, 9
MOST = 1.3
COLUMNS: dict[str, Any] = {
    "Id": {"path": "id", "type": "int64"},
    "Title": "title",
    "ContentRaw": "content.raw",
    "State": "state",
    "Votes": {"path": "votes", "type": "int64"},
    "IsOpen": {"path": "open", "type": "boolean"},
    "ReporterName": "reporter.name",
    "CreatedOn": {"path": "created", "type": "timestamp"},
    "UpdatedOn": {"path": "updated", "type": "timestamp", "format": "unix"},
    "TagsAggregate": {"path": "tags", "type": "json"},
}


def row(number: int) -> dict[str, Any]:
    """Return a row as issue trackers have them."""
    return {
        "id": number,
        "title": f"Issue number {number} of the tracker",
        "content": {"raw": "Some text that somebody wrote. " * 4, "markup": "markdown", "html": "<p>Some text</p>"},
        "state": "open" if number % 3 else "resolved",
        "votes": number % 7,
        "open": number % 3 > 0,
        "reporter": {"name": f"Person {number % 20}", "uuid": f"{{00000000-0000-0000-0000-{number:012d}}}"},
        "created": "2026-01-02T03:04:05.678901+00:00",
        "updated": 1_700_000_000 + number,
        "tags": ["a", "b", {"c": number}],
    }


class Pages(BaseHTTPRequestHandler):
    """Serves /?page=N from memory."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bodies: list[bytes] = []

    def do_GET(self) -> None:
        """Give a page."""
        body = self.bodies[int(self.path.partition("page=")[2] or 1) - 1]
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def serve(port: Any) -> None:
    """Serve the pages until killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    url = f"http://127.0.0.1:{server.server_address[1]}/rows"
    for number in range(1, PAGES + 1):
        following = {"next": f"{url}?page={number + 1}"} if number < PAGES else {}
        Pages.bodies.append(json.dumps({"values": [row(number * ROWS + i) for i in range(ROWS)], **following}).encode())
    port.put(server.server_address[1])
    server.serve_forever()


def bare(url: str) -> int:
    """Read all pages as one would by hand."""
    import requests

    count, following = 0, f"{url}/rows"
    with requests.Session() as session:
        while following:
            document = json.loads(session.get(following, timeout=30).content)
            count += len(document["values"])
            following = document.get("next")
    return count


def through(url: str, port: int) -> int:
    """Read all pages through a manifest."""
    read = [{"path": "/rows", "rows": "values", "paging": {"type": "next_url", "next": "next"}}]
    content = {
        "manifest": 1,
        "key": "bench",
        "label": "Bench",
        "base_url": url,
        "tables": {"T": {"key": ["Id"], "read": read, "columns": COLUMNS}},
    }
    connector = ManifestConnector(Manifest(content))
    session = connector.open(connector.clean({}), context=Context(outgoing=(f"127.0.0.1:{port}",)))
    offer = session.offer(Scan(Table(TableRef("", "T")), tuple(COLUMNS)))
    count = sum(len(batch.rows) for batch in session.read(offer))
    session.close()
    return count


def overhead() -> bool:
    """Print the time of a page both ways, and the factor between them; claim that it is small enough."""
    queue: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(queue,), daemon=True)
    server.start()
    port = queue.get()
    url = f"http://127.0.0.1:{port}"
    try:
        times: dict[str, list[float]] = {"bare": [], "manifest": []}
        for _ in range(ROUNDS):
            for name, run in (("bare", lambda: bare(url)), ("manifest", lambda: through(url, port))):
                begun = time.process_time()
                clock = time.perf_counter()
                assert run() == PAGES * ROWS
                times[name].append(time.perf_counter() - clock)
                times.setdefault(f"{name}, CPU", []).append(time.process_time() - begun)
        milliseconds = {name: statistics.median(found) / PAGES * 1000 for name, found in times.items()}
        factor = milliseconds["manifest"] / milliseconds["bare"]
        for name, value in milliseconds.items():
            print(f"{name:16} {value:6.2f} ms a page of {ROWS} rows")
        print(f"factor {factor:.2f} (at most {MOST}), CPU {milliseconds['manifest, CPU'] / milliseconds['bare, CPU']:.2f}")
        return factor <= MOST
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    raise SystemExit(0 if overhead() else 1)
