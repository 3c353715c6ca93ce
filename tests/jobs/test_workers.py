"""Three workers, each with a bell of its own, at one installation: every due run begins once, and goes on when its worker is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.served import ROOT, Served, environment, manage, publish

ROWS, SMALL = 120_000, 8
# Jobs are made and clicked as the console does: by the verbs, in a process beside the server.
JOBS = f"""
from concurrent.futures import ThreadPoolExecutor
from django.utils import timezone
from apiserver.jobs.models import Job
from apiserver.jobs.services import Given, create_job
from apiserver.jobs.starting import start
from connections.models import Connection

shop, copy = (Connection.objects.get(name=name) for name in ("shop", "copy"))
now = timezone.now()
for number in range({SMALL}):
    create_job(who="t", now=now, name=f"small{{number}}", source=shop, destination=copy, schedule="0 0 1 1 *",
               tasks=[Given(f"REPLICATE [small{{number}}] [small]")])
big = create_job(who="t", now=now, name="big", source=shop, destination=copy,
                 tasks=[Given("REPLICATE [big] WITH IncrementalCheckColumns='changed', BatchSize=500")])
Job.objects.exclude(pk=big.pk).update(next_due=now)
"""
CLICKS = """
from concurrent.futures import ThreadPoolExecutor
from django.db import connection
from django.utils import timezone
from apiserver.jobs.models import Job
from apiserver.jobs.starting import start

def click(number):
    try:
        return start(Job.objects.get(name="big"), reason="button", now=timezone.now(), asked_by="t").state
    finally:
        connection.close()

with ThreadPoolExecutor(8) as pool:
    print(sorted(pool.map(click, range(20))))
"""


def asked(server: Served, sql: str) -> list[dict[str, Any]]:
    """Return what the product's own database says."""
    with closing(sqlite3.connect(server.data_dir / "apiserver.sqlite3", timeout=30)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(sql)]


def until(holds: Callable[[], Any], seconds: float = 120) -> Any:
    """Return what holds in the end."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)
    return found


def worker_of(server: Served) -> int:
    """Return the worker that the supervisor started."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return next(int(pid) for pid in children if b"celeryd" in Path(f"/proc/{pid}/cmdline").read_bytes())


@contextmanager
def more_workers(server: Served, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start workers beside that of the server."""
    command = [sys.executable, "-m", "apiserver.background", "worker"]
    made = [subprocess.Popen(command, cwd=ROOT, env=environment(server.data_dir), stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield made
    finally:
        for process in made:
            process.kill()
            process.wait()


def told(server: Served, code: str) -> str:
    """Run code in a process of the product."""
    done = manage(server.data_dir, "shell", "-v", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_runs_begin_once_and_go_on_when_their_worker_is_killed(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    shop = databases.make("sqlite", "workers", request, tmp_path)
    copy = databases.make("postgresql", "workers", request, tmp_path)
    shop.create("small", {"id": "integer", "name": "text"}, "PRIMARY KEY (id)")
    shop.create("big", {"id": "integer", "name": "text", "changed": "integer"}, "PRIMARY KEY (id)")
    shop.insert("small", [(1, "one")])
    shop.insert("big", [(number, f"n{number}", number) for number in range(ROWS)])
    server = publish({"connections": {"shop": shop.connection, "copy": copy.connection}}, tmp_path / "data")
    request.addfinalizer(server.dismiss)

    with more_workers(server, 2) as workers, ThreadPoolExecutor(1) as pool:
        told(server, JOBS)
        until(lambda: len(asked(server, "SELECT id FROM jobs_run WHERE state = 'done'")) == SMALL)
        clicks = pool.submit(told, server, CLICKS)  # beside them: the first one's rows come at once
        until(lambda: asked(server, f"SELECT id FROM jobs_taskrun WHERE title = 'big' AND inserted BETWEEN 1 AND {ROWS * 2 // 3}"))
        for pid in (worker_of(server), *(process.pid for process in workers)):
            os.kill(pid, signal.SIGKILL)
        run = until(lambda: asked(server, "SELECT * FROM jobs_run WHERE job_name = 'big' AND state IN ('done', 'failed')"))[0]
        clicked = clicks.result()
    runs = asked(server, "SELECT job_name, state, attempts FROM jobs_run WHERE reason = 'schedule' ORDER BY job_name")
    task = asked(server, f"SELECT * FROM jobs_taskrun WHERE run_id = {run['id']}")[0]
    lines = [row["text"] for row in asked(server, f"SELECT text FROM jobs_runline WHERE run_id = {run['id']} ORDER BY id")]

    assert runs == [{"job_name": f"small{number}", "state": "done", "attempts": 1} for number in range(SMALL)]
    assert clicked.count("'waiting'") == 1
    assert clicked.count("'skipped'") == 19
    assert (run["state"], run["cause"], run["attempts"], run["rows"], task["inserted"]) == ("done", "", 2, ROWS, ROWS)
    assert any("Another worker goes on" in line for line in lines)
    assert any("Goes on behind" in line for line in lines)
    assert sorted(copy.run("SELECT id, name, changed FROM big")) == sorted(shop.run("SELECT id, name, changed FROM big"))
