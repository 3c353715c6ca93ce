"""From $oas alone a client calls what it describes of databases, and the lists of services; every column that comes back is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.fakes.bitbucket import Bitbucket
from tests.fakes.stripe import Stripe
from tests.odata.document_client import DocumentClient, Operation
from tests.served import Served, publish

TOKEN = "document-client-authtoken-0123456789"
EVERY = ["GET", "POST", "PATCH", "DELETE"]
PEOPLE = """id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code uuid NOT NULL, name varchar(40) NOT NULL, feeling mood NOT NULL,
    mostly mood, born date, wakes time, seen timestamptz NOT NULL DEFAULT now(), lasting interval day to second, raw bytea, big bigint,
    price numeric(10,2), ratio float8, ok boolean NOT NULL DEFAULT false, tags text[] NOT NULL DEFAULT '{}', numbers int[], doc jsonb,
    twice numeric GENERATED ALWAYS AS (price * 2) STORED, lead_id integer REFERENCES people (id)"""
GOODS = """id int AUTO_INCREMENT PRIMARY KEY, size enum('S','M') NOT NULL, maybe enum('a','b'), price decimal(10,3) NOT NULL,
    twice decimal(12,3) AS (price * 2) STORED, ts timestamp NOT NULL DEFAULT current_timestamp, doc json, u bigint unsigned, data blob"""
SERVICES = {
    "bitbucket": ("shop", ("Issues", "Branches", "PullRequests", "Commits")),
    "stripe": ("Stripe", ("Customers", "Invoices", "Prices")),
}


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Tables of PostgreSQL and MariaDB, and services that are stood in for."""
    folder = Path(tmp_path_factory.mktemp("document"))
    shop = databases.make("postgresql", "document_shop", request, folder)
    shop.run("CREATE TYPE mood AS ENUM ('sad', 'ok/fine', 'it''s')")
    shop.run(f"CREATE TABLE people ({PEOPLE})")
    shop.run("CREATE TABLE moods (feeling mood PRIMARY KEY, note text)")
    shop.run("CREATE TABLE lines (a integer, b varchar(9), feeling mood NOT NULL, PRIMARY KEY (a, b))")
    shop.run(
        "INSERT INTO people (code, name, feeling, tags, numbers, lead_id)"
        " SELECT gen_random_uuid(), 'n' || n, 'sad', '{a}', '{1,null}', CASE WHEN n > 1 THEN 1 END FROM generate_series(1, 30) n"
    )
    shop.run("INSERT INTO moods VALUES ('sad', NULL)")
    shop.run("INSERT INTO lines VALUES (1, 'x/y', 'sad')")
    goods = databases.make("mysql", "document_goods", request, folder)
    goods.run(f"CREATE TABLE goods ({GOODS})")
    goods.run("INSERT INTO goods (size, price) VALUES ('S', 1.5)")
    with Bitbucket() as bitbucket, Stripe() as stripe:
        signed = {"AuthScheme": "Basic", "User": "aoi@example.com", "APIToken": "api-token-1", "Workspace": "acme"}
        text = {**shop.connection, "properties": {**shop.connection["properties"], "Arrays": "Text"}}
        connections = {
            "shop": shop.connection,
            "text": text,
            "goods": goods.connection,
            "bitbucket": {"connector": "bitbucket", "properties": {**signed, "URL": f"{bitbucket.url}/2.0"}},
            "stripe": {"connector": "stripe", "properties": {"LiveAPIKey": "sk_live_abc123", "URL": stripe.url}},
        }
        resources: dict[str, Any] = {
            name: {"connection": "shop", "schema": "public", "table": name} for name in ("people", "moods", "lines")
        }
        resources |= {
            "PeopleText": {"connection": "text", "schema": "public", "table": "people"},
            "goods": {"connection": "goods", "table": "goods"},
        }
        for connection, (schema, tables) in SERVICES.items():
            resources |= {table: {"connection": connection, "schema": schema, "table": table} for table in tables}
        told = {
            "server": {"allow_authtoken_in_url": True, "page_size": 20, "outgoing": {"allow": [bitbucket.address, stripe.address]}},
            "connections": connections,
            "resources": resources,
            "users": {"maker": {"role": "query", "privileges": EVERY, "authtoken": TOKEN}},
        }
        running = publish(told, folder / "data")
        yield running
        running.dismiss()


@pytest.fixture(scope="module")
def client(served: Served) -> DocumentClient:
    return DocumentClient(f"{served.base}/api.rsc/@{TOKEN}/$oas")


DATABASES = ("people", "moods", "lines", "PeopleText", "goods")
READ = (*DATABASES, *(table for _, tables in SERVICES.values() for table in tables))


@pytest.mark.parametrize("name", READ)
def test_lists_and_their_next_pages_fit_the_schema(client: DocumentClient, name: str) -> None:
    found = client.named(f"Return {name}")
    properties = [item for item in row_schema(client, found) if "@" not in item]

    status, page = client.call(found, {"$count": "true"})
    assert (status, page["@odata.count"] >= len(page["value"]) > 0) == (200, True)
    if link := page.get("@odata.nextLink"):
        assert link.startswith(client.root)
        more = client.send("GET", link)
        assert more[0] == 200 and more[1]["value"]
    client.call(found, {"$select": properties[0], "$top": "1"})
    for query in ({"$filter": "NoSuchColumn eq 1"}, {"$select": "NoSuchColumn"}, {"$top": "many"}):
        assert client.call(found, query)[0] == 400


@pytest.mark.parametrize("name", ["people", "PeopleText", "Invoices"])
def test_expansions_fit_the_schema(client: DocumentClient, name: str) -> None:
    found = client.named(f"Return {name}")
    said = next((item["description"] for item in found.parameters("query") if item["name"] == "$expand"), "")
    related = [item.strip(" .") for item in said.rpartition("out of")[2].split(",")] if said else []

    for expansion in related:
        for query in (expansion, f"{expansion}($count=true;$top=2)" if expansion.endswith("2") else expansion):
            assert client.call(found, {"$expand": query, "$top": "3"})[0] == 200
    assert related or name == "Invoices"


@pytest.mark.parametrize("name", DATABASES)
def test_rows_are_made_read_changed_and_deleted_from_the_document_alone(client: DocumentClient, name: str) -> None:
    create, one, update, delete = (
        client.named(f"{verb} {name}") for verb in ("Create in", "Return one of", "Update one of", "Delete one of")
    )
    body = client.body_for(create)

    status, made = client.call(create, {}, body)
    assert status == 201, made
    key = {item["name"]: made[item["name"]] for item in one.parameters("path")}
    assert {item: made[item] for item in body} == body
    assert client.call(one, key)[0] == 200
    assert client.call(update, key, client.body_for(update))[0] in (200, 204)
    assert client.call(delete, key)[0] == 204
    assert client.call(one, key)[0] == 404


def test_issues_and_customers_are_found_as_the_walkthroughs_say(client: DocumentClient) -> None:
    _, issues = client.call(client.named("Return Issues"), {"$filter": "Id eq '1'"})
    _, customers = client.call(client.named("Return Customers"), {"$filter": "Delinquent eq 'False'"})

    assert [row["Id"] for row in issues["value"]] == [1]
    assert customers["value"] and {row["Delinquent"] for row in customers["value"]} == {False}


def test_triggers_answer_as_the_document_says(client: DocumentClient) -> None:
    polls = [item for item in client.operations() if item.path.startswith("/$poll")]

    assert {client.call(item, {})[0] for item in polls} == {202}


def row_schema(client: DocumentClient, operation: Operation) -> dict[str, Any]:
    """Return the properties of the rows that a list gives."""
    rows = operation.said["responses"]["200"]["schema"]["properties"]["value"]
    found: dict[str, Any] = client.document["definitions"][rows["items"]["$ref"].rpartition("/")[2]]["properties"]
    return found
