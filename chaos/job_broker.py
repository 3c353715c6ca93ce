"""R8: the broker stops, is killed with all that it held, stands still, is emptied, cuts its connections: reads go on, no start is lost."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from chaos.job_site import OVER, Jobs, file_of, jobs_of
from chaos.promises import promise, require
from chaos.site import HEADERS, database, folder
from tests import servers
from tests.databases import Database

AWAY_SECONDS, FROZEN_SECONDS, CUTS = 60.0, 30.0, 20
CLICK_SECONDS = 5.0
MOST_SECONDS = 15.0  # in which what was clicked is done, once the broker is back
Fault = Callable[[servers.Server], None]


class Reader(threading.Thread):
    """Reads the API without pause."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__(daemon=True)
        self._jobs = jobs
        self.stopped = threading.Event()
        self.count = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            try:
                status, _, _ = self._jobs.served.get("/api.rsc/orders?$top=1", HEADERS)
            except OSError as error:
                self.failed.append(str(error))
                continue
            self.count += 1
            if status != 200:
                self.failed.append(str(status))


class Clicker(threading.Thread):
    """Starts a job every few seconds; what was accepted has to be done."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__(daemon=True)
        self._jobs = jobs
        self.stopped = threading.Event()
        self.accepted: list[int] = []
        self.failed: list[str] = []

    def run(self) -> None:
        while not self.stopped.wait(CLICK_SECONDS):
            status, body = self._jobs.asked("jobs/clicked/runs/", "POST")
            if status == 202:
                self.accepted.append(int(body["run"]))
            elif status != 409:  # the run before is under way
                self.failed.append(f"{status} {body}")


def command(server: servers.Server, *words: str) -> bytes:
    """Send one command to Redis."""
    with socket.create_connection((server.host, server.port), timeout=5) as connection:
        connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words))
        return connection.recv(1000)


def away(server: servers.Server) -> None:
    """Stop it for a minute."""
    server.stop(signal.SIGTERM)
    time.sleep(AWAY_SECONDS)
    server.start()


def killed(server: servers.Server) -> None:
    """Kill it; what it held is gone."""
    server.stop(signal.SIGKILL)
    server.start()


def frozen(server: servers.Server) -> None:
    """Let it stand still with its sockets open."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    server.process.send_signal(signal.SIGCONT)


def emptied(server: servers.Server) -> None:
    """Drop all that it holds."""
    require(command(server, "FLUSHALL").startswith(b"+OK"), "it was not emptied")


def cut(server: servers.Server) -> None:
    """Cut the connections of all its clients, again and again."""
    for _ in range(CUTS):
        require(command(server, "CLIENT", "KILL", "TYPE", "normal").startswith(b":"), "no connection was cut")
        time.sleep(1)


FAULTS: dict[str, Fault] = {
    f"stopped for {AWAY_SECONDS:.0f} s": away,
    "killed with its memory": killed,
    f"frozen for {FROZEN_SECONDS:.0f} s": frozen,
    "emptied": emptied,
    f"{CUTS} times all connections cut": cut,
}


def first_done(jobs: Jobs) -> float:
    """Return the seconds until a job that is started now is done."""
    begun = time.monotonic()
    while True:
        status, body = jobs.asked("jobs/probe/runs/", "POST")
        if status == 202:
            break
        require(time.monotonic() - begun < MOST_SECONDS, f"{status} {body}")
        time.sleep(0.2)
    jobs.ended(int(body["run"]), MOST_SECONDS)
    return time.monotonic() - begun


@contextmanager
def with_redis(where: Path) -> Iterator[tuple[Database, Database, Jobs, servers.Server, str]]:
    """Serve jobs over a PostgreSQL and a Redis that may be stopped."""
    own, redis = database("postgresql", "broker_own", where), servers.redis()
    source, copy = database("sqlite", "broker_source", where), database("postgresql", "broker_copy", where)
    source.create("orders", {"id": "integer NOT NULL PRIMARY KEY", "name": "text"})
    source.insert("orders", [(number, f"n{number}") for number in range(100)])
    names = {"clicked": "", "probe": "", "due": "* * * * *"}
    made = {name: {"destination": "copy", "schedule": when, "tasks": [f"REPLICATE [{name}] [orders]"]} for name, when in names.items()}
    found = own.connection["properties"]
    address = f"postgresql://{found['User']}@{found['Server']}:{found['Port']}/{found['Database']}"
    extra = {"APISERVER_DATABASE_URL": address, "APISERVER_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
    file = file_of(source, {"copy": copy}, made) | {"resources": {"orders": {"connection": "source", "table": "orders"}}}
    require(redis.is_ours, "APISERVER_TEST_REDIS names a server that others use")
    try:
        with jobs_of(file, where, extra) as jobs:
            yield source, copy, jobs, redis, address
    finally:
        if redis.process is not None:
            redis.process.send_signal(signal.SIGCONT)
        redis.remove()


@promise("R8")
def broker_may_go_away() -> str:
    """The broker is a doorbell: what it loses is found in the database."""
    with folder() as where, with_redis(where) as (_, _, jobs, redis, own):
        first_done(jobs)
        begun = time.time()
        reader, clicker = Reader(jobs), Clicker(jobs)
        reader.start()
        clicker.start()
        took = {}
        for name, fault in FAULTS.items():
            fault(redis)
            took[name] = first_done(jobs)
        for thread in (reader, clicker):
            thread.stopped.set()
            thread.join(60)
        runs = [jobs.ended(run, MOST_SECONDS) for run in clicker.accepted]
        minutes = int(time.time() // 60) - int(begun // 60)
        time.sleep(3)
        with psycopg.connect(own, autocommit=True) as connection:
            due = connection.execute("SELECT due, count(*), min(state) FROM jobs_run WHERE reason = 'schedule' GROUP BY due").fetchall()
    lost = [run for run in runs if run.state != "done"]
    require(not lost and not reader.failed and not clicker.failed, f"{lost[:2]} {reader.failed[:3]} {clicker.failed[:3]}")
    require(all(count == 1 and state in (*OVER, "running", "waiting") for _, count, state in due), f"moments that began two runs: {due}")
    require(len(due) >= minutes, f"{len(due)} runs by schedule in {minutes} minutes")
    told = ", ".join(f"{name}: {seconds:.1f} s" for name, seconds in took.items())
    return (
        f"{reader.count:,} reads, 0 failed; {len(runs)} starts accepted meanwhile, 0 lost; {minutes} due moments, {len(due)} runs;"
        f" a job that is started when the broker is back is done after: {told}"
    )
