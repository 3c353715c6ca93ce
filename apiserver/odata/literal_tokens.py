"""Literal tokens -> Literal nodes. Raises ValueError with a sentence for the user, as literals.py does."""

from __future__ import annotations

import re
from typing import Any

from apiserver.odata.geo_literals import check_geo
from apiserver.odata.lexer import DATE, GUID, IDENTIFIER, NUMBER, STRING, TIME, TIMESTAMP, TYPED, Token
from apiserver.odata.literals import (
    MAX_DIGITS,
    binary_value,
    date_value,
    duration_value,
    guid_value,
    number,
    string,
    time_value,
    timestamp_value,
)
from apiserver.odata.nodes import Literal
from connections.contract.table import Type

LITERAL_KINDS = frozenset({GUID, TIMESTAMP, DATE, TIME, NUMBER, TYPED, STRING})

# The words that are literals: type and value. INF and NaN are case-sensitive (ABNF), the others are not.
WORDS: dict[str, tuple[Type | None, Any]] = {
    "null": (None, None),
    "true": (Type.BOOLEAN, True),
    "false": (Type.BOOLEAN, False),
    "INF": (Type.DOUBLE, float("inf")),
    "NaN": (Type.DOUBLE, float("nan")),
}

_READERS = {
    GUID: (Type.GUID, guid_value),
    TIMESTAMP: (Type.TIMESTAMP, timestamp_value),
    DATE: (Type.DATE, date_value),
    TIME: (Type.TIME, time_value),
}
_ENUM_MEMBERS = re.compile(rf"(?:{IDENTIFIER}|[-+]?[0-9]+)(?:,(?:{IDENTIFIER}|[-+]?[0-9]+))*")
_V3_PREFIXES = frozenset({"guid", "datetime", "datetimeoffset", "time", "x"})


def literal_of(token: Token, digits: int = MAX_DIGITS) -> Literal:
    """Make the node of a token whose kind is in LITERAL_KINDS; numbers have at most so many digits."""
    kind, text, at, _ = token
    if kind == STRING:
        return Literal(Type.STRING, string(text), text, at=at)
    if kind == NUMBER:
        type_, value = number(text, digits)
        return Literal(type_, value, text, at=at)
    if kind == TYPED:
        return _typed(text, at)
    type_, reader = _READERS[kind]
    return Literal(type_, reader(text), text, at=at)


def word_literal(text: str, at: int) -> Literal | None:
    """Make the node of null, true, false, INF or NaN; None for any other word."""
    found = WORDS.get(text) or (WORDS.get(text.lower()) if len(text) < 6 else None)
    return Literal(found[0], found[1], text, at=at) if found else None


def _typed(text: str, at: int) -> Literal:
    prefix, _, rest = text.partition("'")
    inner = string(f"'{rest}")
    lower = prefix.lower()
    if lower == "duration":
        return Literal(Type.DURATION, duration_value(inner), text, at=at)
    if lower == "binary":
        return Literal(Type.BINARY, binary_value(inner), text, at=at)
    if lower in ("geography", "geometry"):
        check_geo(inner)
        return Literal(Type.STRING, inner, text, lower, at=at)
    if "." not in prefix:
        if lower in _V3_PREFIXES:
            raise ValueError(f"{text} is OData 3: version 4 writes the value without prefix, and dates and GUIDs without quotes.")
        raise ValueError(f"'{prefix}' is no prefix of a literal.")
    if not _ENUM_MEMBERS.fullmatch(inner):
        raise ValueError(f"{text} does not name members of an enumeration.")
    return Literal(Type.STRING, inner, text, "enum", at=at)
