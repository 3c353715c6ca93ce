"""Every error meets its status code here, once. Raised anywhere below the view, answered as an OData error object.

OData JSON Format 4.01, 21 Error Handling. docs/errors.md lists the codes; a test keeps both equal.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.http.request import UnreadablePostError

from apiserver.odata.binder_errors import BindError
from apiserver.odata.parser_errors import ODataSyntaxError
from apiserver.server.errors import NotReady, Problem
from apiserver.server.responses import ApiResponse
from connections.contract import errors as source

log = logging.getLogger(__name__)


class ODataError(Exception):
    """Root of the refusals that the service itself makes. `message` is one sentence, `hint` says what to do."""

    def __init__(self, message: str, *, target: str = "", hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.hint = hint
        self.headers = dict(headers or {})


class BadRequest(ODataError):
    """The request can't be understood."""


class BadPayload(ODataError):
    """The body is not what the address takes."""


class InvalidValue(ODataError):
    """A value that the property can't hold."""


class BadVersion(ODataError):
    """An OData version that is not served."""


class NotFound(ODataError):
    """Nothing is at this address for this user."""


class Forbidden(ODataError):
    """The user may see it but not do this."""


class NotAllowed(ODataError):
    """The method means nothing at this address. `Allow` names those that do."""

    def __init__(self, method: str, allowed: tuple[str, ...], *, hint: str = "") -> None:
        hint = hint or f"Use {', '.join(allowed)}."
        super().__init__(f"{method} is not possible at this address.", hint=hint, headers={"Allow": ", ".join(allowed)})


class NotAcceptable(ODataError):
    """No representation that the client accepts."""


class Unsupported(ODataError):
    """A media type of a body that is not read."""


class TooLarge(ODataError):
    """A body beyond the limit."""


class UrlTooLong(ODataError):
    """An address beyond the limit."""


class HeadersTooLarge(ODataError):
    """A header beyond the limit."""


class Stale(ODataError):
    """If-Match or If-None-Match does not hold."""


class Conflict(ODataError):
    """The row exists already, or others depend on it."""


class Gone(ODataError):
    """It was here, but not any more."""


class Abandoned(ODataError):
    """Work that the server was asked to do later and gave up."""


class NoReplica(ODataError):
    """There is no replica that this read may be answered from."""


class NotBuilt(ODataError):
    """Part of OData, understood, but not served."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a kind of error becomes on the wire."""

    status: int
    code: str


# Looked up along the class's ancestors: the nearest entry wins.
ANSWERS: dict[type[Exception], Answer] = {
    ODataSyntaxError: Answer(400, "InvalidSyntax"),
    BindError: Answer(400, "InvalidQuery"),
    BadRequest: Answer(400, "BadRequest"),
    BadPayload: Answer(400, "InvalidPayload"),
    InvalidValue: Answer(400, "InvalidValue"),
    BadVersion: Answer(400, "VersionNotSupported"),
    NotFound: Answer(404, "NotFound"),
    Forbidden: Answer(403, "Forbidden"),
    NotAllowed: Answer(405, "MethodNotAllowed"),
    NotAcceptable: Answer(406, "NotAcceptable"),
    Unsupported: Answer(415, "UnsupportedMediaType"),
    TooLarge: Answer(413, "PayloadTooLarge"),
    UrlTooLong: Answer(414, "UrlTooLong"),
    HeadersTooLarge: Answer(431, "HeadersTooLarge"),
    Stale: Answer(412, "PreconditionFailed"),
    Conflict: Answer(409, "Conflict"),
    Gone: Answer(410, "Gone"),
    Abandoned: Answer(502, "Abandoned"),
    NotBuilt: Answer(501, "NotImplemented"),
    NoReplica: Answer(503, "ReplicaUnavailable"),
    RequestDataTooBig: Answer(413, "PayloadTooLarge"),
    UnreadablePostError: Answer(400, "InvalidPayload"),
    SuspiciousOperation: Answer(400, "BadRequest"),
    source.ConnectionFailed: Answer(503, "SourceUnavailable"),
    source.AuthenticationFailed: Answer(502, "SourceAuthenticationFailed"),
    source.SourceTimeout: Answer(504, "SourceTimeout"),
    source.Overtaken: Answer(409, "Conflict"),
    source.RateLimited: Answer(503, "SourceBusy"),
    source.SourceRejected: Answer(400, "SourceRejected"),
    source.RowChanged: Answer(412, "PreconditionFailed"),
    source.TableGone: Answer(502, "SourceTableGone"),
    source.BadAnswer: Answer(502, "SourceBadAnswer"),
    source.ChangeUnknown: Answer(502, "SourceChangeUnknown"),
    source.AddressRefused: Answer(502, "SourceAddressRefused"),
    source.BadValue: Answer(400, "InvalidValue"),
    source.NotSupported: Answer(501, "NotSupported"),
    source.TooCostly: Answer(400, "QueryTooCostly"),
    source.Incomplete: Answer(502, "SourceIncomplete"),
    source.InvalidProperties: Answer(502, "SourceMisconfigured"),
}
# ConstraintViolated, by its kind.
CONSTRAINTS = {
    "unique": Answer(409, "DuplicateKey"),
    "foreign_key": Answer(409, "ForeignKeyViolated"),
    "not_null": Answer(400, "ValueRequired"),
    "check": Answer(400, "CheckFailed"),
}
# AccessDenied and other refusals that carry a status of their own.
BY_STATUS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    429: "TooManyRequests",
    503: "Unavailable",
}
# Answered by apiserver.server.middleware before a request comes here.
BEFORE = frozenset({"AddressNotTrusted", "ProxyNotTrusted", "HostNotAllowed"})
# Of uploads, which the management API takes.
UPLOADS = frozenset({"LengthRequired"})
UNEXPECTED = Answer(500, "InternalError")
RETRY_SECONDS = 5


def all_codes() -> set[str]:
    """Return every code that an answer may carry."""
    answers = [*ANSWERS.values(), *CONSTRAINTS.values(), UNEXPECTED]
    return {answer.code for answer in answers} | set(BY_STATUS.values()) | BEFORE | UPLOADS


def problem_of(error: Exception) -> Problem:
    """Return what the client is told. What nobody expected is logged with its traceback under a correlation id."""
    if isinstance(error, OperationalError | InterfaceError):  # the product's own database: sources have their own errors
        error = NotReady()
    if isinstance(error, UnreadablePostError) and isinstance(error.__cause__, NotReady):
        error = error.__cause__  # not the client's fault
    answer = _answer_of(error)
    if answer is None:
        return _unexpected(error)
    message = _sentence(getattr(error, "message", "") or str(error) or "The request was refused.")
    hint = _sentence(getattr(error, "hint", ""))
    problem = Problem(answer.status, answer.code, f"{message} {hint}".strip())
    problem.headers.update(_headers_of(error, answer))
    _locate(problem, error)
    return problem


def _answer_of(error: Exception) -> Answer | None:
    if isinstance(error, source.ConstraintViolated):
        return CONSTRAINTS.get(error.kind, ANSWERS[source.SourceRejected])
    for kind in type(error).__mro__:
        if kind in ANSWERS:
            return ANSWERS[kind]
    status = getattr(error, "status", None)
    if isinstance(status, int) and status in BY_STATUS:
        return Answer(status, BY_STATUS[status])
    return None


def _headers_of(error: Exception, answer: Answer) -> dict[str, str]:
    headers = dict(getattr(error, "headers", None) or {})
    if isinstance(error, source.RateLimited):
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    elif answer.status in (503, 504):
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return headers


def _locate(problem: Problem, error: Exception) -> None:
    """Name the query option and the position in it, or the property."""
    option = getattr(error, "option", "")
    named = getattr(error, "target", "") or (option if option in ("", "path") or option.startswith(("$", "@")) else f"${option}")
    problem.target = _utf8(named)
    if not option:
        return
    position = getattr(error, "position", 0)
    message = f"At position {position} of {'the path' if option == 'path' else problem.target}."
    problem.details.append({"code": problem.code, "message": message, "target": problem.target})


def _unexpected(error: Exception) -> Problem:
    correlation = uuid.uuid4().hex[:12]
    log.error("request failed, correlation id %s", correlation, exc_info=error)
    message = f"The server failed to answer. Tell the administrator the correlation id {correlation}."
    return Problem(UNEXPECTED.status, UNEXPECTED.code, message)


def _sentence(text: str) -> str:
    text = _utf8(text.strip())
    if not text:
        return ""
    return text if text[-1] in ".!?" else text + "."


def _utf8(text: str) -> str:
    """Return a text that can be sent: half of a surrogate pair, which JSON lets into a request, becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def error_body(problem: Problem) -> bytes:
    """Return the OData error object."""
    error: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.target:
        error["target"] = problem.target
    if problem.details:
        error["details"] = problem.details
    return orjson.dumps({"error": error}, default=str)


def error_response(problem: Problem) -> HttpResponse:
    """Return the answer: always JSON, whatever the client accepts."""
    response = ApiResponse(error_body(problem), status=problem.status, content_type="application/json")
    for name, value in problem.headers.items():
        response[name] = value
    return response
