"""DuckDB: one hardened in-memory database a process, made on first use; a cursor a query, over finished Arrow tables only."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from connections.contract.errors import BadValue, ConnectorError, NotSupported, SourceTimeout, TooCostly

BATCH = 1000
THREADS = 2
# No files, no network, no extensions, no variables of the process, no change of any of these.
SETTINGS = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}


class Database:
    """The database of this process; a fork makes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None
        self._pid = 0

    def cursor(self, memory: int) -> Any:
        """Return a cursor; `memory` is the bound in MB with which the database is made."""
        with self._lock:
            if self._pid != os.getpid():
                self._connection, self._pid = made(memory), os.getpid()
            return self._connection.cursor()


def made(memory: int) -> Any:
    """Return a new database."""
    import duckdb  # on first use: an idle server needs none of its memory

    found = duckdb.connect(":memory:", config={**SETTINGS, "memory_limit": f"{memory}MB", "threads": THREADS})
    found.execute("SET TimeZone = 'UTC'")
    found.execute("SET lock_configuration = true")
    return found


DATABASE = Database()


def rows(
    sql: str,
    binds: Sequence[Any],
    tables: Mapping[str, Any],
    *,
    memory: int,
    seconds: float | None = None,
    watch: Callable[[Callable[[], None]], None] = lambda _: None,
) -> Iterator[list[tuple[Any, ...]]]:
    """Give the rows of a statement over Arrow tables; `watch` gets what interrupts it."""
    cursor = DATABASE.cursor(memory)
    try:
        for name, table in tables.items():
            cursor.register(name, table)
        watch(cursor.interrupt)
        with interrupted(cursor.interrupt, seconds), answering():
            # By Arrow: fetching moments as Python values asks for a package of time zones.
            for batch in cursor.sql(sql, params=list(binds)).to_arrow_reader(BATCH):
                yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    finally:
        cursor.close()


@contextmanager
def interrupted(interrupt: Callable[[], None], seconds: float | None) -> Iterator[None]:
    """Interrupt what lasts longer."""
    timer = threading.Timer(seconds, interrupt) if seconds else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()


@contextmanager
def answering() -> Iterator[None]:
    """Say DuckDB's errors in our words."""
    import duckdb

    try:
        yield
    except (duckdb.Error, OSError) as error:  # behind the first rows Arrow tells of it, by an OSError
        raise failure(error) from error


def failure(error: Exception) -> ConnectorError:
    """Return what DuckDB says in our words, by the kind that its message begins with."""
    kind = str(error).strip().partition(" Error: ")[0].rpartition(": ")[2].lower()
    if kind == "interrupt":
        return SourceTimeout("The query was stopped: it took too long, or was cancelled.", hint="Ask for less.")
    if kind == "out of memory":
        return TooCostly("The query needs more memory than one query may.", hint="Filter more rows away before they are joined.")
    if kind in ("conversion", "out of range", "invalid input"):
        return BadValue(f"A value can't be computed: {first_line(error)}.")
    return NotSupported(f"This can't be computed here: {first_line(error)}.", hint="Write it otherwise.")


def first_line(error: Exception) -> str:
    """Return the first line of a message without its class."""
    line = (str(error).strip().splitlines() or [""])[0]
    return line.partition(": ")[2].rstrip(".") or line
