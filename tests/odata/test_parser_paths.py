"""Resource paths, raw and decoded."""

from __future__ import annotations

from typing import Any

import pytest

from apiserver.odata import nodes
from apiserver.odata.parser import ODataSyntaxError, parse_path


def text_of(node: Any) -> str:
    match node:
        case nodes.KeySegment():
            return "{" + ",".join(f"{name}={text_of(value)}" for name, value in zip(node.names, node.values, strict=True)) + "}"
        case nodes.Bound():
            return f"{node.name}!" + text_of(nodes.KeySegment(node.names, node.values))
        case nodes.Cast():
            return f"<{node.name}>"
        case nodes.Name():
            return node.name
        case nodes.Literal():
            return repr(node.value)
        case nodes.Alias():
            return f"@{node.name}"
        case nodes.CountSegment():
            return "$count!"
        case _:
            return "..."


def segments(path: str, *, decoded: bool = True) -> list[str]:
    return [text_of(segment) for segment in parse_path(path, decoded=decoded).segments]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", []),
        ("/", []),
        ("Orders", ["Orders"]),
        ("/Orders/", ["Orders"]),
        ("受注", ["受注"]),
        ("Orders(1)", ["Orders", "{=1}"]),
        ("Orders(-1)/Items", ["Orders", "{=-1}", "Items"]),
        ("Orders(Id=1,Part='a/b')/Items/$count", ["Orders", "{Id=1,Part='a/b'}", "Items", "$count"]),
        ("Orders( Id = 1 , B = 2 )", ["Orders", "{Id=1,B=2}"]),
        ("People('O''Neil')", ["People", '{="O\'Neil"}']),
        ("People('a)(b')/Name/$value", ["People", "{='a)(b'}", "Name", "$value"]),
        ("People(@p)", ["People", "{=@p}"]),
        ("People(Id=@p)", ["People", "{Id=@p}"]),
        ("People/O'Neil", ["People", "O'Neil"]),
        ("People/1/Boss", ["People", "1", "Boss"]),
        ("People/a b-c", ["People", "a b-c"]),
        ("Sets(null)", ["Sets", "{=None}"]),
        ("Top()", ["Top!{}"]),
        ("Orders/Ns.Late", ["Orders", "<Ns.Late>"]),
        ("Orders/Ns.Late(1)", ["Orders", "<Ns.Late>", "{=1}"]),
        ("Orders(1)/Ns.Rank(size=2)/$count", ["Orders", "{=1}", "Ns.Rank!{size=2}", "$count"]),
        ("Orders/Ns.Rank()", ["Orders", "Ns.Rank!{}"]),
        ("ByColor(color='red')('x')", ["ByColor", "{color='red'}", "{='x'}"]),
        ("$METADATA", ["$metadata"]),
        ("$batch", ["$batch"]),
        ("$oas", ["$oas"]),
        ("$all/Ns.Type", ["$all", "<Ns.Type>"]),
        ("$entity/Ns.Type", ["$entity", "<Ns.Type>"]),
        ("$crossjoin(A, B)/$count", ["$crossjoin!{=A,=B}", "$count"]),
        ("A/$filter(B/C gt 3)/$filter(@f)/$each", ["A", "$filter!{=...}", "$filter!{=@f}", "$each"]),
        ("A/$count($filter=B/C eq 'x/y';$search=z)", ["A", "$count!"]),
        ("A(1)/B/$ref", ["A", "{=1}", "B", "$ref"]),
        ("A/$query", ["A", "$query"]),
        ("A/$count/$query", ["A", "$count", "$query"]),
    ],
)
def test_parse_path_reads_a_decoded_path(path: str, expected: list[str]) -> None:
    assert segments(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Orders%281%29", ["Orders", "{=1}"]),
        ("People(%27O%27%27Neil%27)", ["People", '{="O\'Neil"}']),
        ("People('a%2Fb')/X", ["People", "{='a/b'}", "X"]),
        ("People/a%2Fb", ["People", "a/b"]),
        ("Return%20X('%E6%97%A5')", None),
        ("People('%E6%97%A5+1')", ["People", "{='日+1'}"]),
        ("People(2020-01-31T12%3A00%3A00%2B01%3A00)", ["People", "{=datetime.datetime(2020, 1, 31, 11, 0, tzinfo=datetime.timezone.utc)}"]),
    ],
)
def test_parse_path_reads_a_raw_path(path: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ODataSyntaxError):
            segments(path, decoded=False)
    else:
        assert segments(path, decoded=False) == expected


@pytest.mark.parametrize(
    "path",
    [
        "A//B",
        "//A",
        "A//",
        "Ns.Type",
        "1",
        "A B",
        "A(",
        "A)",
        "A(1",
        "A('x)",
        "A('O'Neil')",
        "A(B=c)",
        "A(1,2)",
        "A(1,B=2)",
        "A(B=1;C=2)",
        "A(B=1,B=2)",
        "A(1)x",
        "A(2020-02-30)",
        ".A('x')",
        "A.('x')",
        "A/$unknown",
        "A/$metadata",
        "$metadata/A",
        "$count",
        "A/$value/B",
        "A/$count/B",
        "A/$ref/$count",
        "A/$metadata(1)",
        "A/$filter()",
        "A/$filter(B",
        "A/$count($top=1)",
        "$crossjoin()",
        "$crossjoin(1)",
        "A/Ns.B/Ns.B",
        "A(" + "(" * 1000,
        "A" + "(1)" * 100,
        "/".join(["A"] * 41),
        "A\x00",
        "A('\ud800')",
    ],
)
def test_parse_path_refuses(path: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_path(path, decoded=True)

    assert caught.value.option == "path"


@pytest.mark.parametrize("path", ["A('x/y')", "A%", "A%2", "A%ff", "A('%27')"])
def test_parse_path_refuses_raw_text(path: str) -> None:
    with pytest.raises(ODataSyntaxError):
        parse_path(path, decoded=False)
