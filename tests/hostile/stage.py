"""The tables that hostile requests aim at: alike in each database, half of their rows and one column out of the user's sight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.databases import Database
from tests.hostile.payloads import texts
from tests.hostile.scan import CANARIES

ROWS, COLUMN = CANARIES
EVERY = ["GET", "POST", "PATCH", "PUT", "DELETE"]
TABLES = ("traps", "parts", "texts", "labels")
TRAPS = {
    "id": "integer PRIMARY KEY",
    "name": "varchar(80)",
    "country": "varchar(2)",
    "amount": "numeric(12,2)",
    "ratio": "float",
    "flag": "bool",
    "born": "date",
    "wakes": "time",
    "seen": "timestamp",
    "big": "bigint",
    "small": "smallint",
    "code": "guid",
    "data": "blob",
    "secret": "text",
}
COLUMNS = tuple(name for name in TRAPS if name != "secret")
RIGHTS = {
    "traps": {"methods": EVERY, "columns": list(COLUMNS), "filter": "country eq 'JP'"},
    "parts": {"methods": EVERY, "columns": ["id", "trap_id", "label"], "filter": "id lt 100"},
    "texts": {"methods": EVERY},
    "labels": {"methods": EVERY},
}
GUID = "01234567-89ab-4def-8123-456789abcdef"
TEXTS = texts(150)
LABELS = [text for text in TEXTS if len(text) <= 190]


def trap(number: int, name: str, country: str) -> list[Any]:
    """Return a row."""
    when = ("2024-02-29", "12:34:56", "2024-02-29 12:34:56")
    return [number, name, country, "12.50", 0.5, True, *when, 2**40, 7, GUID, b"\x00\xff", COLUMN]


def fill(database: Database) -> None:
    """Create the tables and their rows. Texts are stored by the driver, not by the product."""
    database.create("traps", TRAPS)
    database.insert("traps", [trap(1, "Aoi", "JP"), trap(2, "Ren", "JP"), *(trap(n, ROWS, "US") for n in range(100, 104))])
    key = f"FOREIGN KEY (trap_id) REFERENCES traps ({database.quote('id')})"
    database.create("parts", {"id": "integer PRIMARY KEY", "trap_id": "integer", "label": "varchar(80)", "secret": "text"}, key)
    database.insert("parts", [[1, 1, "one", COLUMN], [2, 2, "two", COLUMN], [100, 100, ROWS, COLUMN], [101, 1, ROWS, COLUMN]])
    binary = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if database.kind == "mysql" else ""
    database.create("texts", {"id": "integer PRIMARY KEY", "body": "text"})
    database.insert("texts", list(enumerate(TEXTS, 1)))
    database.create("labels", {"code": f"varchar(190){binary} PRIMARY KEY", "body": "text"})
    database.insert("labels", [[text, text] for text in stored_keys(database)])


def stored_keys(database: Database) -> list[str]:
    """Return the texts that may stand beside each other as keys: MariaDB's index takes `a` and `a ` for one."""
    if database.kind != "mysql":
        return LABELS
    return list({text.rstrip(" "): text for text in LABELS}.values())


def hidden(database: Database) -> list[tuple[Any, ...]]:
    """Return what the user can neither see nor change, as the database has it."""
    found = database.run("SELECT id, name, country, amount, secret FROM traps WHERE country <> 'JP' OR country IS NULL ORDER BY id")
    secrets = database.run(f"SELECT count(*) FROM traps WHERE secret <> '{COLUMN}'")
    return [*found, *database.run("SELECT id, trap_id, label, secret FROM parts WHERE id >= 100 ORDER BY id"), *secrets]


def resources(kind: str) -> dict[str, Any]:
    """Return the tables of one database for the configuration file."""
    return {f"{table}_{kind}": {"connection": f"{kind}_db", "table": table, "methods": EVERY} for table in TABLES}


def rights(kind: str) -> Mapping[str, Any]:
    """Return what the user of the tests may do with them."""
    return {f"{table}_{kind}": given for table, given in RIGHTS.items()}
