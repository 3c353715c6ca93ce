"""R5: readers of a destination while its table is refreshed: all the old rows or all the new ones, never fewer, more or a mixture."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from typing import Any

import duckdb

from chaos.job_site import KINDS, Jobs, differing, file_of, jobs_of, put
from chaos.promises import promise, require
from chaos.site import database, folder
from tests.databases import Database

ROWS, REFRESHES = 5_000, 20
EVERY_SECONDS = 0.02
COLUMNS = {"id": "integer NOT NULL PRIMARY KEY", "version": "integer NOT NULL", "name": "varchar(40)"}
STATEMENTS = ("REPLICATE [items]", "REPLICATE [items] WITH TruncateTable")
BUSY = "Could not set lock"  # a DuckDB file has one writer or many readers: who comes meanwhile is told so, and asks again


class Reader(threading.Thread):
    """Asks every 20 ms how many rows of which versions there are."""

    def __init__(self, copy: Database) -> None:
        super().__init__(daemon=True)
        self._copy = copy
        self.stopped = threading.Event()
        self.seen: Counter[tuple[int, int, int]] = Counter()
        self.refused = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while not self.stopped.wait(EVERY_SECONDS):
            try:
                with closing(connected(self._copy)) as connection:
                    cursor = connection.cursor()
                    cursor.execute("SELECT count(*), min(version), max(version) FROM items")
                    self.seen[tuple(cursor.fetchone())] += 1
            except Exception as error:  # noqa: BLE001 any other is one too many
                if BUSY in str(error):
                    self.refused += 1
                else:
                    self.failed.append(f"{type(error).__name__}: {error}")


def connected(copy: Database) -> Any:
    """Return a connection that reads; to a DuckDB file one that leaves it to writers between two questions."""
    return duckdb.connect(copy.connection["properties"]["Database"], read_only=True) if copy.kind == "duckdb" else copy.connect()


def changed(source: Database, version: int) -> None:
    """Let the source hold other rows: all of the next version, some new, some gone."""
    with closing(source.connect()) as connection:
        connection.execute("UPDATE items SET version = ?", (version,))
        connection.execute("DELETE FROM items WHERE id = (SELECT min(id) FROM items)")
        for number in range(3):
            connection.execute("INSERT INTO items VALUES (?, ?, 'new')", (ROWS * 10 + version * 10 + number, version))
        connection.commit()


def refreshed(jobs: Jobs, source: Database, copy: Database) -> Reader:
    """Refresh a table twenty times under a reader, now by another table in its place, now in place; return what was seen."""
    reader = Reader(copy)
    (task,) = jobs.asked("jobs/items/tasks/")[1]["results"]
    for number in range(REFRESHES):
        if number == 1:  # the table is there
            reader.start()
        changed(source, number)
        status, body = jobs.asked(f"jobs/items/tasks/{task['key']}/", "PATCH", {"statement": STATEMENTS[number % 2]})
        require(status == 200, f"{status} {body}")
        jobs.done("items")
    reader.stopped.set()
    reader.join(60)
    return reader


@promise("R5")
def readers_never_see_half_a_table() -> str:
    """A full refresh is seen as a whole; rows that are gone from the source go."""
    told = []
    for kind in KINDS:
        with folder() as where:
            source, copy = database("sqlite", "readers_source", where), database(kind, "readers_copy", where)
            source.create("items", COLUMNS)
            put(source, "items", [(number, 0, f"n{number}") for number in range(ROWS)])
            job = {"destination": "copy", "tasks": [STATEMENTS[0]]}
            with jobs_of(file_of(source, {"copy": copy}, {"items": job}), where) as jobs:
                reader = refreshed(jobs, source, copy)
            wrong = differing(source, copy, "items", "id, version, name")
        require(not wrong and not reader.failed, f"{kind}: {wrong} {reader.failed[:3]}")
        halves = [seen for seen in reader.seen if seen[1] != seen[2] or seen[0] != ROWS + 2 * (seen[1] + 1)]
        require(not halves, f"{kind}: half a table was seen: {halves[:5]}")
        asked = f", {reader.refused:,} asked again while the file was written" if kind == "duckdb" else ""
        told.append(f"{kind} {sum(reader.seen.values()):,} reads{asked}, {len(reader.seen)} states")
    seen = "0 below the old or above the new count, 0 mixed"
    return f"{REFRESHES} refreshes of {ROWS:,} rows, by swap and in place: {'; '.join(told)}: {seen}"
