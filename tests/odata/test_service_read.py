"""Reads in this process, on every database: addresses, formats, contexts, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.answers import Answer
from tests.odata.service_harness import ROOT, Service

FULL = "application/json;odata.metadata=full"


def control(reply: Answer) -> dict[str, Any]:
    return {name: value for name, value in reply.json.items() if "@" in name}


@pytest.mark.parametrize("path", ["", "/"])
def test_service_document_lists_what_the_user_sees(api: Service, path: str) -> None:
    reply = api.get(path)

    assert reply.json["@odata.context"] == f"{ROOT}/$metadata"
    assert reply.json["value"][0] == {"name": "customers", "kind": "EntitySet", "url": "customers"}
    assert "@odata.context" not in api.get("?$format=application/json;odata.metadata=none").json
    assert api.get("", Accept="application/xml").status == 406


def test_standing_headers_are_on_every_answer(api: Service) -> None:
    for reply in (api.get("customers"), api.get("nothing"), api.request("OPTIONS", "customers")):
        assert reply.headers["OData-Version"] == "4.0"
    assert api.get("customers", OData_MaxVersion="4.01").headers["OData-Version"] == "4.01"


def test_minimal_is_the_default(api: Service) -> None:
    reply = api.get("customers(1)")

    assert reply.headers["Content-Type"] == "application/json;odata.metadata=minimal"
    assert control(reply) == {"@odata.context": f"{ROOT}/$metadata#customers/$entity", "@odata.etag": reply.headers["ETag"]}
    assert b'"visits":9007199254740993' in reply.body
    assert reply.json["seen"] == "2024-03-10T12:34:56.789Z"
    assert reply.json["wakes"] == "06:30:00"


def test_none_has_no_control_information(api: Service) -> None:
    reply = api.get("customers(1)?$format=application/json;odata.metadata=none")

    assert control(reply) == {}


def test_full_has_ids_links_and_types(api: Service) -> None:
    found = api.get("customers(1)", Accept=FULL).json

    assert found["@odata.type"] == "#API.customers"
    assert found["@odata.id"] == found["@odata.editLink"] == f"{ROOT}/customers(1)"
    assert found["visits@odata.type"] == "#Int64"
    assert "name@odata.type" not in found
    assert found["orders@odata.navigationLink"] == f"{ROOT}/customers(1)/orders"
    assert found["orders@odata.associationLink"] == f"{ROOT}/customers(1)/orders/$ref"
    composite = api.get("items(order_id=2,line=3)", Accept=FULL).json
    assert composite["@odata.id"] == f"{ROOT}/items(order_id=2,line=3)"


def test_ieee754_writes_text_and_says_so(api: Service) -> None:
    reply = api.get("customers(1)", Accept="application/json;IEEE754Compatible=true")

    assert (reply.json["visits"], reply.json["credit"]) == ("9007199254740993", "100.10")
    assert "IEEE754Compatible=true" in reply.headers["Content-Type"]


@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        ("customers", "customers"),
        ("customers(1)", "customers/$entity"),
        ("customers?$select=id,name", "customers(id,name)"),
        ("customers?$select=*", "customers(*)"),
        ("customers(1)/name", "customers(1)/name"),
        ("orders(1)/customer/name", "customers(1)/name"),
        ("customers(1)/orders", "orders"),
        ("orders(1)/customer", "customers/$entity"),
        ("customers?$expand=orders($select=id)&$select=id", "customers(id,orders(id))"),
        ("customers(1)?$expand=orders", "customers(orders())/$entity"),
        ("customers(1)/orders/$ref", "Collection($ref)"),
        ("orders(1)/customer/$ref", "$ref"),
    ],
)
def test_context_says_what_the_payload_holds(api: Service, path: str, fragment: str) -> None:
    assert api.get(path).json["@odata.context"] == f"{ROOT}/$metadata#{fragment}"


@pytest.mark.parametrize(
    "path", ["customers(1)", "customers(id=1)", "customers('1')", "customers(@k)?@k=1", "customers/1", "orders(1)/customer"]
)
def test_one_entity_by_every_form_of_key(api: Service, path: str) -> None:
    assert api.get(path).json["name"] == "Alice"


def test_relations_are_followed(api: Service) -> None:
    assert [row["id"] for row in api.get("customers(1)/orders").rows] == [1, 2, 6]
    assert api.get("customers(1)/orders(2)").json["id"] == 2
    assert api.get("customers(1)/orders(3)").status == 404
    assert api.get("orders(1)/items(line=2,order_id=1)/product/$value").body == b"P12"
    assert api.get("orders(1)/items(2)").json["product"] == "P12"
    assert api.get("orders(1)/customer/orders/$count").body == b"3"


def test_references_are_addresses_only(api: Service) -> None:
    assert api.get("customers(1)/orders/$ref").rows == [{"@odata.id": f"{ROOT}/orders({key})"} for key in (1, 2, 6)]
    assert api.get("orders(1)/customer/$ref").json["@odata.id"] == f"{ROOT}/customers(1)"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("customers(1)/name/$value", "Alice"),
        ("customers(4)/name/$value", "注文 太郎"),
        ("customers(1)/credit/$value", "100.10"),
        ("customers(1)/vip/$value", "true"),
        ("customers/$count", "9"),
        ("customers/$count?$filter=country eq 'JP'&$top=1", "3"),
    ],
)
def test_raw_values_are_text(api: Service, path: str, text: str) -> None:
    reply = api.get(path, Accept="text/plain")

    assert reply.headers["Content-Type"].startswith("text/plain")
    assert reply.body.decode() == text


@pytest.mark.parametrize("path", ["customers(5)/country", "customers(5)/country/$value", "orders(5)/customer", "orders(5)/customer/$ref"])
def test_null_is_204(api: Service, path: str) -> None:
    assert (api.get(path).status, api.get(path).body) == (204, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing", 404),
        ("customers(99)", 404),
        ("customers(1)/nothing", 404),
        ("customers(99)/name", 404),
        ("customers(99)/orders", 404),
        ("orders(5)/customer/name", 404),
        ("customers/abc", 404),
        ("customers(1)(2)", 404),
        ("customers()", 404),
        ("$metadata/nothing", 404),
        ("customers(1)/name/first", 404),
        ("customers('abc')", 400),
        ("customers(99999999999999999999)", 400),
        ("customers(nothing=1)", 400),
        ("customers(null)", 400),
        ("customers(@k)", 400),
        ("customers(-'a')", 400),
        ("customers(-true)", 400),
        ("customers(@k)?@k=-2024-01-01", 400),
        ("customers(1", 400),
        ("items(2)", 400),
        ("customers?$nothing=1", 400),
        ("customers?$top=-1", 400),
        ("customers?$top=1&$top=2", 400),
        ("customers?$select=nothing", 400),
        ("customers?$filter=nothing eq 1", 400),
        ("customers?$expand=name", 400),
        ("customers?$skiptoken=forged", 400),
        ("customers(1)?$top=1", 400),
        ("customers(1)?$filter=id eq 1", 400),
        ("customers(1)/name?$expand=orders", 400),
        ("customers/$value", 400),
        ("customers?$filter=id eq 1%zz", 400),
        ("customers%ff", 400),
        ("customers%00", 400),
        ("customers%09", 400),
        ("customers?$filter=name eq '%ff'", 400),
        ("customers?$format=yaml", 406),
        ("customers(1)/$value", 404),
        ("customers?$filter=" + "a" * 17000, 414),
        ("customers?$apply=aggregate($count as n)", 501),
        ("customers?$deltatoken=x", 501),
        ("$crossjoin(customers,orders)", 501),
        ("$all", 501),
        ("$entity", 400),
        ("$entity?$id=customers", 400),
        ("$entity?$id=customers(99)", 404),
        ("customers/$each", 501),
        ("customers/API.customers", 501),
        ("customers/$filter(id eq 1)/1/orders", 501),
        ("customers(1)/$filter(id eq 1)", 404),
    ],
)
def test_wrong_requests_are_told_apart(api: Service, path: str, status: int) -> None:
    reply = api.get(path)

    assert (reply.status, reply.headers["OData-Version"]) == (status, "4.0"), reply.body
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.error["message"].endswith((".", "?"))
    assert "innererror" not in reply.error


def test_conditions_may_stand_in_the_path(api: Service) -> None:
    assert [row["id"] for row in api.get("customers/$filter(country eq 'JP')?$filter=id gt 1").rows] == [4, 9]
    assert api.get("customers/$filter(country eq 'JP')/$count").body == b"3"
    assert api.get("customers/$count($filter=country eq 'JP';$search=alice)").body == b"1"
    assert api.get("customers/$filter(country eq 'JP')/2").status == 404
    pages = api.pages("customers/$filter(country eq 'JP')", Prefer="maxpagesize=2")
    assert [[row["id"] for row in page] for page in pages] == [[1, 4], [9]]


def test_entity_by_id(api: Service) -> None:
    for entity in ("customers(1)", f"{ROOT}/customers(1)"):
        assert api.get(f"$entity?$id={entity}&$select=name").json["name"] == "Alice"


def test_query_options_may_come_in_a_body(api: Service) -> None:
    reply = api.request("POST", "customers/$query", b"$filter=country%20eq%20'JP'&$select=id", Content_Type="text/plain")

    assert [row["id"] for row in reply.rows] == [1, 4, 9]
    assert api.request("POST", "customers/$query", {}).status == 415


def test_snapshot_isolation_is_refused(api: Service) -> None:
    assert api.get("customers", OData_Isolation="snapshot").status == 412


def test_error_names_option_and_position(api: Service) -> None:
    error = api.get("customers?$filter=id eq").error

    assert error["target"] == "$filter"
    assert "position" in error["details"][0]["message"]


def test_header_beyond_the_limit_is_431(api: Service) -> None:
    assert api.get("customers", X_Long="x" * 20000).status == 431


def test_batch_is_501_and_other_posts_405(api: Service) -> None:
    assert api.request("POST", "$batch", {"requests": []}).status == 501
    assert api.request("POST", "").status == 405


def test_head_has_the_length_but_no_body(api: Service) -> None:
    reply = api.request("HEAD", "customers")

    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Content-Length"] == str(len(api.get("customers").body))


def test_related_rows_are_expanded(api: Service) -> None:
    row = api.get("customers(1)?$expand=orders($select=id;$orderby=id desc;$top=2;$count=true)", Accept=FULL).json

    assert [order["id"] for order in row["orders"]] == [6, 2]
    assert row["orders@odata.count"] == 3
    assert row["orders"][0]["@odata.id"] == f"{ROOT}/orders(6)"
    assert [order["customer"] and order["customer"]["name"] for order in api.get("orders?$expand=customer($select=name)").rows] == [
        "Alice",
        "Alice",
        "bob",
        "注文 太郎",
        None,
        "Alice",
    ]
    assert api.get("customers(1)?$expand=orders/$ref").json["orders"][0] == {"@odata.id": f"{ROOT}/orders(1)"}
    assert api.get("customers(1)?$expand=orders/$count").json["orders@odata.count"] == 3


def test_select_shows_only_what_was_asked(api: Service) -> None:
    for level in ("none", "minimal", "full"):
        row = api.get("customers?$select=name&$top=1", Accept=f"application/json;odata.metadata={level}").rows[0]

        assert {name for name in row if "@" not in name} == {"name"}


def test_row_filter_and_missing_right_hide_rows(api: Service) -> None:
    japan = api.seen_with("customers", "country eq 'JP'", methods=frozenset({"GET"}))
    writer = api.seen_with("customers", methods=frozenset({"POST"}))

    assert [row["id"] for row in japan.get("customers").rows] == [1, 4, 9]
    assert [japan.get(path).status for path in ("customers(2)", "customers(2)/orders", "orders(3)/customer")] == [404, 404, 204]
    assert "@odata.etag" not in japan.get("customers(1)").json
    assert writer.get("customers").status == 403
    assert writer.get("orders(1)/customer").status in (403, 404)
    assert writer.get("orders?$expand=customer").status == 400


def test_log_tells_resource_rows_and_statement(api: Service) -> None:
    api.get("customers?$top=2")

    assert (api.log["resource"], api.log["rows"]) == ("customers", 2)
    assert "SELECT" in api.log["sql"]


def test_keyless_table_has_rows_but_no_addresses(api: Service) -> None:
    reply = api.get("journal", Accept=FULL)

    assert len(reply.rows) == len(api.get("journal()").rows) == 3
    assert reply.json["@odata.context"] == f"{ROOT}/$metadata#Collection(API.journal_row)"
    assert {"name": "journal", "kind": "FunctionImport", "url": "journal"} in api.get("").json["value"]
    assert api.get("journal(1)").status == 404
