"""Bitbucket's filter language as the stand-in understands it: text -> predicate over a row.

`= != ~ !~ > >= < <=`, IN, NOT IN, AND, OR, parentheses; strings in double quotes, numbers, true, false, null, dates; dotted paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

Predicate = Callable[[Mapping[str, Any]], bool]
TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<date>\d{4}-\d\d-\d\d(?:T[0-9:.]+(?:Z|[+-]\d\d:?\d\d)?)?)|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_][\w.]*)|(?P<sign>!=|!~|>=|<=|[=~<>(),]))"""
)


class BadQuery(ValueError):
    """The text is no query of this language, or names a field that can't be queried."""


def tokens(text: str) -> list[tuple[str, str]]:
    """Return kind and text of every token."""
    found, position = [], 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None:
            raise BadQuery(f"Unexpected character at {position}")
        found.append((str(match.lastgroup), match.group(str(match.lastgroup))))
        position = match.end()
    return found


def at(row: Any, path: str) -> Any:
    """Return what a dotted path leads to; None where a step is missing."""
    for step in path.split("."):
        if not isinstance(row, Mapping):
            return None
        row = row.get(step)
    return row


def moment(text: str) -> datetime | None:
    """Return a date-time, or None for other text."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.now().astimezone().tzinfo)


def comparable(value: Any, other: Any) -> tuple[Any, Any]:
    """Return both sides in one type: moments where both are dates."""
    if isinstance(value, str) and isinstance(other, datetime):
        return moment(value), other
    return value, other


class Parser:
    """One query, read once from left to right; AND binds tighter than OR."""

    def __init__(self, text: str, fields: Collection[str]) -> None:
        self.tokens = tokens(text)
        self.fields = fields
        self.position = 0

    def parse(self) -> Predicate:
        found = self.any_of()
        if self.position < len(self.tokens):
            raise BadQuery(f"Unexpected {self.tokens[self.position][1]!r}")
        return found

    def word(self, *wanted: str) -> bool:
        """Take one of these words or signs if it is next."""
        if self.position < len(self.tokens):
            kind, text = self.tokens[self.position]
            if kind in ("word", "sign") and text.upper() in wanted:
                self.position += 1
                return True
        return False

    def take(self) -> tuple[str, str]:
        if self.position >= len(self.tokens):
            raise BadQuery("Unexpected end of the query")
        self.position += 1
        return self.tokens[self.position - 1]

    def any_of(self) -> Predicate:
        items = [self.all_of()]
        while self.word("OR"):
            items.append(self.all_of())
        return items[0] if len(items) == 1 else lambda row: any(item(row) for item in items)

    def all_of(self) -> Predicate:
        items = [self.one()]
        while self.word("AND"):
            items.append(self.one())
        return items[0] if len(items) == 1 else lambda row: all(item(row) for item in items)

    def one(self) -> Predicate:
        if self.word("("):
            inner = self.any_of()
            if not self.word(")"):
                raise BadQuery("A parenthesis is not closed")
            return inner
        kind, path = self.take()
        if kind != "word" or path not in self.fields:
            raise BadQuery(f"Invalid field name: {path}")
        if self.word("IN"):
            return self.within(path, True)
        if self.word("NOT"):
            if not self.word("IN"):
                raise BadQuery("NOT is followed by IN")
            return self.within(path, False)
        _, sign = self.take()
        return compared(path, sign, self.value())

    def within(self, path: str, wanted: bool) -> Predicate:
        if not self.word("("):
            raise BadQuery("IN is followed by a list in parentheses")
        items = [self.value()]
        while self.word(","):
            items.append(self.value())
        if not self.word(")"):
            raise BadQuery("A list is not closed")
        return lambda row: any(meets(at(row, path), "=", item) for item in items) is wanted

    def value(self) -> Any:
        kind, text = self.take()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "date":
            return moment(text)
        words = {"true": True, "false": False, "null": None}
        if text.lower() in words:
            return words[text.lower()]
        raise BadQuery(f"Unexpected {text!r}: strings are written in double quotes")


def compared(path: str, sign: str, value: Any) -> Predicate:
    """Return the predicate of one comparison."""
    if sign not in ("=", "!=", "~", "!~", ">", ">=", "<", "<="):
        raise BadQuery(f"Unknown operator {sign!r}")
    if sign in ("~", "!~") and not isinstance(value, str):
        raise BadQuery("~ compares with text")
    return lambda row: meets(at(row, path), sign, value)


def meets(found: Any, sign: str, value: Any) -> bool:
    """Claim that a value of a row meets a comparison; `!=` and `!~` are met by null too."""
    if sign == "~":
        return isinstance(found, str) and value.lower() in found.lower()
    if sign == "!~":
        return not meets(found, "~", value)
    left, right = comparable(found, value)
    if sign in ("=", "!="):
        return (left == right) is (sign == "=")
    if left is None or right is None:
        return False
    try:
        return bool({">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[sign])
    except TypeError:
        raise BadQuery(f"A value of another type than {type(left).__name__}") from None


def predicate(text: str, fields: Collection[str]) -> Predicate:
    """Return the predicate of a query over these fields; raise BadQuery."""
    return Parser(text, fields).parse()
