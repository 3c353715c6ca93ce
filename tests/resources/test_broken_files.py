"""What is wrong in a configuration file's connections, resources and rights is named, and nothing changes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from apiserver.resources.models import Resource
from apiserver.server import stamp
from connections.models import Connection
from tests.server.test_configuration import apply, command
from users.models import User

pytestmark = pytest.mark.usefixtures("fresh")

TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, country TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total NUMERIC, note TEXT);
"""


def shop(**changed: Any) -> dict[str, Any]:
    return {"connections": {"shop": {"connector": "sqlite", "properties": {"Database": "FILE"}, **changed}}}


def orders(**changed: Any) -> dict[str, Any]:
    return {**shop(), "resources": {"Customers": TARGET, "Orders": {"connection": "shop", "table": "orders", **changed}}}


def relation(**changed: Any) -> dict[str, Any]:
    return orders(relations={"Buyer": {"to": "Customers", "columns": {"customer_id": "id"}, **changed}})


def view(sql: Any, **changed: Any) -> dict[str, Any]:
    given = {"connection": "shop", "sql": sql, **changed}
    return {**shop(), "resources": {"Late": {name: value for name, value in given.items() if value is not ...}}}


def right(**grant: Any) -> dict[str, Any]:
    return {**orders(), "users": {"lead": {"role": "query", "resources": {"Customers": grant}}}}


TARGET = {"connection": "shop", "table": "customers"}
BROKEN: list[tuple[Any, list[str]]] = [
    (shop(conector="sqlite"), ["connections.shop.conector", "connector"]),
    (shop(connector="sqlit"), ["connections.shop.connector", "sqlite"]),
    (shop(connector=5), ["connections.shop.connector"]),
    (shop(properties={"Databse": "FILE"}), ["connections.shop", "Databse", "Database"]),
    (shop(properties="FILE"), ["connections.shop.properties"]),
    (shop(properties=["Database"]), ["connections.shop.properties"]),
    (shop(labels="crm"), ["connections.shop.labels"]),
    (shop(read_only="perhaps"), ["connections.shop.read_only"]),
    (shop(max_rows="many"), ["connections.shop.max_rows"]),
    (shop(max_rows=[1]), ["connections.shop.max_rows"]),
    (shop(max_rows={"env": "NOT_SET_ANYWHERE"}), ["connections.shop.max_rows", "NOT_SET_ANYWHERE"]),
    ({"connections": ["shop"]}, ["connections", "mapping"]),
    ({"connections": {"shop": "sqlite"}}, ["connections.shop", "mapping"]),
    ({"connections": {"shop": {}}}, ["connections.shop.connector"]),
    ({**shop(), "resources": ["Orders"]}, ["resources", "mapping"]),
    ({**shop(), "resources": {"Orders": "orders"}}, ["resources.Orders", "mapping"]),
    ({**shop(), "resources": {"Orders": {}}}, ["resources.Orders.connection"]),
    ({**shop(), "resources": {"My-Orders": {"connection": "shop", "table": "orders"}}}, ["resources.My-Orders", "identifier"]),
    ({**shop(), "resources": {"1st": {"connection": "shop", "table": "orders"}}}, ["resources.1st", "identifier"]),
    ({**shop(), "resources": {"Orders": TARGET, "ORDERS": TARGET}}, ["resources.ORDERS", "case"]),
    (orders(conection="shop"), ["resources.Orders.conection", "connection"]),
    (orders(connection="shp"), ["resources.Orders.connection", "shp", "shop"]),
    (orders(connection=["shop"]), ["resources.Orders.connection"]),
    (orders(table=""), ["resources.Orders.table"]),
    (orders(table=None), ["resources.Orders.table"]),
    (orders(table="ordres"), ["resources.Orders", "ordres"]),
    (orders(table=["orders"]), ["resources.Orders"]),
    (orders(table=7), ["resources.Orders"]),
    (orders(schema="sales"), ["resources.Orders"]),
    (orders(sql="SELECT id FROM orders"), ["resources.Orders", "sql and table exclude each other"]),
    (view("SELECT id FROM orders", schema="main"), ["resources.Late", "sql and schema exclude each other"]),
    (view("SELECT id FROM nowhere", connection=...), ["resources.Late.sql", "There is no table nowhere"]),
    (view(["SELECT 1"]), ["resources.Late.sql", "text"]),
    (view("DELETE FROM orders"), ["resources.Late.sql", "changes data"]),
    (view("SELECT id FROM orders; SELECT 1"), ["resources.Late.sql", "several statements"]),
    (view("SELECT total + 1 FROM orders"), ["resources.Late.sql", "column 1 has no name"]),
    (view("SELECT id, id FROM orders"), ["resources.Late.sql", "the name id"]),
    (view("SELECT idd FROM orders"), ["resources.Late.sql", "no such column: idd"]),
    (view("SELECT FROM WHERE"), ["resources.Late.sql", "can't be"]),
    (view("SELECT id FROM orders", key=["idd"]), ["resources.Late.key", "idd", "id"]),
    (view("SELECT id FROM orders", columns=["total"]), ["resources.Late.columns", "total"]),
    (orders(id="a-b"), ["resources.Orders.id", "letters and digits"]),
    (orders(id=5), ["resources.Orders.id"]),
    (orders(title=5), ["resources.Orders.title"]),
    (orders(description=["a"]), ["resources.Orders.description"]),
    (orders(methods="GET"), ["resources.Orders.methods"]),
    (orders(methods=["GTE"]), ["resources.Orders.methods", "GET"]),
    (orders(methods=[5]), ["resources.Orders.methods"]),
    (orders(methods=[["GET"]]), ["resources.Orders.methods"]),
    (orders(key="id"), ["resources.Orders.key"]),
    (orders(key=["idd"]), ["resources.Orders.key", "idd", "id"]),
    (orders(key=[["id"]]), ["resources.Orders.key"]),
    (orders(key=[{"id": 1}]), ["resources.Orders.key"]),
    (orders(search="note"), ["resources.Orders.search"]),
    (orders(search=["note", "nots"]), ["resources.Orders.search", "nots", "note"]),
    (orders(check_column="updated"), ["resources.Orders.check_column", "updated"]),
    (orders(check_column=["id"]), ["resources.Orders.check_column"]),
    (orders(etag="totl"), ["resources.Orders.etag", "total"]),
    (orders(etag=1), ["resources.Orders.etag"]),
    (orders(serve="cached 9999"), ["resources.Orders.serve", "live"]),
    (orders(columns="id"), ["resources.Orders.columns"]),
    (orders(columns=["id", "totl"]), ["resources.Orders.columns", "totl", "total"]),
    (orders(columns=[["id"]]), ["resources.Orders.columns"]),
    (orders(columns={"totl": "Total"}), ["resources.Orders.columns", "totl", "total"]),
    (orders(columns={"total": "To tal"}), ["resources.Orders.columns.total", "identifier"]),
    (orders(columns={"total": {"nam": "Total"}}), ["resources.Orders.columns.total.nam", "name"]),
    (orders(columns={"total": 5}), ["resources.Orders.columns.total"]),
    (orders(columns={"total": {"read_only": "maybe"}}), ["resources.Orders.columns.total.read_only"]),
    (orders(columns={"total": {"label": 5}}), ["resources.Orders.columns.total.label"]),
    (orders(columns={"id": "X", "total": "x"}), ["resources.Orders.columns", "same"]),
    (orders(relations=["Buyer"]), ["resources.Orders.relations", "mapping"]),
    (orders(relations={"Buyer": "Customers"}), ["resources.Orders.relations.Buyer", "mapping"]),
    (relation(to="Custmers"), ["resources.Orders.relations.Buyer.to", "Customers"]),
    (relation(two="Customers"), ["resources.Orders.relations.Buyer.two", "to"]),
    (relation(columns={}), ["resources.Orders.relations.Buyer.columns"]),
    (relation(columns=["id"]), ["resources.Orders.relations.Buyer.columns"]),
    (relation(columns={"customer": "id"}), ["resources.Orders.relations.Buyer.columns", "customer_id"]),
    (relation(columns={"customer_id": "idd"}), ["resources.Orders.relations.Buyer.columns", "idd"]),
    (relation(columns={"customer_id": ["id"]}), ["resources.Orders.relations.Buyer.columns"]),
    (relation(collection="perhaps"), ["resources.Orders.relations.Buyer.collection"]),
    (relation(partner="a b"), ["resources.Orders.relations.Buyer", "a b"]),
    (right(method=["GET"]), ["users.lead.resources.Customers.method", "methods"]),
    (right(methods=["GOT"]), ["users.lead.resources.Customers.methods", "GET"]),
    (right(methods="GET"), ["users.lead.resources.Customers.methods"]),
    (right(columns=["nmae"]), ["users.lead.resources.Customers", "nmae", "name"]),
    (right(columns="name"), ["users.lead.resources.Customers.columns"]),
    (right(columns=5), ["users.lead.resources.Customers.columns", "list"]),
    (right(columns=[["name"]]), ["users.lead.resources.Customers.columns", "text"]),
    (right(methods=5), ["users.lead.resources.Customers.methods", "list"]),
    (right(filter=5), ["users.lead.resources.Customers.filter", "text"]),
    (shop(properties={"Database": float("nan")}), ["connections.shop.properties", "Database"]),
    (right(filter="contry eq 'JP'"), ["users.lead.resources.Customers", "contry"]),
    (right(filter="country eq"), ["users.lead.resources.Customers"]),
    (right(filter=5), ["users.lead.resources.Customers.filter"]),
]


@pytest.mark.parametrize(("data", "words"), BROKEN, ids=[str(number) for number in range(len(BROKEN))])
def test_a_broken_file_is_refused_whole(tmp_path: Path, data: Any, words: list[str]) -> None:
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as opened:
        opened.executescript(TABLES)
    file = tmp_path / "server.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False).replace("FILE", str(database)), encoding="utf-8")
    before = stamp.value()

    code, out, _ = command("apply", file, "--json")

    assert (code, [word for word in words if word not in out]) == (1, []), out
    assert (Connection.objects.count(), Resource.objects.count(), User.objects.count(), stamp.value()) == (0, 0, 0, before)


def test_the_file_without_the_mistakes_applies(tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as opened:
        opened.executescript(TABLES)
    data = {**relation(), "users": right(filter="country eq 'JP'", columns=["id", "name", "country"])["users"]}

    told = apply(tmp_path, yaml.safe_dump(data, sort_keys=False).replace("FILE", str(database)))

    assert told["code"] == 0, told
