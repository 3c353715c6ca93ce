"""A client written from the page alone polls and subscribes while web and worker are killed: every row once, in order."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import databases
from tests.databases import Database
from tests.served import Served, publish
from tests.triggers.conftest import COLUMNS
from tests.triggers.receiver import Receiver, receiving

TOKEN = "triggers-token-0123456789"
HEADERS = {"x-cdata-authtoken": TOKEN}
ROWS, KILLS = 120, 4


def served(database: Database, folder: Path, receiver: Receiver) -> Served:
    """Publish the table, with a look each second."""
    database.create("orders", COLUMNS)
    return publish(
        {
            "server": {"outgoing": {"allow": [f"http://127.0.0.1:{receiver.port}"]}, "triggers": {"interval_seconds": 1}},
            "connections": {"shop": database.connection},
            "resources": {"orders": {"connection": "shop", "table": "orders"}},
            "users": {"flow": {"role": "query", "privileges": ["GET"], "authtoken": TOKEN}},
        },
        folder / "data",
    )


def write(database: Database) -> None:
    """Insert rows, several with one time."""
    for number in range(ROWS):
        at = f"2026-11-21 10:00:{number // 4 % 60:02}"
        mark = database.mark
        database.run(f"INSERT INTO orders (name, created, updated) VALUES ({mark}, {mark}, {mark})", [f"n{number}", at, at])
        time.sleep(0.1)


def kill(server: Served, stopped: threading.Event) -> None:
    """Kill the worker and the web processes again and again; the supervisor starts them anew."""
    for _ in range(KILLS):
        if stopped.wait(3):
            return
        for pid in children(server.process.pid):
            os.kill(pid, signal.SIGKILL)


def children(parent: int) -> list[int]:
    """Return the processes that a process started."""
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in found]


def poll(server: Served, begun: threading.Event, stopped: threading.Event, told: list[str]) -> None:
    """Follow the states; what gets no answer is asked again as it was."""
    path = "/api.rsc/$poll/orders/created?$select=name"
    while True:
        was_stopped = stopped.is_set()
        try:
            status, headers, body = server.get(path, HEADERS)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
            continue
        if status in (200, 202):
            parts = urlsplit(headers["location"])
            path = f"{parts.path}?{parts.query}"
            begun.set()
        if status == 200:
            told += [row["name"] for row in json.loads(body)]
        elif was_stopped and status == 202:
            return
        time.sleep(0.2)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_no_row_is_lost_or_told_twice_when_processes_are_killed(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with receiving() as receiver:
        database = databases.make(kind, "triggers_killed", request, tmp_path)
        server = served(database, tmp_path, receiver)
        body: Any = {"callbackUrl": receiver.url()}
        assert server.get("/api.rsc/$subscriptions/orders/created", HEADERS, "POST", body)[0] == 201
        polled: list[str] = []
        stopped, begun = threading.Event(), threading.Event()
        poller = threading.Thread(target=poll, args=(server, begun, stopped, polled))
        killer = threading.Thread(target=kill, args=(server, stopped))
        poller.start()
        while not begun.is_set():
            time.sleep(0.1)
        killer.start()
        write(database)
        killer.join()
        deadline = time.monotonic() + 150
        while len({call.headers["webhook-id"] for call in receiver.calls}) < ROWS and time.monotonic() < deadline:
            time.sleep(0.5)
        stopped.set()
        poller.join(60)
        assert server.stop() == 0

    expected = [f"n{number}" for number in range(ROWS)]
    first: dict[str, str] = {}
    for call in receiver.calls:
        first.setdefault(call.headers["webhook-id"], call.data["name"])
    assert (list(first.values()), polled) == (expected, expected)
