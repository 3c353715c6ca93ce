"""JSON arrays and objects in expressions (OData 4.01 URL Conventions, 5.1.1.14.4): values may be expressions again."""

from __future__ import annotations

import json
from typing import Any

from apiserver.odata import nodes
from apiserver.odata.cursor import Cursor
from apiserver.odata.lexer import JSON_STRING, PUNCTUATION, Token
from apiserver.odata.parser_errors import raised_by
from apiserver.odata.percent import check_text
from connections.contract.table import Type


class JsonReader(Cursor):
    """`value` of the nodes is a list or a dict of plain values; `items` are the nodes of the elements or members."""

    __slots__ = ()

    def json_value(self, opening: Token) -> nodes.JsonLiteral:
        """Read from after `[` or `{` to its closing mark."""
        mark, at = opening[1], opening[2]
        self.enter(at)
        self.spend(at)
        found = self._array(at) if mark == "[" else self._object(at)
        self.depth -= 1
        return found

    def _array(self, at: int) -> nodes.JsonLiteral:
        items: list[nodes.Node] = []
        if not self.accept("]"):
            items.append(self._element())
            while self.accept(","):
                items.append(self._element())
                if len(items) > self.limits.in_values:
                    raise self.fail(f"The array has more than the limit of {self.limits.in_values} items.", at, raised_by("in_values"))
            self.expect("]")
        return nodes.JsonLiteral([_plain(item) for item in items], tuple(items), at=at)

    def _object(self, at: int) -> nodes.JsonLiteral:
        names: list[str] = []
        items: list[nodes.Node] = []
        if not self.accept("}"):
            while True:
                names.append(self._member_name())
                items.append(self._element())
                if len(items) > self.limits.in_values:
                    raise self.fail(f"The object has more than the limit of {self.limits.in_values} members.", at, raised_by("in_values"))
                if not self.accept(","):
                    break
            self.expect("}")
        return nodes.JsonLiteral(dict(zip(names, map(_plain, items), strict=True)), tuple(items), at=at)

    def _member_name(self) -> str:
        token = self.tokens[self.index]
        if token[0] != JSON_STRING:
            raise self.unexpected(token, "a member name in double quotes")
        self.index += 1
        name = self._string(token)
        self.expect(":")
        return name

    def _element(self) -> nodes.Node:
        token = self.tokens[self.index]
        if token[0] == JSON_STRING:
            self.index += 1
            return nodes.Literal(Type.STRING, self._string(token), token[1], at=token[2])
        if token[0] == PUNCTUATION and token[1] in "[{":
            self.index += 1
            return self.json_value(token)
        return self.expression()

    def _string(self, token: Token) -> str:
        try:
            found: str = json.loads(token[1])
        except ValueError:
            raise self.fail("A string in double quotes is not valid JSON.", token[2]) from None
        check_text(found, self.option)
        return found


def _plain(node: nodes.Node) -> Any:
    """The JSON value of a literal; expressions stay nodes."""
    return node.value if isinstance(node, nodes.Literal | nodes.JsonLiteral) else node
