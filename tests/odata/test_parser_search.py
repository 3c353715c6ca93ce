"""$search: words that look like operators, phrases, precedence."""

from __future__ import annotations

import pytest

from apiserver.odata import nodes
from apiserver.odata.parser import ODataSyntaxError, parse_search


def text_of(node: nodes.Node) -> str:
    match node:
        case nodes.SearchTerm():
            return f'"{node.text}"' if node.is_phrase else node.text
        case nodes.SearchNot():
            return f"!{text_of(node.operand)}"
        case nodes.SearchBoolean():
            return f"({text_of(node.left)} {'&' if node.operator == 'and' else '|'} {text_of(node.right)})"
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("blue", "blue"),
        (" blue  green ", "(blue & green)"),
        ("a AND b OR c AND d", "((a & b) | (c & d))"),
        ("a b OR c", "((a & b) | c)"),
        ("a AND (b OR c)", "(a & (b | c))"),
        ("NOT a b", "(!a & b)"),
        ("a NOT b", "(a & !b)"),
        ("NOT (a b)", "!(a & b)"),
        ("NOT NOT", "!NOT"),
        ("AND", "AND"),
        ("OR AND", "(OR & AND)"),
        ("AND OR NOT", "(AND | NOT)"),
        ("a and b", "((a & and) & b)"),
        ('"blue green" x', '("blue green" & x)'),
        ("Daniel's", "Daniel's"),
        ("3.14,5 C++ 日本", "((3.14,5 & C++) & 日本)"),
        ("'\"blue'", '"blue"'),
        ("'a b'", "(a & b)"),
        ("'('", '"("'),
        (r'"a \"b\" c"', '"a "b" c"'),
        (r'"\\" x', r'("\" & x)'),
        (r'"C:\temp"', r'"C:\temp"'),
    ],
)
def test_parse_search_builds_the_tree(text: str, tree: str) -> None:
    assert text_of(parse_search(text)) == tree


@pytest.mark.parametrize(
    "text",
    [
        "a AND",
        "a OR",
        "a b NOT",
        "(a AND)",
        '"a b" AND',
        "",
        " ",
        '"open',
        '""',
        r'"a\"',
        "(a",
        "a)",
        "()",
        "a(b)",
        '"a"b',
        'a"b"',
        "'a b",
        "''",
        "(" * 50 + "a" + ")" * 50,
    ],
)
def test_parse_search_refuses(text: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_search(text)

    assert caught.value.option == "$search"


def test_number_of_words_is_bounded() -> None:
    with pytest.raises(ODataSyntaxError, match="limit of 200 words"):
        parse_search("a " * 201)
