"""What psycopg's errors mean in the contract's words. The text of an error (SQL, values) stays behind as its cause."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg

from connections.contract import errors

CONSTRAINTS: tuple[tuple[type[Exception], str, str], ...] = (
    (pg.UniqueViolation, "unique", "A row with this key already exists."),
    (pg.ForeignKeyViolation, "foreign_key", "A related row is missing, or other rows still refer to this one."),
    (pg.RestrictViolation, "foreign_key", "Other rows still refer to this one."),
    (pg.NotNullViolation, "not_null", "A column that must have a value has none."),
    (pg.CheckViolation, "check", "A value breaks a rule of the table."),
    (pg.ExclusionViolation, "unique", "The row conflicts with an existing one."),
)
TIMED_OUT = errors.SourceTimeout, "The database took longer than the connection's Timeout.", "Narrow the filter, or raise Timeout."
GONE = errors.TableGone, "The table or a column of it no longer exists in the database.", "Refresh the resource on the API page."
SIGN_IN = errors.AuthenticationFailed, "The database refused user or password.", "Check User and Password."
NO_DATABASE = (
    errors.AuthenticationFailed,
    "The database named in Database does not exist.",
    "Check Database; empty means the database named like the user.",
)
BAD_VALUE = errors.BadValue, "A value does not fit the column's type or length.", ""
OUT_OF_CALENDAR = (
    errors.BadValue,
    "The date or time lies outside the years 1 to 9999, or is infinity or 24:00.",
    "",
)
FULL = errors.ConnectionFailed, "The database has no free connection.", "Lower MaxConnections or raise the database's limit."
NO_TLS = errors.ConnectionFailed, "The database offers no TLS.", "Set UseSSL to Off, or enable TLS on the server."
UNTRUSTED = (
    errors.ConnectionFailed,
    "The server's certificate is not trusted.",
    "Give its authority in SSLServerCert; Server must be the name in the certificate.",
)
TLS_DEMANDED = errors.AuthenticationFailed, "The database admits this user only over TLS.", "Set UseSSL, and check User and Server."
NOT_ADMITTED = errors.AuthenticationFailed, "The database does not admit this machine and user.", "Its pg_hba.conf has no entry for them."
TLS_FAILED = (
    errors.ConnectionFailed,
    "TLS could not be agreed with the database.",
    "Check UseSSL, SSLServerCert and the client certificate.",
)
UNREACHABLE = errors.ConnectionFailed, "The database can't be reached.", "Is it running? Test the connection on its page."
RESTARTING = errors.ConnectionFailed, "The database is starting up or shutting down.", "Try again in a moment."
TOO_LARGE = (
    errors.AnswerTooLarge,
    "The database can't hold the answer in one piece.",
    "Ask for fewer rows with $top, or for fewer columns with $select.",
)
REFUSED = errors.SourceRejected, "The database refused the statement.", "Refresh the resource; the request log has the statement."

Meaning = tuple[type[errors.ConnectorError], str, str]

# First match wins: classes of SQLSTATE from the particular to the general.
MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Meaning], ...] = (
    ((pg.QueryCanceled, pg.LockNotAvailable, pg.IdleInTransactionSessionTimeout), TIMED_OUT),
    ((pg.UndefinedTable, pg.UndefinedColumn, pg.InvalidSchemaName), GONE),
    (pg.DivisionByZero, (errors.BadValue, "A value was divided by zero.", "")),
    ((pg.InvalidPassword, pg.InvalidAuthorizationSpecification), SIGN_IN),
    (pg.InvalidCatalogName, NO_DATABASE),
    (pg.InsufficientPrivilege, (errors.SourceRejected, "The database user may not do this.", "Grant the right to the connection's user.")),
    (pg.ReadOnlySqlTransaction, (errors.SourceRejected, "The database takes no writes (read-only).", "")),
    ((pg.SerializationFailure, pg.DeadlockDetected), (errors.Overtaken, "Another change of the same rows came first.", "Try again.")),
    ((pg.GeneratedAlways,), (errors.SourceRejected, "A column that the database computes can't be given.", "")),
    (pg.TooManyConnections, FULL),
    ((pg.ProgramLimitExceeded, pg.OutOfMemory), TOO_LARGE),
    ((pg.CannotConnectNow, pg.AdminShutdown, pg.CrashShutdown), RESTARTING),
    ((psycopg.DataError, UnicodeEncodeError, OverflowError), BAD_VALUE),
)
# libpq gives no code for a failed connect, only a text.
CONNECT_TEXTS: tuple[tuple[str, Meaning], ...] = (
    ("password authentication failed", SIGN_IN),
    ("no password supplied", SIGN_IN),
    ("no encryption", TLS_DEMANDED),
    ("no pg_hba.conf entry", NOT_ADMITTED),
    ("server does not support ssl", NO_TLS),
    ("too many clients", FULL),
    ("remaining connection slots", FULL),
    ("too many connections", FULL),
    ("starting up", RESTARTING),
    ("shutting down", RESTARTING),
    ("certificate verify failed", UNTRUSTED),
    ("root certificate", UNTRUSTED),
    ("does not match host name", UNTRUSTED),
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
    for kind, name, message in CONSTRAINTS:
        if isinstance(error, kind):
            return errors.ConstraintViolated(message, kind=name)
    for kinds, meaning in MEANINGS:
        if isinstance(error, kinds):
            return made(meaning)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return made(connect_meaning(str(error).lower()))
    return made(REFUSED)


def connect_meaning(text: str) -> Meaning:
    """Return what a failed or broken connection says."""
    if "does not exist" in text:
        return SIGN_IN if "role" in text else NO_DATABASE
    return next((meaning for part, meaning in CONNECT_TEXTS if part in text), UNREACHABLE)


def made(meaning: Meaning) -> errors.ConnectorError:
    """Return a new error of a meaning."""
    kind, message, hint = meaning
    return kind(message, hint=hint)
