"""R21: clocks are set a day ahead and back, of the whole machine, of beat and of a worker alone: due moments begin their runs, no more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.job_site import Ended, Jobs, file_of, is_worker, jobs_of
from chaos.promises import Broken, promise, require
from chaos.site import database, folder, processes
from chaos.triggers import large
from tests.databases import Database
from tests.served import ROOT, Served, environment

DAY = 86_400
TASK = "REPLICATE [{0}] WITH IncrementalCheckColumns='changed' [orders]"
SLOW_SECONDS = 180


class Clock:
    """The clock of processes that are started with its variables; only the time of day is set, as on a real machine."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file, self._library = folder / "offset", folder / "clock.so"
        compiler = shutil.which("cc") or shutil.which("gcc")
        require(compiler is not None, "a C compiler is needed: apt-get install gcc")
        source = Path(__file__).with_name("clock.c")
        subprocess.run([str(compiler), "-shared", "-fPIC", "-O2", "-o", str(self._library), str(source), "-ldl"], check=True)
        self.set(0)

    def set(self, seconds: int) -> None:
        """Set it: 86,400 is tomorrow."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds}\n")
        new.rename(self._file)

    @property
    def variables(self) -> dict[str, str]:
        """Return what a process needs."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file)}


class Source(threading.Thread):
    """Adds a row each half second, with the time of its own clock."""

    def __init__(self, source: Database) -> None:
        super().__init__(daemon=True)
        self._source = source
        self.stopped = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopped.wait(0.5):
            number += 1
            self._source.run(f"INSERT INTO orders VALUES ({number}, clock_timestamp())")


@dataclass
class Phase:
    """What happened under one setting of the clocks."""

    what: str
    minutes: int  # that began meanwhile
    runs: int = 0


@dataclass
class Site:
    """Jobs under clocks that can be set."""

    jobs: Jobs
    source: Database
    copy: Database
    phases: list[Phase] = field(default_factory=list)

    def runs(self) -> int:
        """Return the runs that the schedule began and that ended well."""
        _, body = self.jobs.asked("runs/?job=due&reason=schedule&limit=1000")
        states = {row["state"] for row in body["results"]}
        require(states <= {"done", "running", "waiting"}, f"runs by schedule that ended otherwise: {states}")
        return len(body["results"])

    def phase(self, what: str, seconds: float) -> None:
        """Let time pass; the phase begins in the middle of a minute, so that no moment is lost at its edge."""
        before, begun = self.runs(), time.time()
        while time.time() < begun + seconds or not 10 < time.time() % 60 < 50:
            time.sleep(0.5)
            require(self.jobs.asked("jobs/due/status/")[0] == 200, "the authtoken is refused")
        self.phases.append(Phase(what, int(time.time() // 60) - int(begun // 60), self.runs() - before))


def mid_minute() -> None:
    """Wait for the middle of a minute."""
    while not 15 < time.time() % 60 < 40:
        time.sleep(0.5)


@contextmanager
def site(name: str, where: Path, extra: Mapping[str, str]) -> Iterator[Site]:
    """Serve a job that is due each minute."""
    source, copy = database("postgresql", f"clock_{name}", where), database("postgresql", f"clock_{name}_copy", where)
    source.run("CREATE TABLE orders (id integer PRIMARY KEY, changed timestamptz(6))")
    source.run(f"CREATE VIEW slow AS SELECT n AS id, pg_sleep(0.005)::text AS waited FROM generate_series(1, {SLOW_SECONDS * 200}) AS n")
    made: dict[str, Any] = {
        "due": {"destination": "copy", "schedule": "* * * * *", "tasks": [TASK.format("orders")]},
        "slow": {"destination": "copy", "tasks": ["REPLICATE [slow] WITH BatchSize=1000 SELECT id, waited FROM [slow] LIMIT 1000000"]},
    }
    rows = Source(source)
    with jobs_of(file_of(source, {"copy": copy}, made), where, extra) as jobs:
        rows.start()
        try:
            yield Site(jobs, source, copy)
        finally:
            rows.stopped.set()
            rows.join(10)


def settled(found: Site) -> None:
    """Require that the destination has all rows after one more run."""
    found.jobs.done("due")
    latest = found.source.run("SELECT count(*) FROM orders")[0][0] - 2  # which came while it ran
    there = set(found.source.run(f"SELECT id, changed FROM orders WHERE id <= {latest}"))
    missing = there - set(found.copy.run("SELECT id, changed FROM orders"))
    require(not missing, f"{len(missing)} rows are missing")


def machine(where: Path, told: list[Phase], slow: list[Ended]) -> None:
    """Set the clock of all processes of a server."""
    clock = Clock(where / "clock")
    with site("machine", where, clock.variables) as found:
        mid_minute()
        run = found.jobs.start("slow")
        clock.set(DAY)
        found.phase("machine a day ahead", 60)
        clock.set(0)
        found.phase("machine set back a day", 120)
        slow.append(found.jobs.ended(run, SLOW_SECONDS))
        settled(found)
        told += found.phases


def alone(where: Path, told: list[Phase]) -> None:
    """Set the clock of beat, then of a worker, beside a server whose own clock is right."""
    beat, worker = Clock(where / "beat"), Clock(where / "worker")
    with large(where) as extra, site("alone", where, extra) as found:
        data = found.jobs.served.data_dir
        commands = {"beat": ["beat", "--schedule", str(data / "other-beat")], "worker": ["worker"]}
        made = [
            subprocess.Popen(
                [sys.executable, "-m", "apiserver.background", *command],
                cwd=ROOT,
                env=environment(data, {**extra, **(beat if name == "beat" else worker).variables}),
                stderr=subprocess.DEVNULL,
            )
            for name, command in commands.items()
        ]
        own = background_of(found.jobs.served)
        for pid in own:  # those of the server stand still: the ones whose clocks are set do the work
            os.kill(pid, signal.SIGSTOP)
        try:
            mid_minute()
            beat.set(-DAY)
            found.phase("beat alone set back a day", 60)
            beat.set(0)
            worker.set(DAY)
            found.phase("worker alone a day ahead", 60)
            worker.set(0)
            found.phase("worker alone set back a day", 120)
            settled(found)
            told += found.phases
        finally:
            for process in made:
                process.kill()
                process.wait()
            for pid in own:
                os.kill(pid, signal.SIGCONT)


def background_of(served: Served) -> list[int]:
    """Return worker and beat of a server, once they are there under their names."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = processes(served.process.pid)[1:]
        found = [next(filter(claim, children), 0) for claim in (is_worker, is_beat)]
        if all(found):
            return found
        time.sleep(0.2)
    raise Broken("the server has no worker or no beat")


def is_beat(pid: int) -> bool:
    """Claim that a process is the server's scheduler."""
    try:
        return b"beat" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@promise("R21")
def clocks_may_be_set() -> str:
    """Schedules follow the clock: what was missed is one run, a clock that is set back begins none twice and stops none."""
    told: list[Phase] = []
    slow: list[Ended] = []
    failed: list[BaseException] = []

    def beside(where: Path) -> None:
        try:
            alone(where, told)
        except BaseException as error:  # noqa: BLE001 raised below
            failed.append(error)

    with folder() as one, folder() as other:
        thread = threading.Thread(target=beside, args=(other,))
        thread.start()
        machine(one, told, slow)
        thread.join()
    if failed:
        raise failed[0]
    for phase in told:  # the moments that were jumped over are one run; for a minute a schedule may not know that its clock was set back
        fewest, most = phase.minutes - ("back" in phase.what), phase.minutes + 1
        require(fewest <= phase.runs <= most, f"{phase.what}: {phase.runs} runs in {phase.minutes} minutes; {told}")
    attempts = sum("Another worker" in line for line in slow[0].lines)
    require(slow[0].state == "done" and not attempts, f"the run under way: {slow[0].state} {slow[0].why} {slow[0].lines[-3:]}")
    runs = "; ".join(f"{phase.what}: {phase.runs} runs in {phase.minutes} minutes" for phase in told)
    return f"a job due each minute: {runs}; a run under way through all of it done by one worker; no row missing; no authtoken refused"
