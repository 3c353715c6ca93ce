"""The grammar of context URLs' fragments (ABNF Construction Rules 4.01, section 3), for the ABNF judge only."""

from __future__ import annotations

import re

from apiserver.odata import parser
from apiserver.odata.lexer import IDENTIFIER, QUALIFIED

_TYPE = rf"{IDENTIFIER}\.{QUALIFIED}"
_ENDS = re.compile(r"/\$(?:entity|delta|deletedEntity|link|deletedLink)$")
_ITEM = re.compile(rf"(?:@{QUALIFIED}(?:#{IDENTIFIER})?|{QUALIFIED}(?:\.\*)?|\*)")


def check_context(text: str, names: dict[str, list[str]]) -> None:
    """Raise ValueError when `text` is no fragment of a context URL."""
    if text[:1] != "#":
        raise ValueError("no fragment")
    body = text[1:]
    if body == "$ref" or re.fullmatch(rf"Collection\((?:\$ref|{_TYPE})\)|{_TYPE}", body):
        return
    body = _ENDS.sub("", body)
    collection = re.match(rf"Collection\({_TYPE}\)", body)
    if collection:
        _check_list_to_end(body, collection.end(), names)
        return
    path, list_at = _split_list(body)
    parser.parse_path(path, decoded=False)
    if list_at is not None:
        _check_list_to_end(body, list_at, names)


def _split_list(body: str) -> tuple[str, int | None]:
    """Tell a list of properties at the end from a key: what parses as a path is a key."""
    try:
        parser.parse_path(body, decoded=False)
    except parser.ODataSyntaxError:
        depth = 0
        for position in range(len(body) - 1, -1, -1):
            depth += (body[position] == ")") - (body[position] == "(")
            if depth == 0:
                return body[:position], position
        raise
    return body, None


def _check_list_to_end(body: str, start: int, names: dict[str, list[str]]) -> None:
    if start < len(body) and _list(body, start, names) != len(body):
        raise ValueError("text after the list")


def _list(body: str, start: int, names: dict[str, list[str]]) -> int:
    """Read `(item,item)`; return the position after it."""
    if body[start] != "(":
        raise ValueError("no list")
    position = start + 1
    if body[position] == ")":
        return position + 1
    while True:
        position = _item(body, position, names)
        if body[position : position + 1] == ")":
            return position + 1
        if body[position : position + 1] != ",":
            raise ValueError("no comma")
        position += 1


def _item(body: str, position: int, names: dict[str, list[str]]) -> int:
    while True:
        match = _ITEM.match(body, position)
        if match is None or (match[0] in names.get("complexTypeName", ()) and match[0] not in names.get("complexProperty", ())):
            raise ValueError("no property")
        position = match.end()
        if body[position : position + 1] == "/":
            position += 1
            continue
        if body[position : position + 1] == "+":
            position += 1
        return _list(body, position, names) if body[position : position + 1] == "(" else position
