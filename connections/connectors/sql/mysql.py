"""The MySQL / MariaDB connector (PyMySQL): how to connect, what errors mean."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pymysql
from pymysql.constants import ER

from connections.connectors.sql import properties as shared
from connections.connectors.sql import reflect_mysql
from connections.connectors.sql.base import ServerConnector, tunnel_for
from connections.connectors.sql.dialect_mysql import dialect
from connections.connectors.sql.session import SqlSession
from connections.contract import errors
from connections.contract.property import Property

# Strict, literal: a wrong value is refused, a backslash is a backslash, || is not "or".
SQL_MODE = "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"


class MysqlConnector(ServerConnector):
    """MySQL 8 and MariaDB 10.4 and later."""

    key: ClassVar[str] = "mysql"
    label: ClassVar[str] = "MySQL / MariaDB"
    description: ClassVar[str] = "Tables and views of a MySQL or MariaDB database."
    properties: ClassVar[tuple[Property, ...]] = shared.server_properties(3306)
    url_schemes: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")

    def open(self, values: Mapping[str, Any], *, read_only: bool = False) -> SqlSession:
        """Return a session: readers see read-only transactions, every statement has the connection's timeout."""
        tunnel = tunnel_for(values)

        def connect(is_writer: bool) -> Any:
            host, port = tunnel.address() if tunnel else (values["Server"], values["Port"])
            connection = pymysql.connect(
                host=host,
                port=port,
                user=values.get("User") or None,
                password=values.get("Password") or "",
                database=values.get("Database") or None,
                charset="utf8mb4",
                autocommit=True,
                local_infile=False,
                connect_timeout=values["ConnectTimeout"],
                read_timeout=values["Timeout"] + 10,
                write_timeout=values["Timeout"] + 10,
                ssl=tls(values),
                ssl_disabled=values.get("UseSSL", shared.TLS_OFF) == shared.TLS_OFF,
                client_flag=pymysql.constants.CLIENT.FOUND_ROWS,
            )
            prepare(connection, values, is_writer)
            return connection

        return SqlSession(
            dialect=dialect(values.get("TimeZone") or "UTC"),
            connect=connect,
            translate=translate,
            reflect=reflect_mysql.Reflection(),
            is_dead=is_dead,
            pool_size=values["MaxConnections"],
            pool_wait=values["ConnectTimeout"],
            is_read_only=read_only,
            on_close=tunnel.close if tunnel else lambda: None,
        )


def prepare(connection: Any, values: Mapping[str, Any], is_writer: bool) -> None:
    """Set what every session of ours relies on."""
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00', sql_mode = %s", (SQL_MODE,))
        cursor.execute("SET SESSION TRANSACTION READ " + ("WRITE" if is_writer else "ONLY"))
        if "mariadb" in connection.get_server_info().lower():
            cursor.execute("SET max_statement_time = %s", (values["Timeout"],))
        else:
            cursor.execute("SET max_execution_time = %s", (values["Timeout"] * 1000,))
        zone = values.get("TimeZone") or "UTC"
        if zone != "UTC":
            cursor.execute("SELECT CONVERT_TZ('2000-01-01', %s, '+00:00')", (zone,))
            if cursor.fetchone()[0] is None:
                hint = "Load its time zone tables (mysql_tzinfo_to_sql), or use UTC."
                raise errors.ConnectionFailed(f"The database does not know the time zone {zone}.", hint=hint)


def tls(values: Mapping[str, Any]) -> ssl.SSLContext | None:
    """Return the TLS context that the properties ask for."""
    mode = values.get("UseSSL", shared.TLS_OFF)
    if mode == shared.TLS_OFF:
        return None
    try:
        context = ssl.create_default_context(cadata=values.get("SSLServerCert") or None)
        if mode == shared.TLS_TRUST_ANY:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if values.get("SSLClientCert"):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "client.pem"
                file.touch(0o600)
                file.write_text(f"{values['SSLClientCert']}\n{values.get('SSLClientKey') or ''}\n")
                context.load_cert_chain(file)
    except (ssl.SSLError, ValueError) as error:
        raise errors.ConnectionFailed("A certificate or key can't be read.", hint="Paste PEM text, from BEGIN to END.") from error
    return context


# The client's own codes: can't connect (2002, 2003), gone away (2006), lost (2013), and the server's shutdown and kill.
DEAD = frozenset({2006, 2013, 2055, 1053, 1927, 1317, 4031, 0})


def code_of(error: Exception) -> int:
    """Return the error's number."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def is_dead(error: Exception) -> bool:
    """Claim that the connection itself is gone."""
    return isinstance(error, pymysql.err.InterfaceError) or (isinstance(error, pymysql.err.OperationalError) and code_of(error) in DEAD)


CONSTRAINTS: dict[int, tuple[str, str]] = {
    ER.DUP_ENTRY: ("unique", "A row with this key already exists."),
    ER.NO_REFERENCED_ROW: ("foreign_key", "A related row is missing."),
    ER.NO_REFERENCED_ROW_2: ("foreign_key", "A related row is missing."),
    ER.ROW_IS_REFERENCED: ("foreign_key", "Other rows still refer to this one."),
    ER.ROW_IS_REFERENCED_2: ("foreign_key", "Other rows still refer to this one."),
    ER.BAD_NULL_ERROR: ("not_null", "A column that must have a value has none."),
    ER.NO_DEFAULT_FOR_FIELD: ("not_null", "A column that must have a value has none."),
    4025: ("check", "A value breaks a rule of the table."),
    3819: ("check", "A value breaks a rule of the table."),
}
TIMED_OUT = frozenset({1969, 3024, 1205})
GONE = frozenset({ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, ER.BAD_DB_ERROR})
REFUSED_SIGN_IN = frozenset({ER.ACCESS_DENIED_ERROR, 1698, 1524, 1251})
REFUSED_RIGHT = frozenset({ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, 1227, 1142, 1370})


def translate(error: Exception) -> errors.ConnectorError:
    """Return the contract's error for one of PyMySQL's; its text (SQL, values) stays behind."""
    code = code_of(error)
    if code in CONSTRAINTS:
        kind, message = CONSTRAINTS[code]
        return errors.ConstraintViolated(message, kind=kind)
    if code in TIMED_OUT:
        return errors.SourceTimeout("The database took longer than the connection's Timeout.", hint="Narrow the filter, or raise Timeout.")
    if code == ER.BAD_DB_ERROR:
        return errors.AuthenticationFailed("The database named in Database does not exist.", hint="Check Database.")
    if code in GONE:
        return errors.TableGone(
            "The table or a column of it no longer exists in the database.", hint="Refresh the resource on the API page."
        )
    if code in REFUSED_SIGN_IN:
        return errors.AuthenticationFailed("The database refused user or password.", hint="Check User and Password.")
    if code in REFUSED_RIGHT:
        return errors.SourceRejected("The database user may not do this.", hint="Grant the right to the connection's user.")
    if code in (ER.CON_COUNT_ERROR, 1203, 1226):
        return errors.ConnectionFailed("The database has no free connection.", hint="Lower MaxConnections or raise the database's limit.")
    if code in (1792, 1290):
        return errors.SourceRejected("The database takes no writes (read-only).")
    if isinstance(error, pymysql.err.DataError) or code in (1365, 1366, 1292, 1264, 1406, 1411, 3854, 3140):
        return errors.BadValue("A value does not fit the column's type or length.")
    if code == 2026 or isinstance(error, ssl.SSLError):
        return errors.ConnectionFailed(
            "TLS could not be agreed with the database.", hint="Check UseSSL and SSLServerCert; the server may offer no TLS."
        )
    if isinstance(error, pymysql.err.OperationalError | pymysql.err.InterfaceError) and (
        code < 1000 or 2000 <= code < 3000 or code in DEAD
    ):
        return errors.ConnectionFailed("The database can't be reached.", hint="Is it running? Test the connection on its page.")
    return errors.SourceRejected("The database refused the statement.", hint="Refresh the resource; the request log has the statement.")
