"""R9: the product's own PostgreSQL stops, hangs and comes back: a quick 503, recovery by itself, no acknowledged write lost."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass, field

import psycopg

from chaos.promises import promise, require
from chaos.site import HEADERS, configuration, database, folder, own_postgres, serving
from tests.served import Served
from tests.servers import Server

AWAY_SECONDS = 6
MOST_SECONDS = 2.0


@dataclass
class Seen:
    """What the client of one outage saw."""

    statuses: set[int] = field(default_factory=set)
    longest: float = 0.0
    without_retry: int = 0


def ask_while_away(served: Served, seconds: float) -> Seen:
    """Ask the API, the management API and the console without pause."""
    seen, ends = Seen(), time.monotonic() + seconds
    while time.monotonic() < ends:
        for path in ("/api.rsc/items?$top=1", "/manage/api/users/", "/api.rsc/$metadata"):
            started = time.monotonic()
            status, headers, _ = served.get(path, HEADERS)
            require(status in (200, 503), f"{status} for {path}")
            seen.statuses.add(status)
            seen.longest = max(seen.longest, time.monotonic() - started)
            seen.without_retry += status == 503 and "retry-after" not in headers
    return seen


class Writer(threading.Thread):
    """Creates groups through the management API and keeps the names of those that were acknowledged."""

    def __init__(self, served: Served) -> None:
        super().__init__(daemon=True)
        self._served = served
        self._ended = threading.Event()
        self.acknowledged: list[str] = []

    def run(self) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            try:
                status, _, _ = self._served.get("/manage/api/groups/", HEADERS, "POST", {"name": f"g{number}"})
            except OSError:  # a hung database's answer may never come: nothing was acknowledged
                continue
            if status == 201:
                self.acknowledged.append(f"g{number}")
            time.sleep(0.02)

    def stop(self) -> list[str]:
        """Return what the server said it had stored."""
        self._ended.set()
        self.join(60)
        return self.acknowledged


def outage(served: Served, own: Server, how: int) -> tuple[Seen, float]:
    """Take the database away and bring it back; return what was seen and the seconds to the first 200."""
    require(own.process is not None, "no process")
    time.sleep(3)  # writes go on before it
    if how == signal.SIGSTOP:
        signal_all(own, signal.SIGSTOP)
        seen = ask_while_away(served, AWAY_SECONDS)
        signal_all(own, signal.SIGCONT)
    else:
        own.stop(how)
        seen = ask_while_away(served, AWAY_SECONDS)
        own.start()
    back = time.monotonic()
    while served.get("/api.rsc/items?$top=1", HEADERS)[0] != 200:
        require(time.monotonic() - back < 60, "the server did not recover")
        time.sleep(0.05)
    return seen, time.monotonic() - back


def signal_all(own: Server, number: int) -> None:
    """Send a signal to the database's processes."""
    import os

    from chaos.site import processes

    for pid in processes(own.process.pid if own.process else 0):
        os.kill(pid, number)


def is_there(served: Served, name: str) -> bool:
    """Claim that a group is stored; a worker may still be refusing for a second after an outage."""
    ends = time.monotonic() + 10
    while (status := served.get(f"/manage/api/groups/{name}/", HEADERS)[0]) == 503 and time.monotonic() < ends:
        time.sleep(0.1)
    return status == 200


@promise("R9")
def own_database_may_go_away() -> str:
    own = own_postgres()
    try:
        with psycopg.connect(host=own.host, port=own.port, user="postgres", dbname="postgres", autocommit=True) as made:
            made.execute("CREATE DATABASE meta")
        with folder() as where:
            source = database("sqlite", "own", where)
            source.run("CREATE TABLE items (id integer PRIMARY KEY)")
            address = f"postgresql://postgres@{own.host}:{own.port}/meta"
            with serving(configuration(source, ("items",)), where, APISERVER_DATABASE_URL=address) as served:
                return figure(served, own)
    finally:
        signal_all(own, signal.SIGCONT)
        own.remove()


def figure(served: Served, own: Server) -> str:
    """Try three outages beside a writer and compare what was acknowledged with what is there."""
    writer = Writer(served)
    writer.start()
    told = []
    for name, how in (("stopped at once", signal.SIGQUIT), ("restarted", signal.SIGINT), ("hanging", signal.SIGSTOP)):
        seen, seconds = outage(served, own, how)
        require(seen.statuses <= {200, 503}, f"{name}: statuses {seen.statuses}")
        require(503 in seen.statuses and seen.without_retry == 0, f"{name}: {seen}")
        require(seen.longest < MOST_SECONDS, f"{name}: an answer took {seen.longest:.1f} s")
        told.append(f"{name}: 503 within {seen.longest:.1f} s, first 200 {seconds:.1f} s after return")
    acknowledged = writer.stop()
    present = {name for name in acknowledged if is_there(served, name)}
    lost = set(acknowledged) - present
    require(not lost, f"lost {sorted(lost)[:5]}")
    return f"{'; '.join(told)}; {len(acknowledged)} writes acknowledged, {len(acknowledged) - len(lost)} present"
