"""The generic connector and the tabular protocol for users with few rights: neither shows more nor does more than the API."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.resources import snapshot
from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from apiserver.server import options, stamp
from connections.contract.table import Column, Table, TableRef, Type
from connections.services import SESSIONS, save_connection
from users.models import User
from users.tokens import generate

ALL = ["GET", "POST", "PATCH", "PUT", "DELETE"]
ITEMS = {"$dynamic": "/api.rsc/$dynamic/tables/{}/items", "$tabular": "/api.rsc/datasets/shop/tables/{}/items"}
SQL = """CREATE TABLE orders (id INTEGER PRIMARY KEY, "価格" INTEGER, note TEXT, secret TEXT);
INSERT INTO orders VALUES (1, 10, 'a', 's1'), (2, 20, 'b', 's2'), (3, 30, 'c', 's3');
CREATE TABLE hidden (id INTEGER PRIMARY KEY);
CREATE TABLE datasets (id INTEGER PRIMARY KEY);
CREATE TABLE many (id INTEGER PRIMARY KEY);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO many SELECT i FROM n;"""


@pytest.fixture
def publish(db: None, tmp_path: Path) -> Iterator[Callable[..., list[Resource]]]:
    """Publish tables of the shop; by default all but `datasets`."""
    SESSIONS.close()
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.executescript(SQL)
    connection = save_connection(name="shop", connector="sqlite", values={"Database": str(tmp_path / "shop.db")})
    yield lambda *names: publish_tables(
        connection, [TableRef("", name) for name in names or ("orders", "hidden", "many")], now=timezone.now()
    )
    stamp.forget()


def user(name: str = "flow", privileges: list[str] | None = None, **rights: Any) -> Client:
    made = User.objects.create_user(name, privileges=privileges or ["GET"], **rights)
    client = Client(headers={"x-cdata-authtoken": generate(made, now=timezone.now()), "host": "testserver"})
    stamp.changed()
    return client


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return client.generic(method, path, b"" if body is None else json.dumps(body), content_type="application/json")


LIMITED: dict[str, Any] = {"resources": {"orders": {"methods": ALL, "columns": ["id", "価格", "note"], "filter": "価格 gt 10"}}}


@pytest.mark.parametrize("base", list(ITEMS))
def test_only_the_rows_and_columns_of_the_user_are_there(publish: Callable[..., Any], base: str) -> None:
    publish()
    client, items = user(privileges=ALL, **LIMITED), ITEMS[base].format("orders")

    rows = client.get(items).json()["value"]

    assert [row["id"] for row in rows] == [2, 3] and not any("secret" in row for row in rows)
    assert client.get(f"{items}?$filter=secret eq 's2'").status_code == 400
    assert [send(client, method, f"{items}/1", {"note": "x"}).status_code for method in ("GET", "PATCH", "DELETE")] == [404, 404, 404]
    price = "価格" if base == "$dynamic" else "_x4FA1__x683C_"
    assert send(client, "POST", items, {price: 5, "note": "too cheap"}).status_code == 403
    assert send(client, "POST", items, {price: 50, "secret": "x"}).status_code == 400
    assert send(client, "PATCH", f"{items}/2", {"note": "mine"}).json()["note"] == "mine"


def test_descriptions_name_what_the_user_may_see(publish: Callable[..., Any]) -> None:
    publish()
    client = user(privileges=ALL, **LIMITED)

    table = client.get("/api.rsc/$metadata.json/datasets/shop/tables/orders").json()
    schema = client.get("/api.rsc/$dynamic/tables/orders/schema?for=create").json()["schema"]

    assert list(table["schema"]["items"]["properties"]) == ["id", "_x4FA1__x683C_", "note"]
    assert list(schema["properties"]) == ["id", "価格", "note"]
    assert [item["Name"] for item in client.get("/api.rsc/datasets/shop/tables").json()["value"]] == ["orders"]
    assert [item["name"] for item in client.get("/api.rsc/$dynamic/tables").json()["value"]] == ["orders"]
    for path in ("$metadata.json/datasets/shop/tables/hidden", "datasets/shop/tables/hidden/items", "$dynamic/tables/hidden/schema"):
        assert client.get(f"/api.rsc/{path}").status_code == 404, path


@pytest.mark.parametrize("base", list(ITEMS))
def test_who_may_only_read_is_told_so_and_held_to_it(publish: Callable[..., Any], base: str) -> None:
    publish()
    client, items = user(), ITEMS[base].format("orders")

    table = client.get("/api.rsc/$tabular/$metadata.json/datasets/shop/tables/orders").json()
    answers = [
        send(client, *request).status_code for request in (("POST", items, {}), ("PATCH", f"{items}/1", {}), ("DELETE", f"{items}/1"))
    ]

    assert answers == [403, 403, 403]
    assert (table["x-ms-permission"], "required" in table["schema"]["items"]) == ("read-only", False)
    assert {item["x-ms-permission"] for item in table["schema"]["items"]["properties"].values()} == {"read-only"}
    definition = client.get(f"/api.rsc/{base}/$oas").json()
    assert {verb for path in definition["paths"].values() for verb in path} == {"get"}
    assert client.get("/api.rsc/$dynamic/tables?for=create").json() == {"value": []}
    assert client.get("/api.rsc/$dynamic/tables/orders/schema?for=create").status_code == 403


@pytest.mark.parametrize("base", list(ITEMS))
def test_who_may_only_create_gets_the_row_that_was_made(publish: Callable[..., Any], base: str) -> None:
    publish()
    client, items = user(privileges=["POST"]), ITEMS[base].format("orders")

    made = send(client, "POST", items, {"note": "new"})

    assert (made.status_code, made.json()["id"], client.get(items).status_code) == (201, 4, 403)
    assert made["Location"].startswith(f"http://testserver{items}/~")
    assert client.get("/api.rsc/datasets").json() == {"value": []}
    assert client.get("/api.rsc/$dynamic/tables/orders/schema?for=read").status_code == 200


@pytest.mark.parametrize("path", ["datasets", "$metadata.json/datasets", "$tabular/datasets/shop/tables/orders/items", "$tabular/$oas"])
def test_who_is_nobody_is_refused_in_the_words_of_the_protocol(publish: Callable[..., Any], path: str) -> None:
    publish()

    answer = Client().get(f"/api.rsc/{path}")

    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)
    assert answer.json()["message"] == answer.json()["error"]["message"]


def test_a_resource_called_datasets_keeps_its_address(publish: Callable[..., Any]) -> None:
    publish("orders", "datasets")
    client = user()

    assert client.get("/api.rsc/datasets").json()["@odata.context"].endswith("#datasets")
    assert "message" not in client.get("/api.rsc/datasets(9)").json()
    assert "message" not in client.get("/api.rsc/datasets?$filter=x eq 1").json()
    assert client.get("/api.rsc/$tabular/datasets").json() == {"value": [{"Name": "shop", "DisplayName": "shop"}]}
    assert client.get("/api.rsc/$tabular/datasets/shop/tables/datasets/items").json() == {"value": []}


def test_default_names_the_tables_of_all_connections(publish: Callable[..., Any]) -> None:
    publish()
    client = user()

    assert len(client.get("/api.rsc/datasets/default/tables").json()["value"]) == 3
    assert len(client.get("/api.rsc/datasets/default/tables/orders/items").json()["value"]) == 3


def test_views_over_several_connections_are_a_dataset_of_their_own(publish: Callable[..., Any], tmp_path: Path) -> None:
    publish("orders")
    Resource.objects.create(
        name="Late",
        public_id="Late",
        connection=None,
        sql="SELECT id FROM shop.orders",
        key=["id"],
        methods=ALL,
        snapshot=snapshot.to_json(Table(TableRef("", "Late"), "view", (Column("id", Type.INT64, False),), ("id",))),
    )
    client = user()

    listed = client.get("/api.rsc/datasets").json()["value"]

    assert {"Name": "views", "DisplayName": "views"} in listed
    assert client.get("/api.rsc/datasets/views/tables").json() == {"value": [{"Name": "Late", "DisplayName": "Late"}]}


@pytest.mark.parametrize("base", list(ITEMS))
@pytest.mark.parametrize("page_size", [1000, 0, 9000])
def test_a_page_stays_below_what_clients_take_for_no_pages(publish: Callable[..., Any], base: str, page_size: int) -> None:
    publish()
    options.save({"page_size": page_size})
    client, path, ids = user(), ITEMS[base].format("many") + "?$top=5000", []

    while path:
        answer = client.get(path).json()
        assert len(answer["value"]) <= 2000
        ids += [row["id"] for row in answer["value"]]
        path = answer.get("@odata.nextLink", "").removeprefix("http://testserver")

    assert ids == list(range(1, 2501))


@pytest.mark.parametrize("base", list(ITEMS))
def test_the_authtoken_in_the_path_stays_in_links_and_in_the_definition(publish: Callable[..., Any], base: str) -> None:
    publish()
    options.save({"allow_authtoken_in_url": True})
    token = user().defaults["HTTP_X_CDATA_AUTHTOKEN"]
    client, root = Client(headers={"host": "testserver"}), f"/api.rsc/@{token}"

    definition = client.get(f"{root}/{base}/$oas").json()
    link = client.get(ITEMS[base].format("many").replace("/api.rsc", root)).json()["@odata.nextLink"]

    assert (definition["basePath"], "security" in definition) == (f"{root}/{base}", False)
    assert link.startswith(f"http://testserver{root}/") and client.get(link.removeprefix("http://testserver")).status_code == 200


def test_definitions_are_answered_304_to_who_has_them(publish: Callable[..., Any]) -> None:
    publish()
    client = user()

    for base in ITEMS:
        first = client.get(f"/api.rsc/{base}/$oas")
        again = client.get(f"/api.rsc/{base}/$oas", headers={"if-none-match": first["ETag"]})
        assert (first.status_code, first["Content-Type"], again.status_code) == (200, "application/json", 304)
        assert first.content == client.get(f"/api.rsc/{base}/$oas").content and first.content.isascii()


def test_a_table_that_is_published_later_needs_no_new_definition(publish: Callable[..., Any]) -> None:
    publish("orders")
    client = user()
    before = [client.get(f"/api.rsc/{base}/$oas").content for base in ITEMS]

    publish("many")

    assert [client.get(f"/api.rsc/{base}/$oas").content for base in ITEMS] == before
    assert client.get("/api.rsc/$dynamic/tables/many/items?$top=1").status_code == 200
    assert client.get("/api.rsc/datasets/shop/tables/many/items?$top=1").status_code == 200


def test_labels_that_are_alike_are_told_apart(publish: Callable[..., Any]) -> None:
    first, second, third = publish()
    for resource, title in ((first, "Sales. [2024]"), (second, "Same"), (third, "Same")):
        resource.title = title
        resource.save()
    stamp.changed()

    found = {item["Name"]: item["DisplayName"] for item in user().get("/api.rsc/datasets/shop/tables").json()["value"]}

    assert found == {first.name: "Sales 2024", second.name: f"Same ({second.name})", third.name: f"Same ({third.name})"}
