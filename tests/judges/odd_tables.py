"""A service of odd tables: composite keys, no key, names with spaces, in any script, reserved words, equal in their letters."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

TOKENS = {"a writer": "a-writers-authtoken-0123456789", "a reader": "a-readers-authtoken-0123456789"}
LONG = f"L{'o' * 90}ng"
TABLES = {
    "one": "id integer PRIMARY KEY, name text, total numeric(10,2), at timestamp, day date NOT NULL DEFAULT '2020-01-01', t time, b blob, "
    "f float, ok boolean, big bigint, g char(36)",
    "composite": "a integer, b text, c date, v text, PRIMARY KEY (a, b)",
    "no_key": "x text, y int",
    "with space": 'id integer PRIMARY KEY, "a b" text, "select" text, '
    '"x/y" text, "a.b" text, "$weird" text, "#" text, "%" text, "\'q" text',
    "注文 明細": 'id integer PRIMARY KEY, "価格" numeric(8,3), "数量" int',
    "select": '"order" integer PRIMARY KEY, "from" text, "value" text, "body" text, "connectionId" text',
    "123abc": 'id text PRIMARY KEY, "1st" text',
    "a-b": "id integer PRIMARY KEY",
    "a_b": "id integer PRIMARY KEY",
    "a b": "id integer PRIMARY KEY",
    "AB": "id integer PRIMARY KEY",
    "OneOfOrders": "id integer PRIMARY KEY",
    "Orders": "id integer PRIMARY KEY",
    "parent": "id integer PRIMARY KEY, name text",
    "child": "id integer PRIMARY KEY, parent_id integer REFERENCES parent (id), self_id integer REFERENCES child (id)",
    LONG: f'id integer PRIMARY KEY, "{LONG}" text',
    "🙂": 'id integer PRIMARY KEY, "🙂🙂" text',
}


def configuration(folder: Path) -> dict[str, Any]:
    """Make the tables in a file; return the configuration that publishes all of them to one who writes and one who reads."""
    with closing(sqlite3.connect(folder / "odd.db")) as database:
        for name, columns in TABLES.items():
            database.execute(f'CREATE TABLE "{name}" ({columns})')
    resources: dict[str, Any] = {}
    for table in TABLES:
        name = re.sub(r"\W", "_", table)
        name = name if re.match(r"[^\W\d]", name) else f"T{name}"
        resources[f"{name}_2" if name.lower() in {item.lower() for item in resources} else name] = {"connection": "odd", "table": table}
    privileges = {"a writer": ["GET", "POST", "PUT", "PATCH", "DELETE"], "a reader": ["GET"]}
    return {
        "server": {"public_url": "https://api.example.com", "allow_authtoken_in_url": True},
        "connections": {"odd": {"connector": "sqlite", "properties": {"Database": str(folder / "odd.db")}}},
        "resources": resources,
        "users": {name[2:]: {"role": "query", "privileges": privileges[name], "authtoken": token} for name, token in TOKENS.items()},
    }
