"""$select, $orderby, $top, $skip, $count, $expand, $search and server paging. OData 4.01 URL Conventions, 5.1."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from tests.compliance.conftest import Client
from tests.compliance.rows import CUSTOMERS, ITEMS, ORDERS


def walk(odata: Client, path: str, **headers: str) -> list[dict[str, Any]]:
    """Follow next links to the end and return all rows."""
    rows: list[dict[str, Any]] = []
    answer = odata.get(path, **headers)
    for _ in range(100):
        assert answer.status == 200, answer.body
        rows += answer.json["value"]
        link = answer.json.get("@odata.nextLink")
        if link is None:
            return rows
        assert link.startswith(odata.served.base)
        status, found, body = odata.served.get(link.removeprefix(odata.served.base), {"x-cdata-authtoken": odata.token, **headers})
        answer = type(answer)(status, found, body)
    raise AssertionError("next links do not end")


@pytest.mark.parametrize("name", ["credit", "score", "born", "visits", "rank", "country", "name"])
@pytest.mark.parametrize("is_descending", [False, True])
def test_orderby_puts_null_lowest_and_the_key_last(odata: Client, name: str, is_descending: bool) -> None:
    present = sorted((row for row in CUSTOMERS if row[name] is not None), key=lambda row: row["id"])
    present.sort(key=lambda row: row[name], reverse=is_descending)
    absent = [row for row in CUSTOMERS if row[name] is None]

    found = odata.get(f"customers?$orderby={name} {'desc' if is_descending else 'asc'}&$select=id").ids()

    assert found == [row["id"] for row in (present + absent if is_descending else absent + present)]


@pytest.mark.parametrize("constant", ["2", "2 desc", "-1", "0", "99", "1 add 1", "'x'", "null", "@p", "now()"])
def test_orderby_a_constant_orders_by_the_key(odata: Client, constant: str) -> None:
    assert odata.get(f"customers?$orderby={constant}&$select=id&@p=2").ids() == [row["id"] for row in CUSTOMERS]
    assert odata.get(f"customers?$orderby={constant},rank desc&$select=id&@p=2").ids() == odata.get("customers?$orderby=rank desc").ids()


@pytest.mark.parametrize("size", [1, 2, 4, 100])
@pytest.mark.parametrize(
    "order",
    [
        "",
        "&$orderby=country desc,credit",
        "&$orderby=rank",
        "&$orderby=length(name) desc",
        "&$orderby=vip,born desc",
        "&$orderby=visits mul visits",
    ],
)
def test_paging_returns_each_row_once_in_order(odata: Client, size: int, order: str) -> None:
    whole = odata.get(f"customers?$select=id{order}").ids()

    paged = walk(odata, f"customers?$select=id{order}", Prefer=f"odata.maxpagesize={size}")

    assert [row["id"] for row in paged] == whole
    assert sorted(whole) == [row["id"] for row in CUSTOMERS]


def test_paging_keeps_filter_count_select_and_stays_inside_top(odata: Client) -> None:
    first = odata.get("customers?$filter=id gt 2&$count=true&$top=5&$select=id", Prefer="maxpagesize=2")
    rows = walk(odata, "customers?$filter=id gt 2&$count=true&$top=5&$select=id", Prefer="maxpagesize=2")

    assert first.json["@odata.count"] == 7
    assert len(first.json["value"]) == 2
    assert "maxpagesize" in first.headers["preference-applied"]
    assert [row["id"] for row in rows] == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(("options", "ids"), [("$top=2&$skip=1", [2, 3]), ("$top=0", []), ("$skip=8", [9]), ("$skip=100", [])])
def test_top_and_skip(odata: Client, options: str, ids: list[int]) -> None:
    assert odata.get(f"customers?{options}&$select=id").ids() == ids


def test_count_ignores_top_and_skip(odata: Client) -> None:
    answer = odata.get("customers?$count=true&$top=0&$filter=country eq 'JP'").json

    assert (answer["@odata.count"], answer["value"]) == (3, [])


def test_select_gives_what_was_asked(odata: Client) -> None:
    row = odata.get("customers?$select=name&$top=1").json["value"][0]

    assert {name for name in row if "@" not in name} - {"id"} == {"name"}


@pytest.mark.parametrize(
    ("term", "ids"),
    [
        ("alice", [1, 6]),
        ("ALICE", [1, 6]),
        ('"%"', [3, 8]),
        ("注文", [4]),
        ('"O\'Neil"', [3]),
        ("alice JP", [1]),
        ("zzz", []),
        ("bob OR smile", [2, 9]),
    ],
)
def test_search_contains_each_term_in_some_text(odata: Client, term: str, ids: list[int]) -> None:
    status, _, body = odata.served.get(f"/api.rsc/customers?$select=id&$search={quote(term)}", {"x-cdata-authtoken": odata.token})

    assert status == 200, body
    assert [row["id"] for row in json.loads(body)["value"]] == ids


def test_expand_gives_related_rows(odata: Client) -> None:
    rows = odata.get("customers?$expand=orders($select=id;$orderby=id)&$select=id").json["value"]

    assert {row["id"]: [order["id"] for order in row["orders"]] for row in rows} == {
        row["id"]: [order["id"] for order in ORDERS if order["customer_id"] == row["id"]] for row in CUSTOMERS
    }


def test_expand_of_a_single_relation_is_an_object_or_null(odata: Client) -> None:
    rows = odata.get("orders?$expand=customer($select=name)&$orderby=id").json["value"]

    names = {row["id"]: row["name"] for row in CUSTOMERS}
    assert [row["customer"] and row["customer"]["name"] for row in rows] == [names.get(order["customer_id"]) for order in ORDERS]


def test_expand_takes_nested_options(odata: Client) -> None:
    options = "$filter=total gt 10.5;$orderby=id desc;$top=1;$skip=0;$count=true;$select=id,total"

    row = odata.get(f"customers(1)?$expand=orders({options})").json

    assert [order["id"] for order in row["orders"]] == [6]
    assert row["orders@odata.count"] == 2


def test_expand_goes_two_levels_down_and_up(odata: Client) -> None:
    row = odata.get(
        "customers(1)?$select=id&$expand=orders($select=id;$orderby=id;$expand=items($select=line;$orderby=line),customer($select=name))"
    ).json

    assert [len(order["items"]) for order in row["orders"]] == [sum(item["order_id"] == n for item in ITEMS) for n in (1, 2, 6)]
    assert {order["customer"]["name"] for order in row["orders"]} == {"Alice"}


def test_expand_star_and_count_and_ref(odata: Client) -> None:
    star = odata.get("orders(1)?$expand=*").json
    count = odata.get("customers(1)?$expand=orders/$count").json
    reference = odata.get("customers(1)?$expand=orders/$ref").json

    assert star["customer"]["id"] == 1
    assert len(star["items"]) == 3
    assert count["orders@odata.count"] == 3
    assert [order["@odata.id"].rsplit("/", 1)[-1] for order in reference["orders"]] == ["orders(1)", "orders(2)", "orders(6)"]


def test_orderby_over_a_relation(odata: Client) -> None:
    names = {row["id"]: row["name"] for row in CUSTOMERS}

    found = odata.get("orders?$orderby=customer/name desc,id&$select=id").ids()

    present = sorted((o for o in ORDERS if o["customer_id"]), key=lambda o: o["id"])
    present.sort(key=lambda o: names[o["customer_id"]], reverse=True)
    assert found == [o["id"] for o in present] + [o["id"] for o in ORDERS if not o["customer_id"]]


def test_related_set_takes_query_options(odata: Client) -> None:
    assert odata.get("customers(1)/orders?$filter=note ne null&$orderby=id desc&$top=1").ids() == [6]


def test_decimals_keep_their_digits(odata: Client) -> None:
    body = odata.get("orders?$select=total&$orderby=id").body

    totals = [row["total"] for row in json.loads(body, parse_float=Decimal)["value"]]
    assert totals == [order["total"] for order in ORDERS]
