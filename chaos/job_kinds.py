"""Kill -9 of the worker while it loads databases of four kinds at once, under changes of the source: lost 0, doubled 0."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from chaos.job_site import Jobs, file_of, jobs_of, next_worker, worker_of
from chaos.jobs import Churn
from chaos.promises import promise, require
from chaos.site import database, folder
from tests.databases import Database

ROWS, KILLS = 60_000, 6
KINDS = ("postgresql", "mysql", "sqlite", "duckdb")
TASK = "REPLICATE [{0}] WITH IncrementalCheckColumns='changed', BatchSize=1000 [orders]"


def killed(jobs: Jobs) -> int:
    """Kill the worker again and again while the jobs run; return in how many runs it was."""
    chance, worker, hit = random.Random(5), worker_of(jobs.served), 0
    runs = {kind: jobs.start(kind) for kind in KINDS}
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.3, 2.5))
        hit += sum(jobs.asked(f"runs/{run}/")[1]["state"] == "running" for run in runs.values())
        os.kill(worker, signal.SIGKILL)
        worker = next_worker(jobs.served, worker)
        for kind, run in runs.items():  # who is gone is told after 20 seconds; those that came to their end begin anew
            until_taken_up(jobs, run)
            if jobs.asked(f"runs/{run}/")[0] == 200:
                runs[kind] = jobs.start(kind)
    for kind, run in runs.items():
        ended = jobs.ended(run)
        require(ended.state == "done", f"{kind}: {ended.state} {ended.why}")
    return hit


def until_taken_up(jobs: Jobs, run: int) -> None:
    """Wait until a run is over, or another worker has it and brings rows."""
    _, before = jobs.asked(f"runs/{run}/")
    read = before["tasks"][0]["rows_read"] if before["tasks"] else 0
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        status, now = jobs.asked(f"runs/{run}/")
        if status == 200 or (now["tasks"] and now["tasks"][0]["rows_read"] != read):
            return
        time.sleep(0.1)
    require(False, f"run {run} was not taken up: {jobs.lines(run)[-3:]}")


def filled(where: Path) -> tuple[Database, dict[str, Database]]:
    """Return a source with rows and empty destinations."""
    source = database("postgresql", "kinds_source", where)
    source.create("orders", {"id": "serial", "name": "text", "amount": "decimal(12,2)", "changed": "timestamp DEFAULT clock_timestamp()"})
    source.run(f"INSERT INTO orders (name, amount) SELECT 'n' || n, n FROM generate_series(1, {ROWS}) AS n")
    return source, {kind: database(kind, "kinds_copy", where) for kind in KINDS}


@promise("R1-kinds")
def killed_loads_of_each_kind() -> str:
    """Whatever kind the destination is, a worker that is killed costs no row and doubles none."""
    with folder() as where:
        source, copies = filled(where)
        made = {kind: {"destination": kind, "tasks": [TASK.format("orders_copy")]} for kind in KINDS}
        with jobs_of(file_of(source, copies, made), where) as jobs:
            churn = Churn(source)
            churn.start()
            hit = killed(jobs)
            churn.stopped.set()
            churn.join(60)
            for kind in KINDS:
                jobs.done(kind)
        here = sorted(source.run("SELECT id, name FROM orders"))
        wrong = {kind: len(here) for kind, copy in copies.items() if sorted(copy.run("SELECT id, name FROM orders_copy")) != here}
        amounts = {str(copy.run("SELECT round(sum(amount), 2) FROM orders_copy")[0][0]).rstrip("0").rstrip(".") for copy in copies.values()}
        total = str(source.run("SELECT round(sum(amount), 2) FROM orders")[0][0]).rstrip("0").rstrip(".")
    require(not wrong and amounts == {total}, f"{wrong} {amounts} {total}")
    require(hit >= KILLS, f"only {hit} runs were under way at {KILLS} kills")
    return (
        f"{KILLS} kills of the worker while it loaded {ROWS:,} rows into each of {', '.join(KINDS)} ({hit} runs hit),"
        f" {churn.changes:,} changes meanwhile: {len(here):,} rows each, lost 0, doubled 0, stale 0"
    )
