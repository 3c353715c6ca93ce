"""The request log: its own SQLite file, written in batches by one thread a process, so that no request waits for it."""

from __future__ import annotations

import logging
import os
import queue
import re
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from itertools import chain
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings

COLUMNS = ("at", "user", "method", "path", "query", "status", "ms", "rows", "resource", "address", "sql", "error")
KEEP_ROWS = 200_000
KEEP_DAYS = 30
# Pages stand in the log for the calls that they made to remote services.
BY_CLIENTS = "path NOT LIKE '/console/%'"
# 501 is a refusal: the client asked for what is not supported, nothing broke.
SUMS = f"""SELECT count(*), coalesce(sum(status BETWEEN 400 AND 499 OR status = 501), 0), coalesce(sum(status >= 500 AND status <> 501), 0)
  FROM requests WHERE at >= ? AND {BY_CLIENTS}"""  # noqa: S608 - our own words
NTH_TIME = f"SELECT ms FROM requests WHERE at >= ? AND {BY_CLIENTS} ORDER BY ms LIMIT 1 OFFSET ?"  # noqa: S608
USERS_OF = "SELECT user, count(*) FROM requests WHERE at >= ? AND resource = ? AND user <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"
RESOURCES_OF = """SELECT resource, count(*) FROM requests WHERE at >= ? AND user = ? AND resource <> ''
  GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"""
URL_SAFE = "(),/:;*@$'=&"
FLUSH_SECONDS = 0.5
AT_ONCE = 40  # entries of one statement: each statement takes all threads' turn twice
STATUS = re.compile(r"[1-5]([0-9]{2}|xx)")
logger = logging.getLogger(__name__)


def file() -> Path:
    """Return the log's file."""
    return Path(settings.DATA_DIR) / "requests.sqlite3"


def connect() -> sqlite3.Connection:
    """Return an open log."""
    connection = sqlite3.connect(file(), timeout=10, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    typed = ", ".join(
        f"{name} {'REAL' if name in ('at', 'ms') else 'INTEGER' if name in ('status', 'rows') else 'TEXT'}" for name in COLUMNS
    )
    connection.execute(f"CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, {typed})")
    connection.execute("CREATE INDEX IF NOT EXISTS requests_at ON requests (at)")
    return connection


class Writer:
    """Collects entries and writes them twice a second; starts on first use, so that it lives after a fork."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._pid = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ended = threading.Event()

    def put(self, entry: Mapping[str, Any]) -> None:
        """Take one entry."""
        if self._pid != os.getpid():
            self._start()
        self._queue.put(tuple(map(entry.get, COLUMNS)))

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._queue, self._wake, self._ended = queue.SimpleQueue(), threading.Event(), threading.Event()
            self._pid = os.getpid()
            threading.Thread(target=self._run, daemon=True, name="request-log").start()
            # The web server's workers are processes of multiprocessing, which leave without atexit but not without this.
            Finalize(None, self.flush_and_end, exitpriority=10)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._wake.wait(FLUSH_SECONDS)
            rows = []
            while not self._queue.empty():
                rows.append(self._queue.get())
            try:
                self._write(rows)
            except sqlite3.Error:
                # A full disk or a locked file must end neither the log for good nor the memory of the process.
                logger.exception("%s entries of the request log could not be written.", len(rows))
        self._ended.set()

    def _write(self, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        with closing(connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for start in range(0, len(rows), AT_ONCE):
                part = rows[start : start + AT_ONCE]
                insert, values = insert_of(len(part)), list(chain.from_iterable(part))
                try:
                    connection.execute(insert, values)
                except UnicodeEncodeError:
                    connection.execute(insert, list(map(storable, values)))
            connection.execute("COMMIT")

    def flush_and_end(self) -> None:
        """Write what is left; called at a normal end of the process."""
        if self._pid == os.getpid():
            self._wake.set()
            self._ended.wait(5)


@cache
def insert_of(count: int) -> str:
    """Return the statement that writes so many entries."""
    marks = f"({', '.join('?' * len(COLUMNS))})"
    return f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES {', '.join([marks] * count)}"  # noqa: S608 - our own names


def storable(value: Any) -> Any:
    """Return a value as the file can hold it: half of a surrogate pair, quoted from a request, would end the writing thread."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value


WRITER = Writer()


def prune(now: float | None = None) -> None:
    """Drop what is older than the log keeps."""
    with closing(connect()) as connection:
        connection.execute("DELETE FROM requests WHERE at < ?", ((now or time.time()) - KEEP_DAYS * 86400,))
        connection.execute("DELETE FROM requests WHERE id <= (SELECT max(id) FROM requests) - ?", (KEEP_ROWS,))


def search(
    *,
    limit: int = 100,
    text: str = "",
    user: str = "",
    status: str = "",
    since: float = 0,
    until: float = 0,
    before: int = 0,
    is_by_client: bool = False,
) -> list[dict[str, Any]]:
    """Return the newest entries that fit; `status` is a code or a class such as 4xx, and nothing fits another word; `before` is an id."""
    if status and not STATUS.fullmatch(status):
        return []
    conditions, values = conditions_of(text=text, user=user, status=status)
    conditions += [BY_CLIENTS] if is_by_client else []
    for condition, value in (("at >= ?", since), ("at < ?", until), ("id < ?", before)):
        if value:
            conditions.append(condition)
            values.append(value)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = f"SELECT * FROM requests {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - conditions are ours
    with closing(connect()) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, (*values, limit))]


def conditions_of(*, text: str, user: str, status: str) -> tuple[list[str], list[Any]]:
    """Return the conditions of the words that were given, with their values."""
    conditions: list[str] = []
    values: list[Any] = []
    if text:
        as_sent = quote(text, safe=URL_SAFE).lower()  # pages show queries without percent signs, clients send them with or without
        places = ("lower(path)", "lower(query)", "lower(coalesce(sql, ''))", "lower(coalesce(error, ''))")
        conditions.append(f"({' OR '.join(f'instr({place}, ?)' for place in places)} OR instr(lower(query), ?) OR instr(lower(query), ?))")
        values += [text.lower()] * len(places) + [as_sent, as_sent.replace("'", "%27")]
    if user:
        conditions.append("user = ?")
        values.append(user)
    if status:
        low = int(status.replace("xx", "00"))
        conditions.append("status BETWEEN ? AND ?")
        values += [low, low + 99 if status.endswith("xx") else low]
    return conditions, values


def count(since: float) -> int:
    """Return the number of requests since then."""
    with closing(connect()) as connection:
        return int(connection.execute("SELECT count(*) FROM requests WHERE at >= ?", (since,)).fetchone()[0])


def users_of(resource: str, *, since: float) -> list[tuple[str, int]]:
    """Return who asked for a resource and how often, the most first."""
    return tallied(USERS_OF, since, resource)


def resources_of(user: str, *, since: float) -> list[tuple[str, int]]:
    """Return what a user asked for and how often, the most first."""
    return tallied(RESOURCES_OF, since, user)


def tallied(sql: str, *values: Any) -> list[tuple[str, int]]:
    """Return the names that the statement counts."""
    with closing(connect()) as connection:
        return [(str(name), int(number)) for name, number in connection.execute(sql, values)]


def summary(since: float) -> dict[str, Any]:
    """Return how many requests clients sent since then, how many were refused or failed, and the time within which 95 % were answered."""
    with closing(connect()) as connection:
        total, refused, failed = connection.execute(
            SUMS,
            (since,),
        ).fetchone()
        place = max(0, -(-total * 95 // 100) - 1)
        found = connection.execute(NTH_TIME, (since, place)).fetchone()
    return {"total": total, "refused": refused, "failed": failed, "p95": found[0] if found else None}
