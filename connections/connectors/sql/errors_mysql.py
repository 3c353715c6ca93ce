"""What PyMySQL's errors mean in the contract's words. The text of an error (SQL, values) stays behind as its cause."""

from __future__ import annotations

import ssl

import pymysql
from pymysql.constants import CR, ER

from connections.connectors.sql import meanings
from connections.connectors.sql.meanings import Broken, Meaning, broken, made
from connections.contract import errors

# Connection gone: client codes (gone away, lost, lost at a point), server shutdown, killed, idle too long.
DEAD = frozenset({CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_SERVER_LOST_EXTENDED, ER.SERVER_SHUTDOWN, 1927, 4031, 0})
# InnoDB's lock wait, MariaDB's and MySQL's statement limits, and a statement that somebody interrupted.
LATE = frozenset({ER.LOCK_WAIT_TIMEOUT, 1969, 3024, ER.QUERY_INTERRUPTED})

CONSTRAINTS: dict[int, Broken] = {
    ER.DUP_ENTRY: meanings.UNIQUE,
    1586: meanings.UNIQUE,
    ER.NO_REFERENCED_ROW: meanings.UNRELATED,
    ER.NO_REFERENCED_ROW_2: meanings.UNRELATED,
    ER.ROW_IS_REFERENCED: meanings.REFERRED,
    ER.ROW_IS_REFERENCED_2: meanings.REFERRED,
    ER.BAD_NULL_ERROR: meanings.EMPTY,
    ER.NO_DEFAULT_FOR_FIELD: meanings.EMPTY,
    4025: meanings.RULE,  # MariaDB
    3819: meanings.RULE,  # MySQL
}
TLS_FAILED: Meaning = (
    errors.ConnectionFailed,
    "TLS could not be agreed with the database.",
    "Check UseSSL and SSLServerCert; the server may offer no TLS.",
)
BY_CODES: tuple[tuple[frozenset[int], Meaning], ...] = (
    (LATE, meanings.TIMED_OUT),
    (frozenset({ER.BAD_DB_ERROR}), (errors.AuthenticationFailed, "The database named in Database does not exist.", "Check Database.")),
    (frozenset({ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, ER.BAD_TABLE_ERROR, ER.UNKNOWN_TABLE, ER.VIEW_INVALID}), meanings.GONE),
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
        meanings.FORBIDDEN,
    ),
    (frozenset({ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, 1226}), meanings.FULL),
    (frozenset({1021, 1114, 3, 20}), meanings.DISK_FULL),
    (frozenset({1792, 1290, 1836}), meanings.READ_ONLY),
    (frozenset({ER.LOCK_DEADLOCK, ER.CHECKREAD}), meanings.CONFLICT),
    (frozenset({1906, 3105}), meanings.COMPUTED),
    (
        frozenset({ER.DUP_FIELDNAME}),
        (errors.SourceRejected, "Two columns have the same name.", "Write AS and another name behind one of them."),
    ),
    (frozenset({ER.DIVISION_BY_ZERO}), meanings.BY_ZERO),
    (frozenset({1264, 1265, 1292, 1366, 1406, 1411, 1416, 3140, 3854, 4078, 1690, 1367, 1300}), meanings.BAD_VALUE),
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
        return broken(CONSTRAINTS[code])
    return made(meaning_of(error, code))


def meaning_of(error: Exception, code: int) -> Meaning:
    """Return what an error means that is no broken constraint."""
    text = str(error).lower() if is_of_client(code) else ""
    if "certificate verify failed" in text or "hostname mismatch" in text:
        return meanings.UNTRUSTED
    if code == CR.CR_SSL_CONNECTION_ERROR or isinstance(error, ssl.SSLError) or "ssl" in text:
        return TLS_FAILED
    if is_late(error):
        return meanings.TIMED_OUT
    if code in MEANINGS:
        return MEANINGS[code]
    if isinstance(error, pymysql.err.DataError | UnicodeEncodeError | OverflowError):
        return meanings.BAD_VALUE
    if isinstance(error, OSError) or (isinstance(error, pymysql.err.OperationalError | pymysql.err.InterfaceError) and is_of_client(code)):
        return meanings.UNREACHABLE
    return meanings.REFUSED


def is_of_client(code: int) -> bool:
    """Claim that the number tells of the connection, not of a statement."""
    return code < 1000 or 2000 <= code < 3000 or code in DEAD
