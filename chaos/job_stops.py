"""R2: workers that are asked to stop, or stand still for a moment, in the middle of a load: it goes on behind the last committed page."""

from __future__ import annotations

import os
import random
import re
import signal
import time

from chaos.job_site import Jobs, differing, end_of, file_of, jobs_of, next_worker, put, worker_of
from chaos.promises import promise, require
from chaos.site import database, folder

ROWS = 400_000
STOPS = 6
MOST_EXIT, MOST_RESUME = 30.0, 60.0  # seconds
OVERLAP = 1001  # values of the check column that are read again behind a load that was broken off
COLUMNS = {"id": "integer", "name": "varchar(40)", "note": "text", "changed": "integer"}
GOES_ON = re.compile(r"Goes on behind the (\d+) rows")


def resumed(jobs: Jobs, run: int, written: int) -> float:
    """Return the seconds until a run commits more than it had."""
    begun = time.monotonic()
    jobs.until_written(run, written + 1)
    return time.monotonic() - begun


def disturb(jobs: Jobs, run: int) -> tuple[list[float], list[float]]:
    """Ask each worker to stop soon after it began; return the seconds that they took, and those until rows came again."""
    chance = random.Random(3)
    exits, pauses, worker = [], [], worker_of(jobs.served)
    for number in range(STOPS):
        jobs.until_written(run, ROWS * number // (STOPS * 2) + 1)
        time.sleep(chance.uniform(0, 0.3))
        os.kill(worker, signal.SIGSTOP)  # it stands still, as a machine that is being moved, and goes on
        time.sleep(2 if number == 0 else 0)
        os.kill(worker, signal.SIGCONT)
        os.kill(worker, signal.SIGTERM)
        exits.append(end_of(worker))
        _, seen = jobs.asked(f"runs/{run}/")
        if seen["state"] == "done":
            break
        worker = next_worker(jobs.served, worker)
        pauses.append(resumed(jobs, run, seen["rows"]))
    return exits, pauses


@promise("R2")
def stopped_workers_resume() -> str:
    """SIGTERM ends a worker at its next page; the run goes on behind what was committed."""
    with folder() as where:
        source, copy = database("sqlite", "stops_source", where), database("postgresql", "stops_copy", where)
        source.create("orders", COLUMNS, "PRIMARY KEY (id)")
        put(source, "orders", [(number, f"n{number}", "x" * (number % 60), number) for number in range(ROWS)])
        job = {"destination": "copy", "tasks": ["REPLICATE [orders] WITH IncrementalCheckColumns='changed', BatchSize=1000"]}
        with jobs_of(file_of(source, {"copy": copy}, {"orders": job}), where) as jobs:
            run = jobs.start("orders")
            exits, pauses = disturb(jobs, run)
            ended = jobs.ended(run)
        wrong = differing(source, copy, "orders", "id, name, note, changed")
    behind = [int(found[1]) for line in ended.lines if (found := GOES_ON.search(line))]
    require(ended.state == "done" and not wrong, f"{ended.state} {ended.why} {wrong}")
    require(len(pauses) >= 3 and max(exits) < MOST_EXIT and max(pauses) < MOST_RESUME, f"exits {exits}, pauses {pauses}")
    require(len(behind) >= len(pauses) and behind == sorted(behind) and behind[0] > 0, f"it began anew: {behind}, {ended.lines}")
    again = ended.task["rows_read"] - ROWS
    require(ended.task["inserted"] == ROWS and again <= OVERLAP, f"rows came twice: {ended.task}")
    return (
        f"{len(exits)} workers asked to stop in mid load of {ROWS:,} rows: ended within {max(exits):.1f} s, rows came again within "
        f"{max(pauses):.1f} s, each time behind the last committed page ({ROWS:,} rows written, none twice;"
        f" {again:,} of the overlap read again)"
    )
