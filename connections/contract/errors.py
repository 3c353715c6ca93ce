"""Errors of a source, sorted by what the caller must do. Raised by connectors and engine, answered by apiserver.odata.errors."""

from __future__ import annotations


class ConnectorError(Exception):
    """Root of all source errors. `message` and `hint` are safe to show; secrets and SQL never enter them."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConnectionFailed(ConnectorError):
    """The source can't be reached or broke off; trying again later may help."""


class AuthenticationFailed(ConnectorError):
    """The source refused the credentials of the connection."""


class SourceTimeout(ConnectorError):
    """The source took longer than the connection's timeout."""


class Overtaken(ConnectorError):
    """Another change of the same rows came first and the transaction was undone: the same again may succeed."""


class RateLimited(ConnectorError):
    """The source asks to wait `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class SourceRejected(ConnectorError):
    """The source refused a statement or value: wrong data, missing right, failed check."""


class AnswerTooLarge(SourceRejected):
    """The source can't hold what a statement asks for in one piece."""


class ConstraintViolated(SourceRejected):
    """A write broke a constraint of the source; `kind` is unique, foreign_key, not_null or check."""

    def __init__(self, message: str, *, kind: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class RowChanged(SourceRejected):
    """The row to be written is another than the caller read, or gone: nothing was written."""


class TableGone(SourceRejected):
    """The published table or one of its columns no longer exists at the source, or is another."""


class BadAnswer(ConnectorError):
    """The source's answer can't be used: cut off, no JSON, endless, an error called success. No part of it is taken for the whole."""


class ChangeUnknown(ConnectorError):
    """The source did not say whether it made a change: sent again at once it may be made twice."""


class AddressRefused(ConnectorError):
    """The product may not call this address: private, another host than the connection's, or without TLS."""


class BadValue(ConnectorError):
    """A value can't be taken as the column's type (a cast that can't be done)."""


class NotSupported(ConnectorError):
    """Understood, but this source or this version can't do it."""


class InvalidProperties(ConnectorError):
    """Connection properties that can't work; `errors` maps property name -> message."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors


class TooCostly(ConnectorError):
    """The query needs more calls, rows or memory than one query may: ask for less."""


class Incomplete(ConnectorError):
    """The source gave only part of the rows that the answer needs; it must not pass for the whole."""
