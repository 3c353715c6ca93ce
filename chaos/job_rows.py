"""Rows and jobs that change or are wrong: keys twice or null, NUL, values out of range, columns that change between pages, edits and
deletes of the job under way. Each ends by name or is loaded, nothing is half visible, the next run completes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.job_site import KINDS, Jobs, file_of, jobs_of, plain, put, tables_of
from chaos.promises import promise, require
from chaos.site import database, folder
from tests.databases import Database

ROWS, MANY = 60_000, 600_000  # so many that a run lasts for some seconds
KEYED = "REPLICATE [{0}] (id BIGINT, PRIMARY KEY (id)) SELECT id, name, amount, made FROM [{0}]"
# table -> a row that is wrong, how it is mended, the words of the cause; '' where it is loaded
FAULTS: dict[str, tuple[tuple[Any, ...], str, str]] = {
    "doubled": ((7, "again", 1, None), "DELETE FROM doubled WHERE name = 'again'", "several rows with one key (id = 7)"),
    "nulled": ((None, "no key", 1, None), "DELETE FROM nulled WHERE id IS NULL", "key (id) is null"),
    "nul": ((5000, "a\0b", 1, None), "", ""),
    "too_large": ((5000, "x", 5_000_000_000, None), "", ""),
    "too_large_frozen": ((5000, "x", 5_000_000_000, None), "UPDATE too_large_frozen SET amount = 5 WHERE id = 5000", "amount"),
    "no_number": ((5000, "x", "many", None), "UPDATE no_number SET amount = 5 WHERE id = 5000", "amount"),
    "no_date": ((5000, "x", 1, "99999-13-45"), "UPDATE no_date SET made = NULL WHERE id = 5000", "made"),
    "no_text": ((5000, b"\xff\xfe", 1, None), "UPDATE no_text SET name = 'x' WHERE id = 5000", ""),
}


def wrong_rows(kind: str, where: Path) -> tuple[int, int]:
    """Load tables with a wrong row each; return how many were loaded and how many refused by name, then loaded."""
    source, copy = database("sqlite", "rows_source", where), database(kind, "rows_copy", where)
    for table, (row, _, _) in FAULTS.items():
        source.create(table, {"id": "bigint", "name": "text", "amount": "smallint", "made": "date"})
        put(source, table, [(number, f"n{number}", number, "2024-02-29") for number in range(300)])
        put(source, table, [row])
    made = {table: {"destination": "copy", "tasks": [KEYED.format(table)]} for table in FAULTS}
    made["too_large_frozen"] |= {"settings": {"schema": "freeze"}}  # type: ignore[dict-item]
    loaded = named = 0
    with jobs_of(file_of(source, {"copy": copy}, made), where) as jobs:
        for table, (_, mend, words) in FAULTS.items():
            found = jobs.run(table)
            if found.state == "failed":
                require(bool(found.cause and found.hint) and words in found.cause and bool(mend), f"{kind}, {table}: {found.why}")
                require("fault of its own" not in found.cause, f"{kind}, {table}: {found.why} {found.lines}")
                require(table not in tables_of(copy), f"{kind}, {table}: half a table is seen")
                source.run(mend)
                jobs.done(table)
                named += 1
            else:
                require(found.state == "done" and not words.startswith(("several", "key")), f"{kind}, {table}: {found.state} {found.why}")
                loaded += 1
            same(source, copy, table)
    return loaded, named


def same(source: Database, copy: Database, table: str) -> None:
    """Require that both ends hold the same rows, but for NUL in PostgreSQL's texts, which has none."""
    sql = f"SELECT id, name, amount FROM {table}"
    kept = "" if copy.kind == "postgresql" else "\0"
    here = sorted((key, str(name).replace("\0", kept), plain(amount)) for key, name, amount in source.run(sql))
    there = sorted((key, str(name), plain(amount)) for key, name, amount in copy.run(sql))
    lost, other = ([row for row in one if row not in two][:2] for one, two in ((here, there), (there, here)))
    require(here == there, f"{copy.kind}, {table}: {lost} became {other}")


# ---- changes under way ----

ALTERED = (
    "ALTER TABLE orders ADD COLUMN more integer DEFAULT 5",
    "ALTER TABLE orders DROP COLUMN note",
    "ALTER TABLE orders RENAME COLUMN name TO title",
)
CHECKED = "REPLICATE [orders] WITH IncrementalCheckColumns='changed', BatchSize=1000"


def altered_between_pages(kind: str, where: Path) -> str:
    """Change columns while rows are read; return how the runs ended."""
    source, copy = database(kind, "altered_source", where), database("postgresql", "altered_copy", where)
    columns = {"id": "integer NOT NULL PRIMARY KEY", "name": "varchar(40)", "note": "varchar(40)", "changed": "integer"}
    source.create("orders", columns)
    put(source, "orders", [(number, f"n{number}", "x", number) for number in range(ROWS)])
    job = {"destination": "copy", "tasks": [CHECKED]}
    states = []
    with jobs_of(file_of(source, {"copy": copy}, {"orders": job}), where) as jobs:
        key = jobs.asked("jobs/orders/tasks/")[1]["results"][0]["key"]
        for change in ALTERED:
            require(jobs.asked(f"jobs/orders/tasks/{key}/reset/", "POST")[0] == 204, "the task was not reset")
            found = under_way(jobs, lambda change=change: source.run(change))  # type: ignore[misc]
            require(found.state == "done" or bool(found.cause and found.hint), f"{kind}, {change}: {found.why}")
            states.append(found.state)
            jobs.done("orders")
            listed = ", ".join(present(states))
            here, there = (sorted(end.run(f"SELECT {listed} FROM orders")) for end in (source, copy))
            require(here == there, f"{kind}, {change}: {len(set(here) - set(there))} rows differ, as {sorted(set(here) - set(there))[:1]}")
    return f"{kind} {'/'.join(states)}"


def present(states: list[str]) -> list[str]:
    """Return the columns that the table has after so many changes."""
    found = ["id", "name", "note", "changed"]
    if len(states) > 0:
        found.append("more")
    if len(states) > 1:
        found.remove("note")
    if len(states) > 2:
        found[found.index("name")] = "title"
    return found


def under_way(jobs: Jobs, change: Callable[[], Any]) -> Any:
    """Run the job; make a change when it has written its first rows; return how it ended."""
    run = jobs.start("orders")
    jobs.until_written(run, 1)
    failed: list[BaseException] = []

    def made() -> None:
        try:
            change()
        except Exception as error:  # noqa: BLE001 raised below
            failed.append(error)

    thread = threading.Thread(target=made)
    thread.start()
    found = jobs.ended(run)
    thread.join(60)
    if failed:
        raise failed[0]
    return found


def edited_and_deleted(where: Path) -> str:
    """Edit the job, then delete it, while a run of it is under way."""
    source, copy = database("sqlite", "edited_source", where), database("postgresql", "edited_copy", where)
    source.create("orders", {"id": "integer NOT NULL PRIMARY KEY", "name": "varchar(40)", "changed": "integer"})
    put(source, "orders", [(number, f"n{number}", number) for number in range(MANY)])
    job = {"destination": "copy", "tasks": [CHECKED]}
    few = "REPLICATE [few] SELECT id FROM [orders] WHERE id < 10"
    with jobs_of(file_of(source, {"copy": copy}, {"orders": job}), where) as jobs:
        key = jobs.asked("jobs/orders/tasks/")[1]["results"][0]["key"]
        edit = lambda: jobs.asked(f"jobs/orders/tasks/{key}/", "PATCH", {"statement": few})  # noqa: E731
        first = under_way(jobs, edit)
        require(first.state == "done" and copy.run("SELECT count(*) FROM orders") == [(MANY,)], f"edited: {first.why}")
        require("few" not in tables_of(copy), "the run under way did what the edit says")
        jobs.done("orders")
        require(copy.run("SELECT count(*) FROM few") == [(10,)], "the next run did not do what the edit says")
        jobs.asked(f"jobs/orders/tasks/{key}/", "PATCH", {"statement": CHECKED.replace("[orders]", "[again]") + " [orders]"})
        begun = time.monotonic()
        last = under_way(jobs, lambda: jobs.asked("jobs/orders/", "DELETE"))
        took = time.monotonic() - begun
    require(last.state == "cancelled" and "deleted" in last.cause, f"deleted: {last.state} {last.why}")
    is_whole = "again" in tables_of(copy) and copy.run("SELECT count(*) FROM again") == [(MANY,)]
    require(is_whole or "again" not in tables_of(copy), "half a table of a deleted job is seen")
    return f"a job that is edited in mid run changes its next run, one that is deleted ends at its next page ({took:.1f} s)"


@promise("R6-rows")
def wrong_rows_are_named() -> str:
    """Wrong rows are loaded as they are or refused by name; changes under way cost no row."""
    told = []
    for kind in KINDS:
        with folder() as where:
            loaded, named = wrong_rows(kind, where)
        told.append(f"{kind} {loaded} loaded, {named} named and loaded once mended")
    altered = []
    for kind in ("postgresql", "mysql", "sqlite"):
        with folder() as where:
            altered.append(altered_between_pages(kind, where))
    with folder() as where:
        edited = edited_and_deleted(where)
    return (
        f"{len(FAULTS)} tables with a wrong row ({', '.join(FAULTS)}): {'; '.join(told)}; {len(ALTERED)} changes of columns between pages,"
        f" each equal row by row after the next run: {', '.join(altered)}; {edited}"
    )
