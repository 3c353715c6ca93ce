"""DuckDB: a database file of the server's disk, opened for each statement so that other processes get their turn at it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from connections.connectors.dbapi.connector import TUNING, DbapiConnector
from connections.connectors.dbapi.describing import Describing
from connections.connectors.dbapi.loading_duckdb import DuckdbLoading
from connections.connectors.dbapi.rules import Catalog, Rules, Text, by_type
from connections.connectors.dbapi.session import DbapiSession
from connections.connectors.sql import database_file
from connections.connectors.sql.database_file import existing
from connections.connectors.sql.meanings import Meaning
from connections.connectors.sql.reflect_sqlite import identity_of as identity
from connections.connectors.sql.values import zone_of
from connections.connectors.testing import Steps
from connections.contract.context import NONE, Context
from connections.contract.errors import ConnectionFailed, InvalidProperties, NotSupported, SourceTimeout
from connections.contract.property import Property
from connections.contract.table import Column, Type

Loads = TypeVar("Loads", bound=DuckdbLoading)
NO_FILE = "Give the full path of an existing DuckDB file on the server."
TYPES = {
    "boolean": Type.BOOLEAN,
    "tinyint": Type.SBYTE,
    "utinyint": Type.BYTE,
    "smallint": Type.INT16,
    "usmallint": Type.INT32,
    "integer": Type.INT32,
    "uinteger": Type.INT64,
    "bigint": Type.INT64,
    "ubigint": Type.DECIMAL,
    "hugeint": Type.DECIMAL,
    "uhugeint": Type.DECIMAL,
    "decimal": Type.DECIMAL,
    "float": Type.SINGLE,
    "double": Type.DOUBLE,
    "varchar": Type.STRING,
    "uuid": Type.GUID,
    "date": Type.DATE,
    "time": Type.TIME,
    "timestamp": Type.TIMESTAMP,
    "timestamp_s": Type.TIMESTAMP,
    "timestamp_ms": Type.TIMESTAMP,
    "timestamp_ns": Type.TIMESTAMP,
    "timestamp with time zone": Type.TIMESTAMP,
    "blob": Type.BINARY,
}
# What a bound value is taken as.
BINDS = {
    Type.DATE: "CAST({0} AS DATE)",
    Type.TIME: "CAST({0} AS TIME)",
    Type.TIMESTAMP: "CAST({0} AS TIMESTAMP)",
    Type.GUID: "CAST({0} AS UUID)",
    Type.BINARY: "CAST({0} AS BLOB)",
    Type.DOUBLE: "CAST({0} AS DOUBLE)",
    Type.SINGLE: "CAST({0} AS FLOAT)",
}
BUSY = (
    SourceTimeout,
    "The database file is in use by another program.",
    "Try again; a program that keeps it open for writing must close it first.",
)
NO_DATABASE = ConnectionFailed, "The file is no DuckDB database.", "Check Database; it may be of another version of DuckDB."
DAMAGED = ConnectionFailed, "The database file is damaged.", "Restore it from a backup."
WAIT = 0.05
# Nothing but the file is reached, and one statement does not take the machine.
CONFIG = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "1GB",
    "threads": "2",
}


def read(column: Column) -> str:
    """Return how a column is read: instants as UTC without a zone, nanoseconds as the microseconds that Python has."""
    if column.has_zone:
        return "timezone('UTC', {0})"
    return "CAST({0} AS TIMESTAMP)" if column.native_type.upper() == "TIMESTAMP_NS" else "{0}"


class DuckdbConnector(DbapiConnector):
    """A DuckDB file."""

    key: ClassVar[str] = "duckdb"
    label: ClassVar[str] = "DuckDB"
    description: ClassVar[str] = "Tables and views of a DuckDB database file."
    module: ClassVar[str] = "duckdb"
    extra: ClassVar[str] = ""
    is_destination: ClassVar[bool] = True
    loading: ClassVar[type[DuckdbLoading]] = DuckdbLoading
    properties: ClassVar[tuple[Property, ...]] = (
        Property("Database", "Database file", is_required=True, placeholder="/data/sales.duckdb", help="Path of the file on the server."),
        *TUNING,
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("duckdb",)
    keeps_idle: ClassVar[bool] = False
    config: ClassVar[Mapping[str, str]] = CONFIG
    texts: ClassVar[tuple[tuple[str, Meaning], ...]] = (
        ("could not set lock", BUSY),
        ("different configuration", BUSY),
        ("conflicting lock", BUSY),
        ("not a valid duckdb", NO_DATABASE),
        ("could not read enough bytes", DAMAGED),
        ("corrupt database file", DAMAGED),
    )
    rules: ClassVar[Rules] = Rules(
        sqlglot="duckdb",
        mark=lambda place: "?",
        types=TYPES,
        zoned=frozenset({"timestamp with time zone"}),
        json=frozenset({"json"}),
        read=read,
        bind=by_type(BINDS),
        text=Text(contains="contains({0}, {1})", startswith="starts_with({0}, {1})", endswith="ends_with({0}, {1})"),
        is_nan_greatest=True,
        has_infinity=True,
        returning=" RETURNING {0}",
    )
    catalog: ClassVar[Catalog] = Catalog(
        tables="""
SELECT schema_name, table_name, 'table', comment FROM duckdb_tables()
WHERE NOT internal AND NOT temporary AND database_name = current_database()
UNION ALL
SELECT schema_name, view_name, 'view', comment FROM duckdb_views()
WHERE NOT internal AND NOT temporary AND database_name = current_database()""",
        columns="""
SELECT schema_name, table_name, column_name,
       data_type || CASE WHEN data_type = 'VARCHAR' AND EXISTS (SELECT 1 FROM duckdb_tables() d WHERE contains(lower(d.sql), 'collate'))
       THEN ' COLLATE' ELSE '' END,
       is_nullable, NULL, NULL, NULL, column_default, FALSE, comment
FROM duckdb_columns() WHERE NOT internal AND database_name = current_database() AND {refs}
ORDER BY schema_name, table_name, column_index""",
        schema="schema_name",
        keys="""
SELECT schema_name, table_name, CASE constraint_type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u' ELSE 'f' END,
       CAST(constraint_index AS VARCHAR), unnest(constraint_column_names), schema_name, referenced_table, unnest(referenced_column_names)
FROM duckdb_constraints()
WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY') AND {refs}
ORDER BY schema_name, table_name, constraint_index""",
    )

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds: duckdb:///data/sales.duckdb."""
        scheme, _, path = url.strip().partition("://")
        if scheme not in self.url_schemes or not path:
            raise InvalidProperties({"Database": "paste an address that starts with duckdb:///"})
        return {"Database": path.replace("//", "/", 1) if path.startswith("//") else path}

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why this file is the product's own, or ''."""
        return database_file.forbidden(values, own)

    def reach(self, values: Mapping[str, Any]) -> Steps:
        """Give: resolve (the file is there)."""
        yield "resolve", lambda: existing(Path(values["Database"]), NO_FILE)

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> DbapiSession:
        """Return a session that rows can be loaded through, too."""
        values = self.clean(values)
        zone = zone_of(values["TimeZone"])
        return DuckdbSession(self, values, zone=zone, read_only=read_only, keeps_idle=read_only)

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection that reaches nothing but its file; waits for others to leave it."""
        path = Path(values["Database"])
        existing(path, NO_FILE)
        limit = time.monotonic() + values["ConnectTimeout"]
        while True:
            try:
                return Connection(self.driver(), path, is_writer=is_writer, config=self.config)
            except Exception as error:
                failed = self.translate(error)
                if not isinstance(failed, SourceTimeout) or time.monotonic() > limit:
                    raise failed from error
                time.sleep(WAIT)

    def is_current(self, connection: Any) -> bool:
        """Claim that the file is still the one that was opened: a restored backup takes its place under the same name."""
        return bool(identity(connection.path) == connection.identity)

    def execute(self, cursor: Any, sql: str, binds: Sequence[Any], values: Mapping[str, Any]) -> None:
        """Run a statement that ends at the connection's Timeout."""
        timer = threading.Timer(values["Timeout"], cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            cursor.execute(sql, list(binds))
        finally:
            timer.cancel()


class DuckdbSession(DbapiSession):
    """A DuckDB file in use; also the writer that jobs load through."""

    def loading(self, seconds: int) -> DuckdbLoading:
        """Return a writer whose statements may take so long each."""
        if self._is_read_only:
            raise NotSupported("This connection is read-only.", hint="An administrator can allow writes on the connection's page.")
        return self.writer(DuckdbLoading, self._values, seconds)

    def writer(self, kind: Callable[..., Loads], values: Mapping[str, Any], seconds: int) -> Loads:
        """Return a writer of a kind, which opens the file when it is needed."""
        database, printer = self._database, self._printer
        return kind(
            lambda: database.connect(values, is_writer=True),
            lambda: Describing(database, printer, values),
            database.translate,
            database.rules,
            self._zone,
            seconds,
        )


class Connection:
    """A connection whose cursors share its transaction."""

    def __init__(self, driver: Any, path: Path, *, is_writer: bool, config: Mapping[str, str]) -> None:
        self.driver = driver.connect(str(path.resolve()), read_only=not is_writer, config=dict(config))
        self.path, self.identity = path, identity(path)
        self.driver.execute("SET TimeZone = 'UTC'")
        if is_writer:
            self.driver.execute("BEGIN")

    def cursor(self) -> Any:
        """Return what runs statements: DuckDB's own cursors would be other connections."""
        return Cursor(self.driver)

    def commit(self) -> None:
        """Keep what was written."""
        self.driver.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self.driver.close()


class Cursor:
    """A cursor of PEP 249 over DuckDB's connection."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self.rowcount = -1
        self._rows: list[Any] | None = None

    def execute(self, sql: str, binds: Sequence[Any]) -> None:
        """Run a statement; DuckDB tells the number of rows that one changed as a row."""
        self._driver.execute(sql, binds)
        if not sql.lstrip().upper().startswith(("UPDATE", "DELETE")):
            return
        self.rowcount = int(self._driver.fetchone()[0])

    def fetchmany(self, size: int) -> list[Any]:
        """Return the next rows."""
        return list(self._driver.fetchmany(size))

    def fetchone(self) -> Any:
        """Return the next row."""
        return self._driver.fetchone()

    def interrupt(self) -> None:
        """Stop the statement that another thread runs."""
        self._driver.interrupt()

    def close(self) -> None:
        """Leave the rows: the connection ends with the statement."""
