"""What sqlite3's errors mean in the contract's words. SQLite says most of it in its text only, which stays behind as the cause."""

from __future__ import annotations

import sqlite3

from connections.connectors.sql import meanings
from connections.connectors.sql.meanings import Broken, Meaning, broken, made
from connections.contract import errors

CONSTRAINTS: dict[int, Broken] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: meanings.UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: meanings.UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_ROWID: meanings.UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: meanings.FOREIGN,
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: meanings.EMPTY,
}
WRONG_TYPE = (sqlite3.SQLITE_MISMATCH, 3091)  # 3091: a STRICT table got a value of another type

LOCKED: Meaning = (errors.SourceTimeout, "The database file is locked by another program.", "Try again.")
UNWRITABLE: Meaning = (errors.SourceRejected, "The database file takes no writes.", "Check the rights of the file and its folder.")
WRONG: Meaning = (errors.BadValue, "A value does not fit the column's type.", "")

TEXTS: tuple[tuple[str, Meaning], ...] = (
    ("interrupted", meanings.TIMED_OUT),
    ("no such table", meanings.GONE),
    ("no such column", meanings.GONE),
    ("has no column named", meanings.GONE),
    (
        "user-defined function raised",
        (
            errors.BadValue,
            "A value can't be computed or kept: a division by zero, a number too large, or a decimal of more digits than SQLite can hold.",
            "",
        ),
    ),
    ("could not decode", (errors.BadValue, "A text of the source is not UTF-8.", "Publish the column as binary.")),
    ("datatype mismatch", WRONG),
    ("readonly", UNWRITABLE),
    ("read-only", UNWRITABLE),
    ("cannot insert into generated column", meanings.COMPUTED),
    ("cannot update generated column", meanings.COMPUTED),
    ("locked", LOCKED),
    ("busy", LOCKED),
    ("not a database", (errors.ConnectionFailed, "The file is no SQLite database.", "Check Database; an encrypted file can't be read.")),
    ("malformed", (errors.ConnectionFailed, "The database file is damaged.", "Restore it from a backup.")),
    (
        "unable to open",
        (errors.ConnectionFailed, "The database file can't be opened.", "Check its path, and the rights of file and folder."),
    ),
    ("disk i/o", (errors.ConnectionFailed, "The database file can't be read.", "Check the disk and the rights of file and folder.")),
    ("full", meanings.DISK_FULL),
)
BAD_VALUES = (OverflowError, UnicodeEncodeError, sqlite3.InterfaceError, sqlite3.DataError, sqlite3.IntegrityError)


def translate(error: Exception) -> errors.ConnectorError:
    """Return the contract's error."""
    if isinstance(error, sqlite3.IntegrityError) and error.sqlite_errorcode not in WRONG_TYPE:
        return broken(CONSTRAINTS.get(error.sqlite_errorcode, meanings.RULE))
    if isinstance(error, BAD_VALUES):
        return made(WRONG)
    text = str(error).lower()
    return made(next((meaning for part, meaning in TEXTS if part in text), meanings.REFUSED))
