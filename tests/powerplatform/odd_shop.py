"""A served shop of odd tables, for files and programs that clients take: keys of every kind, names in Japanese, no rows, no key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import requests

from tests import databases
from tests.served import Served, publish

READER, WRITER = "reader-token-0123456789abcdef", "writer-token-0123456789abcdef"
PASSWORD = "correct horse battery staple"
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
READ, WRITE = {"x-cdata-authtoken": READER}, {"x-cdata-authtoken": WRITER}
TABLES = {
    "products": {"id": "integer PRIMARY KEY", "name": "varchar(80) NOT NULL", "price": "numeric(10,2)", "active": "bool"},
    "codes": {"code": "varchar(20) PRIMARY KEY", "label": "text"},
    "items": {"order_id": "integer", "line": "integer", "note": "text"},
    "big": {"id": "bigint PRIMARY KEY", "note": "text"},
    "empty": {"id": "integer PRIMARY KEY", "note": "text"},
    "loose": {"note": "text", "number": "integer"},
    "注文": {"id": "integer PRIMARY KEY", "名前": "text"},
    "every": {
        "id": "serial",
        "yes": "bool",
        "day": "date",
        "moment": "timestamp",
        "hour": "time",
        "amount": "numeric(10,2)",
        "ratio": "float",
        "whole": "bigint",
        "mark": "guid",
        "bytes": "blob",
        "short": "varchar(2)",
    },
}
ROWS: dict[str, list[tuple[object, ...]]] = {
    "products": [(number, f"Product {number}", number * 1.25, number % 2 == 0) for number in range(1, 26)],
    "codes": [("O'Neil 注/文 100%&+#?", "odd"), ("注/文 100%&+#?", "quite odd"), ("text", "plain")],
    "items": [(7, 3, "first"), (1, 1, "second")],
    "big": [(9007199254740993, "beyond 2**53"), (1, "one")],
    "loose": [("a", 1), ("b", 2)],
    "注文": [(1, "葵")],
}


@pytest.fixture(scope="session", name="shop")
def served_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("odd_shop")
    server = serve(request, folder)
    yield server
    server.dismiss()


def serve(request: pytest.FixtureRequest, folder: Path) -> Served:
    """Serve the shop from PostgreSQL; pages hold ten rows."""
    database = databases.make("postgresql", "odd_shop", request, folder)
    for table, columns in TABLES.items():
        database.create(table, columns, *(["PRIMARY KEY (order_id, line)"] if table == "items" else []))
        if table in ROWS:
            database.insert(table, ROWS[table])
    told = {
        "server": {"page_size": 10, "allow_authtoken_in_url": True},
        "connections": {"shop": database.connection},
        "resources": {table: {"connection": "shop", "table": table} for table in TABLES},
        "users": {
            "reader": {"role": "query", "privileges": ["GET"], "authtoken": READER},
            "writer": {"role": "query", "privileges": METHODS, "authtoken": WRITER},
            "nobody": {"role": "query", "privileges": ["GET"], "resources": {}},
        },
    }
    return publish(told, folder / "data", extra={"APISERVER_ADMIN_USER": "ada", "APISERVER_ADMIN_PASSWORD": PASSWORD})


class Person:
    """Somebody signed in to the console, who reads pages as text."""

    def __init__(self, served: Served, name: str = "ada") -> None:
        self.served = served
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = "en"
        self.post("/console/sign-in", "/console/sign-in", name=name, password=PASSWORD)

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.served.base + path, timeout=30)

    def post(self, page: str, path: str, **form: str) -> requests.Response:
        """Send a form of a page."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page).text)
        assert token is not None, page
        origin = {"Origin": self.served.base}
        return self.session.post(self.served.base + path, {**form, "csrfmiddlewaretoken": token[1]}, headers=origin, timeout=30)

    def resource(self, name: str) -> str:
        """Return the address of the page of a resource."""
        found = re.search(
            rf'href="(/console/powerplatform/use/\d+)"[^>]*aria-label="Use {re.escape(name)} in', self.get("/console/api/").text
        )
        assert found is not None, name
        return found[1]


def field(page: str, name: str) -> str:
    """Return the value of a field by its id."""
    area = re.search(rf'<textarea id="{name}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    found = area or re.search(rf'<input id="{name}"[^>]* value="([^"]*)"', page)
    assert found is not None, name
    return unescape(found[1]).removeprefix("\n")
