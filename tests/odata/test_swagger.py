"""$oas: what an expansion brings is told without recursion, parts of a service by choice, the same bytes only once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.utils import timezone
from openapi_spec_validator import OpenAPIV30SpecValidator

from apiserver.odata import documents, swagger
from apiserver.odata.swagger_limits import GROUPS, KINDS, operations
from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables, rename, unpublish, update
from apiserver.server import options, stamp
from connections.contract.table import TableRef
from connections.services import save_connection
from tests import databases
from users.models import User
from users.tokens import generate

TOKEN = "swagger-token-0123456789abcdef"

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """A service over two connections: people who lead each other and their orders, and notes."""
    shop = databases.sqlite("shop", request, tmp_path)
    shop.create("people", {"id": "integer PRIMARY KEY", "name": "text NOT NULL", "lead_id": "integer REFERENCES people (id)"})
    shop.create("orders", {"id": "integer PRIMARY KEY", "person_id": "integer REFERENCES people (id)", "total": "numeric(10,2)"})
    shop.run("INSERT INTO people VALUES (1, 'Ann', NULL), (2, 'Bob', 1)")
    shop.run("INSERT INTO orders VALUES (1, 2, 9.5), (2, 2, NULL)")
    desk = databases.sqlite("desk", request, tmp_path)
    desk.create("notes", {"id": "integer PRIMARY KEY", "note": "text"})
    for name, database, tables in (("shop", shop, ("people", "orders")), ("desk", desk, ("notes",))):
        connection = save_connection(name=name, connector="sqlite", values=database.connection["properties"])
        publish_tables(connection, [TableRef("", table) for table in tables], now=timezone.now())
    generate(User.objects.create_user("flow", privileges=["GET", "POST", "PATCH"]), now=timezone.now(), text=TOKEN)
    return Client(headers={"x-cdata-authtoken": TOKEN, "host": "api.example.com"})


def oas(client: Client, query: str = "") -> Any:
    answer = client.get(f"/api.rsc/$oas{query}")
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def depth(document: Any, schema: Any) -> int:
    """Return how many levels of references hang on a schema; endless where one holds itself."""
    if "$ref" in schema:
        return 1 + depth(document, document["definitions"][schema["$ref"].rpartition("/")[2]])
    parts = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return max((depth(document, part) for part in parts), default=0)


@pytest.mark.parametrize("path", ["people?$expand=people,orders,people_people", "orders?$expand=*", "orders(1)?$expand=*"])
def test_every_column_that_an_expansion_brings_is_in_the_schema(client: Client, path: str) -> None:
    document, name = oas(client), path.partition("?")[0].partition("(")[0]
    navigations = [item for item, schema in document["definitions"][f"{name.title()}Row"]["properties"].items() if is_related(schema)]

    answer = client.get(f"/api.rsc/{path.partition('?')[0]}", {"$expand": ",".join(navigations)})

    assert answer.status_code == 200, answer.content
    verb = "get"
    shape = next(item for place, item in document["paths"].items() if place.startswith(f"/{name}") and ("(" in place) == ("(" in path))
    schema = closed({**shape[verb]["responses"]["200"]["schema"], "definitions": document["definitions"]})
    jsonschema.Draft4Validator(schema).validate(without_nulls(answer.json()))
    assert navigations


def is_related(schema: Any) -> bool:
    return "$ref" in schema or "$ref" in schema.get("items", {})


def closed(schema: Any) -> Any:
    """Return the schema in which nothing may come that it does not name."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return found | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) and "type" in schema else found


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def test_no_definition_holds_itself(client: Client) -> None:
    document = oas(client)

    assert {depth(document, {"$ref": f"#/definitions/{name}"}) for name in document["definitions"]} == {1, 2}


def test_relations_to_what_this_user_may_not_read_are_not_told(client: Client) -> None:
    user = User.objects.create_user("narrow", privileges=["GET"], resources={"orders": {"privileges": ["GET"]}})
    generate(user, now=timezone.now(), text=TOKEN[::-1])

    document = client.get("/api.rsc/$oas", headers={"x-cdata-authtoken": TOKEN[::-1]}).json()

    assert list(document["definitions"]) == ["OrdersRow"]
    assert not [item for item in document["definitions"]["OrdersRow"]["properties"].values() if is_related(item)]


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("?resources=orders", {"/orders"}),
        ("?resources=orders,%20notes", {"/orders", "/notes"}),
        ("?connection=desk", {"/notes"}),
        ("?connection=desk,shop", {"/notes", "/orders", "/people"}),
        ("?connection=shop&resources=orders,notes", None),
        ("?resources=", None),
    ],
)
def test_parts_of_a_service_are_described_by_choice(client: Client, query: str, paths: set[str] | None) -> None:
    answer = client.get(f"/api.rsc/$oas{query}")

    if paths is None:
        assert answer.status_code == 404
    else:
        assert sets_of(answer.json()) == paths
        assert sets_of(client.get(f"/api.rsc/$openapi{query}").json()) == paths


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("list", {"Return"}),
        ("read", {"Return", "ReturnOneOf"}),
        ("create,Update", {"Create", "Update"}),
        ("write", {"Create", "Update"}),
        ("polling", {"OnCreated"}),
        ("triggers", {"OnCreated", "WhenCreated", "StopCreated", "WhenDeleted", "StopDeleted"}),
    ],
)
def test_kinds_of_operations_are_described_by_choice(client: Client, query: str, ids: set[str]) -> None:
    document = oas(client, f"?resources=notes&operations={query}")
    newer = client.get(f"/api.rsc/$openapi?resources=notes&operations={query}").json()

    for found in (document, newer):
        assert {item["operationId"].removesuffix("Notes") for path in found["paths"].values() for item in verbs(path)} == ids
    assert [name for name in document["definitions"] if f"#/definitions/{name}'" not in str(document)] == []


@pytest.mark.parametrize("kind", [*(kind for kind in KINDS if kind != "delete"), *GROUPS])
def test_each_kind_alone_names_only_definitions_that_are_there(client: Client, kind: str) -> None:
    document = oas(client, f"?resources=people,orders&operations={kind}")

    told = {name.partition("'")[0] for name in str(document).split("#/definitions/")[1:]}
    assert told == document["definitions"].keys()
    assert document["paths"]


def verbs(path: Any) -> list[Any]:
    return [item for verb, item in path.items() if verb in ("get", "put", "post", "patch", "delete")]


def test_an_unknown_kind_of_operation_is_told_with_the_nearest(client: Client) -> None:
    answer = client.get("/api.rsc/$oas?operations=read,subscription")

    assert (answer.status_code, answer.json()["error"]["target"]) == (400, "operations")
    assert "the nearest is subscriptions" in answer.json()["error"]["message"]


def test_query_options_are_told_in_the_words_of_columns_and_comments(client: Client) -> None:
    resource = Resource.objects.get(name="orders")
    resource.columns = {"id": {"label": "Number"}, "total": {"description": "Sum\nwith tax."}, "person_id": {}}
    resource.description = "What people bought"
    resource.save()
    stamp.changed()

    found = oas(client)["paths"]["/orders"]["get"]

    told = {item["name"]: item["description"] for item in found["parameters"]}
    assert found["description"] == "Returns rows of orders. What people bought."
    assert told["$filter"] == "Which rows to return, such as id eq 1. The columns are id, person_id, total (Sum with tax)."
    assert told["$orderby"] == "The columns to order by, such as id desc."
    assert "$search" not in told  # no column holds text
    assert "note" in {item["name"]: item["description"] for item in oas(client)["paths"]["/notes"]["get"]["parameters"]}["$search"]


def test_operation_ids_stay_when_names_and_labels_change(client: Client) -> None:
    before = [item["operationId"] for path in oas(client)["paths"].values() for item in verbs(path)]
    rename(Resource.objects.get(name="notes"), "aaa")
    update(Resource.objects.get(name="orders"), title="Bought things", columns={"id": {"name": "Number", "label": "No."}, "total": {}})

    after = [item["operationId"] for path in oas(client)["paths"].values() for item in verbs(path)]

    assert sorted(after) == sorted(before)


def test_nothing_can_be_updated_where_all_columns_are_the_key(client: Client) -> None:
    update(Resource.objects.get(name="notes"), columns={"id": {}})

    assert "patch" not in oas(client)["paths"]["/notes({id})"]


def sets_of(document: Any) -> set[str]:
    """Return the addresses of the sets."""
    return {path.partition("(")[0] for path in document["paths"] if not path.startswith("/$")}


def test_a_name_that_is_not_there_is_told_with_the_nearest(client: Client) -> None:
    answer = client.get("/api.rsc/$oas?resources=order")

    assert (answer.status_code, answer.json()["error"]["target"]) == (404, "resources")
    assert "the nearest is orders" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["$oas", "$openapi", "$metadata"])
def test_who_has_the_document_gets_no_bytes_until_it_changes(client: Client, name: str) -> None:
    first = client.get(f"/api.rsc/{name}")
    again = client.get(f"/api.rsc/{name}", headers={"if-none-match": first["ETag"]})
    unpublish(Resource.objects.get(name="notes"))
    changed = client.get(f"/api.rsc/{name}", headers={"if-none-match": first["ETag"]})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert (changed.status_code, changed["ETag"] != first["ETag"]) == (200, True)


def test_settings_of_the_api_stand_at_the_head(client: Client) -> None:
    before = oas(client)
    contact = {"name": "Desk", "url": "https://example.com/help", "email": "desk@example.com"}
    texts = {"title": "Sales API of the north", "privacy_policy": "https://example.com/privacy", "categories": ["Finance", "Commerce"]}
    options.save({"api": {**texts, "contact": contact}})

    after = oas(client)

    assert before["info"]["contact"] == {
        "name": "The administrator",
        "url": before["schemes"][0] + "://api.example.com",
        "email": "postmaster@api.example.com",
    }
    assert (after["info"]["title"], after["info"]["contact"]) == ("Sales of the north", contact)
    assert [item["propertyValue"] for item in after["x-ms-connector-metadata"]] == [
        "https://example.com/help",
        "https://example.com/privacy",
        "Finance;Commerce",
    ]


@pytest.mark.parametrize(
    ("way", "schemes"),
    [
        ("apikey", {"authtoken": "apiKey"}),
        ("basic", {"basic": "http"}),
        ("oauth2", {"oauth2_auth": "oauth2"}),
        ("none", None),
    ],
)
def test_openapi_says_how_one_signs_in(client: Client, way: str, schemes: dict[str, str] | None) -> None:
    document = client.get(f"/api.rsc/$openapi?security={way}").json()
    unknown = client.get("/api.rsc/$openapi?security=digest").status_code

    assert [*OpenAPIV30SpecValidator(document).iter_errors()] == []
    told = document["components"].get("securitySchemes")
    assert (told and {name: scheme["type"] for name, scheme in told.items()}) == schemes
    assert (list(document.get("security", [{}])[0]), unknown) == (list(schemes or ()), 400)
    assert "PeopleRow" in document["components"]["schemas"]


def relations_of(document: Any, name: str) -> list[str]:
    return [item for item, schema in document["definitions"][name]["properties"].items() if is_related(schema)]


def test_a_body_describes_as_many_relations_as_a_connector_takes(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = relations_of(oas(client), "PeopleRow")
    monkeypatch.setattr(swagger, "MOST_SCHEMAS", 18)  # a page of people, and one person more
    documents._document.cache_clear()

    part = oas(client)

    assert (len(whole), relations_of(part, "PeopleRow")) == (3, ["lead"])
    (expand,) = (item for item in part["paths"]["/people"]["get"]["parameters"] if item["name"] == "$expand")
    assert [name for name in whole if name in expand["description"]] == ["lead"]  # what is offered is described


def test_operations_are_worth_more_than_the_shapes_of_expansions(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = client.get("/api.rsc/$oas").content
    monkeypatch.setattr(swagger, "MOST_BYTES", len(whole))
    documents._document.cache_clear()

    part = oas(client)

    assert operations(part) == operations(json.loads(whole))
    assert relations_of(part, "PeopleRow") == []
