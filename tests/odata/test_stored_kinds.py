"""Values of other kinds than their columns: SQLite keeps anything anywhere, old MySQL tables hold zero dates. No row is lost or false."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymysql
import pytest

from connections.connectors.sql import select_sqlite
from tests import databases
from tests.odata.service_harness import Service, open_service

MIXED = [(number, [number, str(number), f"{number}".encode(), number / 2][number % 4]) for number in range(1, 21)]


@pytest.fixture
def mixed(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    """Columns without a type, of blobs, and of a view, that hold numbers, texts and bytes."""
    database = databases.make("sqlite", "kinds", request, tmp_path)
    database.create("loose", {"id": "integer PRIMARY KEY", "any": "", "data": "blob"})
    database.insert("loose", [(number, value, value) for number, value in MIXED])
    database.run(
        'CREATE VIEW sums AS SELECT id, id * 2 AS twice, id / 2.0 AS half, "any" || \'\' AS word, coalesce("any", 0) AS kept FROM loose'
    )
    return open_service(database, ("loose", "sums"))


def pages(service: Service, path: str) -> list[Any]:
    """Return the rows of all pages of three."""
    answer = service.get(path, Prefer="odata.maxpagesize=3")
    rows = list(answer.json["value"])
    while "@odata.nextLink" in answer.json and len(rows) <= 3 * len(MIXED):
        answer = service.follow(answer.json["@odata.nextLink"], Prefer="odata.maxpagesize=3")
        rows += answer.json["value"]
    return rows


@pytest.mark.parametrize("way", ["asc", "desc"])
@pytest.mark.parametrize("name", ["any", "data"])
def test_each_row_comes_once_whatever_the_column_holds(mixed: Service, name: str, way: str) -> None:
    found = pages(mixed, f"loose?$select=id&$orderby={name} {way}")

    assert sorted(row["id"] for row in found) == [number for number, _ in MIXED]


@pytest.mark.parametrize(("name", "literal"), [("any", "'{}'"), ("data", "binary'{}'")])
def test_each_row_is_found_by_what_it_shows(mixed: Service, name: str, literal: str) -> None:
    rows = mixed.get(f"loose?$select=id,{name}").json["value"]

    for row in rows:
        same = [other["id"] for other in rows if other[name] == row[name]]
        assert mixed.get(f"loose?$filter={name} eq {literal.format(row[name])}&$select=id").ids() == same


def test_numbers_in_a_blob_column_are_their_digits(mixed: Service) -> None:
    assert mixed.get("loose(4)/data/$value").body == b"4"


def test_columns_of_a_view_have_the_type_of_their_rows(mixed: Service) -> None:
    row = mixed.get("sums(4)" if mixed.catalog.resources["sums"].key else "sums?$filter=id eq 4").json["value"][0]

    assert (row["twice"], row["half"], row["word"]) == (8, 2.0, "4")
    assert mixed.get("sums?$filter=twice gt 36 and half lt 9.6").json["value"][0]["id"] == 19
    assert mixed.get("sums?$filter=kept eq '4'&$select=id").json["value"] == [{"id": 4}]


def test_a_view_that_is_slow_keeps_its_declared_types(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select_sqlite, "SECONDS", 0)
    database = databases.make("sqlite", "slow", request, tmp_path)
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT"
    database.run(f"CREATE VIEW slow AS {many} count(*) + 0 AS found FROM n")
    service = open_service(database, ("slow",))

    assert service.get("slow").json["value"][0]["found"] in ("200000", 200000)  # SQLite itself calls it a number from 3.41 on


def of_column(request: pytest.FixtureRequest, folder: Path, kind: str, values: Sequence[Any]) -> Service:
    database = databases.make("sqlite", "kind", request, folder)
    database.create("odd", {"id": "integer PRIMARY KEY", "value": kind})
    database.insert("odd", list(enumerate(values, 1)))
    return open_service(database, ("odd",))


@pytest.mark.parametrize(
    ("kind", "value"),
    [("double", "inf"), ("double", "nan"), ("text", b"1"), ("numeric", "1_0"), ("numeric", "nan"), ("integer", 2.0**63), ("integer", b"7")],
)
@pytest.mark.parametrize("query", ["", "?$select=id&$orderby=value desc"])
def test_what_the_column_cannot_mean_is_named(request: pytest.FixtureRequest, tmp_path: Path, kind: str, value: Any, query: str) -> None:
    answer = of_column(request, tmp_path, kind, [1, value, value]).get(f"odd{query}", Prefer="odata.maxpagesize=1" if query else "")

    assert answer.status == 400
    assert answer.error["code"] == "InvalidValue"
    assert "value" in answer.error["message"]


def test_sqlite_refuses_nan_instead_of_storing_null(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    service = of_column(request, tmp_path, "double", [1.5, None])

    for answer in (service.request("POST", "odd", {"id": 3, "value": "NaN"}), service.request("PATCH", "odd(1)", {"value": "NaN"})):
        assert (answer.status, answer.error["code"]) == (400, "InvalidValue")
    assert service.get("odd?$filter=value eq NaN").ids() == []
    assert service.get("odd?$filter=value ne NaN").ids() == [1, 2]
    assert service.get("odd(1)").json["value"] == 1.5


@pytest.fixture
def zeros(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    """Zero dates, as tables of before MySQL 5.7 hold them."""
    database = databases.make("mysql", "zeros", request, tmp_path)
    database.create("posts", {"id": "integer PRIMARY KEY", "day": "date", "moment": "datetime"})
    with database.connect() as connection:
        assert isinstance(connection, pymysql.Connection)
        cursor = connection.cursor()
        cursor.execute("SET sql_mode = ''")
        cursor.execute("INSERT INTO posts VALUES (1, '2024-02-29', '2024-02-29 12:00'), (2, 0, 0), (3, 0, 0), (4, NULL, NULL)")
        connection.commit()
    return open_service(database, ("posts",))


@pytest.mark.parametrize("level", ["none", "minimal", "full"])
def test_zero_dates_are_null(zeros: Service, level: str) -> None:
    rows = zeros.get("posts", Accept=f"application/json;odata.metadata={level}").json["value"]

    assert [row["day"] for row in rows] == ["2024-02-29", None, None, None]
    assert [row["moment"] for row in rows] == ["2024-02-29T12:00:00Z", None, None, None]


def test_rows_with_zero_dates_have_one_etag(zeros: Service) -> None:
    listed = zeros.get("posts?$select=id").json["value"][1]["@odata.etag"]

    assert zeros.get("posts(2)").headers["etag"] == listed


@pytest.mark.parametrize("way", ["asc", "desc"])
def test_an_order_by_zero_dates_says_why_it_ends(zeros: Service, way: str) -> None:
    answer = zeros.get(f"posts?$select=id&$orderby=day {way}", Prefer="odata.maxpagesize=2")

    assert (answer.status, answer.error["code"]) == (400, "InvalidValue")
    assert answer.error["message"].startswith("A zero date can't mark where a page ends.")
