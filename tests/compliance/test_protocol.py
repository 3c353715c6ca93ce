"""Headers, versions, formats, paths and errors. OData 4.01 Protocol, 8 to 11; JSON Format, 4 to 11."""

from __future__ import annotations

import pytest

from tests.compliance.conftest import FULL, Client


def test_root_answers_with_and_without_slash(odata: Client) -> None:
    for path in ("/api.rsc", "/api.rsc/"):
        status, headers, _ = odata.served.get(path, {"x-cdata-authtoken": odata.token})

        assert (status, headers["odata-version"]) == (200, "4.0")


def test_service_document_lists_entity_sets(odata: Client) -> None:
    document = odata.get("").json

    assert document["@odata.context"].endswith("/api.rsc/$metadata")
    listed = {item["name"]: (item["kind"], item["url"]) for item in document["value"]}
    sets = {
        name: ("EntitySet", name)
        for name in ("codes", "customers", "items", "late_orders", "marks", "orders", "staff", "strange", "things")
    }
    assert listed == {**sets, "journal": ("FunctionImport", "journal")}  # no key, so no entity set


def test_metadata_is_xml_by_default_and_json_when_asked(odata: Client) -> None:
    assert odata.get("$metadata").headers["content-type"].startswith("application/xml")
    assert odata.get("$metadata", Accept="application/json").json["$Version"] in ("4.0", "4.01")
    assert odata.get("$metadata?$format=json").json["$EntityContainer"] == "API.Container"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "application/json;odata.metadata=minimal"),
        ("application/json", "application/json;odata.metadata=minimal"),
        ("application/json;odata.metadata=none", "application/json;odata.metadata=none"),
        (FULL, FULL),
        ("application/json;metadata=full", FULL),
        ("application/json;q=0.5, application/xml;q=0.1", "application/json;odata.metadata=minimal"),
        (
            "application/json;IEEE754Compatible=true",
            "application/json;odata.metadata=minimal;IEEE754Compatible=true",
        ),
    ],
)
def test_accept_chooses_the_metadata_level(odata: Client, accept: str, content_type: str) -> None:
    answer = odata.get("customers(1)", Accept=accept)

    parts = [part.strip() for part in answer.headers["content-type"].split(";") if not part.strip().startswith("odata.streaming")]
    assert parts[0] == "application/json"
    assert set(content_type.split(";")[1:]) == {part for part in parts[1:] if not part.startswith("charset")}


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "application/atom+xml"])
def test_accept_that_can_t_be_met_is_406(odata: Client, accept: str) -> None:
    assert odata.get("customers", Accept=accept).status == 406


@pytest.mark.parametrize(("version", "status", "answered"), [("4.0", 200, "4.0"), ("4.01", 200, "4.01"), ("3.0", 400, "4.0")])
def test_max_version_is_obeyed(odata: Client, version: str, status: int, answered: str) -> None:
    answer = odata.get("customers?$top=1", OData_MaxVersion=version)

    assert (answer.status, answer.headers["odata-version"]) == (status, answered)


def test_metadata_levels_hold_what_they_should(odata: Client) -> None:
    none = odata.get("customers(1)", Accept="application/json;odata.metadata=none").json
    full = odata.get("customers(1)", Accept=FULL).json

    assert [name for name in none if "@" in name] == []
    assert full["@odata.type"] == "#API.customers"
    assert full["@odata.id"].endswith("customers(1)")
    assert full["visits@odata.type"] == "#Int64"
    assert full["orders@odata.navigationLink"].endswith("customers(1)/orders")


@pytest.mark.parametrize(
    ("path", "context"),
    [
        ("customers", "#customers"),
        ("customers(1)", "#customers/$entity"),
        ("customers?$select=id,name", "#customers(id,name)"),
        ("customers(1)/name", "#customers(1)/name"),
        ("customers(1)/orders", "#orders"),
        ("orders(1)/customer", "#customers/$entity"),
        ("customers?$expand=orders($select=id)&$select=id", "#customers(id,orders(id))"),
    ],
)
def test_context_url_says_what_the_payload_holds(odata: Client, path: str, context: str) -> None:
    assert odata.get(path).json["@odata.context"].endswith(f"$metadata{context}")


def test_int64_and_decimal_are_numbers_unless_asked_for_text(odata: Client) -> None:
    plain = odata.get("customers(1)?$select=visits,credit").body
    text = odata.get("customers(1)?$select=visits,credit", Accept="application/json;IEEE754Compatible=true").json

    assert b"9007199254740993" in plain
    assert b"100.10" in plain or b"100.1" in plain
    assert text["visits"] == "9007199254740993"
    assert text["credit"] in ("100.10", "100.1")


def test_values_take_their_json_forms(odata: Client) -> None:
    row = odata.get("customers(1)").json

    assert row["born"] == "1990-02-28"
    assert row["wakes"].startswith("06:30:00")
    assert row["seen"] == "2024-03-10T12:34:56.789Z" or row["seen"].startswith("2024-03-10T12:34:56.789")
    assert row["vip"] is True
    assert row["score"] == 1.5


@pytest.mark.parametrize(
    "path", ["customers(1)", "customers(id=1)", "customers('1')", "customers(@k)?@k=1", "customers/1", "orders(1)/customer"]
)
def test_one_entity_by_every_key_form(odata: Client, path: str) -> None:
    assert odata.get(path).json["name"] == "Alice"


def test_composite_key_in_any_order(odata: Client) -> None:
    assert odata.get("items(order_id=2,line=3)").json["product"] == "P23"
    assert odata.get("items(line=3,order_id=2)").json["product"] == "P23"
    assert odata.get("items(2)").status in (400, 404)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("customers(1)/name/$value", 200, "Alice"),
        ("customers(1)/born/$value", 200, "1990-02-28"),
        ("customers/$count", 200, "9"),
        ("customers/$count?$filter=country eq 'JP'", 200, "3"),
        ("customers/$count?$search=alice", 200, "2"),
        ("customers(1)/orders/$count", 200, "3"),
        ("orders(1)/customer/name/$value", 200, "Alice"),
    ],
)
def test_raw_values_are_text(odata: Client, path: str, status: int, text: str) -> None:
    answer = odata.get(path, Accept="*/*")

    assert (answer.status, answer.body.decode().lstrip("\ufeff")) == (status, text)
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["customers(5)/country", "customers(5)/country/$value", "orders(5)/customer"])
def test_null_is_204(odata: Client, path: str) -> None:
    assert odata.get(path, Accept="*/*").status == 204


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing", 404),
        ("customers(99)", 404),
        ("customers(1)/nothing", 404),
        ("customers(99)/name", 404),
        ("customers(99)/orders", 404),
        ("customers('abc')", 400),
        ("customers(nothing=1)", 400),
        ("customers(1", 400),
        ("customers?$nothing=1", 400),
        ("customers?$top=-1", 400),
        ("customers?$top=x", 400),
        ("customers?$top=1&$top=2", 400),
        ("customers?$skip=1.5", 400),
        ("customers?$count=yes", 400),
        ("customers?$orderby=nothing", 400),
        ("customers?$select=nothing", 400),
        ("customers?$expand=nothing", 400),
        ("customers?$expand=name", 400),
        ("customers?$format=yaml", 406),
        ("customers?$skiptoken=forged", 400),
        ("customers(1)?$top=1", 400),
        ("customers(1)?$filter=id eq 1", 400),
        ("customers/$value", 400),
        ("customers?$filter=id eq 1%zz", 400),
        ("$metadata/nothing", 404),
    ],
)
def test_wrong_requests_are_told_apart(odata: Client, path: str, status: int) -> None:
    answer = odata.get(path)

    assert (answer.status, answer.headers["odata-version"]) == (status, "4.0"), answer.body
    assert answer.error["message"]


@pytest.mark.parametrize(
    "path",
    [
        "customers?$apply=aggregate($count as n)",
        "customers?$deltatoken=x",
        "$crossjoin(customers,orders)",
        "$all",
    ],
)
def test_what_is_not_built_says_501(odata: Client, path: str) -> None:
    answer = odata.get(path)

    assert answer.status == 501
    assert answer.error["message"]


def test_batch_says_501(odata: Client) -> None:
    assert odata.request("POST", "$batch", {"requests": []}).status == 501


@pytest.mark.parametrize("path", ["customers?foo=bar", "customers?sap-language=EN", "customers?top=2&count=true"])
def test_other_query_names_are_ignored_and_dollar_is_optional(odata: Client, path: str) -> None:
    answer = odata.get(path)

    assert answer.status == 200
    assert len(answer.json["value"]) == (2 if "top" in path else 9)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "customers(1)"), ("DELETE", "customers"), ("PATCH", "customers"), ("PUT", "$metadata"), ("POST", "")]
)
def test_method_that_does_not_fit_is_405_with_allow(odata: Client, method: str, path: str) -> None:
    answer = odata.request(method, path, {})

    assert answer.status == 405
    assert "GET" in answer.headers["allow"]


def test_unknown_preferences_and_headers_are_ignored(odata: Client) -> None:
    assert odata.get("customers", Prefer="something=1, odata.nothing", X_Nothing="1").status == 200


def test_keyless_table_reads_only(odata: Client) -> None:
    rows = odata.get("journal?$orderby=at").json["value"]

    assert [row["at"] for row in rows] == [1, 2, 3]
    assert odata.request("POST", "journal", {"text": "x", "at": 9}).status in (403, 405)


def test_answers_are_not_cached_and_tell_no_referrer(odata: Client) -> None:
    headers = odata.get("customers").headers

    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


def test_head_is_get_without_body(odata: Client) -> None:
    answer = odata.request("HEAD", "customers")

    assert (answer.status, answer.body) == (200, b"")
