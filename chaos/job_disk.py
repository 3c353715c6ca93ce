"""R11: the disk of a destination, or the product's own, fills up: the run says so, nothing is corrupted, it goes on when there is room."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from chaos.job_site import KINDS, Jobs, Own, admin, differing, file_of, jobs_of, own_servers, put
from chaos.promises import promise, require
from chaos.site import HEADERS, database, folder
from tests.databases import Database

FEW, MANY = 2000, 60_000
TEXT = 500  # characters of a row
SMALL = {"postgresql": 26, "mysql": 32, "sqlite": 16, "own": 40}  # MiB
LARGE = 400
COLUMNS = {"id": "integer NOT NULL PRIMARY KEY", "name": "text", "changed": "integer"}
TASKS = {
    "swapped": "REPLICATE [swapped] SELECT id, name FROM [orders]",
    "growing": "REPLICATE [growing] WITH IncrementalCheckColumns='changed', BatchSize=5000 [orders]",
}


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """Mount a disk of so many MiB."""
    require(os.geteuid() == 0, "a small disk is mounted by root alone")
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "none", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def enlarge(place: Path) -> None:
    """Make room."""
    subprocess.run(["mount", "-o", f"remount,size={LARGE}m", str(place)], check=True)


def on_disk(kind: str, disk: Path, own: Own, where: Path) -> Database:
    """Return a fresh database whose files lie on a disk."""
    if kind in ("sqlite", "duckdb"):
        return database(kind, "disk_copy", disk)
    found = own.database(kind, "disk_copy", where)
    server, name = own.of(found), found.connection["properties"]["Database"]
    require(server.folder is not None, "the server is not ours")
    owner = server.folder.stat()  # type: ignore[union-attr]
    for path in (where, disk):
        path.chmod(0o755)
    os.chown(disk, owner.st_uid, owner.st_gid)
    if kind == "postgresql":
        with admin(server) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
            connection.execute(f"DROP DATABASE {name}")
            connection.execute(f"CREATE DATABASE {name} TABLESPACE small")  # type: ignore[arg-type]
        return found
    found.run(f"DROP DATABASE {name}")
    inner = disk / name
    inner.mkdir()
    os.chown(inner, owner.st_uid, owner.st_gid)
    (server.folder / "data" / name).symlink_to(inner)  # type: ignore[operator]
    return found


def rows(first: int, last: int) -> list[tuple[Any, ...]]:
    """Return rows whose texts can't be made much smaller."""
    return [(number, os.urandom(TEXT // 2).hex(), number) for number in range(first, last)]


def filled_up(kind: str, where: Path, own: Own) -> str:
    """Let a destination's disk fill up in mid run; return what the runs said."""
    with small_disk(where / "disk", SMALL[kind]) as disk:
        source, copy = database("sqlite", "disk_source", where), on_disk(kind, disk, own, where)
        source.create("orders", COLUMNS)
        put(source, "orders", rows(0, FEW))
        made = {name: {"destination": "copy", "tasks": [task]} for name, task in TASKS.items()}
        with jobs_of(file_of(source, {"copy": copy}, made), where) as jobs:
            for name in TASKS:
                jobs.done(name)
            put(source, "orders", rows(FEW, MANY))
            said = {refused(jobs, name, kind) for name in TASKS}
            old = copy.run("SELECT count(*) FROM swapped")
            require(old == [(FEW,)], f"{kind}: half a table was seen: {old}")
            stored = set(copy.run("SELECT id, name, changed FROM growing"))
            require(stored <= set(source.run("SELECT id, name, changed FROM orders")), f"{kind}: rows that the source has not")
            enlarge(disk)
            for name in TASKS:
                jobs.done(name)
            wrong = mismatch(source, copy)
        require(not wrong, f"{kind}: {wrong}")
    return f"{kind}: {' / '.join(sorted(said))}"


def mismatch(source: Database, copy: Database) -> str:
    """Return what differs in the tables of both jobs."""
    here = sorted(source.run("SELECT id, name, changed FROM orders"))
    for table, columns in (("swapped", 2), ("growing", 3)):
        found = sorted(copy.run(f"SELECT {'id, name, changed' if columns == 3 else 'id, name'} FROM {table}"))
        if found != [row[:columns] for row in here]:
            return f"{table}: {len(found)} rows, the source has {len(here)}"
    return ""


def refused(jobs: Jobs, name: str, kind: str) -> str:
    """Run a job that finds no room; return the cause."""
    found = jobs.run(name)
    require(found.state == "failed" and "disk is full" in found.cause and found.hint, f"{kind}, {name}: {found.state} {found.why}")
    return found.cause


class Clients(threading.Thread):
    """Reads the API and creates groups while the product's own disk fills up; keeps the names that were acknowledged."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__(daemon=True)
        self._jobs = jobs
        self.stopped = threading.Event()
        self.acknowledged: list[str] = []
        self.refused: set[int] = set()
        self.reads: list[int] = []

    def run(self) -> None:
        number = 0
        while not self.stopped.wait(0.02):
            number += 1
            status, _ = self._jobs.asked("groups/", "POST", {"name": f"g{number}"})
            if status == 201:
                self.acknowledged.append(f"g{number}")
            else:
                self.refused.add(status)
            self.reads.append(self._jobs.served.get("/api.rsc/orders?$top=1", HEADERS)[0])


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def own_disk_fills_up(where: Path) -> str:
    """Let the product's own folder fill up while jobs run and groups are made; return what came of them."""
    source, copy = database("sqlite", "disk_source", where), database("postgresql", "disk_copy", where)
    source.create("orders", COLUMNS)
    put(source, "orders", rows(0, MANY))
    job = {"destination": "copy", "tasks": ["REPLICATE [orders] WITH IncrementalCheckColumns='changed', BatchSize=1000"]}
    file = file_of(source, {"copy": copy}, {"orders": job}) | {"resources": {"orders": {"connection": "source", "table": "orders"}}}
    with small_disk(where / "data", SMALL["own"]) as disk:
        with jobs_of(file, where) as jobs:
            clients = Clients(jobs)
            clients.start()
            run = jobs.start("orders")
            jobs.until_written(run, 1)
            filler = fill(disk)
            time.sleep(10)
            filler.unlink()
            ended = jobs.ended(run)
            time.sleep(2)
            clients.stopped.set()
            clients.join(30)
            lost = [name for name in clients.acknowledged if jobs.asked(f"groups/{name}/")[0] != 200]
            again = jobs.done("orders")
        with closing(sqlite3.connect(disk / "apiserver.sqlite3")) as own:
            integrity = own.execute("PRAGMA integrity_check").fetchone()[0]
        wrong = differing(source, copy, "orders", "id, name, changed")
    require(ended.state == "done" and again.state == "done" and not wrong, f"{ended.state} {ended.why} {wrong}")
    require(integrity == "ok" and not lost, f"integrity {integrity}, acknowledged and lost: {lost[:3]}")
    require(set(clients.reads) == {200} and clients.refused <= {503, 507}, f"reads {set(clients.reads)}, writes {clients.refused}")
    return (
        f"the product's own disk full for 10 s: {len(clients.reads):,} reads, 0 failed, {len(clients.acknowledged)} writes acknowledged,"
        f" 0 lost (others {', '.join(map(str, sorted(clients.refused))) or 'none'}), the run under way done, integrity ok"
    )


@promise("R11")
def full_disks_corrupt_nothing() -> str:
    """A full disk ends a run by name; what was there stays, and the next run completes."""
    told = []
    with own_servers() as own:
        for kind in KINDS:
            with folder() as where:
                told.append(filled_up(kind, where, own))
    with folder() as where:
        mine = own_disk_fills_up(where)
    return f"disk full in mid run, old rows kept, done with more room, equal row by row: {'; '.join(told)}; {mine}"
