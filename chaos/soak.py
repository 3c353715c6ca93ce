"""R24: mixed load for a while: nothing grows. `--minutes` says how long, two are the short form, thirty the full one; `--rate` how much."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from chaos.promises import promise, require
from chaos.site import HEADERS, configuration, database, folder, memory, processes, serving
from tests.databases import Database
from tests.served import Served

READS = (
    *("items?$top=50", "items?$filter=amount gt 100&$count=true", "items(7)", "items?$orderby=name desc"),
    *("$metadata", "items?$filter=(", "no"),
)
MOST_MIB_AN_HOUR = 60
USERS = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server holds at a moment."""

    at: float
    memory: float
    files: int
    connections: int


def sample(served: Served, source: Database) -> Sample:
    """Look at the server."""
    files = 0
    for pid in processes(served.process.pid):
        try:
            files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:  # it ended meanwhile
            continue
    (count,) = source.run("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")[0]
    return Sample(time.monotonic(), memory(served), files, int(count))


def load(served: Served, ended: threading.Event, seed: int, statuses: list[int], pause: float) -> None:
    """Read and write at random."""
    chance = random.Random(seed)
    while not ended.wait(pause):
        if chance.random() < 0.2:
            key = chance.randrange(1, 2000)
            status, _, _ = served.get(f"/api.rsc/items({key})", HEADERS, "PATCH", {"amount": chance.randrange(1000)})
        else:
            status, _, _ = served.get("/api.rsc/" + chance.choice(READS).replace(" ", "%20"), HEADERS)
        statuses.append(status)


def slope(values: list[tuple[float, float]]) -> float:
    """Return the growth an hour of a line through these points."""
    count = len(values)
    middle, mean = sum(at for at, _ in values) / count, sum(value for _, value in values) / count
    spread = sum((at - middle) ** 2 for at, _ in values)
    return sum((at - middle) * (value - mean) for at, value in values) / spread * 3600


@promise("R24")
def nothing_grows() -> str:
    minutes = float(os.environ.get("CHAOS_MINUTES", "2"))
    with folder() as where:
        source = database("postgresql", "soak", where)
        source.run("CREATE TABLE items (id integer PRIMARY KEY, name text, amount integer)")
        source.run("INSERT INTO items SELECT n, 'name ' || n, n FROM generate_series(1, 2000) n")
        with serving(configuration(source, ("items",)), where) as served:
            return figure(served, source, minutes)


def figure(served: Served, source: Database, minutes: float) -> str:
    """Load the server, look at it ten times in the second half, and draw the line."""
    ended, statuses, pause = threading.Event(), [0], USERS / float(os.environ.get("CHAOS_RATE", "400"))
    users = [threading.Thread(target=load, args=(served, ended, seed, statuses, pause), daemon=True) for seed in range(USERS)]
    for user in users:
        user.start()
    time.sleep(minutes * 30)
    samples = []
    for _ in range(10):
        time.sleep(minutes * 3)
        samples.append(sample(served, source))
    ended.set()
    for user in users:
        user.join(30)
    failed = sum(status >= 500 for status in statuses)
    grown = {name: slope([(item.at, float(getattr(item, name))) for item in samples]) for name in ("memory", "files", "connections")}
    held = samples[-1].memory - samples[0].memory
    require(failed == 0, f"{failed} of {len(statuses)} failed")
    require(grown["memory"] < MOST_MIB_AN_HOUR or held < 3, json.dumps(grown))
    files, connections = samples[-1].files - samples[0].files, samples[-1].connections - samples[0].connections
    return (
        f"{minutes:.0f} min, {len(statuses):,} requests, 0 5xx; in the second half memory {held:+.1f} MiB, "
        f"{grown['memory']:+.0f} an hour; open files {files:+d}, database connections {connections:+d}"
    )
