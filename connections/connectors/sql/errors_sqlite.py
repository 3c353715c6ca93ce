"""What sqlite3's errors mean in the contract's words. SQLite says most of it in its text only, which stays behind as the cause."""

from __future__ import annotations

import sqlite3

from connections.contract import errors

CONSTRAINTS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: ("unique", "A row with this key already exists."),
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: ("unique", "A row with this key already exists."),
    sqlite3.SQLITE_CONSTRAINT_ROWID: ("unique", "A row with this key already exists."),
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: ("foreign_key", "A related row is missing, or other rows still refer to this one."),
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: ("not_null", "A column that must have a value has none."),
}
CHECK = ("check", "A value breaks a rule of the table.")
WRONG_TYPE = (sqlite3.SQLITE_MISMATCH, 3091)  # 3091: a STRICT table got a value of another type

Meaning = tuple[type[errors.ConnectorError], str, str]

TEXTS: tuple[tuple[str, Meaning], ...] = (
    (
        "interrupted",
        (errors.SourceTimeout, "The database took longer than the connection's Timeout.", "Narrow the filter, or raise Timeout."),
    ),
    (
        "no such table",
        (errors.TableGone, "The table or a column of it no longer exists in the database.", "Refresh the resource on the API page."),
    ),
    (
        "no such column",
        (errors.TableGone, "The table or a column of it no longer exists in the database.", "Refresh the resource on the API page."),
    ),
    (
        "has no column named",
        (errors.TableGone, "The table or a column of it no longer exists in the database.", "Refresh the resource on the API page."),
    ),
    (
        "user-defined function raised",
        (
            errors.BadValue,
            "A value can't be computed or kept: a division by zero, a number too large, or a decimal of more digits than SQLite can hold.",
            "",
        ),
    ),
    ("could not decode", (errors.BadValue, "A text of the source is not UTF-8.", "Publish the column as binary.")),
    ("datatype mismatch", (errors.BadValue, "A value does not fit the column's type.", "")),
    ("readonly", (errors.SourceRejected, "The database file takes no writes.", "Check the rights of the file and its folder.")),
    ("read-only", (errors.SourceRejected, "The database file takes no writes.", "Check the rights of the file and its folder.")),
    ("cannot insert into generated column", (errors.SourceRejected, "A column that the database computes can't be given.", "")),
    ("cannot update generated column", (errors.SourceRejected, "A column that the database computes can't be given.", "")),
    ("locked", (errors.SourceTimeout, "The database file is locked by another program.", "Try again.")),
    ("busy", (errors.SourceTimeout, "The database file is locked by another program.", "Try again.")),
    ("not a database", (errors.ConnectionFailed, "The file is no SQLite database.", "Check Database; an encrypted file can't be read.")),
    ("malformed", (errors.ConnectionFailed, "The database file is damaged.", "Restore it from a backup.")),
    (
        "unable to open",
        (errors.ConnectionFailed, "The database file can't be opened.", "Check its path, and the rights of file and folder."),
    ),
    ("disk i/o", (errors.ConnectionFailed, "The database file can't be read.", "Check the disk and the rights of file and folder.")),
    ("full", (errors.SourceRejected, "The disk of the database file is full.", "")),
)
REFUSED: Meaning = (
    errors.SourceRejected,
    "The database refused the statement.",
    "Refresh the resource; the request log has the statement.",
)
BAD_VALUE = (OverflowError, UnicodeEncodeError, sqlite3.InterfaceError, sqlite3.DataError, sqlite3.IntegrityError)


def translate(error: Exception) -> errors.ConnectorError:
    """Return the contract's error."""
    if isinstance(error, sqlite3.IntegrityError) and error.sqlite_errorcode not in WRONG_TYPE:
        kind, message = CONSTRAINTS.get(error.sqlite_errorcode, CHECK)
        return errors.ConstraintViolated(message, kind=kind)
    if isinstance(error, BAD_VALUE):
        return errors.BadValue("A value does not fit the column's type.")
    text = str(error).lower()
    found, message, hint = next((meaning for part, meaning in TEXTS if part in text), REFUSED)
    return found(message, hint=hint)
