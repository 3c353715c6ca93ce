"""What psycopg's errors mean in the contract's words. The text of an error (SQL, values) stays behind as its cause."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg

from connections.connectors.sql import meanings
from connections.connectors.sql.meanings import Broken, Meaning, broken, made
from connections.contract import errors

CONSTRAINTS: tuple[tuple[type[Exception], Broken], ...] = (
    (pg.UniqueViolation, meanings.UNIQUE),
    (pg.ForeignKeyViolation, meanings.FOREIGN),
    (pg.RestrictViolation, meanings.REFERRED),
    (pg.NotNullViolation, meanings.EMPTY),
    (pg.CheckViolation, meanings.RULE),
    (pg.ExclusionViolation, ("unique", "The row conflicts with an existing one.")),
)
NO_DATABASE: Meaning = (
    errors.AuthenticationFailed,
    "The database named in Database does not exist.",
    "Check Database; empty means the database named like the user.",
)
OUT_OF_CALENDAR: Meaning = (
    errors.BadValue,
    "The date or time lies outside the years 1 to 9999, or is infinity or 24:00.",
    "",
)
NO_TLS: Meaning = errors.ConnectionFailed, "The database offers no TLS.", "Set UseSSL to Off, or enable TLS on the server."
TLS_DEMANDED: Meaning = (
    errors.AuthenticationFailed,
    "The database admits this user only over TLS.",
    "Set UseSSL, and check User and Server.",
)
NOT_ADMITTED: Meaning = (
    errors.AuthenticationFailed,
    "The database does not admit this machine and user.",
    "Its pg_hba.conf has no entry for them.",
)
TLS_FAILED: Meaning = (
    errors.ConnectionFailed,
    "TLS could not be agreed with the database.",
    "Check UseSSL, SSLServerCert and the client certificate.",
)
RESTARTING: Meaning = errors.ConnectionFailed, "The database is starting up or shutting down.", "Try again in a moment."
TOO_LARGE: Meaning = (
    errors.AnswerTooLarge,
    "The database can't hold the answer in one piece.",
    "Ask for fewer rows with $top, or for fewer columns with $select.",
)

# First match wins: classes of SQLSTATE from the particular to the general.
MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Meaning], ...] = (
    ((pg.QueryCanceled, pg.LockNotAvailable, pg.IdleInTransactionSessionTimeout), meanings.TIMED_OUT),
    ((pg.UndefinedTable, pg.UndefinedColumn, pg.InvalidSchemaName), meanings.GONE),
    (pg.DivisionByZero, meanings.BY_ZERO),
    ((pg.InvalidPassword, pg.InvalidAuthorizationSpecification), meanings.SIGN_IN),
    (pg.InvalidCatalogName, NO_DATABASE),
    (pg.InsufficientPrivilege, meanings.FORBIDDEN),
    (pg.ReadOnlySqlTransaction, meanings.READ_ONLY),
    ((pg.SerializationFailure, pg.DeadlockDetected), meanings.CONFLICT),
    ((pg.GeneratedAlways,), meanings.COMPUTED),
    (pg.TooManyConnections, meanings.FULL),
    ((pg.ProgramLimitExceeded, pg.OutOfMemory), TOO_LARGE),
    (pg.DiskFull, meanings.DISK_FULL),
    ((pg.CannotConnectNow, pg.AdminShutdown, pg.CrashShutdown), RESTARTING),
    ((psycopg.DataError, UnicodeEncodeError, OverflowError), meanings.BAD_VALUE),
)
# libpq gives no code for a failed connect, only a text.
CONNECT_TEXTS: tuple[tuple[str, Meaning], ...] = (
    ("password authentication failed", meanings.SIGN_IN),
    ("no password supplied", meanings.SIGN_IN),
    ("no encryption", TLS_DEMANDED),
    ("no pg_hba.conf entry", NOT_ADMITTED),
    ("server does not support ssl", NO_TLS),
    ("too many clients", meanings.FULL),
    ("remaining connection slots", meanings.FULL),
    ("too many connections", meanings.FULL),
    ("starting up", RESTARTING),
    ("shutting down", RESTARTING),
    ("certificate verify failed", meanings.UNTRUSTED),
    ("root certificate", meanings.UNTRUSTED),
    ("does not match host name", meanings.UNTRUSTED),
    ("ssl", TLS_FAILED),
    ("certificate", TLS_FAILED),
    ("tls", TLS_FAILED),
)


def is_dead(error: BaseException) -> bool:
    """Claim that the connection itself is gone, or holds a plan of a table that has changed since."""
    if isinstance(error, pg.FeatureNotSupported):
        return "cached plan" in str(error)
    return isinstance(error, pg.AdminShutdown | pg.CrashShutdown | pg.IdleSessionTimeout) or (
        isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and getattr(error, "sqlstate", None) is None
    )


def translate(error: Exception) -> errors.ConnectorError:
    """Return the contract's error."""
    for kind, found in CONSTRAINTS:
        if isinstance(error, kind):
            return broken(found)
    for kinds, meaning in MEANINGS:
        if isinstance(error, kinds):
            return made(meaning)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return made(connect_meaning(str(error).lower()))
    return made(meanings.REFUSED)


def connect_meaning(text: str) -> Meaning:
    """Return what a failed or broken connection says."""
    if "does not exist" in text:
        return meanings.SIGN_IN if "role" in text else NO_DATABASE
    return next((meaning for part, meaning in CONNECT_TEXTS if part in text), meanings.UNREACHABLE)
