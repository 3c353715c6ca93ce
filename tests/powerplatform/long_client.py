"""A client of long reads as the facts have it: ask, wait as told, follow the Location, whatever is killed meanwhile."""

from __future__ import annotations

import http.client
import os
import random
import signal
import threading
import time
import urllib.error
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.databases import Database
from tests.served import Served, publish

TOKEN = "long-reads-token-0123456789"
HEADERS = {"x-cdata-authtoken": TOKEN}
LONGEST = 200.0  # seconds for one read
AWAY = (urllib.error.URLError, OSError, http.client.HTTPException)
Answer = tuple[int, Mapping[str, str], bytes]


def served(database: Database, folder: Path, rows: int, *more: str) -> Served:
    """Publish a table of so many rows, and what else there is."""
    database.create("items", {"id": "integer PRIMARY KEY", "name": "varchar(40)"})
    database.insert("items", [(number, f"n{number}") for number in range(rows)])
    file = {
        "server": {"page_size": 0, "long_reads": {"per_user": 1000, "at_once": 2}},
        "connections": {"source": database.connection},
        "resources": {name: {"connection": "source", "table": name} for name in ("items", *more)},
        "users": {"flow": {"role": "query", "privileges": ["GET"], "authtoken": TOKEN}},
    }
    return publish(file, folder / "data")


def patiently(server: Served, path: str, headers: Mapping[str, str], ends: float) -> Answer:
    """Ask until there is an answer."""
    while True:
        try:
            found = server.get(path, {**HEADERS, **headers})
        except AWAY:
            found = (503, {}, b"")
        if found[0] != 503 or time.monotonic() > ends:
            return found
        time.sleep(0.2)


def read(server: Served, path: str) -> tuple[int, bytes]:
    """Return status and body of one long read."""
    ends = time.monotonic() + LONGEST
    status, headers, body = patiently(server, path, {"Prefer": "respond-async"}, ends)
    while status == 202 and time.monotonic() < ends:
        time.sleep(float(headers["retry-after"]))
        status, headers, body = patiently(server, headers["location"].removeprefix(server.base), {}, ends)
    return status, body


def kill(server: Served, stopped: threading.Event, ended: Sequence[Any], *, most: int, every: int) -> int:
    """Kill web, worker or both at a random moment after each `every` reads that ended; return how many processes that were."""
    killed = seen = 0
    while most and not stopped.wait(0.1):
        if len(ended) < seen:
            continue
        stopped.wait(random.uniform(0, 2))
        found = [int(pid) for pid in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()]
        for pid in random.sample(found, random.randint(1, len(found))) if found else []:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        seen, most = len(ended) + every, most - 1
    return killed


def readings(server: Served, paths: Sequence[str], *, clients: int, kills: int, every: int) -> tuple[list[tuple[int, bytes]], int]:
    """Return the answers of all reads, in order, and how many processes were killed meanwhile."""
    stopped, killed, ended = threading.Event(), [0], []

    def one(path: str) -> tuple[int, bytes]:
        found = read(server, path)
        ended.append(path)
        return found

    def killing() -> None:
        killed[0] = kill(server, stopped, ended, most=kills, every=every)

    thread = threading.Thread(target=killing)
    thread.start()
    with ThreadPoolExecutor(clients) as pool:
        found = list(pool.map(one, paths))
    stopped.set()
    thread.join()
    return found, killed[0]


def expected(server: Served, paths: Sequence[str]) -> dict[str, Any]:
    """Return what each address answers at once."""
    return {path: server.get(path, HEADERS)[2] for path in dict.fromkeys(paths)}
