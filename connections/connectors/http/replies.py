"""Answers to data, or to the error of the contract that says what to do about them."""

from __future__ import annotations

import codecs
import email.utils
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from connections.connectors.http.paths import find, steps_of
from connections.connectors.http.templates import NAME
from connections.contract.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectionFailed,
    ConnectorError,
    ConstraintViolated,
    RateLimited,
    SourceRejected,
    SourceTimeout,
    TableGone,
)
from connections.outgoing import Reply

SENTENCES = (
    "error.message",
    "message",
    "error_description",
    "error.detail",
    "detail",
    "errors.0.message",
    "errors.0.detail",
    "error",
    "title",
)
MAX_MATCHED = 2000
LONGEST_WAIT = 3600.0
ELSEWHERE = "Give the address in the connection that answers itself."
REFUSED = "Check the values, and the connection's properties."
BUSY = (429, 502, 503, 504)
DEFAULT_WAIT = 5.0


class NoRows(Exception):
    """The row or rows that were asked for don't exist."""


class UnknownField(Exception):
    """The service doesn't know a field that it was asked to filter, sort or show by."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call was for, for the sentences about it."""

    label: str  # of the service
    table: str = ""
    is_single: bool = False
    is_insert: bool = False
    gone: Mapping[str, Any] | None = None
    errors: Sequence[Mapping[str, Any]] = ()  # of the table, then of the manifest
    sentences: Sequence[Any] = SENTENCES
    texts: Mapping[str, str] | None = None  # for {Name} in sentences
    secrets: frozenset[str] = frozenset()


def parsed(reply: Reply, asked: Asked, *, is_exact: bool = False) -> Any:
    """Return the JSON document of an answer, None for an empty one; with `is_exact` numbers with a point are decimals."""
    if not reply.body:
        return None
    body = reply.body.removeprefix(codecs.BOM_UTF8)
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=refuse) if is_exact else orjson.loads(body)
    except (ValueError, RecursionError) as error:
        raise no_json(reply, asked.label) from error


def no_json(reply: Reply, label: str) -> BadAnswer:
    """Return the error of an answer that is no JSON: what it seems to be instead."""
    kind = str(reply.headers.get("Content-Type", "")).split(";")[0]
    if kind == "text/html" or reply.body.lstrip()[:1] == b"<":
        return BadAnswer(f"{label} answered with a web page.", hint="Check the address: it may be that of the site, not of its API.")
    try:
        reply.body.decode()
    except UnicodeDecodeError:
        return BadAnswer(f"{label} answered with text that is not UTF-8.", hint="JSON is always UTF-8: the service has a fault.")
    return BadAnswer(f"{label} answered with what is no JSON.", hint="The answer may be cut off; try again.")


def refuse(constant: str) -> Any:
    """Refuse NaN and Infinity, which JSON doesn't have."""
    raise ValueError(constant)


def read(reply: Reply, asked: Asked, *, is_exact: bool = False) -> Any:
    """Return the JSON document of a good answer; raise the error that any other stands for."""
    if reply.status < 300:
        document = parsed(reply, asked, is_exact=is_exact)
        entry = next((entry for entry in asked.errors if 200 in entry.get("status", ()) and matches(entry, 200, document)), None)
        if entry is None:
            return document
        raise by_kind(entry["is"], reply, asked, said_in(document, asked), entry)
    try:
        document = orjson.loads(reply.body)
    except ValueError:
        document = None
    for entry in asked.errors:
        if matches(entry, reply.status, document):
            raise by_kind(entry["is"], reply, asked, said_in(document, asked), entry)
    if asked.gone and reply.status in asked.gone.get("status", (404, 410)) and not (asked.is_single and reply.status == 404):
        raise TableGone(filled(asked.gone["message"], asked, ""), hint=asked.gone.get("hint", ""))
    raise by_kind(kind_of(reply.status, asked), reply, asked, said_in(document, asked), {})


def matches(entry: Mapping[str, Any], status: int, document: Any) -> bool:
    """Claim that an entry of `errors` is about this answer."""
    if status not in entry.get("status", (status,) if status >= 400 else ()):
        return False
    if "path" not in entry:
        return True
    found = find(document, steps_of(entry["path"]))
    if "equals" in entry:
        return bool(found == entry["equals"])
    if "matches" in entry:
        return re.search(entry["matches"], str(found or "")[:MAX_MATCHED]) is not None
    return found not in (None, "", [], {})


def kind_of(status: int, asked: Asked) -> str:
    """Return what a status means without an entry."""
    if status == 404 and (asked.is_single or asked.is_insert):
        return "no_rows" if asked.is_single else "rejected"
    named = {401: "sign_in", 403: "forbidden", 404: "gone", 409: "duplicate", 410: "gone", 429: "rate"}
    return named.get(status, "elsewhere" if status < 400 else "late" if status == 408 else "unavailable" if status >= 500 else "rejected")


def by_kind(kind: str, reply: Reply, asked: Asked, said: str, entry: Mapping[str, Any]) -> Exception:
    """Return the error of a kind, in the entry's words where it has some."""
    where = asked.table or asked.label
    with_said = f" ({said})" if said else ""
    message, hint = filled(entry.get("message", ""), asked, said), filled(entry.get("hint", ""), asked, said)

    def told(error: type[ConnectorError], text: str, advice: str) -> ConnectorError:
        return error(message or text, hint=hint or advice)

    if kind == "no_rows":
        return NoRows()
    if kind == "unknown_field":
        return UnknownField(said)
    if kind == "sign_in":
        return told(
            AuthenticationFailed,
            f"{asked.label} refused the sign-in{with_said}.",
            "Check the credentials of the connection, or connect again.",
        )
    if kind == "forbidden":
        return told(
            SourceRejected,
            f"{asked.label} does not allow this: {where}{with_said}.",
            "The account of the connection lacks a right or scope.",
        )
    if kind == "gone":
        return told(TableGone, f"{asked.label} has no {where} at this address any more{with_said}.", "Check the connection's properties.")
    if kind == "duplicate":
        return ConstraintViolated(
            message or f"{asked.label} refused the row: it clashes with another{with_said}.", kind="unique", hint=hint
        )
    if kind == "rate":
        return asked_to_wait(asked.label, wait_of(reply), message, hint)
    if kind == "elsewhere":
        return told(BadAnswer, f"{asked.label} answered {reply.status} instead of data.", ELSEWHERE)
    if kind == "late":
        return told(SourceTimeout, f"{asked.label} answered {reply.status}{with_said}.", "Ask for less, or try again.")
    if kind == "unavailable":
        return told(ConnectionFailed, f"{asked.label} failed with status {reply.status}{with_said}.", "Try again; the service has a fault.")
    return told(SourceRejected, f"{asked.label} refused the call for {where} with status {reply.status}{with_said}.", REFUSED)


def asked_to_wait(label: str, wait: float | None, message: str = "", hint: str = "") -> RateLimited:
    """Return the error of a service that asks to wait, as long as it says."""
    advice = f"Try again in {math.ceil(wait)} seconds." if wait else "Try again later."
    after = DEFAULT_WAIT if wait is None else wait
    return RateLimited(message or f"{label} asks to wait: too many calls.", retry_after=after, hint=hint or advice)


def wait_of(reply: Reply, header: str = "") -> float | None:
    """Return the seconds that a service asks to wait, at most an hour; None where it doesn't say."""
    for name in ("Retry-After", header):
        given = str(reply.headers.get(name, "")).strip() if name else ""
        if not given:
            continue
        try:
            seconds = float(given)
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(given).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                continue
        if seconds == seconds:
            # Some send the moment itself, in Unix time.
            seconds = seconds - time.time() if seconds > 10**9 and name == header else seconds
            return min(max(0.0, seconds), LONGEST_WAIT)
    return None


def said_in(document: Any, asked: Asked) -> str:
    """Return the service's own sentence, short and without secrets."""
    for path in (*asked.sentences, *SENTENCES):
        found = find(document, steps_of(path))
        if isinstance(found, str) and found.strip():
            return without_secrets(" ".join(found.split())[:300], asked.secrets).rstrip(".")
    return ""


def without_secrets(text: str, secrets: frozenset[str]) -> str:
    """Return a text with every secret blotted out."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def filled(text: str, asked: Asked, said: str) -> str:
    """Return a sentence of the manifest with its names filled in; one without a value reads `?`."""
    texts = {**(asked.texts or {}), "said": said}
    return without_secrets(NAME.sub(lambda found: texts.get(found[1]) or "?", text), asked.secrets)
