"""Requests an hour and at once, counted over all web processes of this machine in one small SQLite file kept in memory by the system.

A user without limits costs nothing here. Requests of processes that died are forgotten with their process id.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from apiserver.server import options
from users.errors import AccessDenied
from users.principal import Principal

HOUR = 3600
SCHEMA = """
CREATE TABLE IF NOT EXISTS hours (user INTEGER PRIMARY KEY, hour INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS running (user INTEGER NOT NULL, pid INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (user, pid));
"""


@dataclass(slots=True)
class Ticket:
    """One request under way: leave it when the answer is ready."""

    user_id: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    is_counted: bool = False

    def leave(self) -> None:
        """Give the place back."""
        if self.is_counted:
            self.is_counted = False
            STORE.connection().execute(
                "UPDATE running SET count = max(0, count - 1) WHERE user = ? AND pid = ?", (self.user_id, os.getpid())
            )


class Store:
    """The counters' file, one connection a thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        found: tuple[int, sqlite3.Connection] | None = getattr(self._local, "found", None)
        if found is None or found[0] != os.getpid():
            connection = sqlite3.connect(Path(settings.DATA_DIR) / "limits.sqlite3", timeout=5, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.executescript(SCHEMA)
            self._local.found = found = (os.getpid(), connection)
        return found[1]


STORE = Store()


def limit(own: int | None, default: int) -> int:
    """Return the limit in force; -1 for none."""
    return default if own is None else own


def enter(principal: Principal, *, now: float) -> Ticket:
    """Count one request; raise AccessDenied (429) over a limit."""
    defaults = options.current().limits
    hourly = limit(principal.requests_per_hour, defaults["requests_per_hour"])
    at_once = limit(principal.concurrent_requests, defaults["concurrent_requests"])
    ticket = Ticket(principal.user_id)
    if hourly < 0 and at_once < 0:
        return ticket
    connection = STORE.connection()
    connection.execute("BEGIN IMMEDIATE")
    try:
        if hourly >= 0:
            ticket.headers = count_hour(connection, principal.user_id, hourly, now)
        if at_once >= 0:
            count_running(connection, principal.user_id, at_once)
            ticket.is_counted = True
    finally:
        connection.execute("COMMIT")
    return ticket


def count_hour(connection: sqlite3.Connection, user_id: int, most: int, now: float) -> dict[str, str]:
    """Count a request of this hour and return the RateLimit headers."""
    hour, left_seconds = int(now // HOUR), int(HOUR - now % HOUR) + 1
    row = connection.execute("SELECT used FROM hours WHERE user = ? AND hour = ?", (user_id, hour)).fetchone()
    used = row[0] if row else 0
    policy = {"RateLimit-Policy": f"{most};w={HOUR}", "RateLimit-Limit": str(most), "RateLimit-Reset": str(left_seconds)}
    if used >= most:
        headers = {**policy, "RateLimit-Remaining": "0", "Retry-After": str(left_seconds)}
        message = f"The limit of {most} requests an hour is reached."
        raise AccessDenied(429, "TooManyRequests", message, hint="An administrator can raise requests_per_hour.", headers=headers)
    connection.execute("INSERT OR REPLACE INTO hours VALUES (?, ?, ?)", (user_id, hour, used + 1))
    return {**policy, "RateLimit-Remaining": str(most - used - 1)}


def count_running(connection: sqlite3.Connection, user_id: int, most: int) -> None:
    """Take a place among the requests under way."""
    rows = connection.execute("SELECT pid, count FROM running WHERE user = ?", (user_id,)).fetchall()
    for pid, _ in rows:
        if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            connection.execute("DELETE FROM running WHERE pid = ?", (pid,))
    running = sum(count for pid, count in rows if Path(f"/proc/{pid}").exists() or not Path("/proc/self").exists())
    if running >= most:
        message = f"The limit of {most} requests at once is reached."
        raise AccessDenied(
            429,
            "TooManyRequests",
            message,
            hint="Wait for one to end; an administrator can raise concurrent_requests.",
            headers={"Retry-After": "1"},
        )
    connection.execute(
        "INSERT INTO running VALUES (?, ?, 1) ON CONFLICT (user, pid) DO UPDATE SET count = count + 1", (user_id, os.getpid())
    )
