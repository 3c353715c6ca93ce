"""R14: no event without a change and no change without an event, where changes come by the API and web processes die under them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.promises import promise, require
from chaos.site import HEADERS, TOKEN, database, folder, processes, serving
from chaos.trigger_clients import Hook, receiving, subscribe
from chaos.trigger_rows import COLUMNS, moment
from tests.databases import Database
from tests.served import Served

KINDS = ("postgresql", "sqlite")
KILLS, CLIENTS = 20, 4
WAIT_SECONDS = 120.0


@dataclass(slots=True)
class Client(threading.Thread):
    """Creates and changes rows of its own; an answer that did not come is not asked for again."""

    served: Served
    number: int
    ended: threading.Event
    taken: dict[str, int] = field(default_factory=dict)  # the latest version that was answered for
    lost: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        threading.Thread.__init__(self, daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        chance, count = random.Random(self.number), 0
        while not self.ended.wait(chance.uniform(0, 0.05)):
            at = moment().isoformat() + "Z"
            if self.taken and chance.random() < 0.5:
                name = chance.choice(list(self.taken))
                version = self.taken[name] + 1
                self._send("PATCH", name, version, {"version": version, "updated": at})
            else:
                count += 1
                name = f"c{self.number}-{count}"
                self._send("POST", name, 1, {"name": name, "version": 1, "created": at, "updated": at})

    def _send(self, method: str, name: str, version: int, body: dict[str, Any]) -> None:
        path = "/api.rsc/orders" if method == "POST" else f"/api.rsc/orders('{name}')"
        try:
            status, _, answer = self.served.get(path, HEADERS, method, body)
        except OSError:
            status, answer = 0, b""
            time.sleep(0.1)
        if status in (200, 201, 204):
            self.taken[name] = version
        elif status == 0 or status >= 500:
            self.lost += 1
            self.taken.pop(name, None)  # nobody knows which version it has
        else:
            self.wrong.append(f"{method} {status} {answer[:200]!r}")


def published(source: Database, port: int) -> dict[str, Any]:
    """Return the file that publishes the table for writing, looked at each second."""
    return {
        "server": {"outgoing": {"allow": [f"http://127.0.0.1:{port}"]}, "triggers": {"interval_seconds": 1}},
        "connections": {"source": source.connection},
        "resources": {"orders": {"connection": "source", "table": "orders", "key": ["name"], "methods": ["GET", "POST", "PATCH"]}},
        "users": {"flow": {"role": "query", "privileges": ["GET", "POST", "PATCH"], "authtoken": TOKEN}},
    }


def kill_workers(served: Served) -> int:
    """Kill web workers at random moments; they are forked anew within seconds, the other one goes on. Return how many."""
    chance, count = random.Random(14), 0
    while count < KILLS:
        time.sleep(chance.uniform(1, 3))
        children = [pid for pid in processes(served.process.pid)[1:] if parent_of(pid) != served.process.pid]
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(children), signal.SIGKILL)
                count += 1
    return count


def parent_of(pid: int) -> int:
    """Return the parent of a process; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def judged(kind: str) -> str:
    """Write by the API while web workers die; return the figures of one kind of source."""
    hooks = {"created": Hook("created"), "modified": Hook("modified")}
    with folder() as where:
        source = database(kind, "api_changes", where)
        source.create("orders", COLUMNS)
        with receiving(hooks) as port, serving(published(source, port), where, APISERVER_WEB_WORKERS="2") as served:
            subscribe(served, hooks, port)
            ended = threading.Event()
            clients = [Client(served, number, ended) for number in range(CLIENTS)]
            for client in clients:
                client.start()
            kills = kill_workers(served)
            ended.set()
            for client in clients:
                client.join(60)
            rows = dict(source.run("SELECT name, version FROM orders"))
            deadline = time.monotonic() + WAIT_SECONDS
            while not told_all(rows, hooks) and time.monotonic() < deadline:
                time.sleep(0.5)
            time.sleep(3)  # what should not come would come now
    return compared(kind, rows, hooks, clients, kills)


def told_all(rows: dict[str, int], hooks: dict[str, Hook]) -> bool:
    """Claim that every row and every latest version was told."""
    created = {told.name for told in hooks["created"].first()}
    modified = {(told.name, told.version) for told in hooks["modified"].first()}
    return created >= rows.keys() and modified >= rows.items()


def compared(kind: str, rows: dict[str, int], hooks: dict[str, Hook], clients: list[Client], kills: int) -> str:
    """Require that events and rows are the same; return the figures."""
    wrong = [text for client in clients for text in client.wrong]
    require(not wrong, f"{kind}: {wrong[:3]}")
    answered = {name: version for client in clients for name, version in client.taken.items()}
    require(all(rows.get(name, 0) >= version for name, version in answered.items()), f"{kind}: an answered change is not there")
    created = Counter(told.name for told in hooks["created"].first())
    require(dict(created) == dict.fromkeys(rows, 1), f"{kind}: {len(created)} rows told, {len(rows)} there")
    modified = Counter((told.name, told.version) for told in hooks["modified"].first())
    require(set(modified.values()) <= {1} and modified.keys() >= rows.items(), f"{kind}: a version was told twice or not at all")
    require(all(version <= rows.get(name, 0) for name, version in modified), f"{kind}: a version was told that is not there")
    lost = sum(client.lost for client in clients)
    require(kills == KILLS and lost > 0, f"{kind}: {kills} kills, {lost} answers lost")
    events = f"{len(rows):,} rows = {len(created):,} events, {modified.total():,} versions told, none twice"
    return f"{kind} {kills} kills, {lost} answers lost: {events}"


@promise("R14")
def events_are_changes() -> str:
    return "; ".join(judged(kind) for kind in KINDS)
