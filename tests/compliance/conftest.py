"""One fixture, five sources: the same questions to every dialect, through the real server.

`odata` is a client of one server; its rows are `CUSTOMERS` and friends of `tests/compliance/rows.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests import databases
from tests.answers import Answer
from tests.compliance import rows
from tests.connectors.rows_sqlite import installed
from tests.served import Served, publish

TOKEN = "compliance-token-0123456789abcdef"
FULL = "application/json;odata.metadata=full"
ALL = ["GET", "POST", "PATCH", "PUT", "MERGE", "DELETE"]


@dataclass(frozen=True)
class Client:
    """Speaks OData to one server with one authtoken."""

    served: Served
    kind: str
    token: str = TOKEN

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; header names are written with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(*self.served.get(f"/api.rsc/{quote_path(path)}", {"x-cdata-authtoken": self.token, **sent}, method, body))

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def filter(self, resource: str, text: str, more: str = "") -> Answer:
        return self.get(f"{resource}?$filter={quote(text, safe='')}{more}")


def quote_path(path: str) -> str:
    """Percent-encode what a URL can't hold raw."""
    return quote(path, safe="/?&=$@%(),;:!*'+-._~")


@pytest.fixture(scope="session", params=[*databases.KINDS, "rows", "duckdb"])
def odata(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kept: dict[str, Served]) -> Client:
    name = f"compliance {request.param}"
    if name not in kept:
        kept[name] = serve_tables(request, tmp_path_factory.mktemp("compliance"))
    return Client(kept[name], request.param)


def serve_tables(request: pytest.FixtureRequest, folder: Path) -> Served:
    """Serve the tables from the request's kind of database."""
    is_rows = request.param == "rows"  # the same tables of SQLite, read by the engine as those of a source without SQL
    database = databases.make("sqlite" if is_rows else request.param, "compliance", request, folder)
    rows.fill(database)
    tables = ("customers", "orders", "items", "journal", "marks", "things", "staff", "strange", "codes")
    tokyo = {**database.connection, "properties": {**database.connection["properties"], "TimeZone": "Asia/Tokyo"}}
    configuration = {
        "server": {"page_size": 100, "max_page_size": 500},
        "connections": {"shop": database.connection, "tokyo": tokyo},
        "resources": {
            table: {"connection": "shop", "table": table, "methods": ["GET", "POST", "PATCH", "PUT", "DELETE"]} for table in tables
        }
        | {"late_orders": {"connection": "tokyo", "table": "orders"}},
        "users": {"judge": {"role": "query", "privileges": ALL, "authtoken": TOKEN}},
    }
    if is_rows:
        for connection in configuration["connections"].values():
            connection["connector"] = "rows"
    return publish(configuration, folder / "data", extra=installed(folder) if is_rows else None)
