"""Expressions: precedence, paths, calls, lists, JSON; what is refused and where."""

from __future__ import annotations

from typing import Any

import pytest

from apiserver.odata import nodes
from apiserver.odata.parser import Limits, ODataSyntaxError, parse_compute, parse_expression, parse_filter, parse_orderby


def text_of(node: Any) -> str:
    """A tree as text, every operator in parentheses."""
    match node:
        case nodes.Literal():
            return node.text
        case nodes.Binary():
            return f"({text_of(node.left)} {node.operator} {text_of(node.right)})"
        case nodes.Unary():
            return f"({node.operator} {text_of(node.operand)})"
        case nodes.In():
            right = text_of(node.right) if node.right else f"[{','.join(map(text_of, node.items))}]"
            return f"({text_of(node.left)} in {right})"
        case nodes.Call():
            return f"{node.name}({','.join(map(text_of, node.arguments))})"
        case nodes.Path():
            head = [node.root.name] if node.root else []
            return "/".join([*head, *map(text_of, node.segments)])
        case nodes.Name() | nodes.TypeName():
            return node.name
        case nodes.Cast():
            return f"<{node.name}>"
        case nodes.Alias():
            return f"@{node.name}"
        case nodes.Lambda():
            return f"{node.operator}({node.variable}:{text_of(node.body)})" if node.body else f"{node.operator}()"
        case nodes.CountSegment():
            inner = ";".join(text_of(part) for part in (node.filter, node.search) if part)
            return f"$count{f'({inner})' if inner else ''}"
        case nodes.Bound() | nodes.KeySegment():
            name = node.name if isinstance(node, nodes.Bound) else "key"
            return f"{name}{{{','.join(f'{n}={text_of(v)}' for n, v in zip(node.names, node.values, strict=True))}}}"
        case nodes.JsonLiteral():
            return f"json[{','.join(map(text_of, node.items))}]"
        case nodes.SearchTerm():
            return f'"{node.text}"'
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("A eq 1", "(A eq 1)"),
        ("A eq 1 or B eq 2 and C eq 3", "((A eq 1) or ((B eq 2) and (C eq 3)))"),
        ("(A eq 1 or B eq 2) and C eq 3", "(((A eq 1) or (B eq 2)) and (C eq 3))"),
        ("A AND B Or C", "((A and B) or C)"),
        ("A sub B sub C", "((A sub B) sub C)"),
        ("A add B mul C divby 2 mod 3", "(A add (((B mul C) divby 2) mod 3))"),
        ("A gt 1 eq true", "((A gt 1) eq true)"),
        ("A eq B gt 1", "(A eq (B gt 1))"),
        ("not A and B", "((not A) and B)"),
        ("not (A and B)", "(not (A and B))"),
        ("not(A eq 1)", "(not (A eq 1))"),
        ("NOT contains(A,'x')", "(not contains(A,'x'))"),
        ("-A add 1", "((- A) add 1)"),
        ("- (A)", "(- A)"),
        ("A eq -5", "(A eq -5)"),
        ("ToLower(A) EQ 'x'", "(tolower(A) eq 'x')"),
        ("substring(A, 1 , 2)", "substring(A,1,2)"),
        ("now()", "now()"),
        ("matchesPattern(A,'^x')", "matchespattern(A,'^x')"),
        ("geo.distance(A,B) lt 1e3", "(geo.distance(A,B) lt 1e3)"),
        ("style has Sales.Pattern'Yellow'", "(style has Sales.Pattern'Yellow')"),
        ("cast(A,Edm.String) eq '1'", "(cast(A,Edm.String) eq '1')"),
        ("isof(Ns.Type)", "isof(Ns.Type)"),
        ("cast(A,Collection(Edm.Int32))", "cast(A,Collection(Edm.Int32))"),
        ("case(A gt 0:1,true:0)", "case((A gt 0),1,true,0)"),
        ("case(A gt 10:20,true:30)", "case((A gt 10),20,true,30)"),
        ("case(A eq 10:20:true)", "case((A eq 10:20),true)"),
        ("A in (1,2, 3)", "(A in [1,2,3])"),
        ("A in ('x')", "(A in ['x'])"),
        ("A in ()", "(A in [])"),
        ("A in (B)", "(A in B)"),
        ("A in @list", "(A in @list)"),
        ('A in ["x",2]', '(A in ["x",2])'),
        ("A in (1,2) and B", "((A in [1,2]) and B)"),
        ("Customer/Name eq @name", "(Customer/Name eq @name)"),
        ("Items/any()", "Items/any()"),
        ("Items/any(i:i/Price gt Total)", "Items/any(i:(i/Price gt Total))"),
        ("Items/all( i : i/Tags/any(t:t eq i/Name) )", "Items/all(i:i/Tags/any(t:(t eq i/Name)))"),
        ("Items/$count gt 2", "(Items/$count gt 2)"),
        ("Items/$count($filter=Price gt 5;$search='a)') gt 2 and A", '((Items/$count((Price gt 5);"a") gt 2) and A)'),
        ("Ns.Type/Name eq 'x'", "(<Ns.Type>/Name eq 'x')"),
        ("A/Ns.Type/Name eq 'x'", "(A/<Ns.Type>/Name eq 'x')"),
        ("$it/Name eq $root/People('a')/Name", "($it/Name eq $root/People/key{='a'}/Name)"),
        ("$this eq 'x'", "($this eq 'x')"),
        ("Items(1)/Name", "Items/key{=1}/Name"),
        ("Ns.Func(a=1,b=A add 2) eq 3", "(Ns.Func{a=1,b=(A add 2)} eq 3)"),
        ("unknown(A,1)", "unknown{=A,=1}"),
        ("Price/@Measures.Currency eq 'EUR'", "(Price/@Measures.Currency eq 'EUR')"),
        ('[1,[2],"x"] eq A', '(json[1,json[2],"x"] eq A)'),
        ("{} eq A", "(json[] eq A)"),
        ("null eq A", "(null eq A)"),
        ("and eq or", "(and eq or)"),
    ],
)
def test_parse_expression_builds_the_tree(text: str, tree: str) -> None:
    assert text_of(parse_expression(text)) == tree


def test_count_with_search_goes_on_after_its_parenthesis() -> None:
    node = parse_filter("Items/$count($search=Daniel's) gt 2")

    assert isinstance(node, nodes.Binary)
    assert node.operator == "gt"
    assert node.left == nodes.Path((nodes.Name("Items"), nodes.CountSegment(search=nodes.SearchTerm("Daniel's"))))


def test_json_object_keeps_values_and_nodes() -> None:
    node = parse_expression('{"a":1,"b":["x",null],"c":Name}')

    assert isinstance(node, nodes.JsonLiteral)
    assert node.value == {"a": 1, "b": ["x", None], "c": nodes.Path((nodes.Name("Name"),))}
    assert len(node.items) == 3


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("A eq", 4),
        ("A eq 1 and", 10),
        ("A eqq 1", 2),
        ("A eq 1 B", 7),
        ("A eq 'x", 5),
        ("A eq 'O'Neil'", 8),
        ("(A eq 1", 7),
        ("A eq 1)", 6),
        ("A = 1", 2),
        ("A > 1", 2),
        ('A eq "x"', 5),
        ("A eq 2020-02-30", 5),
        ("contains(A)", 0),
        ("contains(A,)", 11),
        ("year(A,B) eq 1", 0),
        ("A/ B eq 1", 3),
        ("A / B eq 1", 2),
        ("any(x:x eq 1)", 0),
        ("Items/all()", 10),
        ("Items/any(x)", 11),
        ("A in (1,B", 9),
        ("A in(1)", 2),
        ("(A)and(B)", 3),
        ("Ns.Type eq 1", 0),
        ("A eq (1,2)", 7),
        ("f(a=1,2)", 1),
        ("f(a=1,a=2)", 1),
        ("A/$value eq 1", 2),
        ("[1,2", 4),
        ('{"a"}', 4),
        ("case(A)", 6),
        ("A eq \x00", 5),
        ("Items/$count($top=1) gt 1", 13),
    ],
)
def test_parse_expression_refuses_at_the_position(text: str, position: int) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_filter(text)

    assert (caught.value.option, caught.value.position) == ("$filter", position)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("A == 1", "words"), ("A eq 'O'Neil'", "twice"), ("A gt 2020-01-31T12:30:00", "ends in Z"), ('A eq "x"', "single quotes")],
)
def test_refusal_says_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_filter(text)

    assert hint in caught.value.hint


def test_positions_of_nodes_count_characters_of_the_text() -> None:
    node = parse_filter("Name eq 'é' or contains(Other,'x')")

    assert isinstance(node, nodes.Binary)
    assert (node.at, node.left.at, node.right.at) == (12, 5, 15)


# ---- limits ----


@pytest.mark.parametrize(
    "text",
    [
        "(" * 41 + "A" + ")" * 41,
        "not " * 60 + "A",
        "- " * 60 + "A",
        "[" * 60 + "]" * 60,
        '{"a":' * 60 + "1" + "}" * 60,
        "concat(A," * 41 + "'x'" + ")" * 41,
        "A/any(x:" * 41 + "true" + ")" * 41,
        "A/$count($filter=" * 41 + "true" + ")" * 41,
        "case(" * 41,
        "(" * 100_000,
    ],
)
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(ODataSyntaxError, match="limit of 40 levels"):
        parse_filter(text, Limits(lambda_depth=50))


def test_nesting_up_to_the_limit_is_parsed() -> None:
    assert parse_filter("(" * 40 + "A" + ")" * 40) == nodes.Path((nodes.Name("A"),))


def test_long_chains_are_no_nesting() -> None:
    node = parse_filter(" or ".join(f"Id eq {number}" for number in range(100)))

    assert isinstance(node, nodes.Binary)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (" or ".join(["A"] * 202), "200 operators"),
        ("A in (" + ",".join(["1"] * 201) + ")", "200 items"),
        ("A in [" + ",".join(["1"] * 201) + "]", "200 items"),
        ("/".join(["A"] * 41), "40 segments"),
    ],
)
def test_size_is_bounded(text: str, limit: str) -> None:
    with pytest.raises(ODataSyntaxError, match=limit):
        parse_filter(text)


def test_limits_can_be_given() -> None:
    assert parse_filter(" or ".join(["A"] * 202), Limits(filter_nodes=300))


# ---- $orderby, $compute ----


def test_parse_orderby_reads_directions() -> None:
    items = parse_orderby("Name desc, year(Date) ASC,A/$count,desc")

    assert [item.is_descending for item in items] == [True, False, False, False]
    assert items[3].expression == nodes.Path((nodes.Name("desc"),))


@pytest.mark.parametrize("text", ["", "A,", ",A", "A up", "A desc asc", "A desc B", ",".join(["A"] * 21)])
def test_parse_orderby_refuses(text: str) -> None:
    with pytest.raises(ODataSyntaxError):
        parse_orderby(text)


def test_parse_compute_reads_names() -> None:
    items = parse_compute("A mul 2 as Twice, year(B) as Y")

    assert [item.name for item in items] == ["Twice", "Y"]


@pytest.mark.parametrize("text", ["A", "A as", "A as 1", "A as B.C", "A mul 2as B", "A as B,"])
def test_parse_compute_refuses(text: str) -> None:
    with pytest.raises(ODataSyntaxError):
        parse_compute(text)
