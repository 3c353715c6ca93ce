"""R6: columns that change at the source are followed, or stop the job by name; no value is dropped silently."""

from __future__ import annotations

from typing import Any

from chaos.job_site import KINDS, Jobs, file_of, jobs_of, plain
from chaos.promises import promise, require
from chaos.site import database, folder
from tests.databases import Database

WIDE = 300
CHANGES = {
    "added": "ALTER TABLE orders ADD COLUMN small smallint DEFAULT 7",
    "widened": "ALTER TABLE orders ALTER COLUMN small TYPE bigint USING 5000000000 + id",
    "to decimal": "ALTER TABLE orders ALTER COLUMN small TYPE numeric(14,2) USING small + 0.5",
    "to text": "ALTER TABLE orders ALTER COLUMN small TYPE text USING 'x' || small",
    "narrowed": "ALTER TABLE orders ALTER COLUMN small TYPE integer USING 12 + id",
    "renamed": "ALTER TABLE orders RENAME COLUMN small TO renamed",
    "not null": "ALTER TABLE orders ALTER COLUMN renamed SET NOT NULL",
    "another case": 'ALTER TABLE orders RENAME COLUMN renamed TO "Renamed"',
    "reserved names": 'ALTER TABLE orders ADD COLUMN "select" varchar(5) DEFAULT \'s\', ADD COLUMN "order by" integer DEFAULT 5',
    f"{WIDE} columns": "ALTER TABLE orders " + ", ".join(f"ADD COLUMN wide{number} integer DEFAULT {number}" for number in range(WIDE)),
    "dropped": 'ALTER TABLE orders DROP COLUMN "order by"',
    "longer texts": "ALTER TABLE orders ALTER COLUMN buyer TYPE varchar(900) USING repeat(buyer, 60)",
    "another key": "ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id, made)",
    "to bytes": "ALTER TABLE orders ALTER COLUMN buyer TYPE bytea USING convert_to(buyer, 'UTF8')",
}
COLUMNS = {"id": "integer", "made": "integer", "buyer": "varchar(40)", "changed": "timestamp"}
STATEMENT = "REPLICATE [{0}] WITH IncrementalCheckColumns='changed' [orders]"


def same(source: Database, copy: Database, table: str) -> str:
    """Return what differs between the columns that the source has and those of the copy; names whose case changed are the same there."""
    columns = [row[0] for row in source.run("SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'")]
    for name in columns:
        if name == "changed" or (name.startswith("wide") and name != f"wide{WIDE - 1}"):
            continue
        here = sorted((key, plain(value)) for key, value in source.run(f"SELECT id, {source.quote(name)} FROM orders"))
        there = copied(copy, table, name)
        if here != there:
            return f"{name}: {here[:2]} at the source, {there[:2]} at the destination"
    return ""


def copied(copy: Database, table: str, name: str) -> list[Any]:
    """Return a column of the copy with its key."""
    for spelled in (name, name.lower()):
        try:
            return sorted((key, plain(value)) for key, value in copy.run(f"SELECT id, {copy.quote(spelled)} FROM {table}"))
        except Exception:  # noqa: BLE001 not under this name
            continue
    return []


def followed(jobs: Jobs, source: Database, copy: Database) -> tuple[int, int]:
    """Make each change and run the jobs; return how many were followed and how many stopped the job that may change nothing."""
    count = stopped = 0
    jobs.done("evolving")
    jobs.done("frozen")
    for what, change in CHANGES.items():
        before = copy.run("SELECT count(*) FROM frozen")
        source.run(change)
        source.run("UPDATE orders SET changed = now() WHERE id < 3")
        found = jobs.run("evolving")
        if found.state == "done":
            wrong = same(source, copy, "evolving")
            require(not wrong, f"{copy.kind}, {what}: values were lost silently: {wrong} {found.lines}")
            count += 1
        else:
            require(found.cause and found.hint, f"{copy.kind}, {what}: ended without cause or hint: {found}")
            stopped += 1
        if copy.kind != "postgresql":  # once is enough: what stops such a task does not look at its destination
            continue
        frozen = jobs.run("frozen")
        require(frozen.state == "done" or bool(frozen.cause and frozen.hint), f"{copy.kind}, {what}: {frozen}")
        require(copy.run("SELECT count(*) FROM frozen") == before, f"{copy.kind}, {what}: rows of the frozen table are gone")
    return count, stopped


@promise("R6")
def schema_changes_are_followed_or_named() -> str:
    """Each change of a table is followed row by row, or the job stops and says what to do."""
    told = []
    for kind in KINDS:
        with folder() as where:
            source, copy = database("postgresql", "schema_source", where), database(kind, "schema_copy", where)
            source.create("orders", COLUMNS, "PRIMARY KEY (id)")
            source.run("INSERT INTO orders SELECT n, n, 'b' || n, now() FROM generate_series(1, 200) AS n")
            made = {name: {"destination": "copy", "tasks": [STATEMENT.format(name)]} for name in ("evolving", "frozen")}
            made["frozen"] |= {"settings": {"schema": "freeze"}}  # type: ignore[dict-item]
            with jobs_of(file_of(source, {"copy": copy}, made), where) as jobs:
                count, stopped = followed(jobs, source, copy)
        told.append(f"{kind} followed {count}, stopped with cause and hint {stopped}")
    return f"{len(CHANGES)} changes ({', '.join(CHANGES)}) of a PostgreSQL table: {'; '.join(told)}; silent loss 0"
