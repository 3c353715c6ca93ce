"""Source or destination goes down in mid load: a short break is ridden out, a long one ends the run by name, and the next one completes."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

from chaos.job_site import Jobs, Own, file_of, jobs_of, own_servers, put, tables_of
from chaos.promises import promise, require
from chaos.site import folder
from tests.databases import Database
from tests.servers import Server

ROWS = 100_000
BREAK_SECONDS = 2.0
PAIRS = (("postgresql", "mysql"), ("mysql", "postgresql"))
COLUMNS = {"id": "integer NOT NULL PRIMARY KEY", "name": "varchar(40)", "changed": "integer"}
CHECKED = "REPLICATE [{0}] WITH IncrementalCheckColumns='changed', BatchSize=1000 [orders]"
HOW = {"postgresql": signal.SIGQUIT, "mysql": signal.SIGKILL}  # at once, with whatever is under way


def broken_off(jobs: Jobs, job: str, server: Server, kind: str, away: float | None) -> Any:
    """Start a job and take a server away in mid load, for some seconds or until the run is over; return how that ended."""
    run = jobs.start(job)
    jobs.until_written(run, ROWS // 8)
    server.stop(HOW[kind])
    if away is not None:
        time.sleep(away)
        server.start()
    ended = jobs.ended(run)
    if away is None:
        server.start()
    return ended


def pair_of(source: Database, copy: Database, own: Own, where: Path) -> list[str]:
    """Take each end away, for long and for a moment; return how long it took to be told."""
    told = []
    jobs_wanted = {f"{end}{way}": f"{end}_{way}" for end in ("source", "copy") for way in ("long", "short")}
    made = {name: {"destination": "copy", "tasks": [CHECKED.format(table)]} for name, table in jobs_wanted.items()}
    with jobs_of(file_of(source, {"copy": copy}, made), where) as jobs:
        for end, database, said in (("source", source, "Source: "), ("copy", copy, "Destination: ")):
            server = own.of(database)
            begun = time.monotonic()
            found = broken_off(jobs, f"{end}long", server, database.kind, None)
            told.append(f"{said.strip(': ').lower()} {database.kind}: told after {time.monotonic() - begun:.0f} s")
            require(found.state == "failed" and found.cause.startswith(said) and found.hint, f"{end}: {found.state} {found.why}")
            seen = copy.run(f"SELECT count(*) FROM {end}_long") if f"{end}_long" in tables_of(copy) else []
            require(seen in ([], [(ROWS,)]), f"{end}: half a table is seen: {seen}")  # all of it: the keys were being compared
            again = jobs.done(f"{end}long")
            # A MariaDB that writes its log once a second has forgotten what it committed in the last one: then the load begins anew.
            goes_on = any("Goes on behind" in line for line in again.lines)
            require(goes_on or end == "copy" or seen == [(ROWS,)], f"{end}: it began anew: {again.lines}")
            short = broken_off(jobs, f"{end}short", server, database.kind, BREAK_SECONDS)
            require(short.state == "done" and any("Tried again" in line for line in short.lines), f"{end}: {short.state} {short.why}")
    for table in jobs_wanted.values():
        here = sorted(source.run("SELECT id, name, changed FROM orders"))
        require(sorted(copy.run(f"SELECT id, name, changed FROM {table}")) == here, f"{table} differs")
    return told


@promise("R1-ends")
def ends_may_go_down() -> str:
    """Nothing half is seen, the cause names the end, the next run goes on."""
    told: list[str] = []
    with own_servers() as own:
        for one, other in PAIRS:
            with folder() as where:
                source, copy = own.database(one, "ends_source", where), own.database(other, "ends_copy", where)
                source.create("orders", COLUMNS)
                put(source, "orders", [(number, f"n{number}", number) for number in range(ROWS)])
                told += pair_of(source, copy, own, where)
    return (
        f"{ROWS:,} rows, each end killed in mid load: back after {BREAK_SECONDS:.0f} s the run completes by itself; away for long it ends"
        f" with the end's name and a hint ({'; '.join(told)}), no half table, the next run goes on behind what is there: equal row by row"
    )
