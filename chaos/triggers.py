"""R13, R15: what is told of changing rows is neither lost nor repeated while web and worker are killed."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chaos.promises import promise, require
from chaos.site import TOKEN as USERS
from chaos.site import database, folder, serving
from chaos.trigger_clients import Hook, Poller, Told, receiving, subscribe
from chaos.trigger_rows import COLUMNS, Truth, write
from tests.databases import Database
from tests.served import Served

SECONDS = 15.0
KINDS = ("postgresql", "mysql", "sqlite")
WAIT_SECONDS = 240  # for what is late: leases that run out, answers that were lost


def published(source: Database, port: int) -> dict[str, object]:
    """Return the file that publishes the table, looked at each second."""
    return {
        "server": {"outgoing": {"allow": [f"http://127.0.0.1:{port}"]}, "triggers": {"interval_seconds": 1, "rows": 50}},
        "connections": {"source": source.connection},
        "resources": {"orders": {"connection": "source", "table": "orders"}},
        "users": {"flow": {"role": "query", "privileges": ["GET"], "authtoken": USERS}},
    }


@contextmanager
def large(where: Path) -> Iterator[dict[str, str]]:
    """Give the variables of a server over PostgreSQL and Redis, with two web workers."""
    from tests import servers

    own = database("postgresql", "triggers_own", where)
    found = own.connection["properties"]
    redis = servers.redis()
    try:
        yield {
            "APISERVER_DATABASE_URL": f"postgresql://{found['User']}@{found['Server']}:{found['Port']}/{found['Database']}",
            "APISERVER_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            "APISERVER_WEB_WORKERS": "2",
        }
    finally:
        redis.remove()


def kill(served: Served, ended: threading.Event) -> int:
    """Kill web or worker, or both, every few seconds; the supervisor starts them anew. Return how many processes died."""
    chance, count = random.Random(13), 0
    while not ended.wait(chance.uniform(3, 6)):
        path = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
        children = [int(pid) for pid in path.read_text().split()]
        for pid in children if chance.random() < 0.3 else chance.sample(children, min(1, len(children))):
            os.kill(pid, signal.SIGKILL)
            count += 1
    return count


def told_all(names: set[str], hooks: Sequence[Hook], truth: Truth) -> bool:
    """Claim that every receiver knows every row, or its latest version."""
    latest = {(name, row.version) for name, row in truth.rows.items()}
    for hook in hooks:
        seen = {told.name for told in hook.first()} if hook.event == "created" else {(told.name, told.version) for told in hook.first()}
        if not seen >= (names if hook.event == "created" else latest):
            return False
    return True


def once(what: str, event: str, told: Sequence[Told], truth: Truth, kind: str) -> None:
    """Require that each row, or each version that was the latest, was told once, in order."""
    counts = Counter(item.name if event == "created" else f"{item.name}/{item.version}" for item in told)
    twice = [name for name, count in counts.items() if count > 1]
    wanted = set(truth.rows) if event == "created" else {f"{name}/{row.version}" for name, row in truth.rows.items()}
    missing, foreign = wanted - counts.keys(), {item.name for item in told} - truth.rows.keys()
    require(
        not twice and not missing and not foreign,
        f"{what}: twice {twice[:5]}, missing {sorted(missing)[:5]}, unknown {sorted(foreign)[:5]}",
    )
    if event == "created":
        require(not disorder(told, truth, kind), f"{what}: out of order {disorder(told, truth, kind)[:3]}")


def disorder(told: Sequence[Told], truth: Truth, kind: str) -> list[tuple[str, str]]:
    """Return pairs told against the order of the check column although the earlier row was there before the later one."""
    found, highest = [], told[:1]
    for item in told:
        row, top = truth.rows[item.name], truth.rows[highest[0].name]
        was_there = row.touched < top.transaction if kind == "postgresql" else row.ended < top.began
        if item.created < highest[0].created and was_there:
            found.append((highest[0].name, item.name))
        highest = [item] if item.created >= highest[0].created else highest
    return found


def run_flows(kind: str, seconds: float, where: Path, **extra: str) -> tuple[Truth, dict[str, Hook], list[Poller], int]:
    """Write, poll, subscribe and kill; return what was committed, what was told, and how many processes died."""
    source = database(kind, "triggers", where)
    source.create("orders", COLUMNS)
    hooks = {"healthy": Hook("created"), "loses": Hook("created", lost=0.005), "changes": Hook("modified", refused=0.01)}
    with receiving(hooks) as port, serving(published(source, port), where, **extra) as served:
        subscribe(served, hooks, port)
        pollers = [Poller(served, event, number) for number, event in enumerate(("created", "modified"))]
        for poller in pollers:
            poller.start()
        require(all(poller.begun.wait(60) for poller in pollers), "polling did not begin")
        killed: list[int] = []
        truth = write(source, seconds, lambda ended: killed.append(kill(served, ended)))
        deadline = time.monotonic() + WAIT_SECONDS
        while not told_all(set(truth.rows), list(hooks.values()), truth) and time.monotonic() < deadline:
            time.sleep(0.5)
        for poller in pollers:
            poller.finish()
    return truth, hooks, pollers, killed[0]


def judged(kind: str, seconds: float, where: Path, **extra: str) -> tuple[str, str]:
    """Run all flows over one kind of source; return what webhooks and what pollers came to."""
    truth, hooks, pollers, killed = run_flows(kind, seconds, where, **extra)
    events = duplicates = failed = 0
    for name, hook in hooks.items():
        once(f"{kind}, {name}", hook.event, hook.first(), truth, kind)
        require(hook.bad_signatures == 0, f"{kind}, {name}: {hook.bad_signatures} bad signatures")
        bodies = {told.webhook_id: body for told, body in hook.calls}
        require(all(bodies[told.webhook_id] == body for told, body in hook.calls), f"{kind}, {name}: one id, two bodies")
        events, duplicates, failed = events + len(hook.first()), duplicates + len(hook.calls) - len(hook.first()), failed + len(hook.failed)
    require(duplicates >= failed > 0 and killed > 0, f"{kind}: {failed} answers lost or refused, {killed} killed")
    for event, poller in zip(("created", "modified"), pollers, strict=True):
        once(f"{kind}, polling {event}", event, poller.told, truth, kind)
    rows = f"{kind} {len(truth.rows):,} rows, {truth.changes:,} changes, {truth.rollbacks} rolled back, {killed} kills"
    repeated = sum(poller.repeated for poller in pollers)
    return (
        f"{rows}: {events:,} events, 0 lost, {duplicates} sent again with their id ({failed} answers lost or refused), 0 bad signatures",
        f"{rows}: {sum(len(poller.told) for poller in pollers):,} told, missing 0, repeated 0 ({repeated} answers asked for again)",
    )


FOUND: dict[str, tuple[str, str]] = {}  # one run shows both


def shown(place: int) -> str:
    """Run each kind once; return the figures of one side."""
    for kind in KINDS:
        if kind not in FOUND:
            with folder() as where:
                FOUND[kind] = judged(kind, SECONDS, where)
    if "large" not in FOUND:
        with folder() as where, large(where) as extra:
            FOUND["large"] = judged("postgresql", SECONDS, where, **extra)
    return f"{'; '.join(FOUND[kind][place] for kind in KINDS)}; with PostgreSQL of its own, Redis, 2 web workers: {FOUND['large'][place]}"


@promise("R13")
def webhooks_lose_nothing() -> str:
    """Webhooks: at least once, one id an event, signed, in order."""
    return shown(0)


@promise("R15")
def pollers_miss_nothing() -> str:
    """Polling: exactly once."""
    return shown(1)
