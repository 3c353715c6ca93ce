"""R3: one job, one run, whoever asks: two schedulers, fifty clicks at once, a worker that was taken for dead and comes back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chaos.job_site import Jobs, file_of, is_worker, jobs_of, put
from chaos.jobs import Staff, asked
from chaos.promises import promise, require
from chaos.site import database, folder, processes
from chaos.triggers import large
from tests.databases import Database

ROWS, SMALL, CLICKS = 300_000, 12, 50
FROZEN_SECONDS = 26  # longer than a lease
OVERLAP = 1001  # values of the check column that are read again behind a load that was broken off

READING = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
AND state = 'active' AND query LIKE '%"slow"%' AND query NOT LIKE '%pg_catalog%'"""


class Overlap(threading.Thread):
    """Asks the source how many statements read the slow table at once."""

    def __init__(self, source: Database) -> None:
        super().__init__(daemon=True)
        self._source = source
        self.stopped = threading.Event()
        self.most = 0

    def run(self) -> None:
        while not self.stopped.wait(0.02):
            self.most = max(self.most, int(self._source.run(READING)[0][0]))


def clicked(jobs: Jobs, job: str) -> Counter[int]:
    """Start a job fifty times at once; return how often which status came."""
    with ThreadPoolExecutor(CLICKS) as pool:
        return Counter(pool.map(lambda _: jobs.asked(f"jobs/{job}/runs/", "POST")[0], range(CLICKS)))


def clicks(jobs: Jobs, source: Database) -> int:
    """Start a slow job fifty times at once while it runs and before; return how many statements read it at once at most."""
    watch = Overlap(source)
    watch.start()
    first = clicked(jobs, "slow")
    time.sleep(1)
    second = clicked(jobs, "slow")
    (run,) = [int(row["run"]) for row in jobs.asked("runs/?job=slow&state=waiting,running")[1]["results"]]
    require(first == {202: 1, 409: CLICKS - 1} and second == {409: CLICKS}, f"answers to {CLICKS} clicks: {first}, then {second}")
    ended = jobs.ended(run)
    watch.stopped.set()
    watch.join(10)
    require(ended.state == "done", f"{ended.state} {ended.why}")
    return watch.most


def taken_over(jobs: Jobs, staff: Staff) -> int:
    """Let all workers stand still until another has their run, then go on; return the attempts that the run took."""
    run = jobs.start("big")
    jobs.until_written(run, ROWS // 5)
    frozen = [pid for pid in [*processes(jobs.served.process.pid)[1:], *staff.pids()] if is_worker(pid)]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    _, before = jobs.asked(f"runs/{run}/")
    other = staff.another()
    try:
        while time.monotonic() - begun < FROZEN_SECONDS * 2:
            _, now = jobs.asked(f"runs/{run}/")
            if now["rows"] > before["rows"]:
                break
            time.sleep(0.05)
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    ended = jobs.ended(run)
    other.kill()
    other.wait()
    is_other = any("Another worker goes on" in line for line in ended.lines)
    require(ended.state == "done" and is_other, f"{ended.state} {ended.why} {ended.lines}")
    require(ended.task["inserted"] == ROWS and ended.task["rows_read"] <= ROWS + OVERLAP, f"both wrote: {ended.task}")
    return len(frozen)


def made() -> dict[str, dict[str, Any]]:
    """Return the jobs: many small ones that are due each minute, a slow one and a big one."""
    few = "SELECT id FROM [orders] WHERE id < 10"
    names = [f"small{number}" for number in range(SMALL)]
    found: dict[str, dict[str, Any]] = {name: {"schedule": "* * * * *", "tasks": [f"REPLICATE [{name}] {few}"]} for name in names}
    found["slow"] = {"tasks": ["REPLICATE [slow] SELECT id, waited FROM [slow] LIMIT 1000"]}  # which nobody counts beforehand
    found["big"] = {"tasks": ["REPLICATE [big] WITH IncrementalCheckColumns='changed', BatchSize=1000 [orders]"]}
    return {name: {"destination": "copy", **job} for name, job in found.items()}


@promise("R3")
def one_job_has_one_run() -> str:
    """Two schedulers and three workers begin each due moment once; a late worker writes nothing more."""
    with folder() as where, large(where) as extra:
        own = extra["APISERVER_DATABASE_URL"]
        source, copy = database("postgresql", "once_source", where), database("postgresql", "once_copy", where)
        source.create("orders", {"id": "integer", "name": "varchar(40)", "changed": "integer"}, "PRIMARY KEY (id)")
        put(source, "orders", [(number, f"n{number}", number) for number in range(ROWS)])
        source.run("CREATE VIEW slow AS SELECT n AS id, pg_sleep(0.02)::text AS waited FROM generate_series(1, 300) AS n")
        with jobs_of(file_of(source, {"copy": copy}, made()), where, extra) as jobs:
            staff = Staff(jobs.served, extra)
            try:
                at_once = clicks(jobs, source)
                frozen = taken_over(jobs, staff)
                time.sleep(max(0.0, 62 - time.time() % 60))  # another due moment
                time.sleep(8)
            finally:
                staff.dismiss()
            due = asked(own, "SELECT due, job_name, count(*) FROM jobs_run WHERE reason = 'schedule' GROUP BY due, job_name")
        wrong = source.run("SELECT id, name, changed FROM orders ORDER BY id") != copy.run("SELECT id, name, changed FROM big ORDER BY id")
    require(at_once == 1, f"{at_once} runs read the slow table at once")
    require(len(due) >= SMALL and all(row[2] == 1 for row in due), f"moments that began two runs: {[row for row in due if row[2] > 1]}")
    require(not wrong, "the table of the run that was taken over differs")
    return (
        f"2 schedulers, 3 workers: {len(due)} due moments of {SMALL} jobs, {len(due)} runs; 2 x {CLICKS} clicks at once: 1 run,"
        f" most at once {at_once}; {frozen} workers frozen until another had their run, then woken:"
        f" {ROWS:,} rows written once, late writes 0"
    )
