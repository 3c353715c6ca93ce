"""R12: memory stays flat: a million rows exported in one answer, bodies of 50 MB."""

from __future__ import annotations

import threading
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

from chaos.promises import promise, require
from chaos.site import HEADERS, configuration, database, folder, memory, serving
from tests.served import Served

ROWS = 1_000_000
BODY = 50 * 1024 * 1024
MOST_MIB = 40


class Peak(threading.Thread):
    """Watches the memory of a server."""

    def __init__(self, served: Served) -> None:
        super().__init__(daemon=True)
        self._served = served
        self._ended = threading.Event()
        self.before = memory(served)
        self.most = self.before

    def run(self) -> None:
        while not self._ended.wait(0.2):
            self.most = max(self.most, memory(self._served))

    def stop(self) -> float:
        """Return the MiB that were needed on top."""
        self._ended.set()
        self.join()
        return self.most - self.before


def exported(served: Served) -> int:
    """Read every row in one answer, without keeping it; return the bytes."""
    connection = HTTPConnection(urlsplit(served.base).netloc, timeout=600)
    connection.request("GET", "/api.rsc/items", headers=HEADERS)
    answer = connection.getresponse()
    size, rows = 0, 0
    while part := answer.read(1024 * 1024):
        size += len(part)
        rows += part.count(b'"id":')
    require(answer.status == 200 and abs(rows - ROWS) < 50, f"{answer.status}, {rows} rows")  # a name may lie across two parts
    return size


def sent(served: Served, *, chunked: bool) -> int:
    """Send 50 MB; return the status."""
    connection = HTTPConnection(urlsplit(served.base).netloc, timeout=120)
    part = b'{"name": "' + b"x" * (1024 * 1024)
    parts = (part for _ in range(BODY // len(part) + 1))
    headers = {**HEADERS, "Content-Type": "application/json"} | ({} if chunked else {"Content-Length": str(BODY)})
    try:
        connection.request("POST", "/api.rsc/items", parts, headers, encode_chunked=chunked)
    except OSError:  # refused before all was sent
        time.sleep(0.1)
    try:
        return connection.getresponse().status
    except OSError:
        return 0


@promise("R12")
def memory_is_flat() -> str:
    with folder() as where:
        source = database("postgresql", "memory", where)
        source.run("CREATE TABLE items (id integer PRIMARY KEY, name text, amount numeric(12,2), at timestamp)")
        source.run(f"INSERT INTO items SELECT n, repeat('x', 60), n, '2026-01-01' FROM generate_series(1, {ROWS}) n")
        with serving(configuration(source, ("items",), page_size=0), where) as served:
            served.get("/api.rsc/items?$top=5000", HEADERS)
            peak = Peak(served)
            peak.start()
            size = exported(served)
            rows = peak.stop()
            peak = Peak(served)
            peak.start()
            statuses = {sent(served, chunked=chunked) for chunked in (False, True) for _ in range(4)}
            bodies = peak.stop()
    require(rows < MOST_MIB and bodies < MOST_MIB, f"rows {rows:+.0f} MiB, bodies {bodies:+.0f} MiB")
    require(statuses <= {413, 0} and 413 in statuses, f"statuses {statuses}")
    return f"1M rows ({size // 1024**2} MB) in one answer: {rows:+.1f} MiB; 8 bodies of 50 MB, 4 of them in chunks: 413, {bodies:+.1f} MiB"
