"""The SQLite connector: a database file, never created, read through a read-only handle."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote as url_quote
from urllib.parse import unquote, urlsplit

from connections.connectors.sql import database_file
from connections.connectors.sql import properties as shared
from connections.connectors.sql.base import SqlConnector, Steps
from connections.connectors.sql.database_file import existing
from connections.connectors.sql.dialect_sqlite import dialect
from connections.connectors.sql.errors_sqlite import translate
from connections.connectors.sql.loading import SqlLoading
from connections.connectors.sql.loading_sqlite import SqliteLoading
from connections.connectors.sql.reflect_sqlite import Reflection, identity_of
from connections.connectors.sql.session import SqlSession
from connections.connectors.sql.sqlite_functions import registered
from connections.connectors.sql.sqlite_words import FUNCTIONS as WORDS
from connections.connectors.sql.sqlite_words import Sum
from connections.connectors.sql.values import zone_of
from connections.contract import errors
from connections.contract.context import NONE, Context
from connections.contract.property import Property

NO_FILE = "Give the full path of an existing SQLite file on the server."
# How many virtual-machine steps pass between two looks at the clock.
STEPS = 20000
PRAGMAS = frozenset({"table_list", "table_info", "table_xinfo", "index_list", "index_info", "foreign_key_list"})


class SqliteConnector(SqlConnector):
    """A SQLite 3 file."""

    key: ClassVar[str] = "sqlite"
    loading: ClassVar[type[SqlLoading]] = SqliteLoading
    label: ClassVar[str] = "SQLite"
    description: ClassVar[str] = "Tables and views of a SQLite database file."
    properties: ClassVar[tuple[Property, ...]] = (
        Property("Database", "Database file", is_required=True, placeholder="/data/shop.db", help="Path of the file on the server."),
        *(item for item in shared.TUNING if item.name in ("TimeZone", "Timeout", "MaxConnections", "ConnectTimeout")),
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("sqlite",)

    probe: ClassVar[str] = "SELECT count(*) FROM sqlite_schema"

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds."""
        parts = urlsplit(url.strip())
        if parts.scheme not in self.url_schemes or parts.netloc:
            raise errors.InvalidProperties({"Database": "paste an address that starts with sqlite:///"})
        path = unquote(parts.path)
        is_windows = re.match(r"/[A-Za-z]:[/\\]", path)
        return {"Database": path[1:] if path.startswith("//") or is_windows else path}

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> SqlSession:
        """Return a session; every connection is hardened and knows our functions."""
        values = self.clean(values)

        def connect(is_writer: bool) -> Connection:
            return open_file(values, is_writer)

        return SqlSession(
            dialect=dialect(values["TimeZone"]),
            connect=connect,
            translate=translate,
            source=Reflection(),
            is_dead=lambda _: False,
            pool_size=values["MaxConnections"],
            pool_wait=values["ConnectTimeout"],
            is_read_only=read_only,
            loading=self.loading,
        )

    def steps(self, values: Mapping[str, Any], read_only: bool) -> Steps:
        """Give: resolve (the file is there), connect (it is a database), list_tables."""
        yield "resolve", lambda: existing(Path(values["Database"]), NO_FILE)
        yield from self.session_steps(values, read_only, "connect")

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why this file is the product's own, or ''."""
        return database_file.forbidden(values, own)


class Cursor(sqlite3.Cursor):
    """A cursor that starts the clock anew with each batch: a slow reader of rows is not a slow statement."""

    connection: Connection

    def execute(self, sql: str, binds: Any = (), /) -> Cursor:
        """Run a statement."""
        self.connection.start_clock()
        return super().execute(sql, binds)

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        """Return the next rows."""
        self.connection.start_clock()
        return super().fetchmany(size)


class Connection(sqlite3.Connection):
    """A connection whose statements end at a deadline, and that knows which file it opened."""

    path: Path
    identity: tuple[int, int]
    seconds = 30.0
    deadline = 0.0

    def cursor(self, factory: Any = Cursor) -> Any:
        """Return a cursor."""
        return super().cursor(factory)

    def start_clock(self) -> None:
        """Give the statement its time."""
        self.deadline = time.monotonic() + self.seconds

    def guard(self) -> None:
        """Refuse what `authorize` refuses."""
        self.set_authorizer(authorize)

    def is_late(self) -> int:
        """Return 1 when the statement must end."""
        return int(time.monotonic() > self.deadline)


def open_file(values: Mapping[str, Any], is_writer: bool) -> Connection:
    """Return a hardened connection: no file is created, attached or loaded; readers can't write."""
    path = Path(values["Database"])
    existing(path, NO_FILE)
    uri = f"file:{url_quote(str(path.resolve()))}?mode={'rw' if is_writer else 'ro'}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=values["ConnectTimeout"], isolation_level=None, check_same_thread=False, factory=Connection
    )
    connection.path, connection.identity, connection.seconds = path, identity_of(path), values["Timeout"]
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    if not is_writer:
        connection.execute("PRAGMA query_only = ON")
    for name, (count, function) in (registered(zone_of(values["TimeZone"])) | WORDS).items():
        connection.create_function(name, count, function, deterministic=True)
    connection.create_window_function("api_sum", 1, Sum)
    connection.start_clock()
    connection.set_progress_handler(connection.is_late, STEPS)
    connection.guard()
    return connection


def authorize(action: int, argument: str | None, *_: Any) -> int:
    """Refuse other files (ATTACH, VACUUM INTO) and every pragma but those that describe the schema."""
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_PRAGMA and argument not in PRAGMAS else sqlite3.SQLITE_OK
