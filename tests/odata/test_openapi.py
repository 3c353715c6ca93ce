"""$openapi: valid by the standard in both versions, of the same model as $oas, for the user who asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.utils import timezone
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from apiserver.resources.services import publish_tables
from apiserver.server import options
from connections.contract.table import TableRef
from connections.services import list_tables, save_connection
from tests import databases
from tests.databases import Database
from users.models import User
from users.tokens import generate

TOKEN = "openapi-token-0123456789abcdef"
VALIDATORS = {"3.0": OpenAPIV30SpecValidator, "3.1": OpenAPIV31SpecValidator}

pytestmark = pytest.mark.django_db


def fill(database: Database) -> Database:
    """Make tables of every shape: relations, a composite key, a text key, no key, names in any script, many types."""
    database.create("country", {"code": "varchar(2) PRIMARY KEY", "name": "varchar(40)"})
    database.create(
        "orders",
        {"id": "integer PRIMARY KEY", "country": "varchar(2)", "total": "numeric(10,2)", "at": "timestamp", "day": "date NOT NULL"},
        "FOREIGN KEY (country) REFERENCES country (code)",
    )
    database.create("lines", {"order_id": "integer", "line": "integer", "amount": "float"}, "PRIMARY KEY (order_id, line)")
    database.create("events", {"what": "varchar(20)", "items": "varchar(9)", "x-note": "varchar(9)"})
    database.create("注文 明細", {"id": "integer PRIMARY KEY", "価格": "numeric(8,3)"})
    return database


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    database = fill(databases.make(request.param, "openapi_test", request, tmp_path))
    if request.param == "postgresql":
        database.run(
            "CREATE TABLE kinds (id uuid PRIMARY KEY, raw bytea, tags text[] NOT NULL, on_ boolean, big bigint, doc jsonb, t time)"
        )
    connection = save_connection(name="shop", connector=request.param, values=database.connection["properties"])
    refs = [item.ref for item in list_tables(connection, now=timezone.now()) if item.ref.schema != "pg_catalog"]
    publish_tables(connection, refs, now=timezone.now())
    user = User.objects.create_user("flow", privileges=["GET", "POST", "PATCH", "DELETE"])
    generate(user, now=timezone.now(), text=TOKEN)
    return Client(headers={"x-cdata-authtoken": TOKEN, "host": "testserver"})


@pytest.fixture
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """A service over one small table."""
    database = databases.sqlite("openapi_small", request, tmp_path)
    database.create("orders", {"id": "integer PRIMARY KEY", "note": "varchar(9)", "raw": "blob"})
    connection = save_connection(name="shop", connector="sqlite", values=database.connection["properties"])
    publish_tables(connection, [TableRef("", "orders")], now=timezone.now())
    user = User.objects.create_user("flow", privileges=["GET", "POST", "PATCH"])
    generate(user, now=timezone.now(), text=TOKEN)
    return Client(headers={"x-cdata-authtoken": TOKEN, "host": "testserver"})


def get(client: Client, query: str = "", root: str = "/api.rsc") -> Any:
    answer = client.get(f"{root}/$openapi{query}")
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_document_is_valid_and_has_the_operations_of_oas(client: Client, version: str) -> None:
    document, oas = get(client, f"?version={version}"), client.get("/api.rsc/$oas").json()

    assert [str(error) for error in VALIDATORS[version](document).iter_errors()] == []
    verbs_of_oas = {path: {verb for verb in verbs if not verb.startswith("x-")} for path, verbs in oas["paths"].items()}
    assert {path: set(verbs) for path, verbs in document["paths"].items()} == verbs_of_oas
    assert set(document["components"]["schemas"]) - {"Error"} == set(oas["definitions"])
    assert document["info"] == oas["info"]
    assert "x-ms-" not in json.dumps(document)
    for name, definition in oas["definitions"].items():
        assert list(document["components"]["schemas"][name]["properties"]) == list(definition["properties"])


def test_rows_that_are_served_fit_their_schema(client: Client) -> None:
    body = {"id": 1, "total": 1.5, "day": "2026-01-31", "country": None}
    assert client.post("/api.rsc/orders", body, content_type="application/json").status_code == 201
    document = get(client, "?version=3.1")
    page = document["paths"]["/orders"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    jsonschema.Draft202012Validator({**page, "components": document["components"]}).validate(client.get("/api.rsc/orders").json())
    error = document["components"]["schemas"]["Error"]
    jsonschema.Draft202012Validator(error).validate(client.get("/api.rsc/orders?$filter=nothing eq 1").json())


def test_nulls_and_bytes_are_said_as_each_version_says_them(small: Client) -> None:
    old, new = (get(small, query)["components"]["schemas"]["OrdersRow"]["properties"] for query in ("", "?version=3.1"))

    assert (old["note"]["type"], old["note"]["nullable"], old["raw"]["format"]) == ("string", True, "byte")
    assert (new["note"]["type"], "nullable" in new["note"]) == (["string", "null"], False)
    assert ("format" in new["raw"], new["raw"]["contentEncoding"]) == (False, "base64url")


@pytest.mark.parametrize(
    ("query", "version"),
    [("", "3.0.3"), ("?version=3.0", "3.0.3"), ("?version=3.0.3", "3.0.3"), ("?version=3.1", "3.1.0"), ("?version=3.1.0", "3.1.0")],
)
def test_versions(small: Client, query: str, version: str) -> None:
    assert get(small, query)["openapi"] == version


@pytest.mark.parametrize("query", ["?version=2.0", "?version=4", "?version=", "?version=3.0&version=3.1", "?$filter=1 eq 1"])
def test_other_versions_are_refused(small: Client, query: str) -> None:
    answer = small.get(f"/api.rsc/$openapi{query}")

    assert answer.status_code == 400, answer.content
    assert "$filter" in query or "3.0 or 3.1" in answer.json()["error"]["message"]


def test_bytes_are_the_same_every_time_and_plain_ascii(small: Client) -> None:
    first, second = (small.get("/api.rsc/$openapi?version=3.1") for _ in range(2))

    assert (first.content, first["Content-Type"]) == (second.content, "application/json")
    assert first.content.isascii()


def test_document_holds_only_what_the_user_may(small: Client) -> None:
    reader = User.objects.create_user("rita", privileges=["GET"], resources={"orders": {"columns": ["id"]}})
    mine = Client(headers={"x-cdata-authtoken": generate(reader, now=timezone.now())})

    document = get(mine)

    tables = {path: set(verbs) for path, verbs in document["paths"].items() if not path.startswith("/$")}
    assert list(tables.values()) == [{"get"}, {"get"}]
    assert "note" not in json.dumps(document)
    assert Client().get("/api.rsc/$openapi").status_code == 401


def test_servers_and_security_follow_the_way_in(small: Client) -> None:
    options.save({"allow_authtoken_in_url": True})

    by_header, by_path = get(small), get(Client(headers={"host": "testserver"}), root=f"/api.rsc/@{TOKEN}")

    assert by_header["servers"] == [{"url": "http://testserver/api.rsc"}]
    assert by_path["servers"] == [{"url": f"http://testserver/api.rsc/@{TOKEN}"}]
    assert (list(by_header["components"]["securitySchemes"]), "security" in by_path) == (["authtoken", "basic", "bearer"], False)
