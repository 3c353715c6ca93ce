"""R4: rows that are committed out of order, with times of clocks that are wrong or none, while a job runs all the time: none is lost."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chaos.job_site import Jobs, differing, file_of, jobs_of
from chaos.promises import promise, require
from chaos.site import database, folder
from tests.databases import Database

WRITERS = 8
LONGEST = 5.0  # seconds that a transaction stays open
COLUMNS = {"id": "varchar(20) NOT NULL PRIMARY KEY", "version": "integer NOT NULL", "changed": "datetime"}
CLOCKS = (0, 0, 0, 0, 0, -3600, 3600, 0)  # seconds by which the clock of each writer is wrong
# Sources that tell no transactions: what is later than the overlap comes with the comparison of keys.
MARIADB = {"overlap_seconds": 2, "lag_seconds": 1, "sweep_every": 10}


def seconds() -> float:
    """Return how long writers write: `--minutes 5` is the full form."""
    return max(20.0, float(os.environ.get("CHAOS_MINUTES", "2")) * 60)


@dataclass
class Truth:
    """What was committed: row -> version and the moment at which the client knew."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: dict[str, tuple[int, float]] = field(default_factory=dict)
    commits: int = 0
    rolled_back: int = 0
    longest: float = 0.0

    def before(self, moment: float) -> dict[str, int]:
        """Return the rows that were there at a moment."""
        with self.lock:
            return {name: version for name, (version, at) in self.rows.items() if at < moment}


class Writer(threading.Thread):
    """Inserts and changes rows of its own in transactions that stay open for up to five seconds."""

    def __init__(self, source: Database, truth: Truth, number: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._source, self._truth, self._number, self._ended = source, truth, number, ended
        self._chance = random.Random(number)
        self._made = 0
        self._versions: dict[str, int] = {}
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self._ended.wait(self._chance.uniform(0, 0.2)):
                with closing(self._source.connect()) as connection:
                    self._transaction(connection)
        except Exception as error:  # noqa: BLE001 shown by whoever waits for the writers
            self.error = error

    def _transaction(self, connection: Any) -> None:
        begun, cursor, rows = time.monotonic(), connection.cursor(), {}
        for _ in range(self._chance.randint(1, 5)):
            if self._versions and self._chance.random() < 0.4:
                name = self._chance.choice(list(self._versions))
                rows[name] = rows.get(name, self._versions[name]) + 1
                cursor.execute("UPDATE orders SET version = %s, changed = %s WHERE id = %s", (rows[name], self._now(1), name))
            else:
                self._made += 1
                name = f"w{self._number}-{self._made}"
                rows[name] = 1
                step = self._chance.choice((1, 1, 1_000_000))  # some sources keep whole seconds
                cursor.execute("INSERT INTO orders VALUES (%s, 1, %s)", (name, None if self._chance.random() < 0.05 else self._now(step)))
        self._ended.wait(self._chance.random() ** 2 * LONGEST)
        if self._chance.random() < 0.15:
            connection.rollback()
            self._truth.rolled_back += 1
            return
        connection.commit()
        self._versions |= rows
        with self._truth.lock:
            self._truth.rows |= {name: (version, time.monotonic()) for name, version in rows.items()}
            self._truth.commits += 1
            self._truth.longest = max(self._truth.longest, time.monotonic() - begun)

    def _now(self, step: int) -> str:
        at = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=CLOCKS[self._number])
        return str(at.replace(microsecond=at.microsecond // step * step))


@dataclass
class Followed:
    """What runs beside the writers came to."""

    runs: int = 0
    waited: int = 0  # rows that were there before a run began and not at the destination after it
    longest: float = 0.0  # seconds that one of them was waited for
    missing: dict[str, float] = field(default_factory=dict)


def follow(jobs: Jobs, copy: Database, truth: Truth, ended: threading.Event) -> Followed:
    """Run the job all the time; after each run look for rows that it should have brought."""
    found = Followed()
    while not ended.is_set():
        begun = time.monotonic()
        there = truth.before(begun)
        jobs.done("orders")
        found.runs += 1
        copied = dict(copy.run("SELECT id, version FROM orders"))
        late = {name for name, version in there.items() if copied.get(name, 0) < version}
        for name in late - found.missing.keys():
            found.missing[name] = begun
            found.waited += 1
        for name in found.missing.keys() - late:
            found.longest = max(found.longest, time.monotonic() - found.missing.pop(name))
    return found


def written_and_followed(kind: str, settings: dict[str, Any], where: Path) -> tuple[Truth, Followed]:
    """Let writers write while the job runs; require that all of it is at the destination in the end."""
    source, copy = database(kind, "late_source", where), database("postgresql", "late_copy", where)
    source.create("orders", COLUMNS)
    source.run("INSERT INTO orders VALUES ('first', 1, '2020-01-01 00:00:00')")
    job = {"destination": "copy", "settings": settings, "tasks": ["REPLICATE [orders] WITH IncrementalCheckColumns='changed'"]}
    with jobs_of(file_of(source, {"copy": copy}, {"orders": job}), where) as jobs:
        jobs.done("orders")
        truth, ended = Truth(), threading.Event()
        writers = [Writer(source, truth, number, ended) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        threading.Timer(seconds(), ended.set).start()
        found = follow(jobs, copy, truth, ended)
        for writer in writers:
            writer.join(60)
            if writer.error is not None:
                raise writer.error
        time.sleep(settings.get("sweep_every", 0) + settings.get("lag_seconds", 0) + 1)
        last = jobs.done("orders")
    wrong = differing(source, copy, "orders", "id, version, changed")
    require(not wrong, f"{kind}: {wrong} {last.task}")
    stored = dict(copy.run("SELECT id, version FROM orders WHERE id <> 'first'"))
    require(stored == truth.before(time.monotonic()), f"{kind}: other rows than the writers committed")
    return truth, found


@promise("R4")
def late_commits_are_not_lost() -> str:
    """Transactions that commit late, times of wrong clocks, rounded times and nulls: none is lost."""
    told = []
    for kind, settings in (("postgresql", {"deletes": "none", "overlap_seconds": 0}), ("mysql", MARIADB)):
        with folder() as where:
            truth, found = written_and_followed(kind, settings, where)
        require(truth.longest > LONGEST * 0.8, f"{kind}: no transaction was open for long: {truth.longest:.1f} s")
        rows = f"{truth.commits:,} transactions of up to {truth.longest:.1f} s, {truth.rolled_back} rolled back, {len(truth.rows):,} rows"
        if kind == "postgresql":
            require(not found.waited, f"{found.waited} rows were not brought by the first run that began behind their commit")
            told.append(f"PostgreSQL, overlap 0, keys not compared: {rows}, {found.runs} runs: lost 0, after each run 0 missing")
        else:
            told.append(
                f"MariaDB, overlap 2 s, lag 1 s, keys compared every 10 s: {rows}, {found.runs} runs: lost 0"
                f" ({found.waited} came with a later run, the last of them after {found.longest:.0f} s)"
            )
    return f"{WRITERS} writers, two with clocks wrong by an hour: {'; '.join(told)}"
