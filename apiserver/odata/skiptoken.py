"""The opaque token of a next link: where the page ended, signed and bound to the question it belongs to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from apiserver.odata.binder_errors import BindError
from apiserver.odata.literals import value_of
from apiserver.odata.payload_values import plain_text
from apiserver.odata.reader_plan import Question
from connections.contract.table import Column, Type

SIGNATURE_BYTES = 12
# Options that a next link carries on without asking another question.
NOT_BOUND = frozenset({"skiptoken", "skip", "format"})


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page ended: the order keys of its last row (or a number of rows, where there is no key), what is left of $top."""

    values: tuple[str | None, ...] = ()
    offset: int = 0
    left: int | None = None


def write(question: Question, mark: Mark) -> str:
    """Return the token of a mark."""
    body = json.dumps([list(mark.values), mark.offset, mark.left], separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    return _text(_sign(question, body) + body)


def read(question: Question, token: str, keys: int) -> Mark:
    """Return the mark of a token; raise BindError for one that was changed or belongs to another question."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        signature, body = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if _text(raw) != token or not hmac.compare_digest(signature, _sign(question, body)):
            raise ValueError
        values, offset, left = json.loads(body)
    except (ValueError, TypeError, UnicodeError) as error:
        hint = "Follow @odata.nextLink as it is; begin again without $skiptoken."
        raise BindError("This $skiptoken does not belong to this request.", 0, "$skiptoken", hint) from error
    if values and len(values) != keys:
        raise BindError("This $skiptoken is too old.", 0, "$skiptoken", "Begin again without $skiptoken.")
    return Mark(tuple(values), offset, left)


def _text(raw: bytes) -> str:
    """Return bytes as they stand in a link; a token has no other spelling."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def texts(columns: Sequence[Column], values: Sequence[Any]) -> tuple[str | None, ...]:
    """Return order-key values as text that reads back exactly."""
    return tuple(None if value is None else plain_text(column, value) for column, value in zip(columns, values, strict=True))


def values(columns: Sequence[Column], found: Sequence[str | None]) -> list[Any]:
    """Return what `texts` wrote."""
    return [None if text is None else _value(column, text) for column, text in zip(columns, found, strict=True)]


def _value(column: Column, text: str) -> Any:
    """Return one value; decimals that a source computes have more digits than a literal may have."""
    return Decimal(text) if column.type is Type.DECIMAL else value_of(column.type, text)


def _sign(question: Question, body: bytes) -> bytes:
    resource = question.resource
    asked = [(name, text) for name, text in question.options.given.items() if name not in NOT_BOUND]
    given = sorted([*asked, *((f"@{name}", repr(node)) for name, node in question.aliases.items())])
    rights = ([item.text for item in resource.row_filters], [item.name for item in resource.properties])
    bound = json.dumps([resource.id, rights, given, sorted(map(str, question.where.items()))]).encode()
    return hmac.new(settings.SECRET_KEY.encode(), hashlib.sha256(bound).digest() + body, hashlib.sha256).digest()[:SIGNATURE_BYTES]
