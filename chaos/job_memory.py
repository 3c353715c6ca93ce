"""R12: memory of jobs stays flat: as much for a million rows as for a hundred thousand, and for rows that are a megabyte wide."""

from __future__ import annotations

import time
from pathlib import Path

from chaos.job_site import Jobs, file_of, jobs_of
from chaos.memory import Peak
from chaos.promises import promise, require
from chaos.site import database, folder

MANY, TENTH, WIDE = 1_000_000, 100_000, 1000
WIDTH = 1024 * 1024
MOST_MIB, MOST_GROWTH = 200, 40
CHECKED = "IncrementalCheckColumns='id'"
TASKS = {
    "tenth": f"REPLICATE [tenth] WITH {CHECKED} SELECT * FROM [items] WHERE id < {TENTH}",
    "all, as blocks": f"REPLICATE [blocks] WITH {CHECKED} [items]",
    "all, by rows": f"REPLICATE [by_rows] WITH {CHECKED}, BatchSize=5000 [items]",
    "all, replaced": "REPLICATE [replaced] SELECT name, made FROM [items]",
    "wide": f"REPLICATE [wide] WITH {CHECKED}, BatchSize=5000 [broad]",
}


def needed(jobs: Jobs, name: str, rows: int) -> tuple[float, float]:
    """Run a job; return the MiB that the server took on top, and the seconds."""
    peak, begun = Peak(jobs.served), time.monotonic()
    peak.start()
    ended = jobs.done(name)
    most = peak.stop()
    require(ended.task["rows_read"] == rows, f"{name}: {ended.task['rows_read']:,} rows came")
    return most, time.monotonic() - begun


def measured(where: Path) -> dict[str, float]:
    """Return the memory that each job takes."""
    source, copy = database("postgresql", "job_memory_source", where), database("postgresql", "job_memory_copy", where)
    source.run("CREATE TABLE items (id integer PRIMARY KEY, name text, amount numeric(12,2), made timestamp)")
    source.run(f"INSERT INTO items SELECT n, repeat('x', 60), n, '2026-01-01' FROM generate_series(0, {MANY - 1}) n")
    source.run("CREATE TABLE broad (id integer PRIMARY KEY, name text)")
    source.run(f"INSERT INTO broad SELECT n, repeat(md5(n::text), {WIDTH // 32}) FROM generate_series(1, {WIDE}) n")
    names = {name: name.replace(", ", "-").replace(" ", "-") for name in TASKS}
    made = {names[name]: {"destination": "copy", "tasks": [task]} for name, task in TASKS.items()}
    with jobs_of(file_of(source, {"copy": copy}, made), where) as jobs:
        found = {}
        for name in TASKS:
            found[name], _ = needed(jobs, names[name], {"tenth": TENTH, "wide": WIDE}.get(name, MANY))
    for table in ("blocks", "by_rows", "replaced"):
        require(copy.run(f"SELECT count(*) FROM {table}") == [(MANY,)], f"{table} lacks rows")
    return found


@promise("R12-jobs")
def memory_of_jobs_is_flat() -> str:
    """What a job holds does not grow with the rows of its table."""
    with folder() as where:
        found = measured(where)
    require(max(found.values()) < MOST_MIB, f"MiB on top: {found}")
    grown = max(found["all, as blocks"], found["all, by rows"], found["all, replaced"]) - found["tenth"]
    require(grown < MOST_GROWTH, f"ten times the rows took {grown:.0f} MiB more: {found}")
    told = ", ".join(f"{name} {most:+.1f} MiB" for name, most in found.items())
    return f"{MANY:,} rows PostgreSQL to PostgreSQL, a tenth of them before, {WIDE} rows of 1 MiB behind: {told} (whole server)"
