"""The PostgreSQL connector (psycopg 3): how to connect."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import psycopg

from connections.connectors.sql import properties as shared
from connections.connectors.sql.base import ServerConnector, tunnel_for
from connections.connectors.sql.certificates import PemFiles
from connections.connectors.sql.dialect_postgresql import dialect
from connections.connectors.sql.direct_postgresql import Patient
from connections.connectors.sql.errors_postgresql import is_dead, translate
from connections.connectors.sql.loaders_postgresql import register
from connections.connectors.sql.loading import SqlLoading
from connections.connectors.sql.loading_postgresql import PostgresqlLoading
from connections.connectors.sql.reflect_postgresql import Reflection
from connections.connectors.sql.session import SqlSession
from connections.contract.context import NONE, Context
from connections.contract.property import Property
from connections.contract.table import ARRAYS_AS, ARRAYS_AS_TEXT

# Longest wait for another transaction's lock, in milliseconds.
LOCK_TIMEOUT = 10000
GRACE = 5  # seconds that the server has to say that a statement took too long
# A path that can't exist: certificates in the home of the account we run under are none of the connection's.
NO_FILE = f"{os.devnull}/none"
BUILD_JSON = Property(
    "BuildJSON",
    "Build JSON in the database",
    kind="boolean",
    default=False,
    group="Advanced",
    is_advanced=True,
    help="Rows leave the database as JSON: less work in all, about three times as much of it there. Answers stay the same.",
)
ARRAYS = Property(
    ARRAYS_AS,
    "Array columns",
    kind="choice",
    choices=("Collections", ARRAYS_AS_TEXT),
    default="Collections",
    group="Schema",
    is_advanced=True,
    help="Text publishes them as the text of a JSON array, for clients that show collections badly, such as Power Automate's designer.",
)
# Compiling a statement (jit) takes seconds for some that run for a hundredth of one: filters over relations cost much by estimate.
SETTINGS = """
SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false), set_config('timezone', 'UTC', false),
       set_config('datestyle', 'ISO', false), set_config('intervalstyle', 'postgres', false), set_config('extra_float_digits', '1', false),
       set_config('default_transaction_read_only', %s, false),
       (SELECT set_config(name, 'off', false) FROM pg_catalog.pg_settings WHERE name = 'jit')"""


class PostgresqlConnector(ServerConnector):
    """PostgreSQL 12 and later."""

    key: ClassVar[str] = "postgresql"
    loading: ClassVar[type[SqlLoading]] = PostgresqlLoading
    label: ClassVar[str] = "PostgreSQL"
    description: ClassVar[str] = "Tables and views of a PostgreSQL database."
    properties: ClassVar[tuple[Property, ...]] = (*shared.server_properties(5432), ARRAYS, BUILD_JSON)
    url_schemes: ClassVar[tuple[str, ...]] = ("postgres", "postgresql")

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> SqlSession:
        """Return a session: readers see read-only transactions, every statement has the connection's timeout."""
        values = self.clean(values)
        tunnel, files = tunnel_for(values), PemFiles()

        def close() -> None:
            files.close()
            if tunnel:
                tunnel.close()

        return SqlSession(
            dialect=dialect(values["TimeZone"], builds_json=values["BuildJSON"]),
            connect=connector(values, files, tunnel.address if tunnel else None),
            translate=translate,
            source=Reflection(values["BrowsableSchemas"] or ""),
            is_dead=is_dead,
            pool_size=values["MaxConnections"],
            pool_wait=values["ConnectTimeout"],
            is_read_only=read_only,
            loading=self.loading,
            on_close=close,
        )


def connector(
    values: Mapping[str, Any], files: PemFiles, tunnel: Callable[[], tuple[str, int]] | None
) -> Callable[[bool], psycopg.Connection[Any]]:
    """Return what opens one connection, for writing or for reading."""
    options = parameters(values)

    def connect(is_writer: bool) -> psycopg.Connection[Any]:
        # The certificate is checked against Server, whatever address the tunnel ends at.
        place = dict(zip(("hostaddr", "port"), tunnel(), strict=True)) if tunnel else {"port": values["Port"]}
        connection = Patient.connect(**{**options, **tls(values, files), **place}, autocommit=True)
        connection.seconds = values["Timeout"] + GRACE
        register(connection)
        connection.execute(SETTINGS, (str(values["Timeout"] * 1000), str(LOCK_TIMEOUT), "off" if is_writer else "on"))
        return connection

    return connect


def parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return libpq's parameters; the password file and service of the account we run under are none of the connection's."""
    return {
        "host": values["Server"],
        "user": values["User"] or None,
        "password": values["Password"] or None,
        "dbname": values["Database"] or None,
        "connect_timeout": values["ConnectTimeout"],
        "application_name": "apiserver",
        "client_encoding": "utf8",  # also of a database in another encoding: statements go out in it, and JSON comes in it
        "passfile": NO_FILE,
        "gssencmode": "disable",
    }


def tls(values: Mapping[str, Any], files: PemFiles) -> dict[str, Any]:
    """Return libpq's TLS parameters; it takes certificates from files alone."""
    mode = values["UseSSL"]
    if mode == shared.TLS_OFF:
        return {"sslmode": "disable"}
    found: dict[str, Any] = {"sslmode": "require", "sslrootcert": NO_FILE}
    if mode == shared.TLS_VERIFY:
        authority = values["SSLServerCert"]
        found = {"sslmode": "verify-full", "sslrootcert": files.file("authority.pem", authority) if authority else "system"}
    found["sslcert"] = NO_FILE
    if values["SSLClientCert"]:
        found["sslcert"] = files.file("client.pem", values["SSLClientCert"])
        found["sslkey"] = files.file("client.key", values["SSLClientKey"])
    return found
