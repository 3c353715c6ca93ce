"""What PyMySQL's errors mean in the contract's words. The text of an error (SQL, values) stays behind as its cause."""

from __future__ import annotations

import ssl

import pymysql
from pymysql.constants import CR, ER

from connections.contract import errors

# Connection gone: client codes (gone away, lost, lost at a point), server shutdown, killed, idle too long.
DEAD = frozenset({CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_SERVER_LOST_EXTENDED, ER.SERVER_SHUTDOWN, 1927, 4031, 0})
# InnoDB's lock wait, MariaDB's and MySQL's statement limits, and a statement that somebody interrupted.
LATE = frozenset({ER.LOCK_WAIT_TIMEOUT, 1969, 3024, ER.QUERY_INTERRUPTED})

Meaning = tuple[type[errors.ConnectorError], str, str]

CONSTRAINTS: dict[int, tuple[str, str]] = {
    ER.DUP_ENTRY: ("unique", "A row with this key already exists."),
    1586: ("unique", "A row with this key already exists."),
    ER.NO_REFERENCED_ROW: ("foreign_key", "A related row is missing."),
    ER.NO_REFERENCED_ROW_2: ("foreign_key", "A related row is missing."),
    ER.ROW_IS_REFERENCED: ("foreign_key", "Other rows still refer to this one."),
    ER.ROW_IS_REFERENCED_2: ("foreign_key", "Other rows still refer to this one."),
    ER.BAD_NULL_ERROR: ("not_null", "A column that must have a value has none."),
    ER.NO_DEFAULT_FOR_FIELD: ("not_null", "A column that must have a value has none."),
    4025: ("check", "A value breaks a rule of the table."),  # MariaDB
    3819: ("check", "A value breaks a rule of the table."),  # MySQL
}
TIMED_OUT: Meaning = (
    errors.SourceTimeout,
    "The database took longer than the connection's Timeout.",
    "Narrow the filter, or raise Timeout.",
)
UNREACHABLE: Meaning = (errors.ConnectionFailed, "The database can't be reached.", "Is it running? Test the connection on its page.")
REFUSED: Meaning = (
    errors.SourceRejected,
    "The database refused the statement.",
    "Refresh the resource; the request log has the statement.",
)
UNTRUSTED: Meaning = (
    errors.ConnectionFailed,
    "The server's certificate is not trusted.",
    "Give its authority in SSLServerCert; Server must be the name in the certificate.",
)
TLS_FAILED: Meaning = (
    errors.ConnectionFailed,
    "TLS could not be agreed with the database.",
    "Check UseSSL and SSLServerCert; the server may offer no TLS.",
)
BY_CODES: tuple[tuple[frozenset[int], Meaning], ...] = (
    (LATE, TIMED_OUT),
    (frozenset({ER.BAD_DB_ERROR}), (errors.AuthenticationFailed, "The database named in Database does not exist.", "Check Database.")),
    (
        frozenset({ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, ER.BAD_TABLE_ERROR, ER.UNKNOWN_TABLE, ER.VIEW_INVALID}),
        (errors.TableGone, "The table or a column of it no longer exists in the database.", "Refresh the resource on the API page."),
    ),
    (
        frozenset({ER.ACCESS_DENIED_ERROR, 1698, 1524, 1251, 2059, ER.HOST_NOT_PRIVILEGED}),
        (
            errors.AuthenticationFailed,
            "The database refused user or password.",
            "Check User and Password, and from where the user may sign in.",
        ),
    ),
    (frozenset({3159}), (errors.AuthenticationFailed, "The database admits this user only over TLS.", "Set UseSSL.")),
    (
        frozenset({ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR, 1227, 1370, 1449}),
        (errors.SourceRejected, "The database user may not do this.", "Grant the right to the connection's user."),
    ),
    (
        frozenset({ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, 1226}),
        (errors.ConnectionFailed, "The database has no free connection.", "Lower MaxConnections or raise the database's limit."),
    ),
    (frozenset({1792, 1290, 1836}), (errors.SourceRejected, "The database takes no writes (read-only).", "")),
    (frozenset({ER.LOCK_DEADLOCK, ER.CHECKREAD}), (errors.Overtaken, "Another change of the same rows came first.", "Try again.")),
    (frozenset({1906, 3105}), (errors.SourceRejected, "A column that the database computes can't be given.", "")),
    (
        frozenset({ER.DUP_FIELDNAME}),
        (errors.SourceRejected, "Two columns have the same name.", "Write AS and another name behind one of them."),
    ),
    (frozenset({ER.DIVISION_BY_ZERO}), (errors.BadValue, "A value was divided by zero.", "")),
    (
        frozenset({1264, 1265, 1292, 1366, 1406, 1411, 1416, 3140, 3854, 4078, 1690, 1367, 1300}),
        (errors.BadValue, "A value does not fit the column's type or length.", ""),
    ),
)
MEANINGS: dict[int, Meaning] = {code: meaning for codes, meaning in BY_CODES for code in codes}


def code_of(error: BaseException) -> int:
    """Return the error's number."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def is_late(error: BaseException) -> bool:
    """Claim that the driver gave up waiting for an answer: it reports that as a lost connection."""
    return code_of(error) == CR.CR_SERVER_LOST and "timed out" in str(error)


def is_dead(error: BaseException) -> bool:
    """Claim that the connection itself is gone."""
    if is_late(error):
        return False
    return isinstance(error, pymysql.err.InterfaceError) or (isinstance(error, pymysql.err.OperationalError) and code_of(error) in DEAD)


def translate(error: Exception) -> errors.ConnectorError:
    """Return the contract's error."""
    code = code_of(error)
    if code in CONSTRAINTS:
        kind, message = CONSTRAINTS[code]
        return errors.ConstraintViolated(message, kind=kind)
    found, message, hint = meaning_of(error, code)
    return found(message, hint=hint)


def meaning_of(error: Exception, code: int) -> Meaning:
    """Return what an error means that is no broken constraint."""
    text = str(error).lower() if is_of_client(code) else ""
    if "certificate verify failed" in text or "hostname mismatch" in text:
        return UNTRUSTED
    if code == CR.CR_SSL_CONNECTION_ERROR or isinstance(error, ssl.SSLError) or "ssl" in text:
        return TLS_FAILED
    if is_late(error):
        return TIMED_OUT
    if code in MEANINGS:
        return MEANINGS[code]
    if isinstance(error, pymysql.err.DataError | UnicodeEncodeError | OverflowError):
        return errors.BadValue, "A value does not fit the column's type or length.", ""
    if isinstance(error, OSError) or (isinstance(error, pymysql.err.OperationalError | pymysql.err.InterfaceError) and is_of_client(code)):
        return UNREACHABLE
    return REFUSED


def is_of_client(code: int) -> bool:
    """Claim that the number tells of the connection, not of a statement."""
    return code < 1000 or 2000 <= code < 3000 or code in DEAD
