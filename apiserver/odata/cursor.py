"""The reader of tokens that every part of the expression parser shares: one region of text, and what it has spent of its limits."""

from __future__ import annotations

import re

from apiserver.odata import nodes
from apiserver.odata.lexer import END, NAME, PUNCTUATION, STRING, Token, tokenize
from apiserver.odata.literal_tokens import literal_of
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, ODataSyntaxError, raised_by

_MOMENT_WITHOUT_ZONE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]", re.IGNORECASE)


class Cursor:
    """Tokens of text[start:end]; positions in nodes and errors are those of the whole text."""

    __slots__ = ("case_depth", "count", "depth", "end", "index", "limits", "option", "text", "tokens", "variables")

    def __init__(self, text: str, option: str, limits: Limits = DEFAULT_LIMITS, start: int = 0, end: int | None = None) -> None:
        self.text = text
        self.option = option
        self.limits = limits
        self.end = len(text) if end is None else end
        self.tokens = tokenize(text, start, self.end)
        self.index = 0
        self.depth = 0
        self.count = 0
        self.case_depth = -1
        self.variables: tuple[str, ...] = ()

    def expression(self, floor: int = 1) -> nodes.Node:
        """Read an expression; the full parser says how."""
        raise NotImplementedError

    def fail(self, message: str, at: int, hint: str = "") -> ODataSyntaxError:
        return ODataSyntaxError(message, self.option, at, hint)

    def unexpected(self, token: Token, wanted: str) -> ODataSyntaxError:
        kind, text, at, _ = token
        if kind == END:
            return self.fail(f"The text ends where {wanted} was expected.", at)
        if text == "'":
            return self.fail("A quoted string has no end.", at, "A quote inside a string is written twice: 'O''Neil'.")
        if text[0] == '"':
            return self.fail(f"A double quote stands where {wanted} was expected.", at, "Strings are written in single quotes.")
        return self.fail(f"'{text[:40]}' stands where {wanted} was expected.", at, self._hint(token))

    def _hint(self, token: Token) -> str:
        """What the writer probably meant."""
        before = self.tokens[self.index - 1] if self.index else token
        if _MOMENT_WITHOUT_ZONE.match(self.text, before[2]) or _MOMENT_WITHOUT_ZONE.match(self.text, token[2]):
            return "A date with time ends in Z or an offset: 2020-01-31T12:30:00Z."
        if token[0] == STRING or (before[0] == STRING and before[3] == token[2]):
            return "A quote inside a string is written twice: 'O''Neil'."
        return "Operators are words: eq ne gt ge lt le and or not." if token[1][0] in "=<>!&|" else ""

    def accept(self, mark: str) -> bool:
        """Consume a punctuation mark if it is next."""
        token = self.tokens[self.index]
        if token[1] == mark and token[0] == PUNCTUATION:
            self.index += 1
            return True
        return False

    def expect(self, mark: str) -> Token:
        token = self.tokens[self.index]
        if token[1] != mark or token[0] != PUNCTUATION:
            raise self.unexpected(token, f"'{mark}'")
        self.index += 1
        return token

    def adjoins(self, mark: str) -> bool:
        """Whether `mark` comes next with no space before it."""
        token = self.tokens[self.index]
        return token[1] == mark and token[0] == PUNCTUATION and token[2] == self.tokens[self.index - 1][3]

    def expect_name(self, wanted: str) -> str:
        token = self.tokens[self.index]
        if token[0] != NAME or "." in token[1]:
            raise self.unexpected(token, wanted)
        self.index += 1
        return token[1]

    def expect_end(self) -> None:
        token = self.tokens[self.index]
        if token[0] != END:
            raise self.unexpected(token, "an operator or the end")

    def literal(self, token: Token) -> nodes.Literal:
        try:
            return literal_of(token, self.limits.number_digits)
        except ValueError as error:
            raise self.fail(str(error), token[2]) from None

    def enter(self, at: int) -> None:
        """Go one level down; every caller leaves by `self.depth -= 1`."""
        self.depth += 1
        if self.depth > self.limits.filter_depth:
            raise self.fail(
                f"The expression is nested deeper than the limit of {self.limits.filter_depth} levels.", at, raised_by("filter_depth")
            )

    def spend(self, at: int) -> None:
        """Count one operator, call or lambda."""
        self.count += 1
        if self.count > self.limits.filter_nodes:
            raise self.fail(
                f"The expression has more than the limit of {self.limits.filter_nodes} operators and calls.", at, raised_by("filter_nodes")
            )
