"""One database a kind, published by the real server, for clients that none of us wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.served import Served, publish

TOKEN = "clients-token-0123456789abcdef"
COLUMNS = {"id": "integer PRIMARY KEY", "name": "varchar(80) NOT NULL", "price": "numeric(10,2)", "made": "date", "active": "bool"}


def rows() -> list[tuple[Any, ...]]:
    """Return 25 products: three pages of ten."""
    names = {7: "O'Neil 注文 100%"}
    return [(i, names.get(i, f"Product {i:02d}"), None if i == 3 else i * 1.25, f"2024-01-{i:02d}", i % 2 == 0) for i in range(1, 26)]


@pytest.fixture(scope="session", params=databases.KINDS)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kept: dict[str, Served]) -> Served:
    """A server that publishes `products` of one kind of database."""
    name = f"clients {request.param}"
    if name not in kept:
        kept[name] = serve_products(request, tmp_path_factory.mktemp("clients"))
    return kept[name]


def serve_products(request: pytest.FixtureRequest, folder: Path) -> Served:
    """Serve 25 products from the request's kind of database."""
    database = databases.make(request.param, "clients_shop", request, folder)
    database.create("products", COLUMNS)
    database.insert("products", rows())
    configuration = {
        "server": {"page_size": 10},
        "connections": {"shop": database.connection},
        "resources": {"products": {"connection": "shop", "table": "products"}},
        "users": {"client": {"role": "query", "privileges": ["GET", "POST", "PATCH", "PUT", "DELETE"], "authtoken": TOKEN}},
    }
    return publish(configuration, folder / "data")
