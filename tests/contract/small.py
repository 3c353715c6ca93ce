"""One SQLite table published to one user: the least that a contract test needs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

TOKEN = "contract-token-0123456789"
EVERY = ["GET", "POST", "PATCH", "PUT", "DELETE"]
HEADERS = {"x-cdata-authtoken": TOKEN}


def small(folder: Path, **server: Any) -> dict[str, Any]:
    """Make the table and return the file that publishes it."""
    path = folder / "small.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(40), amount NUMERIC(8,2))")
        database.executemany("INSERT INTO items VALUES (?, ?, ?)", [(n, f"item {n}", n * 1.5) for n in range(1, 8)])
    return {
        "server": server,
        "connections": {"shop": {"connector": "sqlite", "properties": {"Database": str(path)}}},
        "resources": {"items": {"connection": "shop", "table": "items", "methods": EVERY}},
        "users": {"flow": {"role": "query", "privileges": EVERY, "authtoken": TOKEN}},
    }
