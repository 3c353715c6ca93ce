"""What the errors of many drivers mean in the contract's words. Their text (SQL, values) stays behind as the cause."""

from __future__ import annotations

from collections.abc import Sequence

from connections.connectors.sql import meanings
from connections.connectors.sql.meanings import Broken, Meaning, broken, made
from connections.contract import errors

# Parts of a text in small letters; the first that is found counts.
CONSTRAINTS: tuple[tuple[str, Broken], ...] = (
    ("foreign key", meanings.FOREIGN),
    ("ora-02291", meanings.FOREIGN),
    ("ora-02292", meanings.FOREIGN),
    ("reference constraint", meanings.FOREIGN),
    ("not null", meanings.EMPTY),
    ("ora-01400", meanings.EMPTY),
    ("cannot insert the value null", meanings.EMPTY),
    ("null result in a non-nullable column", meanings.EMPTY),
    ("check constraint", meanings.RULE),
    ("ora-02290", meanings.RULE),
    ("unique", meanings.UNIQUE),
    ("duplicate key", meanings.UNIQUE),
    ("ora-00001", meanings.UNIQUE),
)
BROKEN: Meaning = (errors.ConnectionFailed, "The database failed.", "Test the connection on its page; the server log has the cause.")

TEXTS: tuple[tuple[str, Meaning], ...] = (
    ("certificate", meanings.UNTRUSTED),
    ("ora-01017", meanings.SIGN_IN),
    ("login failed", meanings.SIGN_IN),
    ("incorrect username or password", meanings.SIGN_IN),
    ("authentication", meanings.SIGN_IN),
    ("invalid credentials", meanings.SIGN_IN),
    ("unauthorized", meanings.SIGN_IN),
    ("ora-00942", meanings.GONE),
    ("ora-00904", meanings.GONE),
    ("invalid object name", meanings.GONE),
    ("invalid column name", meanings.GONE),
    ("unknown_table", meanings.GONE),
    ("unknown_identifier", meanings.GONE),
    ("table_not_found", meanings.GONE),
    ("column_not_found", meanings.GONE),
    ("not found: table", meanings.GONE),
    ("catalog error: table with name", meanings.GONE),
    ("binder error: referenced column", meanings.GONE),
    ("binder error: table", meanings.GONE),
    ("object does not exist", meanings.GONE),
    ("does not exist or not authorized", meanings.GONE),
    ("invalid identifier", meanings.GONE),
    ("no space left", meanings.DISK_FULL),
    ("timeout", meanings.TIMED_OUT),
    ("timed out", meanings.TIMED_OUT),
    ("exceeded_time_limit", meanings.TIMED_OUT),
    ("interrupt", meanings.TIMED_OUT),
    ("permission", meanings.FORBIDDEN),
    ("privilege", meanings.FORBIDDEN),
    ("access denied", meanings.FORBIDDEN),
    ("read-only", meanings.READ_ONLY),
    ("conversion", meanings.BAD_VALUE),
    ("out of range", meanings.BAD_VALUE),
    ("truncated", meanings.BAD_VALUE),
    ("too large for column", meanings.BAD_VALUE),
)
# By the names that PEP 249 gives the classes of errors; a driver's own classes come below them.
CLASSES: dict[str, Meaning] = {
    "DataError": meanings.BAD_VALUE,
    "ProgrammingError": meanings.REFUSED,
    "NotSupportedError": meanings.REFUSED,
    "OperationalError": meanings.UNREACHABLE,
    "InterfaceError": meanings.UNREACHABLE,
    "InternalError": BROKEN,
    "DatabaseError": meanings.REFUSED,
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
        return broken(next((found for part, found in CONSTRAINTS if part in text), meanings.RULE))
    for part, meaning in TEXTS:
        if part in text:
            return made(meaning)
    if isinstance(error, OverflowError | UnicodeError):
        return made(meanings.BAD_VALUE)
    otherwise = meanings.UNREACHABLE if isinstance(error, OSError) else BROKEN
    return made(next((CLASSES[name] for name in names if name in CLASSES), otherwise))


def is_lost(error: Exception) -> bool:
    """Claim that the connection itself is gone: another one may do."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(translate(error), errors.ConnectionFailed) and bool(names & {"OperationalError", "InterfaceError", "OSError"})
