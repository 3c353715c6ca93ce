"""Splits `(option;option)` after $count, and after items of $select and $expand, into names and regions of text.

Splitting is by text, not by tokens: $search has a grammar of its own, whose words may hold quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from apiserver.odata.lexer import IDENTIFIER, JSON_QUOTED, PHRASE, QUOTED
from apiserver.odata.parser_errors import ODataSyntaxError

_HEAD = re.compile(rf"[ \t]*(\$?[A-Za-z]+|@{IDENTIFIER})=")
_NEXT_HEAD = re.compile(
    rf";[ \t]*(?:\$?(?:filter|search|orderby|skip|top|count|select|expand|compute|levels)|@{IDENTIFIER})=", re.IGNORECASE
)
_PIECE = re.compile(rf"[^'\"()\[\]{{}};]+|{QUOTED}|{JSON_QUOTED}|(.)", re.DOTALL)
_SEARCH_PIECE = re.compile(rf'[^"();]+|"{PHRASE}"|(.)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class NestedOption:
    """One option: lower-case name without `$` (or @alias), and where its value is."""

    name: str
    at: int
    start: int
    end: int


def split_nested(text: str, start: int, option: str, end: int | None = None) -> tuple[list[NestedOption], int]:
    """Split what follows the opening parenthesis at `start`; return the options and the position after the closing one."""
    limit = len(text) if end is None else end
    found: list[NestedOption] = []
    position = start + 1
    while True:
        head = _HEAD.match(text, position, limit)
        if head is None:
            raise ODataSyntaxError("An option such as $filter=... was expected in the parentheses.", option, position)
        name = head[1].lower().removeprefix("$") if head[1][0] != "@" else head[1]
        stop = search_end(text, head.end(), limit) if name == "search" else _value_end(text, head.end(), limit)
        if stop >= limit:
            raise ODataSyntaxError("A parenthesis is not closed.", option, start)
        if any(name == other.name for other in found):
            raise ODataSyntaxError(f"The option {head[1]} is given twice.", option, head.start(1))
        found.append(NestedOption(name, head.start(1), head.end(), stop))
        position = stop + 1
        if text[stop] == ")":
            return found, position


def _value_end(text: str, start: int, limit: int) -> int:
    depth = 0
    for match in _PIECE.finditer(text, start, limit):
        mark = match[1]
        if mark is None:
            continue
        if depth == 0 and mark in ";)":
            return match.start()
        if mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth -= 1
    return limit


def search_end(text: str, start: int, limit: int) -> int:
    """Find the `)` or `;` that ends a search which begins at `start`."""
    if text[start : start + 1] == "'":  # an incomplete search, as one quoted string
        quoted = re.compile(QUOTED).match(text, start, limit)
        start = quoted.end() if quoted else start
    depth = 0
    for match in _SEARCH_PIECE.finditer(text, start, limit):
        mark = match[1]
        if mark == "(":
            depth += 1
        elif mark == ")":
            if depth == 0:
                return match.start()
            depth -= 1
        elif mark == ";" and _NEXT_HEAD.match(text, match.start(), limit):
            return match.start()  # any other semicolon was %3B, part of a word
    return limit
