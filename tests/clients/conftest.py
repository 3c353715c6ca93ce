"""One database a kind, published by the real server, for clients that none of us wrote."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.served import Served, serve
from tests.servers import Server

TOKEN = "clients-token-0123456789abcdef"  # noqa: S105 - of a server that lives as long as the test
COLUMNS = "id integer PRIMARY KEY, name varchar(80) NOT NULL, price numeric(10,2), made date, active boolean"


def rows() -> list[tuple[Any, ...]]:
    """Return 25 products: three pages of ten."""
    return [(i, f"Product {i:02d}" if i != 7 else "O'Neil 注文 100%", None if i == 3 else i * 1.25, f"2024-01-{i:02d}", i % 2 == 0) for i in range(1, 26)]


def fill(execute: Any, mark: str) -> None:
    execute(f"CREATE TABLE products ({COLUMNS})", ())
    for row in rows():
        execute(f"INSERT INTO products VALUES ({', '.join([mark] * 5)})", row)


@pytest.fixture(scope="session", params=["sqlite", "postgresql", "mysql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that publishes `products` of one kind of database."""
    folder = tmp_path_factory.mktemp("clients")
    connection = DATABASES[request.param](request, folder)
    configuration = {
        "server": {"page_size": 10},
        "connections": {"shop": connection},
        "resources": {"products": {"connection": "shop", "table": "products"}},
        "users": {"client": {"role": "query", "privileges": ["GET", "POST", "PATCH", "PUT", "DELETE"], "authtoken": TOKEN}},
    }
    file = folder / "server.json"
    file.write_text(json.dumps(configuration))
    data_dir = folder / "data"
    data_dir.mkdir()
    from tests.served import manage

    done = manage(data_dir, "migrate", "--verbosity", "0")
    done = manage(data_dir, "apply", str(file))
    assert done.returncode == 0, done.stderr
    server = serve(data_dir=data_dir)
    yield server
    server.stop()


def sqlite(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    database = folder / "shop.db"
    with sqlite3.connect(database) as connection:
        fill(connection.execute, "?")
    return {"connector": "sqlite", "properties": {"Database": str(database)}}


def postgresql(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    import psycopg

    server: Server = request.getfixturevalue("postgres_server")
    with psycopg.connect(host=server.host, port=server.port, user=server.user, dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS clients_shop")
        connection.execute("CREATE DATABASE clients_shop")
    with psycopg.connect(host=server.host, port=server.port, user=server.user, dbname="clients_shop") as connection:
        fill(connection.execute, "%s")
    properties = {"Server": server.host, "Port": server.port, "User": server.user, "Password": server.password, "Database": "clients_shop"}
    return {"connector": "postgresql", "properties": properties}


def mysql(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    import pymysql

    server: Server = request.getfixturevalue("mariadb_server")
    connection = pymysql.connect(host=server.host, port=server.port, user=server.user, autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS clients_shop")
        cursor.execute("CREATE DATABASE clients_shop CHARACTER SET utf8mb4")
        cursor.execute("USE clients_shop")
        fill(cursor.execute, "%s")
    properties = {"Server": server.host, "Port": server.port, "User": server.user, "Password": server.password, "Database": "clients_shop"}
    return {"connector": "mysql", "properties": properties}


DATABASES = {"sqlite": sqlite, "postgresql": postgresql, "mysql": mysql}
