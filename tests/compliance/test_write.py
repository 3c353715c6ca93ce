"""Create, update, delete; ETags; preferences. OData 4.01 Protocol, 11.4."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.compliance.conftest import Client

TEXTS = ["plain", "O'Neil", "100%", "a_b\\c", "注文 😀", "", "line\nbreak\ttab", '"quoted"', "'; DROP TABLE things; --", "x" * 40]


@pytest.fixture(autouse=True)
def clean(odata: Client) -> Iterator[None]:
    yield
    for row in odata.get("things?$select=id").json["value"]:
        odata.request("DELETE", f"things({row['id']})")


def thing(odata: Client, id: int = 1, **values: Any) -> dict[str, Any]:
    answer = odata.request("POST", "things", {"id": id, "name": "thing", **values})
    assert answer.status == 201, answer.body
    return answer.json


def test_post_creates_and_tells_where(odata: Client) -> None:
    answer = odata.request("POST", "things", {"id": 5, "name": "new", "amount": 1.23456})

    assert answer.status == 201
    assert answer.headers["location"].endswith("/api.rsc/things(5)")
    assert answer.json["@odata.context"].endswith("#things/$entity")
    assert odata.get("things(5)").json["name"] == "new"


def test_post_with_return_minimal_is_204(odata: Client) -> None:
    answer = odata.request("POST", "things", {"id": 5}, Prefer="return=minimal")

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["odata-entityid"].endswith("things(5)")
    assert answer.headers["preference-applied"] == "return=minimal"


def test_post_gives_generated_keys_back(odata: Client) -> None:
    answer = odata.request("POST", "orders", {"customer_id": 2, "total": 5.5})

    new = answer.json["id"]
    assert answer.status == 201
    assert odata.get(f"orders({new})").json["customer_id"] == 2
    assert odata.request("DELETE", f"orders({new})").status == 204


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back_unchanged(odata: Client, text: str) -> None:
    thing(odata, name=text)

    assert odata.get("things(1)").json["name"] == text
    escaped = text.replace("'", "''")
    assert odata.filter("things", f"name eq '{escaped}'").ids() == [1]


def test_exact_values_come_back_unchanged(odata: Client) -> None:
    # SQLite keeps decimals as doubles: 15 digits are what it holds exactly.
    amount = "1234567890.12345" if odata.kind in ("sqlite", "rows") else "123456789012345.12345"
    guid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    headers = {"x-cdata-authtoken": odata.token, "Content-Type": "application/json;IEEE754Compatible=true"}

    status, _, body = odata.served.get("/api.rsc/things", headers, "POST", {"id": 1, "amount": amount, "ref": guid, "data": "AAEC_-8"})

    assert status == 201, body
    row = json.loads(odata.get("things(1)").body, parse_float=Decimal)
    assert (row["amount"], row["ref"], row["data"].rstrip("=")) == (Decimal(amount), guid, "AAEC_-8")


@pytest.mark.parametrize("method", ["PATCH", "MERGE"])
def test_patch_changes_only_what_it_names(odata: Client, method: str) -> None:
    thing(odata, amount=5)

    answer = odata.request(method, "things(1)", {"name": "changed"})

    assert answer.status in (200, 204)
    row = odata.get("things(1)").json
    assert (row["name"], row["amount"]) == ("changed", 5)


def test_put_replaces(odata: Client) -> None:
    thing(odata, amount=5)

    assert odata.request("PUT", "things(1)", {"name": "changed"}).status in (200, 204)
    row = odata.get("things(1)").json
    assert (row["name"], row["amount"]) == ("changed", None)


def test_patch_of_an_absent_row_creates_it_unless_told_otherwise(odata: Client) -> None:
    refused = odata.request("PATCH", "things(7)", {"name": "x"}, If_Match="*")
    created = odata.request("PATCH", "things(7)", {"name": "x"})
    again = odata.request("PATCH", "things(7)", {"name": "y"}, If_None_Match="*")

    assert refused.status in (404, 412)
    assert created.status == 201
    assert again.status == 412
    assert odata.get("things(7)").json["name"] == "x"


def test_return_representation_of_an_update(odata: Client) -> None:
    thing(odata)

    answer = odata.request("PATCH", "things(1)", {"name": "shown"}, Prefer="return=representation")

    assert (answer.status, answer.json["name"]) == (200, "shown")
    assert answer.headers["preference-applied"] == "return=representation"


def test_etag_guards_against_lost_updates(odata: Client) -> None:
    thing(odata)
    first = odata.get("things(1)")
    tag = first.headers["etag"]
    assert first.json["@odata.etag"] == tag

    assert odata.request("PATCH", "things(1)", {"name": "b"}, If_Match=tag).status in (200, 204)
    assert odata.request("PATCH", "things(1)", {"name": "c"}, If_Match=tag).status == 412
    assert odata.request("DELETE", "things(1)", If_Match=tag).status == 412
    assert odata.get("things(1)", If_None_Match=odata.get("things(1)").headers["etag"]).status == 304
    assert odata.request("DELETE", "things(1)").status == 204


def test_delete_is_final(odata: Client) -> None:
    thing(odata)

    assert odata.request("DELETE", "things(1)").status == 204
    assert odata.get("things(1)").status == 404
    assert odata.request("DELETE", "things(1)").status == 404


def test_single_property_is_set_and_cleared(odata: Client) -> None:
    thing(odata)

    assert odata.request("PUT", "things(1)/name", {"value": "by property"}).status in (200, 204)
    assert odata.get("things(1)/name").json["value"] == "by property"
    assert odata.request("DELETE", "things(1)/name").status == 204
    assert odata.get("things(1)/name").status == 204


def test_references_set_and_clear_a_relation(odata: Client) -> None:
    new = odata.request("POST", "orders", {"total": 1}).json["id"]
    root = f"{odata.served.base}/api.rsc"

    assert odata.request("PUT", f"orders({new})/customer/$ref", {"@odata.id": f"{root}/customers(2)"}).status == 204
    assert odata.get(f"orders({new})/customer/name").json["value"] == "bob"
    assert odata.request("DELETE", f"orders({new})/customer/$ref").status == 204
    assert odata.get(f"orders({new})/customer").status == 204
    assert odata.request("POST", "customers(3)/orders/$ref", {"@odata.id": f"{root}/orders({new})"}).status == 204
    assert odata.get(f"orders({new})").json["customer_id"] == 3
    odata.request("DELETE", f"orders({new})")


def test_bind_and_post_to_a_collection_set_the_foreign_key(odata: Client) -> None:
    bound = odata.request("POST", "orders", {"total": 1, "customer@odata.bind": "customers(2)"})
    posted = odata.request("POST", "customers(4)/orders", {"total": 2})

    assert (bound.status, bound.json["customer_id"]) == (201, 2)
    assert (posted.status, posted.json["customer_id"]) == (201, 4)
    for answer in (bound, posted):
        odata.request("DELETE", f"orders({answer.json['id']})")


def test_method_override_for_weak_clients(odata: Client) -> None:
    thing(odata)

    by_header = odata.request("POST", "things(1)", {"name": "tunnelled"}, X_HTTP_Method="PATCH")
    by_query = odata.get("things(1)?@x-http-method=DELETE")

    assert by_header.status in (200, 204)
    assert by_query.status == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": 1, "nothing": 1}, 400),
        ({"id": "abc"}, 400),
        ({"id": 10**30}, 400),
        ({"id": None}, 400),
        ({"id": 1, "name": 5}, 400),
        ({"id": 1, "name": ["x"]}, 400),
        ({"id": 1, "name": "x" * 41}, 400),
        ({"id": 1, "ref": "no guid"}, 400),
        ({"id": 1, "amount": "many"}, 400),
        ({"id": 1, "amount": "1_0"}, 400),
        ({"id": 1, "amount": "１"}, 400),
        ({"id": "1_0"}, 400),
        ({"id": 1, "data": "***"}, 400),
        ([], 400),
        ("text", 400),
        (None, 400),
    ],
)
def test_wrong_bodies_are_refused_by_name(odata: Client, body: Any, status: int) -> None:
    if odata.kind == "duckdb" and isinstance(body, dict) and len(str(body.get("name"))) > 40:
        pytest.skip("DuckDB keeps no length of text")
    answer = odata.request("POST", "things", body)

    assert answer.status == status, answer.body
    assert answer.error["message"]
    assert odata.get("things/$count").body == b"0"


def test_numbers_as_text_are_those_of_odata(odata: Client) -> None:
    for text in ("nan", "infinity", "1_0", "１", "0x10"):
        assert odata.request("PATCH", "customers(1)", {"score": text}).status == 400, text
    assert odata.request("PATCH", "customers(1)", {"score": " 1.5e0\n"}).status == 204


def test_duplicate_key_and_broken_relation_are_named(odata: Client) -> None:
    thing(odata)

    assert odata.request("POST", "things", {"id": 1}).status == 409
    assert odata.request("POST", "orders", {"customer_id": 12345}).status in (400, 409)
    assert odata.request("DELETE", "customers(1)").status == 409


def test_wrong_content_type_is_415(odata: Client) -> None:
    answer = odata.request("POST", "things", {"id": 1}, Content_Type="text/csv")

    assert answer.status == 415
