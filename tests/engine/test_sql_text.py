"""People's SQL: the same rows on every database, errors that say where and what is nearest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connections.contract.connector import Session
from connections.engine.budget import Budget, Limits
from connections.engine.sql_collect import Collector
from connections.engine.sql_queries import bind
from connections.engine.sql_reader import SqlProblem
from tests.databases import KINDS
from tests.engine.people import NOW, Tables, filled, opened, rows_of

D = Decimal


@pytest.fixture(scope="module", params=KINDS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    found = opened(filled(request.param, "people", request, tmp_path_factory.mktemp("people")))
    yield found
    found.close()


@pytest.fixture
def tables(session: Session) -> Tables:
    return Tables({"shop": session})


AT = dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC)
ANSWERS: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("SELECT id, [Name] FROM Customers WHERE ID = '1'>", [(1, "Aoi")]),
    ('SELECT TOP 2 `name`, "country" FROM shop.customers ORDER BY 1 DESC', [("bob", None), ("Bob", "US")]),
    ("SELECT name FROM customers WHERE vip = 'False' OR vip = 1 ORDER BY id", [("Aoi",), ("Bob",)]),
    ("SELECT id FROM orders WHERE placed > DATEADD('day', -7, GETDATE()) ORDER BY id", [(1,), (2,)]),
    ("SELECT id FROM orders WHERE total >= '2.20' ORDER BY id", [(2,), (4,)]),
    ("SELECT id FROM orders WHERE NOT total > 2 ORDER BY id", [(1,)]),
    ("SELECT id FROM customers WHERE name LIKE 'B%' ORDER BY id", [(2,)]),
    ("SELECT id FROM customers WHERE name ILIKE 'b_b' ORDER BY id", [(2,), (3,)]),
    ("SELECT id FROM customers WHERE name NOT LIKE 'B%' ORDER BY id", [(1,), (3,)]),
    ("SELECT id FROM customers WHERE NOT name NOT LIKE 'B%' ORDER BY id", [(2,)]),
    ("SELECT id FROM customers WHERE name NOT ILIKE 'b_b' ORDER BY id", [(1,)]),
    ("SELECT id FROM orders WHERE note NOT LIKE '%!%%' ESCAPE '!' AND note IS NOT NULL ORDER BY id", [(1,), (4,)]),
    ("SELECT id FROM orders WHERE note LIKE '%!%%' ESCAPE '!' OR note LIKE 'l_t%' ORDER BY id", [(1,), (2,)]),
    ("SELECT id FROM orders WHERE id IN (1, '4') AND id BETWEEN 2 AND 9", [(4,)]),
    ("SELECT id FROM orders WHERE customer_id NOT IN (SELECT id FROM customers) ORDER BY id", [(4,)]),
    ("SELECT id FROM customers WHERE name IN (SELECT name FROM customers WHERE id = 2)", [(2,)]),
    ("SELECT country FROM customers ORDER BY country", [(None,), ("JP",), ("US",)]),
    ("SELECT country FROM customers ORDER BY country NULLS LAST", [("JP",), ("US",), (None,)]),
    ("SELECT DISTINCT c.country FROM customers c ORDER BY C.Country DESC", [("US",), ("JP",), (None,)]),
    ("SELECT DISTINCT c.name || 'x' AS k FROM customers c WHERE id < 3 ORDER BY c.name || 'x' DESC", [("Bobx",), ("Aoix",)]),
    ("SELECT DISTINCT UPPER(name) AS n FROM customers ORDER BY n DESC", [("BOB",), ("AOI",)]),
    ("SELECT name, COUNT(*) FROM customers GROUP BY name ORDER BY name", [("Aoi", 1), ("Bob", 1), ("bob", 1)]),
    (
        "SELECT c.name, SUM(o.total) s, AVG(o.id), COUNT(o.id), MAX(o.note) FROM customers c LEFT JOIN orders o "
        "ON o.customer_id = c.id GROUP BY c.name HAVING COUNT(*) >= 1 ORDER BY s DESC, c.name",
        [("Aoi", D("3.30"), 1.5, 2, "late"), ("Bob", None, 3.0, 1, None), ("bob", None, None, 0, None)],
    ),
    ("SELECT YEAR(placed) y, COUNT(*) FROM orders GROUP BY YEAR(placed) ORDER BY y", [(None, 1), (2025, 1), (2026, 2)]),
    ("SELECT id * 2, COUNT(*) FROM orders GROUP BY id * 2 HAVING id * 2 > 5 ORDER BY id * 2", [(6, 1), (8, 1)]),
    ("SELECT SUM(id), MIN(name), MAX(name), COUNT(DISTINCT name) FROM customers", [(6, "Aoi", "bob", 3)]),
    (
        "WITH q AS (SELECT customer_id k, SUM(total) t FROM orders GROUP BY customer_id) "
        "SELECT c.name, q.t FROM q JOIN customers c ON c.id = q.k WHERE q.t > 1",
        [("Aoi", D("3.30"))],
    ),
    ("SELECT name FROM customers UNION SELECT note FROM orders ORDER BY name LIMIT 3 OFFSET 1", [("Aoi",), ("Bob",), ("bob",)]),
    ("SELECT id FROM customers UNION ALL SELECT total FROM orders WHERE id = 1 ORDER BY 1", [(D(1),), (D("1.10"),), (D(2),), (D(3),)]),
    ("SELECT id FROM customers EXCEPT SELECT id FROM orders WHERE id < 3", [(3,)]),
    (
        "SELECT id, ROW_NUMBER() OVER (ORDER BY name DESC) r, SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), "
        "LAG(id) OVER (ORDER BY id) FROM customers ORDER BY id",
        [(1, 3, 1, None), (2, 2, 3, 1), (3, 1, 5, 2)],
    ),
    ("SELECT CASE country WHEN 'JP' THEN 1 WHEN 'US' THEN 2.5 END FROM customers ORDER BY id", [(D(1),), (D("2.5"),), (None,)]),
    ("SELECT COALESCE(country, name), NULLIF(id, 2), IIF(vip, 'y', 'n') FROM customers ORDER BY id", [
        ("JP", 1, "y"), ("US", None, "n"), ("bob", 3, "n"),
    ]),
    ("SELECT id / 2, id % 2, -id, id + 1 FROM customers ORDER BY id", [(0, 1, -1, 2), (1, 0, -2, 3), (1, 1, -3, 4)]),
    ("SELECT total * 2 + 1, ROUND(total), FLOOR(total), ABS(total) FROM orders WHERE id = 2", [(D("5.40"), D(2), D(2), D("2.20"))]),
    ("SELECT 'a' + name, name || id, LEFT(name, 2), RIGHT(name, 2), SUBSTRING(name, 2, 1), CHARINDEX('o', name), LEN(name) "
     "FROM customers WHERE id = 1", [("aAoi", "Aoi1", "Ao", "oi", "o", 2, 3)]),
    ("SELECT CAST(total AS VARCHAR), CAST(id AS DECIMAL), CAST(placed AS DATE) FROM orders WHERE id IN (1, 3) ORDER BY id",
     [("1.10", D(1), dt.date(2026, 1, 31)), (None, D(3), None)]),
    ("SELECT DATEADD(month, 1, placed), DATEADD(hour, -1, placed), DATEDIFF(day, placed, '2026-02-01') FROM orders WHERE id = 1",
     [(AT.replace(month=2, day=28), AT.replace(hour=9), 1)]),
    ("SELECT REPLACE(name, 'o', '0'), TRIM('  x '), CONCAT(name, NULL, id) FROM customers WHERE id = 2", [("B0b", "x", "Bob2")]),
    ("SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.total > 2)", [("Aoi",)]),
    ("SELECT (SELECT MAX(total) FROM orders o WHERE o.customer_id = c.id) FROM customers c ORDER BY id", [(D("2.20"),), (None,), (None,)]),
    ("SELECT * FROM (SELECT id k FROM customers) q JOIN (SELECT id k, note FROM orders) r USING (k) ORDER BY k DESC "
     "OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY",
     [(2, "in % time")]),
    ("SELECT 1, 'x', NULL, TRUE, CURRENT_DATE", [(1, "x", None, True, NOW.date())]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), ANSWERS, ids=[sql[:40] for sql, _ in ANSWERS])
def test_a_select_answers_alike_on_every_database(session: Session, tables: Tables, sql: str, rows: list[tuple[Any, ...]]) -> None:
    assert rows_of(session, sql, tables) == rows


REFUSED = [
    ("SELECT nam FROM customers", "Line 1, column 8: There is no column nam.", "Did you mean name?"),
    ("SELECT *\nFROM custmers", "Line 2, column 6: There is no table custmers.", "Did you mean customers?"),
    ("SELECT c.id FROM customers d", "Line 1, column 8: There is no table c in this FROM.", ""),
    ("SELECT id FROM orders WHERE id = 'x'", "Line 1, column 34: 'x' is no value of type Int", ""),
    ("SELECT UPER(name) FROM customers", "Line 1, column 8: There is no function UPER.", "Did you mean UPPER?"),
    ("SELECT read_csv('x')", "There is no function read_csv.", ""),
    ("SELECT getenv('HOME')", "There is no function getenv.", ""),
    ("SELECT pg_read_file('/etc/passwd')", "There is no function pg_read_file.", ""),
    ("SELECT id FROM orders WHERE id BETWEEN SYMMETRIC 9 AND 3", "SYMMETRIC is not supported in this SQL.", ""),
    (
        "SELECT SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM orders",
        "EXCLUDE is not supported in a window.",
        "",
    ),
    ("SELECT DISTINCT id FROM orders o ORDER BY o.total", "There is no table o", ""),
    ("SELECT * FROM read_csv('x')", "In FROM stand tables and queries in parentheses", ""),
    ("SELECT * FROM 'file.csv'", "There is no table file.csv.", ""),
    ("SELECT id FROM customers, orders", "id is a column of several tables here.", "Write the table"),
    ("SELECT name, COUNT(*) FROM customers", "name stands neither in GROUP BY nor in an aggregate.", ""),
    ("SELECT * FROM customers WHERE name", "This is of type String, not true or false.", ""),
    ("SELECT * FROM customers WHERE name = vip", "A value of type String can't be compared with one of type Boolean.", "CAST"),
    ("SELECT name FROM customers WHERE", "something is missing behind it", ""),
    ("SELECT id FROM customers; DELETE FROM customers", "These are several statements.", ""),
    ("DELETE FROM customers", "This is no SELECT.", ""),
    ("SELEC * FROM customers", "This is no SELECT.", "one SELECT"),
    ("WITH q AS (DELETE FROM customers RETURNING id) SELECT * FROM q", "Here must stand a SELECT.", ""),
    ("SELECT * INTO planted FROM customers", "INTO is not supported", ""),
    ("SELECT @x", "A variable (@) is not supported", ""),
    ("SELECT (SELECT id FROM customers)", "must have one row", "aggregate"),
    ("", "There is no SQL.", "SELECT"),
    ("SELECT " + "(" * 300 + "1" + ")" * 300, "nested too deeply", ""),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "message", "hint"), REFUSED, ids=[sql[:40] for sql, _, _ in REFUSED])
def test_what_cannot_be_run_is_named_with_its_place(tables: Tables, sql: str, message: str, hint: str) -> None:
    with pytest.raises(SqlProblem) as caught:
        bind(sql, tables, now=NOW)

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_stray_mark_at_the_end_is_noted(tables: Tables) -> None:
    assert bind("SELECT * FROM customers>", tables, now=NOW).notes == ("A stray > at the end was dropped.",)


def test_columns_are_typed_and_keep_their_spelling(tables: Tables) -> None:
    found = bind("SELECT Id, TOTAL AS [Sum of it], COUNT(*) OVER () n, note || 'x' FROM orders", tables, now=NOW)

    assert [(output.name, str(output.column.type), output.column.is_nullable) for output in found.outputs[1:]] == [
        ("Sum of it", "Decimal", True),
        ("n", "Int64", False),
        ("Column4", "String", True),
    ]


@pytest.mark.parametrize(("sql", "rows"), ANSWERS, ids=[sql[:40] for sql, _ in ANSWERS])
def test_a_select_answers_alike_over_rows_that_are_read_first(tables: Tables, sql: str, rows: list[tuple[Any, ...]]) -> None:
    found = Collector(bind(sql, tables, now=NOW), Budget(Limits())).batches()

    assert [row for batch in found for row in batch] == rows
