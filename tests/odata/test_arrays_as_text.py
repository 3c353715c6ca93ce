"""PostgreSQL's arrays published as text (`Arrays: Text`): rows, documents, filters and writes agree, and a change counts at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.resources.services import publish_tables
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import save_connection
from tests import databases
from users.models import User
from users.tokens import generate

TOKEN = "arrays-token-0123456789abcdef"
ARRAYS = {
    "tags": ("text[]", ["red", 'a "b", {c}', "", None]),
    "numbers": ("integer[]", [1, -2, None]),
    "prices": ("numeric(8,2)[]", [1.5, 20]),
    "days": ("date[]", ["2026-01-31"]),
    "moods": ("mood[]", ["happy", "sad"]),
    "grid": ("integer[]", [[1, 2], [3, 4]]),
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """A table of arrays: one row with all, one with none, one with empty ones."""
    database = databases.postgresql("arrays", request, tmp_path)
    database.run("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    database.create("things", {"id": "integer PRIMARY KEY"} | {name: kind for name, (kind, _) in ARRAYS.items()} | {"doc": "jsonb"})
    first = ["ARRAY['red', 'a \"b\", {c}', '', NULL]", "'{1,-2,NULL}'", "'{1.5,20}'", "'{2026-01-31}'", "'{happy,sad}'", "'{{1,2},{3,4}}'"]
    database.run(f"INSERT INTO things VALUES (1, {', '.join(first)})")
    database.run("INSERT INTO things (id) VALUES (2)")
    database.run("INSERT INTO things VALUES (3, '{}', '{}', '{}', '{}', '{}', '{}')")
    values = {**database.connection["properties"], "Arrays": "Text"}
    connection = save_connection(name="shop", connector="postgresql", values=values)
    publish_tables(connection, [TableRef("public", "things")], now=timezone.now())
    generate(User.objects.create_user("flow", privileges=["GET", "POST", "PATCH"]), now=timezone.now(), text=TOKEN)
    return Client(headers={"x-cdata-authtoken": TOKEN})


def rows(client: Client, query: str = "") -> Any:
    answer = client.get(f"/api.rsc/things?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()["value"]


@pytest.mark.parametrize("query", ["", "$expand=*", "$orderby=tags,id desc", "$select=id,tags,numbers,prices,days,moods,grid"])
def test_arrays_are_the_text_of_a_json_array(client: Client, query: str) -> None:
    first, second, third = sorted(rows(client, query), key=lambda row: row["id"])

    assert {name: json.loads(first[name]) for name in ARRAYS} == {name: value for name, (_, value) in ARRAYS.items()}
    assert {second[name] for name in ARRAYS} == {None}
    assert {third[name] for name in ARRAYS} == {"[]"}


def test_documents_tell_text(client: Client) -> None:
    document = client.get("/api.rsc/$oas").json()
    metadata = client.get("/api.rsc/$metadata").content.decode()

    row = document["definitions"]["ThingsRow"]["properties"]
    assert {row[name]["type"] for name in ARRAYS} == {"string"}
    assert '"array"' not in json.dumps(document["definitions"])
    assert "Collection(" not in metadata and '<Property Name="tags" Type="Edm.String"' in metadata


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("$filter=numbers eq '[1,-2,null]'", [1]),
        ("$filter=contains(tags,'\"red\"')", [1]),
        ("$filter=tags eq '[]'", [3]),
        ("$filter=tags eq null", [2]),
        ("$filter=numbers in ('[]','[7]')", [3]),
        ("$search=happy", [1]),
    ],
)
def test_filters_see_what_rows_show(client: Client, query: str, ids: list[int]) -> None:
    assert [row["id"] for row in rows(client, query)] == ids


def test_what_is_sent_is_what_comes_back(client: Client) -> None:
    sent = {name: json.dumps(value, separators=(",", ":")) for name, (_, value) in ARRAYS.items() if name != "grid"}
    made = client.post("/api.rsc/things", {"id": 9, **sent}, content_type="application/json")
    changed = client.patch("/api.rsc/things(2)", {"tags": '["x"]', "numbers": None, "days": "[]"}, content_type="application/json")

    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in sent} == sent | {"prices": "[1.50,20.00]"}
    assert changed.status_code in (200, 204), changed.content
    (row,) = rows(client, "$filter=id eq 2&$select=tags,numbers,days")
    assert (row["tags"], row["numbers"], row["days"]) == ('["x"]', None, "[]")


@pytest.mark.parametrize("text", ["red", "{a,b}", '{"a": 1}', "7", '["x"', "[[1,2],[3]]"])
def test_what_is_no_array_of_its_type_is_refused(client: Client, text: str) -> None:
    answer = client.patch("/api.rsc/things(1)", {"numbers": text}, content_type="application/json")

    assert answer.status_code == 400, answer.content
    assert "error" in answer.json()


def test_the_switch_counts_at_once(client: Client) -> None:
    connection = Connection.objects.get(name="shop")
    values = {**connection.properties, "Arrays": "Collections"}
    save_connection(name="shop", connector="postgresql", values=values, existing=connection)

    (row,) = rows(client, "$filter=id eq 1&$select=tags,numbers")

    assert (row["numbers"], row["tags"][0]) == ([1, -2, None], "red")
    assert client.get("/api.rsc/$oas").json()["definitions"]["ThingsRow"]["properties"]["numbers"]["type"] == "array"
