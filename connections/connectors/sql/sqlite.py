"""The SQLite connector: a database file, never created, read through a read-only handle."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote as url_quote
from urllib.parse import unquote, urlsplit

from connections.connectors.sql import properties as shared
from connections.connectors.sql import reflect_sqlite
from connections.connectors.sql.base import SqlConnector
from connections.connectors.sql.dialect_sqlite import dialect
from connections.connectors.sql.session import SqlSession
from connections.connectors.sql.sqlite_functions import REGISTERED
from connections.contract import errors
from connections.contract.property import Property

# How many virtual-machine steps pass between two looks at the clock.
STEPS = 20000


class SqliteConnector(SqlConnector):
    """A SQLite 3 file."""

    key: ClassVar[str] = "sqlite"
    label: ClassVar[str] = "SQLite"
    description: ClassVar[str] = "Tables and views of a SQLite database file."
    properties: ClassVar[tuple[Property, ...]] = (
        Property("Database", "Database file", is_required=True, placeholder="/data/shop.db", help="Path of the file on the server."),
        *(item for item in shared.TUNING if item.name in ("TimeZone", "Timeout", "MaxConnections", "ConnectTimeout")),
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("sqlite",)

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds."""
        parts = urlsplit(url.strip())
        if parts.scheme not in self.url_schemes:
            raise errors.InvalidProperties({"Database": "paste an address that starts with sqlite:///"})
        path = unquote(parts.path)
        return {"Database": path[1:] if path.startswith("//") else path}

    def open(self, values: Mapping[str, Any], *, read_only: bool = False) -> SqlSession:
        """Return a session; every connection is hardened and knows our functions."""

        def connect(is_writer: bool) -> sqlite3.Connection:
            return open_file(Path(values["Database"]), values["Timeout"], is_writer)

        return SqlSession(
            dialect=dialect(values.get("TimeZone") or "UTC"),
            connect=connect,
            translate=translate,
            reflect=reflect_sqlite.Reflection(),
            is_dead=lambda error: False,
            pool_size=values["MaxConnections"],
            pool_wait=values["ConnectTimeout"],
            is_read_only=read_only,
        )

    def steps(self, values: Mapping[str, Any], read_only: bool) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give: resolve (the file is there), connect (it is a database), then as every database."""
        yield "resolve", lambda: existing(Path(values["Database"]))
        yield from self.session_steps(values, read_only)

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why this file is the product's own, or ''."""
        path = Path(str(values.get("Database") or ""))
        for identity in own:
            kind, _, place = identity.partition(":")
            if kind == "sqlite" and path.exists() and Path(place).exists() and path.samefile(place):
                return "This is the product's own database; it can't be published."
        return ""


class Connection(sqlite3.Connection):
    """A connection whose statements end at a deadline."""

    seconds = 30.0
    deadline = 0.0

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        """Return a cursor and start the clock."""
        self.deadline = time.monotonic() + self.seconds
        return super().cursor(factory)


def existing(path: Path) -> str:
    """Return that the file is there; raise what to do otherwise."""
    if not path.is_file():
        raise errors.ConnectionFailed(f"There is no file {path}.", hint="Give the full path of an existing SQLite file on the server.")
    return f"{path} is there"


def open_file(path: Path, timeout: float, is_writer: bool) -> Connection:
    """Return a hardened connection: no file is created, attached or loaded; readers can't write."""
    existing(path)
    uri = f"file:{url_quote(str(path.resolve()))}?mode={'rw' if is_writer else 'ro'}"
    connection = sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None, check_same_thread=False, factory=Connection)
    connection.seconds = timeout
    connection.set_progress_handler(lambda: int(time.monotonic() > connection.deadline), STEPS)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    if not is_writer:
        connection.execute("PRAGMA query_only = ON")
    for name, (count, function) in REGISTERED.items():
        connection.create_function(name, count, function, deterministic=True)
    connection.set_authorizer(authorize)
    return connection


def authorize(action: int, *_: Any) -> int:
    """Refuse ATTACH and DETACH: other files stay out of reach."""
    return sqlite3.SQLITE_DENY if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH) else sqlite3.SQLITE_OK


CONSTRAINTS = {
    "UNIQUE": ("unique", "A row with this key already exists."),
    "FOREIGN KEY": ("foreign_key", "A related row is missing, or other rows still refer to this one."),
    "NOT NULL": ("not_null", "A column that must have a value has none."),
    "CHECK": ("check", "A value breaks a rule of the table."),
}


def translate(error: Exception) -> errors.ConnectorError:
    """Return the contract's error for one of sqlite3's."""
    text = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        kind, message = next(
            (found for word, found in CONSTRAINTS.items() if word in text), ("check", "A value breaks a rule of the table.")
        )
        return errors.ConstraintViolated(message, kind=kind)
    if "interrupted" in text:
        return errors.SourceTimeout("The database took longer than the connection's Timeout.", hint="Narrow the filter, or raise Timeout.")
    if "no such table" in text or "no such column" in text:
        return errors.TableGone(
            "The table or a column of it no longer exists in the database.", hint="Refresh the resource on the API page."
        )
    if "user-defined function raised" in text:
        return errors.BadValue("A value was divided by zero.")
    if "readonly" in text or "read-only" in text:
        return errors.SourceRejected("The database file takes no writes.", hint="Check the rights of the file and its folder.")
    if "locked" in text or "busy" in text:
        return errors.SourceTimeout("The database file is locked by another program.", hint="Try again.")
    if "not a database" in text or "malformed" in text:
        return errors.ConnectionFailed("The file is no SQLite database.", hint="Check Database.")
    if "unable to open" in text:
        return errors.ConnectionFailed("The database file can't be opened.", hint="Check its path and rights.")
    if isinstance(error, OverflowError | UnicodeEncodeError | sqlite3.InterfaceError | sqlite3.DataError):
        return errors.BadValue("A value does not fit the column's type.")
    return errors.SourceRejected("The database refused the statement.", hint="Refresh the resource; the request log has the statement.")
