"""The query string of a request -> Options (OData 4.01 URL Conventions, 5.1; ABNF queryOptions)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from apiserver.odata import nodes
from apiserver.odata.apply_parser import parse_apply
from apiserver.odata.expand_parser import parse_expand, parse_select
from apiserver.odata.lexer import IDENTIFIER
from apiserver.odata.list_parser import parse_compute, parse_expression, parse_filter, parse_orderby
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, ODataSyntaxError
from apiserver.odata.path_parser import parse_path
from apiserver.odata.percent import decode
from apiserver.odata.scalar_options import parse_boolean, parse_index, parse_natural, parse_version
from apiserver.odata.search_parser import parse_search

__all__ = ["parse_options", "parse_path"]

_ALIAS = re.compile(rf"@{IDENTIFIER}")
# What the ABNF wants percent-encoded in a search word.
_BARE_IN_SEARCH = re.compile(r"[;#]")


def _text(text: str, limits: Limits) -> str:
    return text


_READERS: dict[str, Callable[[str, Limits], Any]] = {
    "filter": parse_filter,
    "search": parse_search,
    "orderby": parse_orderby,
    "select": parse_select,
    "expand": parse_expand,
    "compute": parse_compute,
    "apply": parse_apply,
    "top": lambda text, limits: parse_natural(text, "$top", "$top"),
    "skip": lambda text, limits: parse_natural(text, "$skip", "$skip"),
    "count": lambda text, limits: parse_boolean(text, "$count", "$count"),
    "index": lambda text, limits: parse_index(text, "$index"),
    "schemaversion": lambda text, limits: parse_version(text, "$schemaversion"),
    "format": _text,
    "skiptoken": _text,
    "deltatoken": _text,
    "id": _text,
}


def parse_options(query_string: str, *, lenient: bool = True, limits: Limits = DEFAULT_LIMITS) -> nodes.Options:
    """Parse a raw query string, still percent-encoded.

    `lenient` lets blanks stand around a value and a bare `;` in $search, as many clients write them.
    """
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    aliases: dict[str, nodes.Node] = {}
    custom: list[tuple[str, str]] = []
    for piece in query_string.split("&"):
        if not piece:
            continue
        raw_name, has_value, raw_value = piece.partition("=")
        name = decode(raw_name)
        if name[:1] == "@":
            _read_alias(name, raw_value, aliases, limits)
            continue
        key = name[1:].lower() if name[:1] == "$" else name.lower()
        if key not in _READERS:
            if name[:1] == "$":
                raise ODataSyntaxError(f"The query option '{name[:80]}' is not known.", name[:80], 0)
            custom.append((name, decode(raw_value, name)))
            continue
        if key in given:
            raise ODataSyntaxError(f"The query option ${key} is given twice.", f"${key}", 0)
        if not has_value:
            raise ODataSyntaxError(f"The query option ${key} has no value.", f"${key}", 0)
        given[key], values[key] = _read_option(key, raw_value, lenient, limits)
    return nodes.Options(**values, aliases=aliases, custom=tuple(custom), given=given)


def _read_option(key: str, raw_value: str, lenient: bool, limits: Limits) -> tuple[str, Any]:
    option = f"${key}"
    text = decode(raw_value, option)
    if lenient:
        text = text.strip(" \t\r\n")
    elif text[:1] in (" ", "\t") or text[-1:] in (" ", "\t"):
        raise ODataSyntaxError(f"The value of {option} begins or ends with a blank.", option, 0)
    elif key == "search" and _BARE_IN_SEARCH.search(raw_value):
        raise ODataSyntaxError("A semicolon or hash in $search is percent-encoded.", option, 0)
    if not text:
        raise ODataSyntaxError(f"The query option {option} has no value.", option, 0)
    return text, _READERS[key](text, limits)


def _read_alias(name: str, raw_value: str, aliases: dict[str, nodes.Node], limits: Limits) -> None:
    if not _ALIAS.fullmatch(name):
        raise ODataSyntaxError(f"'{name[:80]}' is not the name of an alias.", name[:80], 0, "An alias is @ and a name.")
    if name[1:] in aliases:
        raise ODataSyntaxError(f"The alias {name} is given twice.", name, 0)
    text = decode(raw_value, name)
    if not text.strip():
        raise ODataSyntaxError(f"The alias {name} has no value.", name, 0)
    aliases[name[1:]] = parse_expression(text, limits, name)
