"""What the errors of databases mean in the contract's words: the sentences that several databases share. Their own tables tell when."""

from __future__ import annotations

from connections.contract import errors

Meaning = tuple[type[errors.ConnectorError], str, str]
Broken = tuple[str, str]  # the kind of ConstraintViolated, and its sentence

UNIQUE: Broken = ("unique", "A row with this key already exists.")
FOREIGN: Broken = ("foreign_key", "A related row is missing, or other rows still refer to this one.")
UNRELATED: Broken = ("foreign_key", "A related row is missing.")
REFERRED: Broken = ("foreign_key", "Other rows still refer to this one.")
EMPTY: Broken = ("not_null", "A column that must have a value has none.")
RULE: Broken = ("check", "A value breaks a rule of the table.")

SIGN_IN: Meaning = (errors.AuthenticationFailed, "The database refused user or password.", "Check User and Password.")
UNREACHABLE: Meaning = (errors.ConnectionFailed, "The database can't be reached.", "Is it running? Test the connection on its page.")
FULL: Meaning = (errors.ConnectionFailed, "The database has no free connection.", "Lower MaxConnections or raise the database's limit.")
UNTRUSTED: Meaning = (
    errors.ConnectionFailed,
    "The server's certificate is not trusted.",
    "Give its authority in SSLServerCert; Server must be the name in the certificate.",
)
TIMED_OUT: Meaning = (
    errors.SourceTimeout,
    "The database took longer than the connection's Timeout.",
    "Narrow the filter, or raise Timeout.",
)
CONFLICT: Meaning = (errors.Overtaken, "Another change of the same rows came first.", "Try again.")
GONE: Meaning = (errors.TableGone, "The table or a column of it no longer exists in the database.", "Refresh the resource on the API page.")
REFUSED: Meaning = (
    errors.SourceRejected,
    "The database refused the statement.",
    "Refresh the resource; the request log has the statement.",
)
FORBIDDEN: Meaning = (errors.SourceRejected, "The database user may not do this.", "Grant the right to the connection's user.")
DISK_FULL: Meaning = (errors.SourceRejected, "The database's disk is full.", "Make room on it; what was not committed is undone.")
READ_ONLY: Meaning = (errors.SourceRejected, "The database takes no writes (read-only).", "")
COMPUTED: Meaning = (errors.SourceRejected, "A column that the database computes can't be given.", "")
BAD_VALUE: Meaning = (errors.BadValue, "A value does not fit the column's type or length.", "")
BY_ZERO: Meaning = (errors.BadValue, "A value was divided by zero.", "")


def made(meaning: Meaning) -> errors.ConnectorError:
    """Return a new error of a meaning."""
    kind, message, hint = meaning
    return kind(message, hint=hint)


def broken(found: Broken) -> errors.ConstraintViolated:
    """Return a new error of a constraint."""
    kind, message = found
    return errors.ConstraintViolated(message, kind=kind)
