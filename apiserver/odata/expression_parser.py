"""Expressions of $filter, $orderby, $compute and aliases -> nodes (OData 4.01 URL Conventions, 5.1.1).

A Pratt parser: chains of operators loop, only nesting recurses, and nesting is bounded by Limits.
"""

from __future__ import annotations

from apiserver.odata import nodes
from apiserver.odata.call_reader import CallReader
from apiserver.odata.functions import PRECEDENCE
from apiserver.odata.json_reader import JsonReader
from apiserver.odata.lexer import AT, DOLLAR, END, NAME, NUMBER, PUNCTUATION, TIME, Token
from apiserver.odata.literal_tokens import LITERAL_KINDS, word_literal
from apiserver.odata.parser_errors import raised_by

_ROOTS = frozenset({"$it", "$this", "$root", "$these"})


class ExpressionParser(CallReader, JsonReader):
    """Common expressions: operators and operands; paths, calls and JSON are inherited."""

    __slots__ = ()

    def whole(self) -> nodes.Node:
        """Read one expression to the end of the region."""
        found = self.expression()
        self.expect_end()
        return found

    def expression(self, floor: int = 1) -> nodes.Node:
        """Read operands and the operators between them that bind at least as tight as `floor`."""
        left = self.operand()
        while True:
            token = self.tokens[self.index]
            if token[0] != NAME:
                return left
            operator = token[1]
            precedence = PRECEDENCE.get(operator)
            if precedence is None:
                operator = operator.lower()
                precedence = PRECEDENCE.get(operator)
                if precedence is None:
                    return left
            if precedence < floor:
                return left
            self._check_spaces(token)
            self.index += 1
            self.spend(token[2])
            if operator == "in":
                left = self._in(left, token[2])
            else:
                left = nodes.Binary(operator, left, self.expression(precedence + 1), at=token[2])

    def _check_spaces(self, token: Token) -> None:
        following = self.tokens[self.index + 1]
        if following[0] == END:
            raise self.unexpected(following, "an expression")
        if self.tokens[self.index - 1][3] == token[2] or following[2] == token[3]:
            raise self.fail(f"The operator '{token[1]}' needs a space on both sides.", token[2])

    def operand(self) -> nodes.Node:
        token = self.tokens[self.index]
        kind, text, at, _ = token
        self.index += 1
        if kind == NAME:
            return self._word(token)
        if kind in LITERAL_KINDS:
            if kind == TIME and self.case_depth == self.depth:
                token = self._split_time(token)
            return self.literal(token)
        if kind == PUNCTUATION:
            return self._prefixed(token)
        if kind == AT:
            if "." in text or self.adjoins("/"):
                return self.path(None, nodes.Name(text, at=at), at)
            return nodes.Alias(text[1:], at=at)
        if kind == DOLLAR and text.lower() in _ROOTS:
            return self.path(nodes.Root(text.lower(), at=at), None, at)
        raise self.unexpected(token, "an expression")

    def _word(self, token: Token) -> nodes.Node:
        """A name at the head of an operand: literal word, `not`, call, or path."""
        _, text, at, end = token
        following = self.tokens[self.index]
        if following[2] == end and following[0] == PUNCTUATION:
            if following[1] == "(":
                return self.call(token)
            if following[1] == "/":
                return self._path_from(text, at)
        literal = word_literal(text, at)
        if literal is not None:
            return literal
        if following[2] > end and text.lower() == "not" and following[1].lower() not in PRECEDENCE:
            return self._unary("not", at)
        return self._path_from(text, at)

    def _path_from(self, text: str, at: int) -> nodes.Node:
        if text in self.variables:
            return self.path(nodes.Root(text, at=at), None, at)
        if "." in text:
            if not self.adjoins("/"):
                raise self.fail(f"'{text}' is a type name: a property or a call must follow it.", at)
            return self.path(None, nodes.Cast(text, at=at), at)
        return self.path(None, nodes.Name(text, at=at), at)

    def _unary(self, operator: str, at: int) -> nodes.Node:
        self.enter(at)
        self.spend(at)
        operand = self.operand()
        self.depth -= 1
        return nodes.Unary(operator, operand, at=at)

    def _prefixed(self, token: Token) -> nodes.Node:
        mark, at = token[1], token[2]
        if mark == "(":
            self.enter(at)
            inner = self.expression()
            self.expect(")")
            self.depth -= 1
            return inner
        if mark == "-":
            return self._unary("-", at)
        if mark in "[{":
            return self.json_value(token)
        raise self.unexpected(token, "an expression")

    def _split_time(self, token: Token) -> Token:
        """In `case(Age gt 10:20)` the colon ends the condition: 10:20 is no time unless another colon follows."""
        _, text, at, end = token
        if len(text) != 5 or self.tokens[self.index][1] == ":":
            return token
        self.tokens[self.index : self.index] = [(PUNCTUATION, ":", at + 2, at + 3), (NUMBER, text[3:], at + 3, end)]
        return NUMBER, text[:2], at, at + 2

    def _in(self, left: nodes.Node, at: int) -> nodes.Node:
        opening = self.tokens[self.index]
        if opening[1] == "(":
            self.index += 1
            items = self._list_items(opening[2])
            if len(items) == 1 and not isinstance(items[0], nodes.Literal):
                return nodes.In(left, right=items[0], at=at)
            return nodes.In(left, items, at=at)
        right = self.operand()
        if isinstance(right, nodes.JsonLiteral) and isinstance(right.value, list):
            return nodes.In(left, right.items, at=at)
        return nodes.In(left, right=right, at=at)

    def _list_items(self, at: int) -> tuple[nodes.Node, ...]:
        if self.accept(")"):
            return ()
        self.enter(at)
        items = [self.expression()]
        while self.accept(","):
            items.append(self.expression())
            if len(items) > self.limits.in_values:
                raise self.fail(f"The list of 'in' has more than the limit of {self.limits.in_values} items.", at, raised_by("in_values"))
        self.expect(")")
        self.depth -= 1
        return tuple(items)
