"""One PostgreSQL that logs every statement, hostile names in it, and the real server over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.served import Served, publish

TOKENS = {"boss": "hostile-token-of-boss-0123456789", "lead": "hostile-token-of-lead-0123456789"}
MARK = "zq7inject"
NAMES = ('a"b', "a``b", "a%sb", "a:b", "x;DROP TABLE victims;--", "n" * 63, "😀 テーブル", "שלום", "a\\b", "it's", "/*c*/", "a.b", "select")


class Source:
    """The database server and its statement log."""

    def __init__(self, server: servers.Server) -> None:
        assert server.folder
        self.server, self.log = server, server.folder / "log"

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(
            host=self.server.host, port=self.server.port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def statements(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="session")
def source() -> Iterator[Source]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("APISERVER_TEST_POSTGRES", raising=False)
        server = servers.postgres()
    found = Source(server)
    for setting in ("log_statement = 'all'", "log_parameter_max_length = 0", "log_parameter_max_length_on_error = 0"):
        found.run(f"ALTER SYSTEM SET {setting}")
    found.run("SELECT pg_reload_conf()")
    found.run("CREATE TABLE victims (id integer PRIMARY KEY, name text, country text, secret text)")
    found.run("INSERT INTO victims VALUES (1, 'Aoi', 'JP', 'hushhush'), (2, 'Bob', 'US', 'hushhush')")
    for name in NAMES:
        quoted = name.replace('"', '""')
        found.run(f'CREATE TABLE "{quoted}" (id integer PRIMARY KEY, "{quoted}" text)')
        found.run(f"INSERT INTO \"{quoted}\" VALUES (1, 'v')")
    yield found
    server.remove()


@pytest.fixture(scope="session")
def hostile(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    properties = {"Server": source.server.host, "Port": source.server.port, "User": "postgres", "Database": "postgres", "Password": "x"}
    every = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    grants = {"victims": {"methods": every, "columns": ["id", "name", "country"], "filter": "country eq 'JP'"}}
    configuration = {
        "server": {"page_size": 50},
        "connections": {"db": {"connector": "postgresql", "properties": properties}},
        "resources": {"victims": {"connection": "db", "table": "victims", "methods": every}}
        | {f"Odd{number}": {"connection": "db", "table": name, "methods": every} for number, name in enumerate(NAMES)},
        "users": {
            "boss": {"role": "query", "privileges": every, "authtoken": TOKENS["boss"]},
            "lead": {"role": "query", "privileges": every, "authtoken": TOKENS["lead"], "resources": grants},
        },
    }
    served = publish(configuration, tmp_path_factory.mktemp("hostile"))
    yield served
    served.stop()
