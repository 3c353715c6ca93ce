"""A SELECT of one table whose first rows are enough stops reading, and explain says how little is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connections.connectors.registry import get_connector
from connections.contract.context import Context
from connections.engine.sql_plan import Plan
from connections.engine.sql_queries import bind
from tests.engine.people import NOW, Tables
from tests.fakes.upstream import Answer, Seen, Upstream

ROWS = [{"id": number, "name": f"n{number}"} for number in range(1, 41)]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.route("/rows", lambda seen: page(seen, running.url))
        yield running


def page(seen: Seen, url: str) -> Answer:
    number = int(seen.params.get("page", 1))
    following = f"{url}/rows?page={number + 1}" if number < 4 else None
    return Answer({"data": ROWS[(number - 1) * 10 : number * 10], "next": following})


@pytest.fixture
def tables(upstream: Upstream) -> Tables:
    rest = get_connector("rest")
    return Tables({"desk": rest.open(rest.clean({"URL": upstream.url, "Path": "/rows"}), context=Context(outgoing=upstream.allow))})


@pytest.mark.parametrize(
    ("sql", "most", "calls", "rows"),
    [
        ("SELECT TOP 3 Id FROM Rows", None, 1, [1, 2, 3]),
        ("SELECT Id FROM Rows LIMIT 3 OFFSET 9", None, 2, [10, 11, 12]),
        ("SELECT Id + 1 FROM Rows LIMIT 10", None, 1, list(range(2, 12))),
        ("SELECT TOP 0 Id FROM Rows", None, 0, []),
        ("SELECT Id FROM Rows", 5, 1, [1, 2, 3, 4, 5]),
        ("SELECT Id FROM Rows LIMIT 30", 5, 1, [1, 2, 3, 4, 5]),
        ("SELECT TOP 2 Id FROM Rows WHERE Id > 8", None, 1, [9, 10]),
        ("SELECT TOP 2 Id FROM Rows WHERE Name LIKE 'n1_'", None, 2, [10, 11]),
        ("SELECT Id FROM Rows WHERE Id % 2 = 0 LIMIT 2 OFFSET 4", None, 2, [10, 12]),
        ("SELECT Id FROM Rows WHERE Name <> 'n1'", 3, 1, [2, 3, 4]),
        ("SELECT TOP 0 Id FROM Rows WHERE Id > 8", None, 0, []),
        ("SELECT TOP 5 Id FROM Rows WHERE Id > 38", None, 4, [39, 40]),
        ("SELECT TOP 2 Id FROM Rows WHERE Id % 20 = 0", None, 4, [20, 40]),
        ("SELECT TOP 2 Id FROM Rows ORDER BY Id DESC", None, 4, [40, 39]),
        ("SELECT TOP 1 COUNT(*) FROM Rows", None, 4, [40]),
        ("SELECT DISTINCT TOP 2 Id / 41 FROM Rows", None, 4, [0]),
        ("SELECT TOP 1 SUM(Id) OVER () FROM Rows", None, 4, [820]),
        ("SELECT TOP 1 q.Id FROM (SELECT Id FROM Rows) q WHERE q.Id = 40", None, 4, [40]),
        ("SELECT TOP 1 a.Id FROM Rows a JOIN Rows b ON a.Id = b.Id + 39", None, 8, [40]),
    ],
)
def test_reading_stops_where_the_first_rows_are_enough(
    upstream: Upstream, tables: Tables, sql: str, most: int | None, calls: int, rows: list[int]
) -> None:
    plan = Plan(bind(sql, tables, now=NOW), most=most)
    upstream.calls.clear()

    found = [row[0] for batch in plan.batches() for row in batch]

    assert (found[:most], len(upstream.calls)) == (rows, calls)
