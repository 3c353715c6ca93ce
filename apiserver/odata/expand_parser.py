"""$select, $expand and the options nested in their items -> nodes (OData 4.01 URL Conventions, 5.1.3 and 5.1.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from apiserver.odata import nodes
from apiserver.odata.apply_parser import parse_apply_region
from apiserver.odata.lexer import IDENTIFIER, QUALIFIED
from apiserver.odata.list_parser import parse_compute_region, parse_expression_region, parse_orderby_region
from apiserver.odata.nested_options import NestedOption, split_nested
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, ODataSyntaxError, raised_by
from apiserver.odata.scalar_options import parse_boolean, parse_levels, parse_natural
from apiserver.odata.search_parser import parse_search

_SEGMENT = re.compile(rf"{QUALIFIED}(?:\.\*)?|@{QUALIFIED}(?:\#\w+)?|\*|\$\w+")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_PARAMETERS = re.compile(rf"\([ \t]*({IDENTIFIER}(?:[ \t]*,[ \t]*{IDENTIFIER})*)[ \t]*\)")

Item = TypeVar("Item", nodes.SelectItem, nodes.ExpandItem)

_SELECT_OPTIONS = frozenset({"filter", "search", "count", "orderby", "skip", "top", "select", "compute", "expand"})
_EXPAND_OPTIONS = _SELECT_OPTIONS | {"levels", "apply"}
_REF_OPTIONS = frozenset({"filter", "search", "orderby", "skip", "top", "count"})
_COUNT_OPTIONS = frozenset({"filter", "search"})
_ALL_OPTIONS = frozenset({"levels"})


class _ItemReader:
    """Reads comma-separated paths with options in parentheses out of text[start:end]."""

    def __init__(self, text: str, option: str, limits: Limits, start: int, end: int, level: int) -> None:
        self.text = text
        self.option = option
        self.limits = limits
        self.position = start
        while self.position < end and text[self.position] in " \t":
            self.position += 1
        while end > self.position and text[end - 1] in " \t":
            end -= 1
        self.end = end
        self.level = level

    def fail(self, message: str, at: int | None = None, hint: str = "") -> ODataSyntaxError:
        return ODataSyntaxError(message, self.option, self.position if at is None else at, hint)

    def segments(self) -> list[str]:
        """Read `A/B/C`; each is checked to be a name, `*`, or a `$` word."""
        found: list[str] = []
        while True:
            match = _SEGMENT.match(self.text, self.position, self.end)
            if match is None:
                raise self.unexpected("a property name")
            found.append(match[0])
            self.position = match.end()
            if not self.at("/"):
                break
            self.position += 1
        if len(found) > self.limits.path_segments:
            raise self.fail(f"The path has more than the limit of {self.limits.path_segments} segments.", hint=raised_by("path_segments"))
        return found

    def at(self, mark: str) -> bool:
        return self.position < self.end and self.text[self.position] == mark

    def more(self) -> bool:
        """Consume the comma before a next item; anything else but the end is refused."""
        if self.position >= self.end:
            return False
        match = _COMMA.match(self.text, self.position, self.end)
        if match is None:
            raise self.unexpected("a comma or the end")
        self.position = match.end()
        return True

    def unexpected(self, wanted: str) -> ODataSyntaxError:
        if self.position >= self.end:
            return self.fail(f"{self.option} ends where {wanted} was expected.")
        return self.fail(f"'{self.text[self.position : self.position + 20]}' stands where {wanted} was expected.")

    def options(self, allowed: frozenset[str], owner: str) -> nodes.Options | None:
        """Read `(option;option)` if it is next."""
        if not self.at("("):
            return None
        found, self.position = split_nested(self.text, self.position, self.option, self.end)
        for option in found:
            if option.name not in allowed and option.name[0] != "@":
                raise self.fail(f"${option.name} is not an option of {owner}.", option.at)
        if self.level >= self.limits.expand_depth:
            raise self.fail(
                f"{self.option} is nested deeper than the limit of {self.limits.expand_depth} levels.",
                found[0].at,
                raised_by("expand_depth"),
            )
        return _nested_options(self.text, self.option, self.limits, found, self.level + 1)


def _nested_options(text: str, option: str, limits: Limits, found: list[NestedOption], level: int) -> nodes.Options:
    values: dict[str, Any] = {"aliases": {}, "given": {}}
    for item in found:
        region = text[item.start : item.end]
        name = item.name
        values["given"][name] = region
        if name[0] == "@":
            values["aliases"][name[1:]] = parse_expression_region(text, option, limits, item.start, item.end)
        elif name == "filter":
            values[name] = parse_expression_region(text, option, limits, item.start, item.end)
        elif name == "orderby":
            values[name] = parse_orderby_region(text, option, limits, item.start, item.end)
        elif name == "compute":
            values[name] = parse_compute_region(text, option, limits, item.start, item.end)
        elif name == "apply":
            values[name] = parse_apply_region(text, option, limits, item.start, item.end)
        elif name == "search":
            values[name] = parse_search(text, limits, item.start, item.end)
        elif name == "select":
            values[name] = parse_select_region(text, option, limits, item.start, item.end, level)
        elif name == "expand":
            values[name] = parse_expand_region(text, option, limits, item.start, item.end, level)
        elif name == "count":
            values[name] = parse_boolean(region, option, "$count", item.start)
        elif name == "levels":
            values[name] = parse_levels(region, option, item.start)
        else:
            values[name] = parse_natural(region, option, f"${name}", item.start)
    return nodes.Options(**values)


def parse_select_region(text: str, option: str, limits: Limits, start: int, end: int, level: int = 0) -> tuple[nodes.SelectItem, ...]:
    """Parse a list of $select inside text[start:end]."""
    return _items(_ItemReader(text, option, limits, start, end, level), _select_item, "$select", start)


def _select_item(reader: _ItemReader) -> nodes.SelectItem:
    at = reader.position
    path = reader.segments()
    last = path[-1]
    for segment in path:
        if segment[0] == "$" or (segment.endswith("*") and len(path) > 1 and segment is not last):
            raise reader.fail(f"'{segment}' cannot be selected.", at)
    if last == "*" and len(path) > 1:
        raise reader.fail("In $select, * stands alone.", at)
    parameters = _PARAMETERS.match(reader.text, reader.position, reader.end)
    if parameters is not None:
        reader.position = parameters.end()
        return nodes.SelectItem(tuple(path), parameters=tuple(name.strip() for name in parameters[1].split(",")), at=at)
    options = None if last.endswith("*") else reader.options(_SELECT_OPTIONS, "a selected property")
    return nodes.SelectItem(tuple(path), options, at=at)


def parse_expand_region(text: str, option: str, limits: Limits, start: int, end: int, level: int = 0) -> tuple[nodes.ExpandItem, ...]:
    """Parse a list of $expand inside text[start:end]."""
    return _items(_ItemReader(text, option, limits, start, end, level), _expand_item, "$expand", start)


def _items(reader: _ItemReader, one: Callable[[_ItemReader], Item], option: str, start: int) -> tuple[Item, ...]:
    """Read the items of a list, no more than the limit."""
    items: list[Item] = []
    while True:
        items.append(one(reader))
        if len(items) > reader.limits.select_items:
            raise reader.fail(f"{option} has more than the limit of {reader.limits.select_items} items.", start, raised_by("select_items"))
        if not reader.more():
            return tuple(items)


def _expand_item(reader: _ItemReader) -> nodes.ExpandItem:
    at = reader.position
    path = reader.segments()
    suffix = path.pop() if path[-1][0] == "$" else ""
    if suffix == "$value" and not path:
        return nodes.ExpandItem((), suffix, at=at)
    if suffix not in ("", "$ref", "$count") or not path or any(segment[0] == "$" for segment in path):
        raise reader.fail(f"'{suffix or path[0]}' cannot be expanded.", at)
    if any(segment.endswith("*") for segment in path[:-1]) or path[-1].endswith(".*"):
        raise reader.fail("In $expand, * ends a path.", at)
    if path[-1] == "*":
        allowed = frozenset() if suffix else _ALL_OPTIONS
        if suffix == "$count":
            raise reader.fail("*/$count cannot be expanded.", at)
    else:
        allowed = {"$ref": _REF_OPTIONS, "$count": _COUNT_OPTIONS}.get(suffix, _EXPAND_OPTIONS)
    if "." in path[-1] and path[-1][0] != "@" and len(path) == 1:
        raise reader.fail(f"'{path[-1]}' is a type name: a navigation property must stand beside it.", at)
    return nodes.ExpandItem(tuple(path), suffix, reader.options(allowed, f"{path[-1]}/{suffix}".rstrip("/")), at=at)


def parse_select(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[nodes.SelectItem, ...]:
    """Parse the decoded value of $select."""
    return parse_select_region(text, "$select", limits, 0, len(text))


def parse_expand(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[nodes.ExpandItem, ...]:
    """Parse the decoded value of $expand."""
    return parse_expand_region(text, "$expand", limits, 0, len(text))
