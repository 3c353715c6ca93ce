"""LIKE, ILIKE and regular expressions of people's SQL."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from connections.contract.table import Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_nodes import Scope, Typed
from connections.engine.sql_reader import problem
from connections.engine.sql_state import constant, null

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions

LONGEST = 1000  # characters of a regular expression
FLAGS = "icsn"


def like(binder: Expressions, node: exp.Expression, scope: Scope) -> Typed:
    """Return LIKE (case matters) or ILIKE: plain beginnings, ends and parts as what sources know them by."""
    escape = ""
    if isinstance(node, exp.Escape):
        escape, node = str(node.expression.name), node.this
        if len(escape) != 1:
            raise problem("ESCAPE takes one character.", node)
    pattern = constant(node.expression)
    value = binder.settled(binder.expression(node.this, scope))
    if value.type is None:
        return null(node)
    if value.type != Type.STRING:
        value = replace(value, tree=binder.text(value))
    is_ci = isinstance(node, exp.ILike)
    if pattern is None or pattern.literal is None:
        return computed(binder, value, node, scope, escape)
    pieces = pieces_of(pattern.literal.text, escape, node)
    name, text = shape_of_pattern(pieces, is_ci=is_ci)
    tree = fn("tolower", value.tree) if is_ci and name != "contains_ci" else value.tree
    bound = binder.given(text.lower() if is_ci else text, Column("", Type.STRING))
    return binder.made(fn(name, tree, bound), Type.BOOLEAN, node, (value,))


def computed(binder: Expressions, value: Typed, node: exp.Expression, scope: Scope, escape: str) -> Typed:
    """Return LIKE with a pattern that each row has its own of; our own escape character is made one of the text."""
    pattern = binder.expression(node.expression, scope)
    if pattern.type is None:
        return null(node)
    if escape:
        raise problem("ESCAPE needs a pattern that is written out.", node)
    is_ci = isinstance(node, exp.ILike)
    one, two = (binder.given(text, Column("", Type.STRING)) for text in ("!", "!!"))
    text = fn("replace", binder.text(pattern), one, two)
    trees = [fn("tolower", tree) if is_ci else tree for tree in (value.tree, text)]
    return binder.made(fn("like", *trees), Type.BOOLEAN, node, (value, pattern))


def pieces_of(pattern: str, escape: str, node: exp.Expression) -> list[tuple[bool, str]]:
    """Return a LIKE pattern as characters, each a wildcard or itself."""
    found: list[tuple[bool, str]] = []
    characters = iter(pattern)
    for character in characters:
        if escape and character == escape:
            following = next(characters, "")
            if not following:
                raise problem("The pattern of LIKE ends with its escape character.", node)
            found.append((False, following))
        else:
            found.append((character in "%_", character))
    return found


def shape_of_pattern(pieces: list[tuple[bool, str]], *, is_ci: bool) -> tuple[str, str]:
    """Return the function that a pattern comes to, and its argument."""
    wild = [number for number, (is_wild, _) in enumerate(pieces) if is_wild]
    text = "".join(character for is_wild, character in pieces if not is_wild)
    only = all(pieces[number][1] == "%" for number in wild)
    last = len(pieces) - 1
    if not wild:
        return "eq_text", text
    if only and wild == [last] and text:
        return "startswith", text
    if only and wild == [0] and text:
        return "endswith", text
    if only and wild == [0, last] and text:
        return "contains_ci" if is_ci else "contains", text
    return "like", "".join(character if is_wild or character not in "%_!" else f"!{character}" for is_wild, character in pieces)


def matches(binder: Expressions, node: exp.Expression, scope: Scope) -> Typed:
    """Return REGEXP and RLIKE, which look for a part, and SIMILAR TO, which takes the whole text and % and _."""
    if isinstance(node, exp.SimilarTo):
        raise problem("SIMILAR TO is not supported in this SQL.", node, "Use LIKE or REGEXP_LIKE(text, pattern).")
    flags = "i" if isinstance(node, exp.RegexpILike) else ""
    return found_in(binder, node, (node.this, node.expression), flags, scope)


def regexp_like(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return REGEXP_LIKE(text, pattern[, flags])."""
    flags = node.expressions[2].name if len(node.expressions) > 2 else ""
    if set(flags) - set(FLAGS):
        raise problem(f"The flags of REGEXP_LIKE are {', '.join(FLAGS)}.", node)
    return found_in(binder, node, (node.expressions[0], node.expressions[1]), flags, scope)


def found_in(binder: Expressions, node: exp.Expression, parts: tuple[exp.Expression, exp.Expression], flags: str, scope: Scope) -> Typed:
    """Return whether a regular expression is found in a text: DuckDB's (RE2), whatever the source would make of it."""
    pattern = regular(parts[1], flags)
    value = binder.expression(parts[0], scope)
    if value.type is None:
        return null(node)
    tree = fn("regexp", binder.text(value), binder.given(pattern, Column("", Type.STRING)))
    return binder.made(tree, Type.BOOLEAN, node, (value,))


def regular(node: exp.Expression, flags: str = "") -> str:
    """Return a regular expression that is written out; raise for one that RE2, which never runs away, does not know."""
    pattern = constant(node)
    if pattern is None or pattern.literal is None or pattern.literal.type != Type.STRING or len(pattern.literal.text) > LONGEST:
        raise problem(f"The regular expression must be a text of up to {LONGEST} characters, written out.", node)
    text = pattern.literal.text
    if re.search(r"(?<!\\)(\\\\)*(\(\?[=!<>]|\\[1-9])", text):
        raise problem("Looking ahead or behind, and references to groups, are not supported.", node)
    marks = "".join(dict.fromkeys(flag.replace("n", "s") for flag in flags if flag != "c"))
    return f"(?{marks}){text}" if marks else text


def replaced(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return REGEXP_REPLACE(text, pattern, text instead): everywhere."""
    values = [binder.expression(node.expressions[place], scope) for place in (0, 2)]
    if any(value.type is None for value in values):
        return null(node)
    pattern = binder.given(regular(node.expressions[1]), Column("", Type.STRING))
    tree = fn("regexp_replace", binder.text(values[0]), pattern, binder.text(values[1]))
    return binder.made(tree, Type.STRING, node, values)
