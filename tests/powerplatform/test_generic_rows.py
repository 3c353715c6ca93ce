"""Rows by the generic connector and by the tabular protocol: one row by its id, whatever its key holds; created, changed and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests import databases
from tests.odata.service_harness import ROOT, Service, open_service
from tests.powerplatform.tabular_judge import twice
from tests.powerplatform.tabular_stage import COMPOSITE, KINDS, TEXT_KEYS, open_stage

DYNAMIC, TABULAR = "$dynamic/tables", "$tabular/datasets/shop/tables"
BASES = (DYNAMIC, TABULAR)


@pytest.fixture(scope="module", params=KINDS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = open_stage(request.param, request, tmp_path_factory.mktemp("generic"))
    yield service
    service.session.close()


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name[0] != "@" and name != "ItemInternalId"}


def test_rows_are_those_of_the_api_and_carry_an_id(stage: Service) -> None:
    own = stage.get("facts?$filter=small gt 1&$orderby=name desc&$count=true").json

    found = stage.get(f"{DYNAMIC}/facts/items?$filter=small gt 1&$orderby=name desc&$count=true").json

    assert [plain(row) for row in found["value"]] == [plain(row) for row in own["value"]]
    assert [row["@odata.etag"] for row in found["value"]] == [row["@odata.etag"] for row in own["value"]]
    assert (found["@odata.count"], found["@odata.context"]) == (own["@odata.count"], own["@odata.context"])


@pytest.mark.parametrize("table", ["texts", "lines", "kinds"])
def test_the_id_that_a_row_carries_addresses_it(stage: Service, table: str) -> None:
    rows = stage.get(f"{DYNAMIC}/{table}/items").json["value"]

    for base in BASES:
        for row in rows:
            answer = stage.get(f"{base}/{table}/items/{row['ItemInternalId']}")
            assert (answer.status, answer.json.get("@odata.etag")) == (200, row["@odata.etag"]), row


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("encode", [twice, lambda text: quote(text, safe="")])
def test_text_keys_stand_in_addresses_encoded_twice_or_once(stage: Service, base: str, encode: Any) -> None:
    ambiguous = {"a%2Fb", "50%41", " ", ".."} if encode is not twice else set()  # what was encoded once can't be told from what was twice

    for number, code in enumerate(TEXT_KEYS):
        if code in ambiguous:
            continue
        answer = stage.get(f"{base}/texts/items/{encode(code)}")
        assert (answer.status, answer.json.get("n")) == (200, number), code


@pytest.mark.parametrize("base", BASES)
def test_keys_of_several_parts_are_named_or_separated_by_commas(stage: Service, base: str) -> None:
    for a, b, v in COMPOSITE:
        named = f"b='{b.replace(chr(39), chr(39) * 2)}',a={a}"
        texts = [named] if "," in b else [named, f"{a},{b}"]
        for text in texts:
            assert stage.get(f"{base}/lines/items/{twice(text)}").json.get("v") == v, text


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "address",
    [
        "facts/items/999999",
        "facts/items/x",
        "facts/items/1.5",
        "facts/items/~AAAA",
        "lines/items/1",
        "lines/items/1,a/b,c",
        "loose/items/1",
    ],
)
def test_an_id_that_no_row_has_is_not_found(stage: Service, base: str, address: str) -> None:
    answer = stage.get(f"{base}/{address}")

    assert (answer.status, answer.json["error"]["code"]) == (404, "NotFound")


@pytest.mark.parametrize("base", BASES)
def test_a_row_is_created_read_changed_and_deleted(stage: Service, base: str) -> None:
    made = stage.request("POST", f"{base}/lines/items", {"a": 7, "b": "new/1 %", "v": "first"})
    address = made.headers["Location"].removeprefix(ROOT + "/")
    changed = stage.request("PATCH", address, {"v": "second"})
    again = stage.get(address)
    gone = stage.request("DELETE", address)

    assert (made.status, plain(made.json)) == (201, {"a": 7, "b": "new/1 %", "v": "first"})
    assert address.startswith(f"{base}/lines/items/~")
    assert (changed.status, plain(changed.json)) == (200, {"a": 7, "b": "new/1 %", "v": "second"})
    assert again.json == changed.json | ({"@odata.context": f"{ROOT}/$metadata#lines/$entity"} if base == DYNAMIC else {})
    assert (gone.status, stage.get(address).status, stage.request("DELETE", address).status) == (204, 404, 404)
    assert ("ItemInternalId" in made.json, "@odata.context" in made.json) == (base == DYNAMIC, base == DYNAMIC)


@pytest.mark.parametrize("base", BASES)
def test_a_change_of_a_row_that_is_not_there_creates_none(stage: Service, base: str) -> None:
    answer = stage.request("PATCH", f"{base}/texts/items/nobody", {"n": 1})

    assert (answer.status, stage.get("texts('nobody')").status) == (404, 404)


@pytest.mark.parametrize("base", BASES)
def test_a_row_that_changed_since_is_not_overwritten(stage: Service, base: str) -> None:
    address = f"{base}/facts/items/1"
    tag = stage.get(address).headers["ETag"]
    stage.request("PATCH", address, {"note": f"by another {base}"})

    late = [stage.request(method, address, body, If_Match=tag) for method, body in (("PATCH", {"note": "mine"}), ("DELETE", None))]

    assert [answer.status for answer in late] == [412, 412]
    assert stage.get(address).json["note"] == f"by another {base}"
    assert stage.get(address, If_None_Match=stage.get(address).headers["ETag"]).status == 304


@pytest.mark.parametrize("base", BASES)
def test_bytes_go_out_and_in_as_base64(stage: Service, base: str) -> None:
    made = stage.request(
        "POST",
        f"{base}/kinds/items",
        {"g": "0f8fad5b-d9cb-469f-a165-708677289511", "b": "+/+/", "価格" if base == DYNAMIC else "_x4FA1__x683C_": 0.125},
    )
    row = made.json
    stage.request("DELETE", f"{base}/kinds/items/{row['id']}")

    assert (made.status, row["b"]) == (201, "+/+/")
    assert row["価格" if base == DYNAMIC else "_x4FA1__x683C_"] == 0.125


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_numbers_that_json_has_not_are_null(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = databases.make(kind, "infinite", request, tmp_path)
    database.create("t", {"id": "integer PRIMARY KEY", "f": "float"})
    database.insert("t", [(1, float("inf")), (2, float("-inf")), (3, 0.5)])
    service = open_service(database, ("t",))

    found = [[row["f"] for row in service.get(f"{base}/t/items").json["value"]] for base in BASES]
    one = [service.get(f"{base}/t/items/1").json["f"] for base in BASES]
    service.session.close()

    assert (found, one) == ([[None, None, 0.5]] * 2, [None, None])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"{TABULAR}", 405),
        ("DELETE", f"{TABULAR}/facts/items", 405),
        ("POST", f"{TABULAR}/facts/items/1", 405),
        ("PUT", f"{TABULAR}/facts/items/1", 405),
        ("POST", f"{DYNAMIC}", 405),
        ("PUT", f"{DYNAMIC}/facts/schema", 405),
        ("POST", f"{TABULAR}/loose/items", 405),
        ("GET", f"{DYNAMIC}?$top=1", 400),
        ("GET", f"{DYNAMIC}?for=evil", 400),
        ("GET", f"{DYNAMIC}?for=list&for=read", 400),
        ("GET", f"{DYNAMIC}/nothing/schema", 404),
        ("GET", "$dynamic", 404),
        ("GET", "$tabular/datasets/nothing/tables", 404),
        ("GET", "$tabular/anything", 404),
        ("GET", "datasets/shop", 404),
        ("GET", "datasets/shop/tables/facts", 404),
    ],
)
def test_what_means_nothing_is_refused_with_a_sentence(stage: Service, method: str, path: str, status: int) -> None:
    answer = stage.request(method, path, {"x": 1} if method in ("POST", "PUT") else None)

    assert (answer.status, bool(answer.json["error"]["message"])) == (status, True)
    assert ("message" in answer.json) == (not path.startswith("$dynamic"))


def test_every_value_that_comes_back_is_in_the_schema_and_the_schema_takes_it(stage: Service) -> None:
    schemas = {
        purpose: stage.get(f"{DYNAMIC}/facts/schema?for={purpose}").json["schema"] for purpose in ("list", "read", "create", "update")
    }
    page = stage.get(f"{DYNAMIC}/facts/items?$count=true&$top=3").json
    one = stage.get(f"{DYNAMIC}/facts/items/1").json

    assert set(page) <= set(schemas["list"]["properties"])
    assert set(page["value"][0]) <= set(schemas["list"]["properties"]["value"]["items"]["properties"])
    assert set(one) <= set(schemas["read"]["properties"])
    assert schemas["create"]["required"][:2] == ["id", "name"] or schemas["create"]["required"] == ["name"]
    assert "id" not in schemas["update"]["properties"]


def test_tables_are_listed_for_what_can_be_done_on_them(stage: Service) -> None:
    listed = {
        purpose: [item["name"] for item in stage.get(f"{DYNAMIC}?for={purpose}").json["value"]] for purpose in ("list", "create", "read")
    }

    assert listed["list"] == ["facts", "kinds", "lines", "loose", "texts"]
    assert "loose" not in listed["create"] and "loose" not in listed["read"]
