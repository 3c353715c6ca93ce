"""What one connector can't hold is left out of $oas and told, before a maker finds out; a choice of which nothing is left is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.odata.swagger_limits import operations
from apiserver.resources.services import publish_tables
from apiserver.server import options
from connections.contract.table import TableRef
from connections.services import save_connection
from tests import databases
from users.models import User
from users.tokens import generate

TOKEN = "limits-token-0123456789abcdef"
EVERY = ["GET", "POST", "PATCH", "DELETE"]
ONE_MB = 1_000_000
Publish = Callable[..., Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def publish(request: pytest.FixtureRequest, tmp_path: Path) -> Publish:
    """Give what publishes so many tables of so many columns to a user with these privileges."""

    def made(count: int, columns: int, *, privileges: list[str] = EVERY, key: str = "integer") -> Client:
        database = databases.sqlite("large", request, tmp_path)
        tables = [f"table{number:03}" for number in range(count)]
        for table in tables:
            database.create(table, {"id": f"{key} PRIMARY KEY"} | {f"column{number:02}": "varchar(40)" for number in range(columns - 1)})
        connection = save_connection(name="large", connector="sqlite", values=database.connection["properties"])
        publish_tables(connection, [TableRef("", table) for table in tables], now=timezone.now())
        generate(User.objects.create_user("flow", privileges=privileges), now=timezone.now(), text=TOKEN)
        return Client(headers={"x-cdata-authtoken": TOKEN, "host": "api.example.com"})

    return made


def described(client: Client, query: str = "") -> Any:
    answer = client.get(f"/api.rsc/$oas{query}")
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def test_one_document_holds_what_a_connector_can(publish: Publish) -> None:
    large = publish(200, 20)

    answer = large.get("/api.rsc/$oas")
    document, part = json.loads(answer.content), described(large, "?resources=table007,table008")

    assert (operations(document), len(answer.content) < ONE_MB) == (200, True)
    assert "updates, single rows, new rows. Choose tables with ?resources=" in document["info"]["description"]
    assert answer["Left-Out"] == "subscriptions, polling triggers, deletes, updates, single rows, new rows"
    assert len(document["info"]["description"]) <= 500
    assert set(document["definitions"]) == {f"Table{number:03}Row" for number in range(200)}
    assert {"/table007", "/table007({id})", "/table008", "/table008({id})"} <= part["paths"].keys()
    assert "Left out" not in part["info"]["description"]
    assert "Left-Out" not in large.get("/api.rsc/$oas?resources=table007,table008")
    assert large.get("/api.rsc/$openapi").json()["paths"].keys() > document["paths"].keys()
    assert large.get("/api.rsc/$oas?security=basic")["Left-Out"] == answer["Left-Out"]


def test_of_too_many_tables_the_first_are_told(publish: Publish) -> None:
    large = publish(300, 2)

    answer = large.get("/api.rsc/$oas")
    document = json.loads(answer.content)

    assert (operations(document), len(document["paths"])) == (256, 256)
    assert answer["Left-Out"].endswith("single rows, new rows, 44 of 300 tables, from table256 on")
    assert answer["Left-Out"] in document["info"]["description"]
    assert {f"/table{number:03}" for number in range(256)} == document["paths"].keys()
    assert described(large, "?resources=table299")["paths"].keys() >= {"/table299"}
    assert len(large.get("/api.rsc/$openapi").json()["paths"]) > 600


def test_of_too_large_tables_as_many_are_told_as_fit(publish: Publish) -> None:
    large = publish(150, 60)

    answer = large.get("/api.rsc/$oas?operations=list")
    document = json.loads(answer.content)

    assert len(answer.content) < ONE_MB
    assert 60 < operations(document) < 150
    assert f"{150 - operations(document)} of 150 tables, from table{operations(document):03} on" == answer["Left-Out"]


def test_makers_find_addresses_of_parts_that_fit(publish: Publish) -> None:
    large = publish(300, 2)

    found = large.get("/api.rsc/$parts").json()

    assert found["limits"] == {"operations": 256, "bytes": ONE_MB, "bytesInSolution": 500_000}
    assert {name: found["whole"][name] for name in ("address", "operations", "resources", "resourcesLeftOut", "fits")} == {
        "address": "http://api.example.com/api.rsc/$oas",
        "operations": 256,
        "resources": 256,
        "resourcesLeftOut": 44,
        "fits": False,
    }
    told: set[str] = set()
    for part in found["parts"]:
        document = described(large, part["address"].partition("$oas")[2])
        assert (part["fits"], part["operations"], part["leftOut"]) == (True, operations(document), [])
        told |= {path for path in document["paths"] if path.count("/") == 1 and "(" not in path}
    assert (told, found["resourcesInNoPart"]) == ({f"/table{number:03}" for number in range(300)}, 0)


def test_parts_of_what_fits_are_none_and_carry_the_token_of_the_path_alone(publish: Publish) -> None:
    small = publish(2, 2)
    options.save({"allow_authtoken_in_url": True})

    found = small.get("/api.rsc/$parts").json()
    within = Client(headers={"host": "api.example.com"}).get(f"/api.rsc/@{TOKEN}/$parts").json()

    assert (found["parts"], found["kinds"], found["whole"]["fits"], found["whole"]["leftOut"]) == ([], [], True, [])
    assert within["whole"]["address"] == f"http://api.example.com/api.rsc/@{TOKEN}/$oas"
    assert [small.get(f"/api.rsc/$parts{more}").status_code for more in ("/x", "?$top=1")] == [404, 400]
    assert small.post("/api.rsc/$parts").status_code == 405


@pytest.mark.parametrize(
    ("privileges", "query", "status", "message"),
    [
        (["GET"], "operations=write", 403, "POST, PATCH or DELETE is missing on each chosen resource."),
        (["GET"], "operations=create&resources=table000", 403, "POST is missing on each chosen resource."),
        (["POST"], "operations=read", 403, "GET is missing on each chosen resource."),
        (["POST"], "operations=triggers", 403, "GET is missing on each chosen resource."),
        ([], "resources=table000", 403, "GET, POST, PATCH or DELETE is missing on each chosen resource."),
        (EVERY, "operations=polling", 404, "no check column for triggers."),
        (EVERY, "operations=read&operations=write", 404, "No operation is chosen."),
        (EVERY, "operations=", 404, "No operation is chosen."),
        (EVERY, "resources=,", 404, "No operation is chosen."),
    ],
)
def test_a_choice_of_which_nothing_is_left_is_refused_with_the_reason(
    publish: Publish, privileges: list[str], query: str, status: int, message: str
) -> None:
    client = publish(2, 2, privileges=privileges, key="varchar(9)")

    for name in ("$oas", "$openapi"):
        answer = client.get(f"/api.rsc/{name}?{query}")

        assert (answer.status_code, answer.json()["error"]["target"]) == (status, query.partition("=")[0])
        assert message in answer.json()["error"]["message"]


def test_who_may_do_nothing_is_told_so_in_the_document(publish: Publish) -> None:
    document = described(publish(2, 2, privileges=[]))

    assert document["paths"] == {}
    assert document["info"]["description"].endswith("or the user has no privilege on any of them.")
