"""The resource path below the service root -> nodes (OData 4.01 URL Conventions, 4)."""

from __future__ import annotations

import re

from apiserver.odata import nodes
from apiserver.odata.expression_parser import ExpressionParser
from apiserver.odata.lexer import AT, IDENTIFIER, NAME, QUALIFIED
from apiserver.odata.literal_tokens import LITERAL_KINDS, word_literal
from apiserver.odata.nested_options import split_nested
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, ODataSyntaxError, raised_by
from apiserver.odata.percent import check_text, decode_path
from apiserver.odata.search_parser import parse_search

_OPTION = "path"
_HEAD = re.compile(rf"({QUALIFIED}|\$[A-Za-z]+)\(")
_WORD = re.compile(QUALIFIED)
_CROSSJOIN = re.compile(rf"\([ \t]*({IDENTIFIER}(?:[ \t]*,[ \t]*{IDENTIFIER})*)[ \t]*\)")

_SYSTEM = frozenset({"$metadata", "$batch", "$all", "$entity", "$each", "$count", "$value", "$ref", "$query", "$oas"})
_FIRST_ONLY = frozenset({"$metadata", "$batch", "$all", "$entity", "$crossjoin", "$oas"})
_LAST = frozenset({"$metadata", "$batch", "$value", "$ref", "$query", "$oas"})


def parse_path(path: str, *, decoded: bool, limits: Limits = DEFAULT_LIMITS) -> nodes.ResourcePath:
    """Parse the path below the service root.

    `decoded`: percent-encoding is resolved already (WSGI does so), so a slash inside quotes in parentheses is text. In a raw path
    such a slash is an error, and %2F is always text.
    """
    text, literal_slashes = (path, frozenset()) if decoded else decode_path(path)
    check_text(text, _OPTION)
    segments: list[nodes.Node] = []
    for start, end in _split(text, literal_slashes, decoded):
        segments.extend(_segment(text, start, end, limits, first=not segments))
        if len(segments) > limits.path_segments:
            raise ODataSyntaxError(
                f"The path has more than the limit of {limits.path_segments} segments.", _OPTION, start, raised_by("path_segments")
            )
    _check_order(segments)
    return nodes.ResourcePath(tuple(segments))


def _split(text: str, literal_slashes: frozenset[int], decoded: bool) -> list[tuple[int, int]]:
    """Find the segments: slashes outside of parentheses divide. Quotes count inside parentheses only (People/O'Neil)."""
    regions: list[tuple[int, int]] = []
    depth, in_quotes = 0, False
    start = 1 if text[:1] == "/" else 0
    for position in range(start, len(text)):
        character = text[position]
        if character == "'" and depth:
            in_quotes = not in_quotes
        elif in_quotes:
            if character == "/" and not decoded and position not in literal_slashes:
                raise ODataSyntaxError("A slash inside a quoted key is written %2F.", _OPTION, position)
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == "/" and depth <= 0 and position not in literal_slashes:
            regions.append((start, position))
            start = position + 1
    if in_quotes or depth > 0:
        raise ODataSyntaxError("A quote or a parenthesis is not closed.", _OPTION, start)
    if start < len(text):
        regions.append((start, len(text)))
    for begin, stop in regions:
        if begin == stop:
            raise ODataSyntaxError("The path has an empty segment.", _OPTION, begin)
    return regions


def _segment(text: str, start: int, end: int, limits: Limits, *, first: bool) -> list[nodes.Node]:
    """Read one segment: a name, a type, a key value, or one of these with parentheses."""
    head = _HEAD.match(text, start, end)
    if head is None or text[end - 1] != ")":
        return [_bare_segment(text[start:end], start, first=first)]
    name, opening = head[1], head.end() - 1
    if name[0] == "$":
        return _system_call(text, name.lower(), start, opening, end, limits)
    return _called_segment(text, name, start, opening, end, limits)


def _bare_segment(segment: str, at: int, *, first: bool) -> nodes.Node:
    if segment[0] == "$":
        if segment.lower() not in _SYSTEM:
            raise ODataSyntaxError(f"'{segment[:40]}' is not a path segment of OData.", _OPTION, at)
        return nodes.Name(segment.lower(), at=at)
    is_word = _WORD.fullmatch(segment) is not None
    if "." in segment and is_word:
        if first:
            raise ODataSyntaxError(f"A path cannot begin with the qualified name '{segment[:80]}'.", _OPTION, at)
        return nodes.Cast(segment, at=at)
    if not is_word and (first or "(" in segment):
        raise ODataSyntaxError(f"'{segment[:80]}' is not a name.", _OPTION, at)
    return nodes.Name(segment, at=at)


def _called_segment(text: str, name: str, start: int, opening: int, end: int, limits: Limits) -> list[nodes.Node]:
    """Name(key), Name(key=..)(key), Ns.Function(parameter=..), Name()."""
    reader = ExpressionParser(text, _OPTION, limits, opening, end)
    found: list[nodes.Node] = []
    while reader.accept("("):
        at = reader.tokens[reader.index - 1][2]
        names, values = _key(reader)
        if found:
            found.append(nodes.KeySegment(names, values, at=at))
        elif not names or ("." in name and names[0]):
            found.append(nodes.Bound(name, names, values, at=start))
        else:
            owner = nodes.Cast(name, at=start) if "." in name else nodes.Name(name, at=start)
            found += [owner, nodes.KeySegment(names, values, at=at)]
        if len(found) > limits.path_segments:
            raise reader.fail(f"The path has more than the limit of {limits.path_segments} segments.", at, raised_by("path_segments"))
    reader.expect_end()
    return found


def _key(reader: ExpressionParser) -> tuple[tuple[str, ...], tuple[nodes.Node, ...]]:
    """Read the inside of a key's or a call's parentheses: literals and aliases, all named or one without a name."""
    if reader.accept(")"):
        return (), ()
    names: list[str] = []
    values: list[nodes.Node] = []
    while True:
        token = reader.tokens[reader.index]
        name = ""
        if token[0] == NAME and reader.tokens[reader.index + 1][1] == "=":
            name = token[1]
            reader.index += 2
        if name in names or (names and not (name and names[0])):
            raise reader.fail("A key of several parts names each part once.", token[2])
        names.append(name)
        values.append(_key_value(reader))
        if not reader.accept(","):
            break
    reader.expect(")")
    return tuple(names), tuple(values)


def _key_value(reader: ExpressionParser) -> nodes.Node:
    token = reader.tokens[reader.index]
    kind, text, at, _ = token
    reader.index += 1
    if kind in LITERAL_KINDS:
        return reader.literal(token)
    if kind == AT and "." not in text:
        return nodes.Alias(text[1:], at=at)
    word = word_literal(text, at) if kind == NAME else None
    if word is None:
        raise reader.unexpected(token, "a value")
    return word


def _system_call(text: str, name: str, start: int, opening: int, end: int, limits: Limits) -> list[nodes.Node]:
    if name == "$crossjoin":
        match = _CROSSJOIN.fullmatch(text, opening, end)
        if match is None:
            raise ODataSyntaxError("$crossjoin takes names of entity sets.", _OPTION, opening)
        names = tuple(nodes.Name(part.strip(), at=opening) for part in match[1].split(","))
        return [nodes.Bound("$crossjoin", ("",) * len(names), names, at=start)]
    if name == "$filter":
        reader = ExpressionParser(text, _OPTION, limits, opening, end)
        reader.expect("(")
        condition = reader.expression()
        reader.expect(")")
        reader.expect_end()
        return [nodes.Bound("$filter", ("",), (condition,), at=start)]
    if name == "$count":
        return [_count(text, start, opening, end, limits)]
    raise ODataSyntaxError(f"'{name}' takes no parentheses.", _OPTION, start)


def _count(text: str, start: int, opening: int, end: int, limits: Limits) -> nodes.CountSegment:
    options, after = split_nested(text, opening, _OPTION, end)
    filter_: nodes.Node | None = None
    search: nodes.Node | None = None
    for option in options:
        if option.name == "filter":
            filter_ = ExpressionParser(text, _OPTION, limits, option.start, option.end).whole()
        elif option.name == "search":
            search = parse_search(text, limits, option.start, option.end)
        else:
            raise ODataSyntaxError("$count takes $filter and $search only.", _OPTION, option.at)
    if after != end:
        raise ODataSyntaxError("Nothing may follow $count(...).", _OPTION, after)
    return nodes.CountSegment(filter_, search, at=start)


def _check_order(segments: list[nodes.Node]) -> None:
    """Refuse segments where they have no meaning: $metadata in the middle, anything after $value, a type cast twice."""
    for index, segment in enumerate(segments):
        name = segment.name if isinstance(segment, nodes.Name | nodes.Bound) else ""
        if (name in _FIRST_ONLY) is not (index == 0) and (name in _FIRST_ONLY or name[:1] == "$"):
            raise ODataSyntaxError(f"'{name}' cannot stand here in the path.", _OPTION, segment.at)
        following = segments[index + 1] if index + 1 < len(segments) else None
        if following is None:
            return
        follows_query = isinstance(following, nodes.Name) and following.name == "$query"
        if (name in _LAST or name == "$count" or isinstance(segment, nodes.CountSegment)) and not (follows_query and name not in _LAST):
            raise ODataSyntaxError(f"Nothing may follow '{name or '$count'}'.", _OPTION, following.at)
        if isinstance(segment, nodes.Cast) and isinstance(following, nodes.Cast):
            raise ODataSyntaxError("Two type names cannot follow each other.", _OPTION, following.at)
