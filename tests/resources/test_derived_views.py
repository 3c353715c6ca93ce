"""Derived views through the real service: a SELECT published as a table, on every database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests import databases
from tests.databases import KINDS, Database
from tests.resources.people import BOSS, LEAD, answer, users
from tests.served import Served, manage, publish

# Percent signs, colons, question marks and braces that a driver or a template could take for its own.
SPOKEN = "100% {0} :name ? %s it''s"
LATE = """
-- what customers owe
SELECT o.id, o.customer_id, c.country, o.total, o.total * 2 AS twice, o.day AS ordered,
       ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o.id) AS place, '%s' AS said
FROM orders o JOIN customers c ON c.id = o.customer_id
WHERE o.note LIKE '%%late%%' OR o.note LIKE '%%?' /* or asked */
"""
SUMS = """WITH sums AS (SELECT customer_id, COUNT(*) AS orders, SUM(total) AS total FROM orders GROUP BY customer_id)
SELECT customer_id, orders, total FROM sums WHERE orders >= 1 UNION ALL SELECT 99, 0, NULL"""


def fill(database: Database) -> Database:
    database.create("customers", {"id": "integer PRIMARY KEY", "name": "varchar(40)", "country": "varchar(2)"})
    columns = {"id": "integer PRIMARY KEY", "customer_id": "integer", "total": "numeric(10,2)", "note": "varchar(80)", "day": "date"}
    database.create("orders", columns, "FOREIGN KEY (customer_id) REFERENCES customers (id)")
    database.insert("customers", [(1, "Aoi", "JP"), (2, "Bob", "US")])
    rows = [(n, 1 + n % 2, f"{n}.50", "very late" if n % 3 else "why?", f"2026-01-{n:02}") for n in range(1, 13)]
    database.insert("orders", [*rows, (13, 1, "5.00", "in time", "2026-02-01")])
    return database


def configuration(database: Database) -> dict[str, Any]:
    return {
        "server": {"public_url": "https://api.example.com"},
        "connections": {"shop": database.connection},
        "resources": {
            "Customers": {"connection": "shop", "table": "customers"},
            "Late": {
                "connection": "shop",
                "sql": LATE % SPOKEN,
                "key": ["id"],
                "columns": {"id": "Id", "customer_id": "customer_id", "country": {}, "total": {}, "twice": {}, "ordered": {}, "said": {}},
                "relations": {"Customer": {"to": "Customers", "columns": {"customer_id": "id"}, "partner": "LateOrders"}},
            },
            "Sums": {"connection": "shop", "sql": SUMS},
        },
        "users": users(["id", "total"], "country eq 'JP'"),
    }


@pytest.fixture(scope="module", params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    return fill(databases.make(request.param, "derived_views", request, tmp_path_factory.mktemp("derived")))


@pytest.fixture(scope="module")
def served(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = publish(configuration(database), tmp_path_factory.mktemp("served"))
    yield server
    server.dismiss()


def ids(served: Served, query: str, who: dict[str, str] = BOSS) -> list[int]:
    return [row["Id"] for row in answer(served, f"Late?$select=Id&{query}", who)["value"]]


def test_a_view_reads_as_a_table(served: Served) -> None:
    first = answer(served, "Late(2)")

    shown = {name: value for name, value in first.items() if not name.startswith("@")}
    assert shown == {
        "Id": 2,
        "customer_id": 1,
        "country": "JP",
        "total": 2.5,
        "twice": 5,
        "ordered": "2026-01-02",
        "said": "100% {0} :name ? %s it's",
    }
    assert ids(served, "$orderby=Id") == list(range(1, 13))
    assert ids(served, "$filter=total gt 10 and country eq 'JP'&$orderby=total desc") == [12, 10]
    assert ids(served, "$filter=contains(said,'%') and contains(said,'?') and year(ordered) eq 2026&$top=2&$orderby=Id") == [1, 2]
    assert ids(served, "$search=JP&$orderby=Id") == [2, 4, 6, 8, 10, 12]
    assert answer(served, "Late/$count?$filter=country eq 'US'") == "6"
    assert answer(served, "Late?$count=true&$top=0")["@odata.count"] == 12


def test_a_view_pages_by_its_key(served: Served) -> None:
    seen, path = [], "Late?$select=Id&$orderby=total desc"
    while path:
        status, _, body = served.get(f"/api.rsc/{quote(path, safe='/?&=()$,@:%')}", {**BOSS, "Prefer": "odata.maxpagesize=5"})
        assert status == 200, body
        page = json.loads(body)
        seen += [row["Id"] for row in page["value"]]
        path = page.get("@odata.nextLink", "").partition("/api.rsc/")[2]

    assert seen == list(range(12, 0, -1))


def test_relations_lead_to_and_from_a_view(served: Served) -> None:
    there = answer(served, "Late(2)?$expand=Customer($select=name)&$select=Id")
    back = answer(served, "Customers(2)?$expand=LateOrders($select=Id;$filter=total gt 8;$orderby=Id)")

    assert there["Customer"]["name"] == "Aoi"
    assert [row["Id"] for row in back["LateOrders"]] == [9, 11]
    assert ids(served, "$filter=Customer/name eq 'Bob'&$orderby=Id") == [1, 3, 5, 7, 9, 11]
    assert len(answer(served, "Customers?$filter=LateOrders/any(o:o/twice gt 24)")["value"]) == 1


def test_a_view_without_key_is_a_list(served: Served) -> None:
    rows = answer(served, "Sums?$orderby=customer_id")["value"]

    assert [(row["customer_id"], row["orders"]) for row in rows] == [(1, 7), (2, 6), (99, 0)]
    assert [row["total"] for row in rows] == [50, 39, None]
    assert served.get("/api.rsc/Sums(1)", BOSS)[0] in (400, 404)


def test_rights_narrow_a_view(served: Served) -> None:
    rows = answer(served, "Late?$orderby=Id", LEAD)["value"]

    assert [row["Id"] for row in rows] == [2, 4, 6, 8, 10, 12]
    assert set(rows[0]) - {"@odata.etag"} == {"Id", "total"}
    assert served.get("/api.rsc/Late(1)", LEAD)[0] == 404


@pytest.mark.parametrize(("method", "path"), [("POST", "Late"), ("PATCH", "Late(2)"), ("PUT", "Late(2)"), ("DELETE", "Late(2)")])
def test_a_view_is_never_written(served: Served, method: str, path: str) -> None:
    status, _, body = served.get(f"/api.rsc/{path}", BOSS, method, {"Id": 2, "total": 1})

    assert status in (403, 405), body
    assert answer(served, "Late/$count") == "12"


def test_documents_show_a_view_read_only(served: Served) -> None:
    metadata = served.get("/api.rsc/$metadata", BOSS)[2].decode()
    paths = answer(served, "$oas")["paths"]

    assert '<EntityType Name="Late">' in metadata
    assert 'Name="total" Type="Edm.Decimal"' in metadata
    assert 'Name="ordered" Type="Edm.Date"' in metadata
    assert {tuple(operations) for path, operations in paths.items() if path.startswith(("/Late", "/Sums"))} == {("get",)}


def test_the_text_comes_back_from_an_export(served: Served, database: Database, tmp_path: Path) -> None:
    file = tmp_path / "export.yaml"
    manage(served.data_dir, "export", str(file))
    exported = yaml.safe_load(file.read_text(encoding="utf-8"))["resources"]

    assert exported["Late"]["sql"] == LATE % SPOKEN
    assert exported["Sums"] == {"connection": "shop", "sql": SUMS}
    variables = {f"APISERVER_SECRET_USERS_{name.upper()}_AUTHTOKEN": f"derived-views-token-of-{name}-01" for name in ("boss", "lead")}
    assert json.loads(manage(served.data_dir, "apply", str(file), "--json", extra=variables).stdout)["changed"] is False


def test_applying_again_reads_the_columns_anew(served: Served, database: Database, tmp_path: Path) -> None:
    file = tmp_path / "grown.yaml"
    resources = {"Grown": {"connection": "shop", "sql": "SELECT * FROM grown", "key": ["id"]}}
    file.write_text(json.dumps({"resources": resources}), encoding="utf-8")
    database.create("grown", {"id": "integer PRIMARY KEY"})
    database.insert("grown", [(1,)])
    assert manage(served.data_dir, "apply", str(file), "--json").returncode == 0

    database.run("ALTER TABLE grown ADD COLUMN name varchar(20)")
    applied = manage(served.data_dir, "apply", str(file), "--json")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    told = json.loads(applied.stdout)

    assert told["updated"] == ["resources/Grown"]
    database.run("DROP TABLE grown")
