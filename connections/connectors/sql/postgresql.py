"""The PostgreSQL connector (psycopg 3): how to connect, what errors mean."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import errors as pg

from connections.connectors.sql import properties as shared
from connections.connectors.sql import reflect_postgresql
from connections.connectors.sql.base import ServerConnector, tunnel_for
from connections.connectors.sql.dialect_postgresql import dialect
from connections.connectors.sql.session import SqlSession
from connections.contract import errors
from connections.contract.property import Property


class PostgresqlConnector(ServerConnector):
    """PostgreSQL 10 and later."""

    key: ClassVar[str] = "postgresql"
    label: ClassVar[str] = "PostgreSQL"
    description: ClassVar[str] = "Tables and views of a PostgreSQL database."
    properties: ClassVar[tuple[Property, ...]] = shared.server_properties(5432)
    url_schemes: ClassVar[tuple[str, ...]] = ("postgres", "postgresql")

    def open(self, values: Mapping[str, Any], *, read_only: bool = False) -> SqlSession:
        """Return a session: readers see read-only transactions, every statement has the connection's timeout."""
        tunnel = tunnel_for(values)

        def connect(is_writer: bool) -> psycopg.Connection[Any]:
            host, port = tunnel.address() if tunnel else (values["Server"], values["Port"])
            settings = f"-c statement_timeout={values['Timeout'] * 1000} -c timezone=UTC -c default_transaction_read_only={'off' if is_writer else 'on'}"
            settings += " -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=1 -c lock_timeout=10000"
            return psycopg.connect(
                host=host,
                port=port,
                user=values.get("User") or None,
                password=values.get("Password") or None,
                dbname=values.get("Database") or None,
                connect_timeout=values["ConnectTimeout"],
                options=settings,
                application_name="apiserver",
                autocommit=True,
                **tls(values),
            )

        return SqlSession(
            dialect=dialect(values.get("TimeZone") or "UTC"),
            connect=connect,
            translate=translate,
            reflect=reflect_postgresql.Reflection(values.get("BrowsableSchemas") or ""),
            is_dead=is_dead,
            pool_size=values["MaxConnections"],
            pool_wait=values["ConnectTimeout"],
            is_read_only=read_only,
            on_close=tunnel.close if tunnel else lambda: None,
        )


def tls(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return libpq's TLS parameters."""
    mode = values.get("UseSSL", shared.TLS_OFF)
    if mode == shared.TLS_OFF:
        return {"sslmode": "prefer", "gssencmode": "disable"}
    found: dict[str, Any] = {"sslmode": "verify-full" if mode == shared.TLS_VERIFY else "require", "gssencmode": "disable"}
    if mode == shared.TLS_VERIFY:
        authority = values.get("SSLServerCert")
        found["sslrootcert"] = pem_file(authority) if authority else "system"
    if values.get("SSLClientCert"):
        found["sslcert"] = pem_file(values["SSLClientCert"])
        found["sslkey"] = pem_file(values.get("SSLClientKey") or "")
    return found


def pem_file(text: str) -> str:
    """Return a file with this PEM text, readable by us only: libpq takes paths alone."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(text.strip() + "\n")
    Path(file.name).chmod(0o600)
    return file.name


def is_dead(error: Exception) -> bool:
    """Claim that the connection itself is gone."""
    return isinstance(error, pg.AdminShutdown | pg.CrashShutdown | pg.IdleSessionTimeout) or (
        isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and getattr(error, "sqlstate", None) is None
    )


CONSTRAINTS: dict[type[Exception], tuple[str, str]] = {
    pg.UniqueViolation: ("unique", "A row with this key already exists."),
    pg.ForeignKeyViolation: ("foreign_key", "A related row is missing, or other rows still refer to this one."),
    pg.NotNullViolation: ("not_null", "A column that must have a value has none."),
    pg.CheckViolation: ("check", "A value breaks a rule of the table."),
    pg.ExclusionViolation: ("unique", "The row conflicts with an existing one."),
}


def translate(error: Exception) -> errors.ConnectorError:
    """Return the contract's error for one of psycopg's; its text (SQL, values) stays behind."""
    for kind, (name, message) in CONSTRAINTS.items():
        if isinstance(error, kind):
            return errors.ConstraintViolated(message, kind=name)
    if isinstance(error, pg.QueryCanceled | pg.LockNotAvailable):
        return errors.SourceTimeout("The database took longer than the connection's Timeout.", hint="Narrow the filter, or raise Timeout.")
    if isinstance(error, pg.UndefinedTable | pg.UndefinedColumn | pg.InvalidSchemaName):
        return errors.TableGone(
            "The table or a column of it no longer exists in the database.", hint="Refresh the resource on the API page."
        )
    if isinstance(error, pg.DivisionByZero):
        return errors.BadValue("A value was divided by zero.")
    if isinstance(error, pg.InvalidPassword | pg.InvalidAuthorizationSpecification):
        return errors.AuthenticationFailed("The database refused user or password.", hint="Check User and Password.")
    if isinstance(error, pg.InvalidCatalogName):
        return errors.AuthenticationFailed(
            "The database named in Database does not exist.", hint="Check Database; empty means the user's default."
        )
    if isinstance(error, pg.InsufficientPrivilege):
        return errors.SourceRejected("The database user may not do this.", hint="Grant the right to the connection's user.")
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return errors.SourceRejected("The database takes no writes (read-only).")
    if isinstance(error, pg.TooManyConnections):
        return errors.ConnectionFailed("The database has no free connection.", hint="Lower MaxConnections or raise the database's limit.")
    if isinstance(error, psycopg.DataError):
        return errors.BadValue("A value does not fit the column's type or length.")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return connection_error(error)
    return errors.SourceRejected("The database refused the statement.", hint="Refresh the resource; the request log has the statement.")


def connection_error(error: Exception) -> errors.ConnectorError:
    """Return the error of a failed connect: libpq gives no code there, only a text."""
    text = str(error).lower()
    if "password authentication failed" in text or "no password supplied" in text or ("role" in text and "does not exist" in text):
        return errors.AuthenticationFailed("The database refused user or password.", hint="Check User and Password.")
    if "database" in text and "does not exist" in text:
        return errors.AuthenticationFailed(
            "The database named in Database does not exist.", hint="Check Database; empty means the user's default."
        )
    if "no pg_hba.conf entry" in text:
        return errors.AuthenticationFailed(
            "The database does not admit this machine and user.", hint="Its pg_hba.conf has no entry for them."
        )
    if "ssl" in text or "certificate" in text or "tls" in text:
        return errors.ConnectionFailed(
            "TLS could not be agreed with the database.", hint="Check UseSSL and SSLServerCert; the server may offer no TLS."
        )
    return errors.ConnectionFailed("The database can't be reached.", hint="Is it running? Test the connection on its page.")
