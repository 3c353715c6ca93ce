"""What the errors of many drivers mean in the contract's words. Their text (SQL, values) stays behind as the cause."""

from __future__ import annotations

from collections.abc import Sequence

from connections.contract import errors

Meaning = tuple[type[errors.ConnectorError], str, str]

UNIQUE = "A row with this key already exists."
FOREIGN = "A related row is missing, or other rows still refer to this one."
EMPTY = "A column that must have a value has none."
RULE = "A value breaks a rule of the table."
# Parts of a text in small letters; the first that is found counts.
CONSTRAINTS: tuple[tuple[str, str, str], ...] = (
    ("foreign key", "foreign_key", FOREIGN),
    ("ora-02291", "foreign_key", FOREIGN),
    ("ora-02292", "foreign_key", FOREIGN),
    ("reference constraint", "foreign_key", FOREIGN),
    ("not null", "not_null", EMPTY),
    ("ora-01400", "not_null", EMPTY),
    ("cannot insert the value null", "not_null", EMPTY),
    ("null result in a non-nullable column", "not_null", EMPTY),
    ("check constraint", "check", RULE),
    ("ora-02290", "check", RULE),
    ("unique", "unique", UNIQUE),
    ("duplicate key", "unique", UNIQUE),
    ("ora-00001", "unique", UNIQUE),
)
SIGN_IN = errors.AuthenticationFailed, "The database refused user or password.", "Check User and Password."
GONE = errors.TableGone, "The table or a column of it no longer exists in the database.", "Refresh the resource on the API page."
TIMED_OUT = errors.SourceTimeout, "The database took longer than the connection's Timeout.", "Narrow the filter, or raise Timeout."
UNTRUSTED = (
    errors.ConnectionFailed,
    "The server's certificate is not trusted.",
    "Give its authority in SSLServerCert; Server must be the name in the certificate.",
)
FORBIDDEN = errors.SourceRejected, "The database user may not do this.", "Grant the right to the connection's user."
BAD_VALUE = errors.BadValue, "A value does not fit the column's type or length.", ""
UNREACHABLE = errors.ConnectionFailed, "The database can't be reached.", "Is it running? Test the connection on its page."
REFUSED = errors.SourceRejected, "The database refused the statement.", "Refresh the resource; the request log has the statement."
BROKEN = errors.ConnectionFailed, "The database failed.", "Test the connection on its page; the server log has the cause."

TEXTS: tuple[tuple[str, Meaning], ...] = (
    ("certificate", UNTRUSTED),
    ("ora-01017", SIGN_IN),
    ("login failed", SIGN_IN),
    ("incorrect username or password", SIGN_IN),
    ("authentication", SIGN_IN),
    ("invalid credentials", SIGN_IN),
    ("unauthorized", SIGN_IN),
    ("ora-00942", GONE),
    ("ora-00904", GONE),
    ("invalid object name", GONE),
    ("invalid column name", GONE),
    ("unknown_table", GONE),
    ("unknown_identifier", GONE),
    ("table_not_found", GONE),
    ("column_not_found", GONE),
    ("not found: table", GONE),
    ("catalog error: table with name", GONE),
    ("binder error: referenced column", GONE),
    ("binder error: table", GONE),
    ("object does not exist", GONE),
    ("does not exist or not authorized", GONE),
    ("invalid identifier", GONE),
    ("timeout", TIMED_OUT),
    ("timed out", TIMED_OUT),
    ("exceeded_time_limit", TIMED_OUT),
    ("interrupt", TIMED_OUT),
    ("permission", FORBIDDEN),
    ("privilege", FORBIDDEN),
    ("access denied", FORBIDDEN),
    ("read-only", (errors.SourceRejected, "The database takes no writes (read-only).", "")),
    ("conversion", BAD_VALUE),
    ("out of range", BAD_VALUE),
    ("truncated", BAD_VALUE),
    ("too large for column", BAD_VALUE),
)
# By the names that PEP 249 gives the classes of errors; a driver's own classes come below them.
CLASSES: dict[str, Meaning] = {
    "DataError": BAD_VALUE,
    "ProgrammingError": REFUSED,
    "NotSupportedError": REFUSED,
    "OperationalError": UNREACHABLE,
    "InterfaceError": UNREACHABLE,
    "InternalError": BROKEN,
    "DatabaseError": REFUSED,
}


def translate(error: Exception, own: Sequence[tuple[str, Meaning]] = ()) -> errors.ConnectorError:
    """Return the contract's error; `own` are the texts of one database, looked at first."""
    if isinstance(error, errors.ConnectorError):
        return error
    text = f"{type(error).__name__}: {error}".lower()
    names = [kind.__name__ for kind in type(error).__mro__]
    for part, meaning in own:
        if part in text:
            return made(meaning)
    if "IntegrityError" in names or "ConstraintException" in names or "ora-0229" in text:
        kind, message = next(((kind, message) for part, kind, message in CONSTRAINTS if part in text), ("check", RULE))
        return errors.ConstraintViolated(message, kind=kind)
    for part, meaning in TEXTS:
        if part in text:
            return made(meaning)
    if isinstance(error, OverflowError | UnicodeError):
        return made(BAD_VALUE)
    return made(next((CLASSES[name] for name in names if name in CLASSES), UNREACHABLE if isinstance(error, OSError) else BROKEN))


def made(meaning: Meaning) -> errors.ConnectorError:
    """Return a new error of a meaning."""
    kind, message, hint = meaning
    return kind(message, hint=hint)


def is_lost(error: Exception) -> bool:
    """Claim that the connection itself is gone: another one may do."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(translate(error), errors.ConnectionFailed) and bool(names & {"OperationalError", "InterfaceError", "OSError"})
