"""Rows that come and change under triggers: writers with random transactions, and what they committed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.databases import Database

COLUMNS = {
    "id": "serial",
    "name": "varchar(40) NOT NULL UNIQUE",
    "version": "integer NOT NULL",
    "created": "datetime NOT NULL",
    "updated": "datetime NOT NULL",
}
WRITERS = 8


@dataclass(slots=True)
class Row:
    """A row that was committed: between which moments, by which transaction, and its latest version with its own."""

    created: datetime
    began: float
    ended: float
    transaction: int
    version: int
    updated: datetime
    touched: int = 0


@dataclass(slots=True)
class Truth:
    """What is in the table."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: dict[str, Row] = field(default_factory=dict)
    changes: int = 0
    rollbacks: int = 0


class Writer(threading.Thread):
    """Inserts and changes rows of its own in transactions of random length; one in five is rolled back."""

    def __init__(self, database: Database, truth: Truth, number: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._database, self._truth, self._number, self._ended = database, truth, number, ended
        self._chance = random.Random(number)
        self._count = 0
        self._longest = 0.05 if database.kind == "sqlite" else 2.0  # SQLite has one writer at a time
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with closing(self._database.connect()) as connection:
                while not self._ended.wait(self._chance.uniform(0.05, 0.4)):
                    self._transaction(connection)
        except Exception as error:  # noqa: BLE001 shown by whoever waits for the writers
            self.error = error

    def _transaction(self, connection: Any) -> None:
        if self._database.kind == "sqlite":
            connection.execute("PRAGMA busy_timeout=30000")
            connection.execute("BEGIN IMMEDIATE")
        cursor = connection.cursor()
        rows: dict[str, Row] = {}
        for _ in range(self._chance.randint(1, 4)):
            self._change(cursor, rows) if self._chance.random() < 0.4 else self._insert(cursor, rows)
        transaction = self._number_of(cursor)
        time.sleep(self._chance.random() ** 3 * self._longest)
        if self._chance.random() < 0.2:
            connection.rollback()
            self._truth.rollbacks += 1
            return
        began = time.monotonic()
        connection.commit()
        with self._truth.lock:
            for name, row in rows.items():
                known = self._truth.rows.get(name)
                times = (known.began, known.ended, known.transaction) if known else (began, time.monotonic(), transaction)
                self._truth.rows[name] = Row(row.created, *times, row.version, row.updated, transaction)
                self._truth.changes += 1

    def _number_of(self, cursor: Any) -> int:
        if self._database.kind != "postgresql":
            return 0
        cursor.execute("SELECT txid_current()")
        return int(cursor.fetchone()[0])

    def _run(self, cursor: Any, sql: str, values: list[Any]) -> None:
        cursor.execute(sql.replace("?", self._database.mark), [str(item) if isinstance(item, datetime) else item for item in values])

    def _insert(self, cursor: Any, rows: dict[str, Row]) -> None:
        self._count += 1
        name, now = f"w{self._number}-{self._count}", moment()
        row = Row(now.replace(microsecond=0), 0, 0, 0, 1, rounded(now))  # many rows of one second
        values = [name, row.version, row.created, row.updated]
        self._run(cursor, "INSERT INTO orders (name, version, created, updated) VALUES (?, ?, ?, ?)", values)
        rows[name] = row

    def _change(self, cursor: Any, rows: dict[str, Row]) -> None:
        with self._truth.lock:
            mine = {name: row for name, row in self._truth.rows.items() if name.startswith(f"w{self._number}-")}
        if not mine:
            return
        name = self._chance.choice(list(mine))
        before = rows.get(name, mine[name])
        updated = max(rounded(moment()), before.updated + timedelta(milliseconds=10))
        self._run(cursor, "UPDATE orders SET version = ?, updated = ? WHERE name = ?", [before.version + 1, updated, name])
        rows[name] = Row(before.created, 0, 0, 0, before.version + 1, updated)


def moment() -> datetime:
    """Return the time as the sources keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


def rounded(at: datetime) -> datetime:
    """Return a time in steps of 10 ms: some rows share it."""
    return at.replace(microsecond=at.microsecond // 10_000 * 10_000)


def write(database: Database, seconds: float, meanwhile: Callable[[threading.Event], None]) -> Truth:
    """Let the writers write; return what they committed. `meanwhile` is told when they are done."""
    truth, ended = Truth(), threading.Event()
    writers = [Writer(database, truth, number, ended) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    threading.Timer(seconds, ended.set).start()
    meanwhile(ended)
    for writer in writers:
        writer.join(60)
        if writer.error is not None:
            raise writer.error
    return truth
