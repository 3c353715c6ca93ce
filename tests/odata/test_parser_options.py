"""The query string: names, decoding, every option, nesting in $expand and $select."""

from __future__ import annotations

import pytest

from apiserver.odata import nodes
from apiserver.odata.parser import Limits, ODataSyntaxError, parse_expand, parse_options, parse_select

ALL_OPTIONS = "filter orderby select expand compute search top skip count format skiptoken deltatoken apply index schemaversion id"


def path(*names: str) -> nodes.Path:
    return nodes.Path(tuple(nodes.Name(name) for name in names))


def test_parse_options_of_nothing_gives_nothing() -> None:
    assert parse_options("") == nodes.Options()
    assert parse_options("&&") == nodes.Options()


def test_parse_options_reads_every_system_option() -> None:
    options = parse_options(
        "$filter=A%20eq%201&$orderby=A&$select=A&$expand=B&$compute=A add 1 as C&$search=x&$top=5&$skip=0&$count=true&$format=json"
        "&$skiptoken=abc&$deltatoken=def&$apply=identity&$index=-1&$schemaversion=*&$id=People('a')"
    )

    assert " ".join(options.given) == ALL_OPTIONS
    assert (options.top, options.skip, options.count, options.index) == (5, 0, True, -1)
    assert (options.format, options.skiptoken, options.deltatoken, options.schemaversion) == ("json", "abc", "def", "*")
    assert options.id == "People('a')"
    assert options.given["filter"] == "A eq 1"
    assert options.apply == nodes.ApplySequence((nodes.ApplyStep("identity"),))


@pytest.mark.parametrize("name", ["$top", "top", "$TOP", "Top", "%24top", "%24Top"])
def test_option_name_takes_any_case_and_no_dollar(name: str) -> None:
    assert parse_options(f"{name}=3").top == 3


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ("$unknown=1", "$unknown"),
        ("$levels=1", "$levels"),
        ("$callback=x", "$callback"),
        ("$=1", "$"),
        ("$top =1", "$top "),
        ("$top=1&top=2", "$top"),
        ("$filter=A&$FILTER=B", "$filter"),
        ("$top", "$top"),
        ("$top=", "$top"),
        ("$filter=%20", "$filter"),
        ("$top=-1", "$top"),
        ("$top=1.5", "$top"),
        ("$top=abc", "$top"),
        ("$top=%D9%A3", "$top"),
        ("$skip=" + "9" * 20, "$skip"),
        ("$count=1", "$count"),
        ("$count=yes", "$count"),
        ("$index=x", "$index"),
        ("$schemaversion=a/b", "$schemaversion"),
        ("@a.b=1", "@a.b"),
        ("@=1", "@"),
        ("@a=", "@a"),
        ("@a", "@a"),
        ("@a=1&@a=2", "@a"),
        ("@a=1 2", "@a"),
        ("$filter=%", "$filter"),
        ("$filter=%4", "$filter"),
        ("$filter=%zz", "$filter"),
        ("$filter=%ff", "$filter"),
        ("$filter='%C3'", "$filter"),
        ("$filter='%ED%A0%80' eq A", "$filter"),
        ("$filter='%00' eq A", "$filter"),
        ("x=%ff", "x"),
        ("%ff=x", ""),
        ("$filter='\udc80' eq A", "$filter"),
    ],
)
def test_parse_options_refuses(query: str, option: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_options(query)

    assert caught.value.option == option


def test_plus_is_a_blank_and_its_escape_is_not() -> None:
    options = parse_options("$filter=A+eq+'a%2Bb'")

    assert options.given["filter"] == "A eq 'a+b'"


def test_ampersand_and_equals_divide_before_decoding() -> None:
    assert parse_options("$filter=A eq 'x%26$top=1'").filter == nodes.Binary("eq", path("A"), parse_literal("'x&$top=1'"))


def parse_literal(text: str) -> nodes.Node:
    expression = parse_options(f"@a={text.replace('&', '%26')}").aliases["a"]
    assert isinstance(expression, nodes.Literal)
    return expression


def test_text_is_utf8_whether_escaped_or_raw() -> None:
    escaped = parse_options("$filter=%E5%90%8D eq '%E6%97%A5'")

    assert escaped == parse_options("$filter=名 eq '日'")
    assert escaped == parse_options("$filter=名 eq '日'".encode().decode("latin-1"))


def test_other_names_are_custom_and_aliases_are_expressions() -> None:
    options = parse_options("sap-language=DE&x&a=b=c&@p=1&@list=[1,2]&@e=A add 1")

    assert options.custom == (("sap-language", "DE"), ("x", ""), ("a", "b=c"))
    assert list(options.aliases) == ["p", "list", "e"]
    assert options.aliases["e"] == nodes.Binary("add", path("A"), parse_literal("1"))


def test_blanks_around_values_are_lenient() -> None:
    assert parse_options("$top= 5 &$filter= A ").top == 5
    with pytest.raises(ODataSyntaxError):
        parse_options("$top= 5", lenient=False)


def test_semicolon_in_search_is_lenient() -> None:
    assert parse_options("$search=a;b").search == nodes.SearchTerm("a;b")
    assert parse_options("$search=a%3Bb", lenient=False).search == nodes.SearchTerm("a;b")
    with pytest.raises(ODataSyntaxError):
        parse_options("$search=a;b", lenient=False)


# ---- $select, $expand ----


def test_parse_select_reads_paths_and_options() -> None:
    items = parse_select("*,Name , Address/City,Ns.Type/Rank,Ns.*,Tags($top=2;filter=$this eq 'a;)'),Func(P1, P2)")

    assert [item.path for item in items] == [
        ("*",),
        ("Name",),
        ("Address", "City"),
        ("Ns.Type", "Rank"),
        ("Ns.*",),
        ("Tags",),
        ("Func",),
    ]
    assert items[5].options is not None
    assert items[5].options.top == 2
    assert items[5].options.given == {"top": "2", "filter": "$this eq 'a;)'"}
    assert items[6].parameters == ("P1", "P2")


@pytest.mark.parametrize(
    "text", ["", ",", "A,", "A,,B", "A/", "/A", "1A", "A B", "A/*", "*/A", "$count", "A/$count", "A(", "A()", "A($levels=2)", "A($top=x)"]
)
def test_parse_select_refuses(text: str) -> None:
    with pytest.raises(ODataSyntaxError):
        parse_select(text)


def test_parse_expand_reads_nested_options() -> None:
    items = parse_expand(
        "Orders($filter=Total gt 5 and Note eq 'a;b)';$orderby=Id desc;$top=2;$expand=Items($select=Id,Name;$count=true)),Boss"
    )

    options = items[0].options
    assert [item.path for item in items] == [("Orders",), ("Boss",)]
    assert options is not None
    assert options.top == 2
    assert options.orderby == (nodes.OrderItem(path("Id"), True),)
    assert options.expand is not None
    inner = options.expand[0].options
    assert inner is not None
    assert inner.count is True
    assert [item.path for item in inner.select or ()] == [("Id",), ("Name",)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A/$ref", (("A",), "$ref")),
        ("A/$count", (("A",), "$count")),
        ("A/B/Ns.Type/C", (("A", "B", "Ns.Type", "C"), "")),
        ("*", (("*",), "")),
        ("*/$ref", (("*",), "$ref")),
        ("A/*", (("A", "*"), "")),
        ("$value", ((), "$value")),
        ("@Ns.Term", (("@Ns.Term",), "")),
    ],
)
def test_parse_expand_reads_paths(text: str, expected: tuple[tuple[str, ...], str]) -> None:
    (item,) = parse_expand(text)

    assert (item.path, item.suffix) == expected


def test_parse_expand_reads_levels_search_and_aliases() -> None:
    items = parse_expand(
        'A($levels=3),B(levels=MAX),C($search=Daniel\'s;$top=1),D($search=a;b),E($search="x)" y),G($search="\\");"),F(@p=5;$filter=G eq @p)'
    )

    options = [item.options or nodes.Options() for item in items]
    assert [option.levels for option in options[:2]] == [3, "max"]
    assert (options[2].search, options[2].top) == (nodes.SearchTerm("Daniel's"), 1)
    assert options[3].search == nodes.SearchTerm("a;b")
    assert isinstance(options[4].search, nodes.SearchBoolean)
    assert options[5].search == nodes.SearchTerm('");', is_phrase=True)
    assert list(options[6].aliases) == ["p"]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("A,", 2),
        ("A(", 2),
        ("A()", 2),
        ("A($top=1", 1),
        ("A($top=1)B", 9),
        ("A($top=1;$top=2)", 9),
        ("A($unknown=1)", 2),
        ("A($format=json)", 2),
        ("A($levels=0)", 10),
        ("A($levels=04)", 10),
        ("A($filter=B eq)", 14),
        ("A($expand=B($filter=C eq 'x))", 25),
        ("A($expand=B($filter=C D))", 22),
        ("A/$ref($select=B)", 7),
        ("A/$count($top=1)", 9),
        ("*($select=B)", 2),
        ("*/A", 0),
        ("A/$value", 0),
        ("$ref", 0),
        ("Ns.Type", 0),
    ],
)
def test_parse_expand_refuses_at_the_position(text: str, position: int) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_expand(text)

    assert (caught.value.option, caught.value.position) == ("$expand", position)


def nested(levels: int) -> str:
    return "A($expand=" * levels + "A" + ")" * levels


def test_expand_depth_is_bounded() -> None:
    assert parse_expand(nested(5))
    with pytest.raises(ODataSyntaxError, match="limit of 5 levels"):
        parse_expand(nested(6))
    assert parse_expand(nested(6), Limits(expand_depth=6))


@pytest.mark.parametrize("option", ["$select", "$expand"])
def test_number_of_items_is_bounded(option: str) -> None:
    with pytest.raises(ODataSyntaxError, match="limit of 200 items"):
        parse_options(f"{option}=" + ",".join(["A"] * 201))
