"""One PostgreSQL and one MariaDB that log every statement, SQLite beside them, hostile names, and the real server over all three."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from tests import databases, servers
from tests.databases import Database
from tests.hostile import sql_log, stage
from tests.hostile.payloads import MARK
from tests.hostile.sql_log import Verdict
from tests.hostile.wire import Wires
from tests.served import Served, publish

TOKENS = {"boss": "hostile-token-of-boss-0123456789", "lead": "hostile-token-of-lead-0123456789"}
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


__all__ = ["MARK", "NAMES", "TOKENS", "Source"]


def own(start: Any, variable: str) -> servers.Server:
    """Start a server of our own, whatever the environment offers: its log must hold our statements alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(variable, raising=False)
        found: servers.Server = start()
    return found


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Server]:
    """A PostgreSQL that logs every statement, without the values of parameters."""
    server = own(servers.postgres, "APISERVER_TEST_POSTGRES")
    with psycopg.connect(host=server.host, port=server.port, user="postgres", dbname="postgres", autocommit=True) as connection:
        for setting in ("log_statement = 'all'", "log_parameter_max_length = 0", "log_parameter_max_length_on_error = 0"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[servers.Server]:
    """A MariaDB that logs every statement; its driver writes the values into the text, as literals."""
    server = own(servers.mariadb, "APISERVER_TEST_MARIADB")
    with pymysql.connect(host=server.host, port=server.port, user="root") as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL general_log_file = %s", [str(general_log(server))])
        cursor.execute("SET GLOBAL general_log = ON")
    yield server
    server.remove()


def general_log(server: servers.Server) -> Path:
    """Return the file of MariaDB's statement log."""
    assert server.folder
    return server.folder / "general.log"


@pytest.fixture(scope="session")
def source(postgres_server: servers.Server) -> Source:
    found = Source(postgres_server)
    found.run("CREATE TABLE victims (id integer PRIMARY KEY, name text, country text, secret text)")
    found.run("INSERT INTO victims VALUES (1, 'Aoi', 'JP', 'hushhush'), (2, 'Bob', 'US', 'hushhush')")
    for name in NAMES:
        quoted = name.replace('"', '""')
        found.run(f'CREATE TABLE "{quoted}" (id integer PRIMARY KEY, "{quoted}" text)')
        found.run(f"INSERT INTO \"{quoted}\" VALUES (1, 'v')")
    return found


@pytest.fixture(scope="session")
def stages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Database]:
    """The same tables in each database."""
    folder = tmp_path_factory.mktemp("stages")
    found = {kind: databases.make(kind, "hostile", request, folder) for kind in databases.KINDS}
    for database in found.values():
        stage.fill(database)
    return found


@pytest.fixture(scope="session")
def hostile(source: Source, stages: Mapping[str, Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    properties = {"Server": source.server.host, "Port": source.server.port, "User": "postgres", "Database": "postgres", "Password": "x"}
    every = stage.EVERY
    grants = {"victims": {"methods": every, "columns": ["id", "name", "country"], "filter": "country eq 'JP'"}}
    resources = {"victims": {"connection": "db", "table": "victims", "methods": every}}
    resources |= {f"Odd{number}": {"connection": "db", "table": name, "methods": every} for number, name in enumerate(NAMES)}
    for kind in stages:
        resources |= stage.resources(kind)
        grants |= stage.rights(kind)
    configuration = {
        "server": {"page_size": 50},
        "connections": {"db": {"connector": "postgresql", "properties": properties}}
        | {f"{kind}_db": database.connection for kind, database in stages.items()},
        "resources": resources,
        "users": {
            "boss": {"role": "query", "privileges": every, "authtoken": TOKENS["boss"]},
            "lead": {"role": "query", "privileges": every, "authtoken": TOKENS["lead"], "resources": grants},
        },
    }
    served = publish(configuration, tmp_path_factory.mktemp("hostile"))
    yield served
    served.dismiss()


class Logs:
    """The statement logs of the servers, read from where a test began."""

    def __init__(self, postgres: servers.Server, mariadb: servers.Server) -> None:
        assert postgres.folder
        self.files = {"postgresql": postgres.folder / "log", "mysql": general_log(mariadb)}
        self.starts = {kind: file.stat().st_size for kind, file in self.files.items()}

    def verdict(self, kind: str) -> Verdict:
        """Judge what a database was asked since the beginning; SQLite has no log."""
        if kind not in self.files:
            return Verdict()
        with self.files[kind].open("rb") as file:
            file.seek(self.starts[kind])
            text = file.read().decode(errors="replace")
        return JUDGES[kind](text)


JUDGES = {"postgresql": sql_log.postgres, "mysql": sql_log.mariadb}


@pytest.fixture
def logs(postgres_server: servers.Server, mariadb_server: servers.Server, stages: Mapping[str, Database]) -> Logs:
    """The statement logs, from the beginning of the test."""
    return Logs(postgres_server, mariadb_server)


@pytest.fixture(scope="session")
def wires(hostile: Served) -> Iterator[Wires]:
    """Kept connections to the server."""
    found = Wires(hostile.base)
    yield found
    found.close()


@pytest.fixture(scope="module")
def own_wires(served: Served) -> Iterator[Wires]:
    """Connections to the server that the test's module starts."""
    found = Wires(served.base)
    yield found
    found.close()
