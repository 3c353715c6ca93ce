"""A SELECT over a database and files, published as a resource: asked like any table, exported and applied again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests import databases
from tests.databases import KINDS, Database
from tests.resources.people import BOSS, LEAD, answer, users
from tests.served import Served, manage, publish

PEOPLE = [(n, f"Name {n}", "JP" if n % 3 else "US") for n in range(1, 41)]
PAID = [(n, 1 + n % 40, f"{n}.25", f"2026-01-{1 + n % 28:02}") for n in range(1, 201)]
SQL = """
SELECT p.Id AS OrderId, c.name AS [Customer], c.country, p.Total, p.Day, p.Total * 2 AS Twice
FROM [files].[paid.csv] p JOIN shop.customers c ON c.id = p.CustomerId
WHERE p.Total > '10'>
"""
SUMS = """SELECT c.country, COUNT(*) AS n, SUM(p.Total) AS total FROM files.[paid.csv] p
JOIN shop.customers c ON c.id = p.CustomerId GROUP BY c.country"""


@pytest.fixture(scope="module", params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    found = databases.make(request.param, "several", request, tmp_path_factory.mktemp("several"))
    found.create("customers", {"id": "integer PRIMARY KEY", "name": "varchar(40)", "country": "varchar(2)"})
    found.insert("customers", PEOPLE)
    return found


def configuration(database: Database) -> dict[str, Any]:
    return {
        "server": {"public_url": "https://api.example.com"},
        "connections": {"shop": database.connection, "files": {"connector": "files", "properties": {"URI": "."}}},
        "resources": {"Late": {"sql": SQL, "key": ["OrderId"]}, "Sums": {"sql": SUMS, "columns": {"country": "Country", "n": {}}}},
        "users": users(["OrderId", "Total"], "country eq 'US'"),
    }


@pytest.fixture(scope="module")
def served(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("served")
    (data / "files").mkdir()
    lines = "".join(",".join(map(str, row)) + "\n" for row in PAID)
    (data / "files" / "paid.csv").write_text(f"Id,CustomerId,Total,Day\n{lines}")
    server = publish(configuration(database), data)
    yield server
    assert server.stop() == 0


def expected(**wanted: Any) -> list[int]:
    by_id = {row[0]: row for row in PEOPLE}
    return [n for n, who, total, _ in PAID if float(total) > 10 and wanted["of"](n, by_id[who], float(total))]


def ids(served: Served, query: str, who: dict[str, str] = BOSS) -> list[int]:
    return [row["OrderId"] for row in answer(served, f"Late?$select=OrderId&{query}", who)["value"]]


def test_a_join_answers_with_filter_order_and_top(served: Served) -> None:
    assert ids(served, "$orderby=OrderId") == expected(of=lambda *_: True)
    assert ids(served, "$filter=country eq 'US' and Total gt 150&$orderby=OrderId") == expected(of=lambda n, c, t: c[2] == "US" and t > 150)
    assert ids(served, "$orderby=Total desc&$top=3") == [200, 199, 198]
    assert ids(served, "$orderby=Customer,OrderId desc&$top=2&$skip=1") == [160, 120]
    assert (
        ids(served, "$filter=contains(Customer,'4') and year(Day) eq 2026&$orderby=OrderId&$top=4")
        == expected(of=lambda n, c, t: "4" in c[1])[:4]
    )
    assert answer(served, "Late/$count?$filter=country eq 'JP'") == str(len(expected(of=lambda n, c, t: c[2] == "JP")))
    assert answer(served, "Late?$count=true&$top=0")["@odata.count"] == 191


def test_a_row_is_named_by_its_key(served: Served) -> None:
    row = {name: value for name, value in answer(served, "Late(12)").items() if "@" not in name}

    assert row == {"OrderId": 12, "Customer": "Name 13", "country": "JP", "Total": 12.25, "Day": "2026-01-13", "Twice": 24.5}
    assert answer(served, "Late(9)", status=404)["error"]["code"] == "NotFound"


def test_pages_hold_every_row_once(served: Served) -> None:
    for query in ("", "&$orderby=country"):
        seen, path = [], f"Late?$select=OrderId{query}"
        while path:
            status, _, body = served.get(f"/api.rsc/{quote(path, safe='/?&=()$,@:%')}", {**BOSS, "Prefer": "odata.maxpagesize=60"})
            assert status == 200, body
            page = json.loads(body)
            seen += [row["OrderId"] for row in page["value"]]
            path = page.get("@odata.nextLink", "").partition("/api.rsc/")[2]

        assert sorted(seen) == expected(of=lambda *_: True)


def test_sums_are_served(served: Served) -> None:
    counted = {row["Country"]: row["n"] for row in answer(served, "Sums")["value"]}

    assert counted == {country: len([n for n, who, _, _ in PAID if PEOPLE[who - 1][2] == country]) for country in ("JP", "US")}
    assert [row["n"] for row in answer(served, "Sums?$filter=Country eq 'US'")["value"]] == [counted["US"]]


def test_rights_hold(served: Served) -> None:
    row = answer(served, "Late?$orderby=OrderId&$top=1", LEAD)["value"][0]

    assert {name for name in row if "@" not in name} == {"OrderId", "Total"}
    assert ids(served, "$orderby=OrderId", LEAD) == expected(of=lambda n, c, t: c[2] == "US")
    assert answer(served, "Late?$filter=Customer eq 'x'", LEAD, status=400)["error"]["code"]


def test_it_is_only_read(served: Served) -> None:
    status, headers, _ = served.get("/api.rsc/Late", BOSS, "POST", {"OrderId": 1})

    assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_metadata_has_its_types(served: Served) -> None:
    text = answer(served, "$metadata")

    assert '<Property Name="OrderId" Type="Edm.Int64" Nullable="false"' in text
    assert '<Property Name="Twice" Type="Edm.Decimal"' in text
    assert '<Property Name="Day" Type="Edm.Date"' in text
    assert "/Late" in answer(served, "$oas")["paths"]


def test_it_is_exported_and_applied_again(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "export.json"

    assert manage(served.data_dir, "export", str(file)).returncode == 0
    same = manage(served.data_dir, "diff", str(served.data_dir / "server.json"))

    assert (same.returncode, same.stdout) == (0, same.stdout)


WRONG = [
    ("SELECT Id FROM files.[paid.csv] p JOIN shop.custmers c ON 1 = 1", "There is no table shop.custmers. Did you mean customers?"),
    ("SELECT p.Id, c.id AS Id FROM files.[paid.csv] p, shop.customers c", "Two columns of the SQL"),
    ("DELETE FROM shop.customers", "This is no SELECT."),
    ("SELECT pg_read_file('x') AS a", "There is no function pg_read_file."),
]


@pytest.mark.parametrize(("sql", "message"), WRONG, ids=[sql[:20] for sql, _ in WRONG])
def test_sql_that_cannot_be_published_is_named(served: Served, tmp_path: Path, sql: str, message: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps({"resources": {"Wrong": {"sql": sql}}}))

    done = manage(served.data_dir, "apply", str(file))

    assert done.returncode == 1
    assert message in done.stdout + done.stderr


def test_table_that_a_view_names_and_that_is_gone_is_no_fault_of_the_request(served: Served, database: Database) -> None:
    database.run("ALTER TABLE customers RENAME TO customers_moved")
    try:
        status, _, body = served.get("/api.rsc/Sums", BOSS)
    finally:
        database.run("ALTER TABLE customers_moved RENAME TO customers")

    assert (status, json.loads(body)["error"]["code"]) == (502, "SourceTableGone")
    assert answer(served, "Sums?$top=1", BOSS)["value"]
