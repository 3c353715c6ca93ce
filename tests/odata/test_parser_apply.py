"""$apply: steps, their arguments, and what is refused."""

from __future__ import annotations

import pytest

from apiserver.odata import nodes
from apiserver.odata.parser import ODataSyntaxError, parse_apply, parse_filter


def test_parse_apply_reads_a_pipeline() -> None:
    sequence = parse_apply("filter(A gt 1)/groupby((B,C/D),aggregate(E with sum as Total,$count as N))/orderby(Total desc)/top(3)")

    filter_, groupby, orderby, top = sequence.steps
    assert (filter_.name, orderby.name, top.name) == ("filter", "orderby", "top")
    grouping, inner = groupby.arguments
    assert isinstance(grouping, nodes.Grouping)
    assert len(grouping.items) == 2
    assert isinstance(inner, nodes.ApplySequence)
    assert inner.steps[0].arguments == (
        nodes.Aggregate(nodes.Path((nodes.Name("E"),)), "sum", (), "Total"),
        nodes.Aggregate(nodes.Path((nodes.CountSegment(),)), "", (), "N"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "identity",
        "concat(topcount(2,A),bottomcount(2,A))",
        "aggregate(A mul B with sum as T,Forecast)",
        "aggregate(A with sum from B with average from C,D with max as T)",
        "groupby((rollup(A/B,A/C),D),aggregate(E with Ns.median as M))",
        "groupby((rolluprecursive($root/Orgs,H,Id,filter(Id eq 'x'))),aggregate(A with sum as T))",
        "compute(A add 1 as B,C as D)/skip(1)",
        'search(coffee OR "a)b")/top(1)',
        "search(')/top(1')/top(1)",
        "addnested(Items,filter(A gt 3) as F,identity as G)",
        "nest(groupby((A)) as B)",
        "join(Items as I,filter(A gt 1))/outerjoin(Items as J)",
        "ancestors($root/Orgs,H,Id,search(East)/top(3),2,keep start)",
        "descendants($root/Orgs,H,Id,identity,keep start)",
        "traverse($root/Orgs,H,Id,preorder,Name desc,Id)",
        "Ns.Custom(Count=1)/identity",
        "compute(A div $these/aggregate(A with sum) as Share)",
    ],
)
def test_parse_apply_accepts(text: str) -> None:
    assert parse_apply(text).steps


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aggregate()",
        "aggregate(A with sum)",
        "aggregate(A add 1)",
        "aggregate($count)",
        "aggregate($count with sum as N)",
        "aggregate(A with sum from B as T)",
        "groupby(A)",
        "groupby((A/Ns.Type))",
        "groupby((A/@Ns.Term))",
        "groupby((A(1)/B))",
        "concat(identity)",
        "topcount(2)",
        "filter(A gt 1)//top(1)",
        "filter(A gt 1) top(1)",
        "filter",
        "search(a",
        "addnested(Items)",
        "addnested(Items,identity)",
        "join(Items)",
        "ancestors($root/Orgs,H,Id)",
        "ancestors($root/Orgs,H,Id,identity,2,keep)",
        "traverse($root/Orgs,H,Id,inorder)",
        "concat(" * 50,
        "identity/" * 300 + "identity",
    ],
)
def test_parse_apply_refuses(text: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_apply(text)

    assert caught.value.option == "$apply"


def test_aggregate_is_a_segment_of_paths() -> None:
    node = parse_filter("Items/aggregate(Price with sum) gt 5")

    assert isinstance(node, nodes.Binary)
    assert isinstance(node.left, nodes.Path)
    assert node.left.segments[-1] == nodes.Aggregate(nodes.Path((nodes.Name("Price"),)), "sum")
