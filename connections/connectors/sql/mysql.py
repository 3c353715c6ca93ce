"""The MySQL / MariaDB connector (PyMySQL): how to connect."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pymysql.constants import CLIENT

from connections.connectors.sql import properties as shared
from connections.connectors.sql.base import ServerConnector, tunnel_for
from connections.connectors.sql.certificates import context_of
from connections.connectors.sql.dialect_mysql import dialect
from connections.connectors.sql.errors_mysql import is_dead, translate
from connections.connectors.sql.loading import SqlLoading
from connections.connectors.sql.loading_mysql import MysqlLoading
from connections.connectors.sql.reflect_mysql import Reflection
from connections.connectors.sql.sending_mysql import SendingConnection
from connections.connectors.sql.session import SqlSession
from connections.contract.context import NONE, Context
from connections.contract.property import Property

# Strict, literal: a wrong value is refused, a backslash is a backslash, || is not "or".
SQL_MODE = "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
# Seconds that the driver waits longer than the server's own limit before it gives the connection up.
GRACE = 5


class MysqlConnector(ServerConnector):
    """MySQL 8 and MariaDB 10.4 and later."""

    key: ClassVar[str] = "mysql"
    loading: ClassVar[type[SqlLoading]] = MysqlLoading
    label: ClassVar[str] = "MySQL / MariaDB"
    description: ClassVar[str] = "Tables and views of a MySQL or MariaDB database."
    properties: ClassVar[tuple[Property, ...]] = shared.server_properties(3306)
    url_schemes: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> SqlSession:
        """Return a session: readers see read-only transactions, every statement has the connection's timeout."""
        values = self.clean(values)
        tunnel = tunnel_for(values)
        return SqlSession(
            dialect=dialect(values["TimeZone"]),
            connect=connector(values, tunnel.address if tunnel else None),
            translate=translate,
            source=Reflection(values["BrowsableSchemas"] or ""),
            is_dead=is_dead,
            pool_size=values["MaxConnections"],
            pool_wait=values["ConnectTimeout"],
            is_read_only=read_only,
            loading=self.loading,
            on_close=tunnel.close if tunnel else lambda: None,
        )


def connector(values: Mapping[str, Any], tunnel: Callable[[], tuple[str, int]] | None) -> Callable[[bool], Any]:
    """Return what opens one connection, for writing or for reading."""

    def connect(is_writer: bool) -> Any:
        context = context_of(values)
        connection = SendingConnection(
            host=values["Server"],
            port=values["Port"],
            user=values["User"] or None,
            password=values["Password"] or "",
            database=values["Database"] or None,
            charset="utf8mb4",
            autocommit=True,
            local_infile=False,  # no file is ever sent; rows in the place of one are, where we ask for it
            connect_timeout=values["ConnectTimeout"],
            read_timeout=values["Timeout"] + GRACE,
            write_timeout=values["Timeout"] + GRACE,
            ssl=context,
            ssl_disabled=context is None,
            # An update that changes nothing still found its row.
            client_flag=CLIENT.FOUND_ROWS | (CLIENT.LOCAL_FILES if is_writer else 0),
            defer_connect=True,
        )
        # Through a tunnel the certificate is still checked against Server.
        connection.connect(socket.create_connection(tunnel(), values["ConnectTimeout"]) if tunnel else None)
        prepare(connection, values["Timeout"], is_writer)
        return connection

    return connect


def prepare(connection: Any, timeout: int, is_writer: bool) -> None:
    """Set what every session of ours relies on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET time_zone = '+00:00', sql_mode = %s, lock_wait_timeout = %s, innodb_lock_wait_timeout = %s", (SQL_MODE, timeout, timeout)
        )
        cursor.execute("SET SESSION TRANSACTION READ " + ("WRITE" if is_writer else "ONLY"))
        if "mariadb" in connection.get_server_info().lower():
            cursor.execute("SET max_statement_time = %s", (timeout,))
        else:
            cursor.execute("SET max_execution_time = %s", (timeout * 1000,))
