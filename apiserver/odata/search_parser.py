"""$search -> nodes (OData 4.01 URL Conventions, 5.1.7): words, "phrases", AND, OR, NOT, parentheses; a blank is AND."""

from __future__ import annotations

import re

from apiserver.odata import nodes
from apiserver.odata.lexer import PHRASE
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, ODataSyntaxError, raised_by

_ESCAPED = re.compile(r'\\(["\\])')
_TOKEN = re.compile(rf'[ \t]*(?:([()])|"({PHRASE})"|([^\s()"]+)|(.))', re.DOTALL)
_MARK, _PHRASE, _WORD, _BAD = 1, 2, 3, 4
_OPTION = "$search"
_OPERATORS = ("AND", "OR", "NOT")
_Token = tuple[int, str, int, int]


class _Search:
    """Reads one search expression; AND binds tighter than OR, NOT takes one term."""

    def __init__(self, text: str, start: int, end: int, limits: Limits) -> None:
        self.limits = limits
        self.depth = 0
        self.index = 0
        while end > start and text[end - 1] in " \t":
            end -= 1
        self.tokens: list[_Token] = [
            (match.lastindex or _BAD, match[match.lastindex or _BAD], match.start(match.lastindex or _BAD), match.end())
            for match in _TOKEN.finditer(text, start, end)
        ]
        if len(self.tokens) > limits.filter_nodes:
            raise ODataSyntaxError(
                f"$search has more than the limit of {limits.filter_nodes} words.", _OPTION, start, raised_by("filter_nodes")
            )
        self.end = end

    def fail(self, message: str) -> ODataSyntaxError:
        return ODataSyntaxError(message, _OPTION, self.tokens[self.index][2] if self.index < len(self.tokens) else self.end)

    def any_of(self) -> nodes.Node:
        left = self.all_of()
        while self._operator("OR"):
            at = self.tokens[self.index][2]
            self.index += 1
            left = nodes.SearchBoolean("or", left, self.all_of(), at=at)
        return left

    def all_of(self) -> nodes.Node:
        left = self.term()
        while self.index < len(self.tokens):
            kind, text, at, _ = self.tokens[self.index]
            if (kind == _MARK and text == ")") or self._operator("OR"):
                break
            self._check_blank()
            self._check_last()
            if self._operator("AND"):
                self.index += 1
            left = nodes.SearchBoolean("and", left, self.term(), at=at)
        return left

    def term(self) -> nodes.Node:
        if self.index >= len(self.tokens):
            raise self.fail("$search ends where a word was expected.")
        kind, text, at, _ = self.tokens[self.index]
        if kind == _BAD or (kind == _MARK and text == ")"):
            raise self.fail('A phrase in $search has no closing quote (").' if text == '"' else f"'{text}' cannot stand here in $search.")
        negated = self._operator("NOT")
        self.index += 1
        if kind == _MARK or negated:
            return self._nested(negated, at)
        if kind == _PHRASE:
            if not text:
                raise ODataSyntaxError("A phrase in $search is empty.", _OPTION, at)
            return nodes.SearchTerm(_ESCAPED.sub(r"\1", text), is_phrase=True, at=at)
        if text[0] == "'":
            raise ODataSyntaxError(
                "A word in $search cannot begin with a single quote.", _OPTION, at, 'Phrases are in double quotes: "a b".'
            )
        return nodes.SearchTerm(text, at=at)

    def _nested(self, negated: bool, at: int) -> nodes.Node:
        self.depth += 1
        if self.depth > self.limits.filter_depth:
            raise ODataSyntaxError(
                f"$search is nested deeper than the limit of {self.limits.filter_depth} levels.", _OPTION, at, raised_by("filter_depth")
            )
        inner = nodes.SearchNot(self.term(), at=at) if negated else self._group()
        self.depth -= 1
        return inner

    def _group(self) -> nodes.Node:
        inner = self.any_of()
        if self.index >= len(self.tokens) or self.tokens[self.index][1] != ")":
            raise self.fail("A parenthesis in $search is not closed.")
        self.index += 1
        return inner

    def _operator(self, word: str) -> bool:
        """An operator is one only with something to work on; `$search=AND` looks for the word."""
        if self.index + 1 >= len(self.tokens):
            return False
        kind, text, _, end = self.tokens[self.index]
        following = self.tokens[self.index + 1]
        if kind != _WORD or text != word or (following[0] == _MARK and following[1] == ")"):
            return False
        return following[2] - (following[0] == _PHRASE) > end

    def _check_last(self) -> None:
        """`blue AND` is unfinished; among words that look like operators alone (`OR AND`) each is a word."""
        kind, text, _, _ = self.tokens[self.index]
        is_last = self.index + 1 == len(self.tokens) or self.tokens[self.index + 1][:2] == (_MARK, ")")
        if kind == _WORD and text in _OPERATORS and is_last and self.tokens[self.index - 1][1] not in _OPERATORS:
            raise self.fail(f"A word must follow {text} in $search.")

    def _check_blank(self) -> None:
        _, _, start, _ = self.tokens[self.index]
        if start - (self.tokens[self.index][0] == _PHRASE) == self.tokens[self.index - 1][3]:
            raise self.fail("Two words of $search need a space between them.")


def parse_search(text: str, limits: Limits = DEFAULT_LIMITS, start: int = 0, end: int | None = None) -> nodes.Node:
    """Parse the decoded value of $search."""
    stop = len(text) if end is None else end
    value = text[start:stop].strip(" \t")
    if len(value) > 1 and value[0] == "'" == value[-1]:
        return _quoted(value, limits, start)
    reader = _Search(text, start, stop, limits)
    found = reader.any_of()
    if reader.index < len(reader.tokens):
        raise reader.fail(f"'{reader.tokens[reader.index][1]}' cannot stand here in $search.")
    return found


def _quoted(value: str, limits: Limits, at: int) -> nodes.Node:
    """A search as one quoted string may be unfinished typing: what does not parse is looked for whole, less the marks around it."""
    inner = value[1:-1].replace("''", "'")
    try:
        return parse_search(inner, limits)
    except ODataSyntaxError:
        phrase = inner.strip('"() \t') or inner
        if not phrase:
            raise ODataSyntaxError("$search is empty.", _OPTION, at) from None
        return nodes.SearchTerm(phrase, is_phrase=True, at=at)
