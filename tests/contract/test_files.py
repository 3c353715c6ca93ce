"""Files as resources of a running server: filtered, ordered, paged, counted and addressed as any table; a foreign service too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.contract.small import HEADERS, TOKEN, small
from tests.served import Served, publish

ROWS = [(n, f"item {n}" if n % 3 else None, n % 7, f"{n}.50", f"2026-01-{n % 28 + 1:02}") for n in range(1, 2501)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("files")
    files = folder / "data" / "files"
    (files / "2026").mkdir(parents=True)
    lines = "".join(f"{a},{b or ''},{c},{d},{e}\n" for a, b, c, d, e in ROWS)
    (files / "sales.csv").write_text(f"Id,Name,Kind,Price,Day\n{lines}")
    pq.write_table(pa.table({"n": range(5000), "t": [f"t{n}" for n in range(5000)]}), files / "2026" / "p.parquet", row_group_size=500)
    found = small(folder)
    files_of = {"connector": "files", "properties": {"URI": ".", "IncludeSubdirectories": True}}
    found["connections"]["files"] = files_of
    found["resources"] |= {
        "sales": {"connection": "files", "table": "sales.csv", "methods": ["GET"]},
        "orders": {"connection": "files", "table": "sales.csv", "methods": ["GET"], "key": ["Id"]},
        "parts": {"connection": "files", "schema": "2026", "table": "p.parquet", "methods": ["GET", "POST"]},
    }
    server = publish(found, folder / "data", extra={"APISERVER_ALLOWED_FOLDERS": str(files)})
    yield server
    assert server.stop() == 0


def ask(served: Served, path: str, status: int = 200, **more: Any) -> Any:
    got, _, body = served.get(f"/api.rsc/{path}", HEADERS, **more)
    assert got == status, body
    return json.loads(body) if body[:1] == b"{" else body.decode()


def every(served: Served, query: str) -> list[dict[str, Any]]:
    path, found = query, []
    while path:
        page = ask(served, path)
        found += page["value"]
        path = page.get("@odata.nextLink", "").removeprefix(f"{served.base}/api.rsc/")
    return found


def test_metadata_tells_the_types(served: Served) -> None:
    text = ask(served, "$metadata")

    assert '<Property Name="RowNumber" Type="Edm.Int64" Nullable="false"' in text
    assert '<Property Name="Price" Type="Edm.Decimal"' in text
    assert '<Property Name="Day" Type="Edm.Date"' in text


def test_pages_hold_every_row_once(served: Served) -> None:
    assert [row["Id"] for row in every(served, "sales")] == [row[0] for row in ROWS]
    assert [row["Id"] for row in every(served, "orders?$select=Id")] == [row[0] for row in ROWS]
    assert [row["n"] for row in every(served, "parts?$select=n")] == list(range(5000))


@pytest.mark.parametrize("resource", ["sales", "orders"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("$filter=Id eq 77", lambda row: row[0] == 77),
        ("$filter=Price eq 100.5 or Kind eq 3 and contains(Name,'9')", lambda r: r[3] == "100.50" or (r[2] == 3 and "9" in (r[1] or ""))),
        ("$filter=Name eq null and Day lt 2026-01-03", lambda row: row[1] is None and row[4] < "2026-01-03"),
        ("$filter=not (Kind gt 1) and startswith(Name,'item 2')", lambda row: row[2] <= 1 and (row[1] or "").startswith("item 2")),
    ],
)
def test_filters_give_the_rows(served: Served, resource: str, query: str, expected: Any) -> None:
    wanted = [row[0] for row in ROWS if expected(row)]
    asked = query.replace(" ", "%20").replace("'", "%27")

    assert [row["Id"] for row in every(served, f"{resource}?{asked}")] == wanted
    assert ask(served, f"{resource}?{asked}&$count=true&$top=1")["@odata.count"] == len(wanted)


def test_order_top_skip_count_and_single_rows(served: Served) -> None:
    ordered = sorted(ROWS, key=lambda row: (-row[2], row[0]))[2:7]

    page = ask(served, "orders?$orderby=Kind%20desc,Id&$top=5&$skip=2")
    assert [row["Id"] for row in page["value"]] == [row[0] for row in ordered]
    assert ask(served, "sales/$count") == "2500"
    assert ask(served, "sales(2500)")["Price"] == 2500.5
    assert ask(served, "orders(9)/Day/$value") == "2026-01-10"
    row = ask(served, "parts?$filter=n%20eq%204321&$select=t,RowNumber")["value"][0]
    assert (row["t"], row["RowNumber"]) == ("t4321", 4322)
    ask(served, "sales(2501)", 404)


def test_writing_is_refused(served: Served) -> None:
    status, _, body = served.get("/api.rsc/parts", HEADERS, method="POST", body={"n": 1})

    assert (status, json.loads(body)["error"]["code"]) == (405, "MethodNotAllowed")


def test_file_that_goes_and_comes_back(served: Served) -> None:
    path = served.data_dir / "files" / "sales.csv"
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        status, _, body = served.get("/api.rsc/sales?$top=1", HEADERS)
        assert (status, "no file or sheet sales.csv" in body.decode()) == (502, True)
    finally:
        aside.rename(path)
    assert ask(served, "sales?$top=1")["value"][0]["Id"] == 1


def test_this_server_reads_itself_as_a_foreign_service(served: Served, tmp_path: Path) -> None:
    port = served.base.rpartition(":")[2]
    properties = {
        "URL": f"{served.base}/api.rsc/",
        "AuthScheme": "Bearer",
        "AccessToken": TOKEN,
        "CaseSensitive": True,
        "TextOrder": "Binary",
    }
    second = publish(
        {
            "server": {"outgoing": {"allow": [f"127.0.0.1:{port}"]}},
            "connections": {"there": {"connector": "odata", "properties": properties}},
            "resources": {
                "items": {"connection": "there", "table": "items", "methods": ["GET", "POST", "PATCH", "PUT", "DELETE"]},
                "orders": {"connection": "there", "table": "orders", "methods": ["GET"]},
            },
            "users": {"flow": {"role": "query", "privileges": ["GET", "POST", "PATCH", "DELETE", "PUT"], "authtoken": TOKEN}},
        },
        tmp_path / "data",
    )
    try:
        assert [row["Id"] for row in every(second, "orders?$filter=contains(Name,%27item%2024%27)")] == [
            row[0] for row in ROWS if "item 24" in (row[1] or "")
        ]
        assert [row["Id"] for row in every(second, "orders?$select=Id")] == [row[0] for row in ROWS]
        assert ask(second, "items", 201, method="POST", body={"id": 70, "name": "o'clock", "amount": 1.25})["name"] == "o'clock"
        ask(second, "items(70)", 204, method="PATCH", body={"amount": 2.5})
        assert ask(served, "items(70)")["amount"] == 2.5
        ask(second, "items(70)", 204, method="DELETE")
        ask(second, "items(70)", 404)
    finally:
        assert second.stop() == 0
