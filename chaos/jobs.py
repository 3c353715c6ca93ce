"""R1, R3: a job of 200,000 rows under concurrent changes, with two beats and three workers that are killed at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg

from chaos.promises import Broken, promise, require
from chaos.site import database, folder
from chaos.triggers import large
from tests.databases import Database
from tests.served import ROOT, Served, environment, manage, publish

ROWS = int(os.environ.get("CHAOS_JOB_ROWS", "200000"))
KILLS = int(os.environ.get("CHAOS_JOB_KILLS", "20"))
WAIT_SECONDS = 300
JOB = """
from django.utils import timezone
from apiserver.jobs.services import Given, create_job
from connections.models import Connection
source, copy = (Connection.objects.get(name=name) for name in ("source", "copy"))
create_job(who="chaos", now=timezone.now(), name="orders", source=source, destination=copy, schedule="* * * * *",
           settings={"sweep_every": 0}, tasks=[Given("REPLICATE [orders] WITH IncrementalCheckColumns='changed', BatchSize=1000")])
"""
CHANGES = (
    "UPDATE orders SET amount = amount + 1, changed = clock_timestamp() WHERE id %% 997 = %s",
    "INSERT INTO orders (name, amount) SELECT 'new' || %s || '-' || n, n FROM generate_series(1, 20) AS n",
    "DELETE FROM orders WHERE id %% 4999 = %s",
)


class Churn(threading.Thread):
    """Changes rows in transactions that stay open for a while; every now and then many at once, so that there is much to bring."""

    def __init__(self, source: Database) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()
        self.changes = 0
        self._source = source
        self._chance = random.Random(1)

    def run(self) -> None:
        while not self.stopped.wait(self._chance.uniform(0.05, 0.3)):
            try:
                connection = self._source.connect()
            except psycopg.OperationalError:  # a server that others use too, and that has no place at the moment
                continue
            try:
                cursor = connection.cursor()
                for _ in range(self._chance.randint(1, 3)):
                    sql = self._chance.choice(CHANGES)
                    cursor.execute(sql, (self._chance.randrange(900),))
                    self.changes += max(0, cursor.rowcount)
                if self._chance.random() < 0.05:
                    cursor.execute("UPDATE orders SET changed = clock_timestamp() WHERE id %% 3 = %s", (self._chance.randrange(3),))
                    self.changes += max(0, cursor.rowcount)
                if self._chance.random() < 0.2:
                    time.sleep(self._chance.uniform(0.5, 3))
                connection.commit()
            finally:
                connection.close()


class Staff:
    """Two workers and a beat beside those of the server; all workers die together, whichever of them has the run."""

    def __init__(self, served: Served, extra: dict[str, str]) -> None:
        self._served, self._environment = served, environment(served.data_dir, extra)
        self._beat = self._start("beat", "--schedule", str(served.data_dir / "second-beat"))
        self._workers = [self._start("worker") for _ in range(2)]

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "apiserver.background", *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """Kill every worker; all are started anew."""
        children = Path(f"/proc/{self._served.process.pid}/task/{self._served.process.pid}/children").read_text().split()
        own = [int(pid) for pid in children if b"MainProcess" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        for pid in (*own, *(worker.pid for worker in self._workers)):
            os.kill(pid, signal.SIGKILL)
        for worker in self._workers:
            worker.wait()
        self._workers = [self._start("worker") for _ in self._workers]

    def pids(self) -> list[int]:
        """Return the workers."""
        return [worker.pid for worker in self._workers]

    def another(self) -> subprocess.Popen[bytes]:
        """Start one more worker, which whoever asks ends."""
        return self._start("worker")

    def dismiss(self) -> None:
        """End them."""
        for process in (self._beat, *self._workers):
            process.kill()
            process.wait()


def asked(own: str, sql: str) -> list[tuple[Any, ...]]:
    """Return what the product's own database says."""
    with psycopg.connect(own, autocommit=True) as connection:
        return connection.execute(sql).fetchall()  # type: ignore[arg-type]


def until(own: str, sql: str) -> list[tuple[Any, ...]]:
    """Return what is found in the end."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if found := asked(own, sql):
                return found
        except psycopg.OperationalError:  # as above
            time.sleep(1)
        time.sleep(0.1)
    raise Broken(f"nothing for {WAIT_SECONDS} s: {sql}")


@contextmanager
def at_work(where: Path, extra: dict[str, str]) -> Iterator[tuple[Database, Database, Staff]]:
    """Serve a source with rows and an empty destination, a job between them, and its staff."""
    source, copy = database("postgresql", "jobs_source", where), database("postgresql", "jobs_copy", where)
    source.create("orders", {"id": "serial", "name": "text", "amount": "decimal(12,2)", "changed": "timestamp DEFAULT clock_timestamp()"})
    source.run(f"INSERT INTO orders (name, amount) SELECT 'n' || n, n FROM generate_series(1, {ROWS}) AS n")
    served = publish({"connections": {"source": source.connection, "copy": copy.connection}}, where / "data", extra=extra)
    staff = Staff(served, extra)
    try:
        made = manage(served.data_dir, "shell", "-v", "0", "-c", JOB, extra=extra)
        require(made.returncode == 0, made.stderr)
        yield source, copy, staff
    finally:
        staff.dismiss()
        served.stop()


def kill_all(own: str, staff: Staff) -> None:
    """Kill the workers while a run of theirs is under way, at random moments of it."""
    chance = random.Random(2)
    under_way = "SELECT id FROM jobs_run WHERE state = 'running' AND beat_at > now() - interval '2 s'"
    killed = 0
    while killed < KILLS:
        until(own, under_way)
        time.sleep(chance.uniform(0, 4))
        if asked(own, under_way):  # else it was quicker than we
            staff.kill()
            killed += 1


def check_runs(own: str) -> tuple[int, int]:
    """Require that each due moment began one run, that no two were under way at once, and that each log is true; return runs and rows."""
    twice = asked(own, "SELECT due FROM jobs_run WHERE reason = 'schedule' GROUP BY due HAVING count(*) > 1")
    require(not twice, f"moments that began two runs: {twice}")
    spans = asked(own, "SELECT started, ended, state FROM jobs_run WHERE started IS NOT NULL AND ended IS NOT NULL ORDER BY started")
    require(all(one[1] <= other[0] for one, other in pairwise(spans)), "two runs were under way at once")
    require({span[2] for span in spans} == {"done"}, f"runs that did not end well: {spans}")
    untrue = asked(
        own,
        "SELECT r.id FROM jobs_run r JOIN jobs_taskrun t ON t.run_id = r.id"
        " WHERE r.state = 'done' AND r.rows <> t.inserted + t.updated + t.deleted"
        " OR r.attempts > 1 AND NOT EXISTS (SELECT 1 FROM jobs_runline l WHERE l.run_id = r.id AND l.text LIKE 'Another worker%')",
    )
    require(not untrue, f"runs whose logs are not true: {untrue}")
    ((count, rows),) = asked(own, "SELECT count(*), sum(rows) FROM jobs_run WHERE state = 'done'")
    return int(count), int(rows)


@promise("R1")
def killed_jobs_lose_nothing() -> str:
    """Kill -9 in mid replication loses and doubles nothing; each due run begins once."""
    with folder() as where, large(where) as extra, at_work(where, extra) as (source, copy, staff):
        own = extra["APISERVER_DATABASE_URL"]
        churn = Churn(source)
        churn.start()
        kill_all(own, staff)
        churn.stopped.set()
        churn.join(60)
        ((now,),) = asked(own, "SELECT now()")
        until(own, f"SELECT id FROM jobs_run WHERE state = 'done' AND started > '{now.isoformat()}'")
        columns = "SELECT id, name, amount, changed FROM orders ORDER BY id"
        here, there = source.run(columns), copy.run(columns)
        runs, rows = check_runs(own)
    lost, phantom = len(set(here) - set(there)), len(set(there) - set(here))
    require(here == there, f"{lost} rows lost or stale, {phantom} that the source has not, {len(there) - len(set(there))} doubled")
    return (
        f"{KILLS} kills of all workers in mid run, {len(here):,} rows, {churn.changes:,} changes meanwhile, 2 beats, 3 workers: "
        f"{runs} runs, {rows:,} rows written, lost 0, doubled 0, stale 0, phantom 0, no two runs at once"
    )
