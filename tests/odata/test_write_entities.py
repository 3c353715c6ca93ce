"""POST, PATCH, PUT, DELETE, properties and references in this process, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import databases
from tests.compliance import rows
from tests.odata.service_harness import ALL, ROOT, Service, open_service


@pytest.fixture(scope="module", params=databases.KINDS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> databases.Database:
    found = databases.make(request.param, "service_writes", request, tmp_path_factory.mktemp("writes"))
    rows.fill(found)
    gadget = {"id": "integer PRIMARY KEY", "label": "varchar(20) NOT NULL", "level": "integer DEFAULT 7", "100%": "varchar(9)"}
    found.create("gadgets", gadget)
    return found


@pytest.fixture(scope="module")
def opened(database: databases.Database) -> Iterator[Service]:
    service = open_service(database, ("customers", "orders", "items", "journal", "things", "gadgets"))
    yield service
    service.session.close()


@pytest.fixture
def api(opened: Service, database: databases.Database) -> Iterator[Service]:
    yield opened
    for table in ("things", "gadgets"):
        database.run(f"DELETE FROM {table}")
    database.run("DELETE FROM items WHERE order_id > 6")
    database.run("DELETE FROM orders WHERE id > 6")
    database.run("DELETE FROM customers WHERE id > 9")
    database.run("UPDATE customers SET country = 'JP' WHERE id = 1")


def test_post_answers_201_with_location_and_row(api: Service) -> None:
    reply = api.request("POST", "things", {"id": 5, "name": "new", "amount": 1.23456})

    assert (reply.status, reply.headers["Location"]) == (201, f"{ROOT}/things(5)")
    assert reply.json["@odata.context"] == f"{ROOT}/$metadata#things/$entity"
    assert b'"amount":1.23456' in reply.body
    assert reply.headers["ETag"] == reply.json["@odata.etag"]
    assert api.log["resource"] == "things"
    assert "INSERT" in api.log["sql"]


def test_decimals_of_a_body_stay_exact(api: Service) -> None:
    body = b'{"id": 1, "amount": 123456789012345.12345}'

    if api.session.dialect.name == "sqlite":
        body = b'{"id": 1, "amount": 1234567890.12345}'
    reply = api.request("POST", "things", body)

    assert reply.status == 201
    assert body.split()[-1].rstrip(b"}") in reply.body


def test_return_minimal_answers_204_with_entity_id(api: Service) -> None:
    reply = api.request("POST", "things", {"id": 5}, Prefer="odata.return=minimal, return=representation")

    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["OData-EntityId"] == reply.headers["Location"] == f"{ROOT}/things(5)"
    assert reply.headers["Preference-Applied"] == "return=minimal"


def test_generated_key_comes_back(api: Service) -> None:
    reply = api.request("POST", "orders", {"customer_id": 2, "total": 5.5})

    new = reply.json["id"]
    assert reply.status == 201
    assert reply.headers["Location"] == f"{ROOT}/orders({new})"
    assert api.request("POST", "orders", {}).status == 201


def test_default_of_the_table_fills_what_post_leaves_out(api: Service) -> None:
    assert api.request("POST", "gadgets", {"id": 1, "label": "x"}).json["level"] == 7


def test_post_through_a_relation_sets_the_foreign_key(api: Service) -> None:
    posted = api.request("POST", "customers(4)/orders", {"total": 2})

    assert (posted.status, posted.json["customer_id"]) == (201, 4)
    assert api.request("POST", "customers(99)/orders", {"total": 2}).status == 404


def test_bind_links_existing_rows(api: Service) -> None:
    for entity in ("customers(2)", f"{ROOT}/customers(2)", "/api.rsc/customers(2)"):
        assert api.request("POST", "orders", {"customer@odata.bind": entity}).json["customer_id"] == 2
    new = api.request("POST", "orders", {"customer@odata.bind": None}).json["id"]

    assert api.request("PATCH", f"orders({new})", {"customer@odata.bind": "customers(3)"}).status == 204
    assert api.get(f"orders({new})").json["customer_id"] == 3


@pytest.mark.parametrize(
    "entity", ["customers(99)", "things(1)", "customers", "http://elsewhere/api.rsc/customers(1)", "//", "customers(", "%ff"]
)
def test_bind_to_what_can_t_be_linked_is_400(api: Service, entity: str) -> None:
    reply = api.request("POST", "orders", {"customer@odata.bind": entity})

    assert (reply.status, reply.error["code"]) == (400, "InvalidPayload")


def test_deep_insert_creates_everything_or_nothing(api: Service) -> None:
    order = {"total": 1, "items": [{"line": 1, "product": "a"}, {"line": 2, "product": "b"}]}
    body = {"id": 20, "name": "deep", "orders": [order, {"total": 2}]}

    assert api.request("POST", "customers", body).status == 201
    orders = api.get("customers(20)/orders").rows
    assert sorted(row["total"] for row in orders) == [1, 2]
    broken = {"id": 21, "name": "broken", "orders": [{"total": 1, "items": [{"line": 1}, {"line": 1}]}]}
    assert api.request("POST", "customers", broken).status == 409
    assert api.get("customers(21)").status == 404


def test_deep_insert_of_the_parent(api: Service) -> None:
    reply = api.request("POST", "orders", {"total": 3, "customer": {"id": 30, "name": "parent"}})

    assert (reply.status, reply.json["customer_id"]) == (201, 30)


def test_patch_changes_what_it_names_and_leaves_the_key(api: Service) -> None:
    api.request("POST", "things", {"id": 1, "name": "a", "amount": 5})

    reply = api.request("PATCH", "things(1)", {"id": 77, "name": "b", "@odata.etag": "x", "name@odata.type": "#String"})

    assert (reply.status, reply.body) == (204, b"")
    assert (api.get("things(1)").json["name"], api.get("things(1)").json["amount"]) == ("b", 5)
    assert api.request("PATCH", "things(1)", {}).status == 204


def test_put_replaces_with_defaults_and_nulls(api: Service) -> None:
    api.request("POST", "gadgets", {"id": 1, "label": "a", "level": 9})

    assert api.request("PUT", "gadgets(1)", {"level": 1}).status == 400
    assert api.request("PUT", "gadgets(1)", {"label": "b"}).status == 204
    row = api.get("gadgets(1)").json
    assert (row["label"], row["level"]) == ("b", 7)


def test_put_merges_where_the_server_says_so(api: Service) -> None:
    api.request("POST", "things", {"id": 1, "name": "a", "amount": 5})

    assert api.seen_with(put_merges=True).request("PUT", "things(1)", {"name": "b"}).status == 204
    assert api.get("things(1)").json["amount"] == 5


@pytest.mark.parametrize("method", ["PATCH", "PUT", "MERGE"])
def test_upsert_obeys_its_conditions(api: Service, method: str) -> None:
    assert api.request(method, "things(7)", {"name": "x"}, If_Match="*").status == 412
    created = api.request(method, "things(7)", {"name": "x"}, If_None_Match="*")
    assert (created.status, created.headers["Location"]) == (201, f"{ROOT}/things(7)")
    assert api.request(method, "things(7)", {"name": "y"}, If_None_Match="*").status == 412
    assert api.seen_with("things", methods=ALL - {"POST"}).request(method, "things(8)", {"name": "x"}).status == 404


def test_etag_guards_writes_and_saves_reads(api: Service) -> None:
    api.request("POST", "things", {"id": 1, "name": "a"})
    tag = api.get("things(1)").headers["ETag"]

    assert api.get("things?$select=id").rows[0]["@odata.etag"] == tag
    assert api.get("things(1)", If_None_Match=tag).status == 304
    changed = api.request("PATCH", "things(1)", {"name": "b"}, If_Match=tag)
    assert changed.status == 204
    assert changed.headers["ETag"] == api.get("things(1)").headers["ETag"] != tag
    assert [api.request(m, "things(1)", {"name": "c"}, If_Match=tag).status for m in ("PATCH", "PUT", "DELETE")] == [412] * 3
    assert api.request("PUT", "things(1)/name", {"value": "c"}, If_Match=tag).status == 412
    assert api.request("DELETE", "things(1)", If_Match=changed.headers["ETag"]).status == 204


def test_delete_is_final(api: Service) -> None:
    api.request("POST", "things", {"id": 1})

    assert [api.request("DELETE", "things(1)").status for _ in range(2)] == [204, 404]
    assert api.request("DELETE", "customers(1)").status == 409


def test_single_property_is_set_read_and_cleared(api: Service) -> None:
    api.request("POST", "things", {"id": 1, "name": "a"})

    assert api.request("PUT", "things(1)/name", {"value": "b"}).status == 204
    assert api.request("PATCH", "things(1)/name", {"value": "c"}, Prefer="return=representation").json["value"] == "c"
    assert api.request("PUT", "things(1)/name/$value", b"raw", Content_Type="text/plain").status == 204
    assert api.get("things(1)/name").json == {"@odata.context": f"{ROOT}/$metadata#things(1)/name", "value": "raw"}
    assert api.request("PUT", "things(1)/data/$value", b"\x00\xff", Content_Type="application/octet-stream").status == 204
    assert api.get("things(1)/data/$value").body == b"\x00\xff"
    assert api.request("DELETE", "things(1)/name").status == 204
    assert api.get("things(1)/name").status == 204
    assert api.request("DELETE", "customers(1)/name").status == 400
    assert api.request("PUT", "things(1)/id", {"value": 2}).status == 405


def test_references_set_and_clear_relations(api: Service) -> None:
    new = api.request("POST", "orders", {"total": 1}).json["id"]

    assert api.request("PUT", f"orders({new})/customer/$ref", {"@odata.id": f"{ROOT}/customers(2)"}).status == 204
    assert api.get(f"orders({new})/customer/name").json["value"] == "bob"
    assert api.request("DELETE", f"orders({new})/customer/$ref").status == 204
    assert api.get(f"orders({new})/customer").status == 204
    assert api.request("POST", "customers(3)/orders/$ref", {"@odata.id": f"orders({new})"}).status == 204
    assert api.get(f"orders({new})").json["customer_id"] == 3
    assert api.request("DELETE", f"customers(3)/orders/$ref?$id=orders({new})").status == 204
    assert api.request("DELETE", f"customers(3)/orders({new})/$ref").status == 404
    assert api.request("POST", "customers(3)/orders/$ref", {"@odata.id": f"orders({new})"}).status == 204
    assert api.request("DELETE", f"customers(3)/orders({new})/$ref").status == 204
    assert api.get(f"orders({new})").json["customer_id"] is None


def test_required_relation_can_t_be_cleared(api: Service) -> None:
    assert api.request("DELETE", "items(order_id=1,line=1)/order/$ref").status == 400
    assert api.request("DELETE", "orders(1)/items/$ref?$id=items(order_id=1,line=1)").status == 400


def test_method_override_for_weak_clients(api: Service) -> None:
    api.request("POST", "things", {"id": 1})

    assert api.request("POST", "things(1)", {"name": "t"}, X_HTTP_Method="PATCH").status == 204
    assert api.request("POST", "things(1)", {"name": "u"}, X_HTTP_Method_Override="MERGE").status == 204
    assert api.get("things(1)?@x-http-method=DELETE").status == 204


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1, "nothing": 1},
        {"id": "abc"},
        {"id": 10**30},
        {"id": None},
        {"id": 1, "name": 5},
        {"id": 1, "name": "x" * 41},
        {"id": 1, "ref": "no guid"},
        {"id": 1, "data": "***"},
        {"id": 1, "amount": "many"},
        [],
        "text",
        None,
        b"{",
        b'{"id": NaN}',
        b'{"id": 1, "id": 2}',
        b'{"id": ' + b"9" * 5000 + b"}",
        b"\xff",
        b"[" * 100000,
        b'{"name":' + b'{"a":' * 60 + b"1" + b"}" * 61,
        b'{"id": 1, "name": "\\ud800"}',
        b'{"id": 1, "name": "\\u0000"}',
    ],
)
def test_wrong_bodies_are_400_and_change_nothing(api: Service, body: Any) -> None:
    reply = api.request("POST", "things", body)

    assert reply.status == 400, reply.body
    assert reply.error["message"].endswith(".")
    assert api.get("things/$count").body == b"0"


def test_wrong_media_types_and_sizes_are_refused(api: Service) -> None:
    assert api.request("POST", "things", {"id": 1}, Content_Type="text/csv").status == 415
    assert api.request("POST", "things", b"{" + b" " * (2 * 1024 * 1024) + b"}").status == 413


def test_constraints_are_named(api: Service) -> None:
    api.request("POST", "things", {"id": 1})

    assert api.request("POST", "things", {"id": 1}).error["code"] == "DuplicateKey"
    assert api.request("POST", "orders", {"customer_id": 12345}).error["code"] == "ForeignKeyViolated"
    assert api.request("POST", "gadgets", {"id": 1}).error["target"] == "label"


def test_rights_hold_on_every_way_to_write(api: Service) -> None:
    reader = api.seen_with("orders", methods=frozenset({"GET"}))

    for method, path in (
        ("POST", "orders"),
        ("PATCH", "orders(1)"),
        ("PUT", "orders(1)"),
        ("DELETE", "orders(1)"),
        ("PUT", "orders(1)/note"),
    ):
        assert reader.request(method, path, {"value": "x"}).status == 403
    assert reader.request("POST", "customers(1)/orders", {}).status == 403
    assert reader.request("POST", "customers(2)/orders/$ref", {"@odata.id": "orders(1)"}).status == 403
    assert reader.request("PUT", "orders(1)/customer/$ref", {"@odata.id": "customers(2)"}).status == 403
    assert reader.request("DELETE", "customers(1)/orders/$ref?$id=orders(1)").status == 403
    assert reader.request("POST", "customers", {"id": 40, "name": "x", "orders": [{}]}).status == 403
    assert api.get("customers(40)").status == 404
    assert api.get("orders(1)").json["customer_id"] == 1


def test_writes_stay_inside_the_row_filter(api: Service) -> None:
    writer = api.seen_with("customers", "country eq 'JP'")

    assert writer.request("POST", "customers", {"id": 50, "name": "new", "country": "US"}).status == 403
    assert writer.request("POST", "customers", {"id": 2, "name": "new", "country": "US"}).status == 403  # it exists, which is not told
    assert writer.request("POST", "customers", {"id": 1, "name": "new", "country": "JP"}).status == 409
    assert writer.request("PATCH", "customers(1)", {"country": "US"}).status == 403
    assert writer.request("PATCH", "customers(2)", {"name": "mine"}).status == 404
    assert writer.request("PUT", "customers(2)", {"name": "mine", "country": "JP"}).status == 404
    assert writer.request("DELETE", "customers(2)").status == 404
    assert writer.request("POST", "customers(2)/orders", {}).status == 404
    assert writer.request("POST", "orders", {"customer@odata.bind": "customers(2)"}).status == 400
    assert writer.request("POST", "customers", {"id": 51, "name": "new", "country": "JP"}).status == 201
    assert api.get("customers(1)").json["country"] == "JP"
    assert api.get("customers(50)").status == 404


def test_addresses_that_take_no_writes_are_405(api: Service) -> None:
    for method, path in (
        ("POST", "journal"),
        ("POST", "customers(1)"),
        ("DELETE", "customers"),
        ("PATCH", "customers/$count"),
        ("PUT", "$metadata"),
    ):
        reply = api.request(method, path, {})

        assert (reply.status, "GET" in reply.headers["Allow"]) == (405, True)


def test_names_with_a_percent_sign_are_written(api: Service) -> None:
    reply = api.request("POST", "gadgets", {"id": 3, "label": "x", "100%": "a%s"})

    assert (reply.status, reply.json["100%"]) == (201, "a%s")


def test_keys_that_sqlite_stores_in_other_forms_are_found_for_writing(tmp_path_factory: pytest.TempPathFactory) -> None:
    stored = databases.sqlite("forms", None, tmp_path_factory.mktemp("forms"))  # type: ignore[arg-type]
    stored.run("CREATE TABLE marks (ref uuid PRIMARY KEY, note varchar(9))")
    stored.run("CREATE TABLE days (at timestamp PRIMARY KEY, note varchar(9))")
    stored.run("INSERT INTO marks VALUES ('F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6', 'old')")
    stored.run("INSERT INTO days VALUES ('2024-03-10T12:34:56', 'old')")
    service = open_service(stored, ("marks", "days"))

    for address in ("marks(f81d4fae-7dec-11d0-a765-00a0c91e6bf6)", "days(2024-03-10T12:34:56Z)"):
        assert service.get(address).json["note"] == "old"
        assert service.request("PATCH", address, {"note": "new"}).status == 204
        assert service.get(address).json["note"] == "new"
        assert service.request("DELETE", address).status == 204
        assert service.get(address).status == 404
    service.session.close()


def test_a_text_key_of_another_case_is_another_row(api: Service, database: databases.Database) -> None:
    database.run("DROP TABLE IF EXISTS words")
    database.create("words", {"word": "varchar(20) NOT NULL", "note": "varchar(20)"}, "PRIMARY KEY (word)")
    database.insert("words", [("abc", "old")])
    words = open_service(database, ("words",))

    assert words.get("words('ABC')").status == 404
    assert words.request("DELETE", "words('ABC')").status == 404
    assert words.request("PATCH", "words('ABC')", {"note": "new"}, If_Match="*").status in (404, 412)
    assert words.request("PATCH", "words('abc')", {"note": "new"}).status == 204
    assert words.get("words('abc')").json["note"] == "new"
    words.session.close()
