"""Relations in addresses, $expand and expressions: only related rows, as deep as asked, or a refusal. URL Conventions 4.01, 4 and 5.1."""

from __future__ import annotations

import pytest

from tests.compliance.conftest import FULL, Client


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("orders(1)/items(order_id=1,line=2)", 200),
        ("orders(1)/items(2)", 200),
        ("items/1/2", 200),
        ("items/1/2/product", 200),
        ("items/1/2/order/note", 200),
        ("orders/1/items/2", 200),
        ("items/1", 404),
        ("items/1/$count", 404),
        ("items/1/99", 404),
        ("items/1/x", 404),
        ("items/1/2/3", 404),
        ("journal/1", 404),
        ("orders(1)/items(order_id=2,line=1)", 404),  # a row of somebody else
        ("customers(1)/orders(2)/items(1)", 200),
        ("customers(2)/orders(1)", 404),
        ("customers(2)/orders(1)/note", 404),
    ],
)
def test_key_behind_a_relation_finds_related_rows_only(odata: Client, path: str, status: int) -> None:
    assert odata.get(path).status == status


def test_levels_show_every_level(odata: Client) -> None:
    row = odata.get("staff(5)?$expand=boss($levels=3;$select=id)&$select=id").json

    context = row.pop("@odata.context")
    assert context.endswith("$metadata#staff(id,boss+(id))/$entity")
    assert names_off(row) == {"id": 5, "boss": {"id": 4, "boss": {"id": 2, "boss": {"id": 1}}}}


def names_off(row: object) -> object:
    """Return the row without control information."""
    if isinstance(row, dict):
        return {name: names_off(value) for name, value in row.items() if "@" not in name}
    return row


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("customers?$expand=orders($filter=$it/id eq 1)", 501),  # $it is the customer
        ("customers?$expand=orders($compute=total mul 2 as note)", 400),
        ("customers?$expand=$value,orders", 400),
        ("customers?$expand=orders,orders", 400),
        ("orders?$expand=customer/$count", 400),
        ("$metadata?$filter=id eq 1", 400),
        ("?$top=1", 400),
    ],
)
def test_option_that_is_not_served_is_refused(odata: Client, path: str, status: int) -> None:
    assert odata.get(path).status == status


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("items?$filter=order/customer eq null&$select=line", []),
        ("items?$filter=order/customer ne null and line eq 1&$select=order_id", [1, 2, 4]),
        ("customers?$filter=orders/any(o:o/items/any(i:i/quantity gt 3 and o/total gt 20 and id lt 3))", [1]),
        ("customers?$filter=orders/any(o:o/customer_id eq $it/id and id eq 4)", [4]),
        ("customers?$filter=orders/$count($filter=total gt 20) gt 1", [1]),
        ("orders?$filter=customer/orders/any(o:o/id gt id and note eq 'first')", [1]),
        ("staff?$filter=boss/boss/name eq 'Root'", [4]),
        ("staff?$filter=boss/boss eq null", [1, 2, 3]),
    ],
)
def test_expressions_reach_over_relations(odata: Client, path: str, ids: list[int]) -> None:
    answer = odata.get(path)

    assert answer.status == 200, answer.body
    assert [row.get("id", row.get("order_id")) for row in answer.json["value"]] == ids


def test_literals_that_shape_a_statement_do_not_meet_the_plan_of_another(odata: Client) -> None:
    assert odata.filter("customers", "id div 2 eq 1").status == 200
    assert odata.filter("customers", "id div 0 eq 1").status == 400
    assert odata.filter("customers", "score lt 1.5e0").ids() != []
    assert odata.filter("customers", "score lt NaN").ids() == []
    assert len(odata.filter("customers", "score ne NaN").ids()) == 9


def test_no_content_names_no_media_type(odata: Client) -> None:
    answer = odata.get("customers(2)/email")

    assert (answer.status, answer.headers.get("content-type")) == (204, None)


def test_property_names_its_type_at_full_metadata(odata: Client) -> None:
    assert odata.get("customers(1)/visits", Accept=FULL).json["@odata.type"] == "#Int64"


@pytest.mark.parametrize("key", ["a\tb", "a\r\nb", "\x1b[2m", "\x7f", "' '"])
def test_a_key_with_control_characters_has_an_address(odata: Client, key: str) -> None:
    made = odata.request("POST", "codes", {"code": key, "note": "odd"})
    address = made.headers["location"].split("/api.rsc/")[1]

    found = odata.get(address)

    assert (made.status, found.status, found.json["code"]) == (201, 200, key)
    assert odata.request("DELETE", address).status == 204
    assert odata.get(address).status == 404
