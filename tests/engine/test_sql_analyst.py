"""What analysts write beyond plain SELECTs: the same rows whether a database runs it whole, or gives its rows to be queried here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connections.contract.connector import Session
from connections.contract.errors import BadValue, ConnectorError, SourceTimeout
from connections.engine import sql_collect
from connections.engine.budget import Budget, Limits
from connections.engine.sql_collect import Collector
from connections.engine.sql_plan import Plan
from connections.engine.sql_queries import bind
from connections.engine.sql_reader import SqlProblem
from tests.databases import KINDS
from tests.engine.people import NOW, Tables, filled, opened

D = Decimal


def moment(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]


@pytest.fixture(scope="module", params=KINDS)
def tables(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    session: Session = opened(filled(request.param, "analyst", request, tmp_path_factory.mktemp("analyst")))
    yield Tables({"shop": session})
    session.close()


ANSWERS: list[tuple[str, list[tuple[Any, ...]]]] = [
    # windows
    ("SELECT id, LAG(id, 1, 0) OVER (ORDER BY id) FROM orders ORDER BY id", [(1, 0), (2, 1), (3, 2), (4, 3)]),
    (
        "SELECT id, LEAD(note, 1, 'none') OVER (ORDER BY id) FROM orders ORDER BY id",
        [(1, "in % time"), (2, None), (3, "x"), (4, "none")],
    ),
    (
        "SELECT id, SUM(id) OVER w, COUNT(*) OVER (w ORDER BY id) FROM orders WINDOW w AS (PARTITION BY customer_id) ORDER BY id",
        [(1, 3, 1), (2, 3, 2), (3, 3, 1), (4, 4, 1)],
    ),
    ("SELECT id, MAX(note) OVER (ORDER BY id) FROM orders ORDER BY id", [(1, "late"), (2, "late"), (3, "late"), (4, "x")]),
    ("SELECT id, SUM(COUNT(*)) OVER (ORDER BY id) FROM orders GROUP BY id ORDER BY id", [(1, 1), (2, 2), (3, 3), (4, 4)]),
    ("SELECT id, CUME_DIST() OVER (ORDER BY id) FROM orders ORDER BY id", [(1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)]),
    (
        "SELECT id, customer_id FROM orders QUALIFY ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY id DESC) = 1 ORDER BY id",
        [(2, 1), (3, 2), (4, 9)],
    ),
    (
        "SELECT DISTINCT customer_id, COUNT(*) OVER (PARTITION BY customer_id) n FROM orders QUALIFY n > 1 ORDER BY 1 DESC LIMIT 3",
        [(1, 2)],
    ),
    # aggregates
    ("SELECT COUNT(*) FILTER (WHERE total > 2), SUM(total) FILTER (WHERE id > 1), COUNT(*) FROM orders", [(2, D("7.20"), 4)]),
    ("SELECT COUNT(DISTINCT customer_id) FILTER (WHERE id < 3) FROM orders", [(1,)]),
    ("SELECT SUM(DISTINCT customer_id), AVG(DISTINCT customer_id), SUM(DISTINCT total) FROM orders", [(12, 4.0, D("8.30"))]),
    ("SELECT STRING_AGG(name, ',') FROM customers", [("Aoi,Bob,bob",)]),
    ("SELECT STRING_AGG(name, ',' ORDER BY id DESC) FROM customers", [("bob,Bob,Aoi",)]),
    ("SELECT LISTAGG(name, '; ') WITHIN GROUP (ORDER BY name DESC) FROM customers", [("bob; Bob; Aoi",)]),
    ("SELECT GROUP_CONCAT(note ORDER BY note SEPARATOR '%') FROM orders", [("in % time%late%x",)]),
    ("SELECT GROUP_CONCAT(DISTINCT UPPER(name)) FROM customers", [("AOI,BOB",)]),
    ("SELECT STRING_AGG(name, ',') FROM customers WHERE id > 9", [(None,)]),
    ("SELECT BOOL_OR(vip), BOOL_AND(vip) FROM customers", [(True, False)]),
    ("SELECT MEDIAN(id), VAR_POP(id) FROM orders", [(2.5, 1.25)]),
    # grouping sets
    ("SELECT customer_id, COUNT(*) FROM orders GROUP BY ROLLUP(customer_id) ORDER BY 1, 2", [(None, 4), (1, 2), (2, 1), (9, 1)]),
    ("SELECT customer_id, COUNT(*) FROM orders GROUP BY customer_id WITH ROLLUP ORDER BY 1 DESC", [(9, 1), (2, 1), (1, 2), (None, 4)]),
    (
        "SELECT country, vip, COUNT(*), GROUPING(country), GROUPING(vip) FROM customers "
        "GROUP BY GROUPING SETS ((country), (vip), ()) ORDER BY 4, 5, 1, 2",
        [
            (None, None, 1, 0, 1),
            ("JP", None, 1, 0, 1),
            ("US", None, 1, 0, 1),
            (None, None, 1, 1, 0),
            (None, False, 1, 1, 0),
            (None, True, 1, 1, 0),
            (None, None, 3, 1, 1),
        ],
    ),
    (
        "SELECT YEAR(placed) y, MONTH(placed) m, COUNT(*) FROM orders WHERE placed IS NOT NULL "
        "GROUP BY CUBE(YEAR(placed), MONTH(placed)) HAVING COUNT(*) > 1 ORDER BY y, m",
        [(None, None, 3), (2026, None, 2)],
    ),
    ("SELECT q.k FROM (SELECT customer_id k, COUNT(*) n FROM orders GROUP BY ROLLUP(customer_id)) q WHERE q.k IS NULL", [(None,)]),
    ("SELECT vip, COUNT(*) FROM customers GROUP BY ALL ORDER BY 1", [(None, 1), (False, 1), (True, 1)]),
    # queries within
    (
        "WITH RECURSIVE n(x, y) AS (SELECT 1, 'a' UNION ALL SELECT x + 1, y || 'b' FROM n WHERE x < 3) SELECT x, y FROM n ORDER BY x",
        [(1, "a"), (2, "ab"), (3, "abb")],
    ),
    (
        "WITH RECURSIVE up AS (SELECT id, id AS top FROM orders WHERE id = 1 UNION SELECT o.id, up.top FROM orders o "
        "JOIN up ON o.id = up.id + 1) SELECT c.name, up.id FROM up JOIN customers c ON c.id = up.id ORDER BY up.id",
        [("Aoi", 1), ("Bob", 2), ("bob", 3)],
    ),
    ("WITH q(a, b) AS (SELECT id, name FROM customers) SELECT b FROM q WHERE a = 2", [("Bob",)]),
    ("SELECT q.a FROM (SELECT id FROM orders) q(a) WHERE q.a > 2 ORDER BY 1", [(3,), (4,)]),
    (
        "SELECT v.t, o.id FROM (VALUES (1, 'one'), (3, 'three'), (NULL, 'none')) AS v(n, t) LEFT JOIN orders o ON o.id = v.n ORDER BY 1",
        [("none", None), ("one", 1), ("three", 3)],
    ),
    ("VALUES (1, 2.5), (2, 3)", [(1, D("2.5")), (2, D(3))]),
    (
        "SELECT c.id, x.id FROM customers c CROSS APPLY (SELECT TOP 1 o.id FROM orders o WHERE o.customer_id = c.id ORDER BY o.id DESC) x "
        "ORDER BY 1",
        [(1, 2), (2, 3)],
    ),
    (
        "SELECT c.id, x.n FROM customers c LEFT JOIN LATERAL (SELECT o.id AS n FROM orders o WHERE o.customer_id = c.id AND o.id > 1) x "
        "ON TRUE ORDER BY 1",
        [(1, 2), (2, 3), (3, None)],
    ),
    (
        "SELECT id, (SELECT TOP 1 o.note FROM orders o WHERE o.customer_id = c.id ORDER BY o.id) FROM customers c ORDER BY id",
        [(1, "late"), (2, None), (3, None)],
    ),
    # conditions
    ("SELECT id FROM orders WHERE note IS DISTINCT FROM 'late' ORDER BY id", [(2,), (3,), (4,)]),
    ("SELECT id FROM orders WHERE total IS NOT DISTINCT FROM NULL OR customer_id IS NOT DISTINCT FROM '9' ORDER BY id", [(3,), (4,)]),
    ("SELECT id FROM orders WHERE (customer_id, id) IN ((1, 2), (2, 3)) ORDER BY id", [(2,), (3,)]),
    ("SELECT id FROM orders WHERE (customer_id, id) <> (1, 2) ORDER BY id", [(1,), (3,), (4,)]),
    ("SELECT id FROM orders WHERE id = ANY (SELECT id FROM customers) ORDER BY id", [(1,), (2,), (3,)]),
    ("SELECT id FROM customers WHERE REGEXP_LIKE(name, '^b', 'i') ORDER BY id", [(2,), (3,)]),
    ("SELECT id FROM customers WHERE name NOT REGEXP '^B' ORDER BY id", [(1,), (3,)]),
    ("SELECT id FROM orders WHERE note LIKE '%' || 'e' || '_' OR note LIKE CONCAT('l', '%') ORDER BY id", [(1,)]),
    ("SELECT id FROM orders ORDER BY id LIMIT 1, 2", [(2,), (3,)]),
    ("SELECT name FROM customers MINUS SELECT note FROM orders ORDER BY 1 DESC LIMIT 1", [("bob",)]),
    # dates
    ("SELECT id FROM orders WHERE placed > NOW() - INTERVAL '7' DAY ORDER BY id", [(1,), (2,)]),
    ("SELECT placed + INTERVAL '1 month 2 hours' FROM orders WHERE id = 1", [(moment(2026, 2, 28, 12),)]),
    ("SELECT DATE_SUB(placed, INTERVAL id DAY) FROM orders WHERE id = 1", [(moment(2026, 1, 30, 10),)]),
    ("SELECT DATEADD(month, -id, placed) FROM orders WHERE id = 2", [(dt.datetime(2025, 12, 28, 23, 59, 59, 500000, tzinfo=dt.UTC),)]),
    ("SELECT DATE_TRUNC('month', placed), DATETRUNC(day, placed) FROM orders WHERE id = 1", [(moment(2026, 1, 1), moment(2026, 1, 31))]),
    (
        "SELECT DATE_TRUNC('week', placed), DATE_TRUNC('quarter', placed) FROM orders WHERE id = 1",
        [(moment(2026, 1, 26), moment(2026, 1, 1))],
    ),
    (
        "SELECT EXTRACT(QUARTER FROM placed), EXTRACT(DOW FROM placed), DATEPART(weekday, placed), EXTRACT(ISODOW FROM placed) "
        "FROM orders WHERE id = 1",
        [(1, 6, 7, 6)],
    ),
    ("SELECT EXTRACT(DOY FROM placed), DATEPART(isoweek, placed) FROM orders WHERE id = 2", [(59, 9)]),
    ("SELECT EXTRACT(DOW FROM born), EXTRACT(DOW FROM DATE '1960-01-03') FROM customers WHERE id = 1", [(5, 0)]),
    (
        "SELECT EOMONTH(placed), LAST_DAY(born) FROM orders, customers WHERE orders.id = 2 AND customers.id = 3",
        [(dt.date(2026, 2, 28), dt.date(2001, 2, 28))],
    ),
    ("SELECT DATEDIFF(quarter, born, '2026-01-01'), DATEDIFF(week, born, '1990-01-07') FROM customers WHERE id = 1", [(144, 1)]),
    ("SELECT TIMESTAMP '2024-01-01 10:00:00', DATE '2024-01-01'", [(moment(2024, 1, 1, 10), dt.date(2024, 1, 1))]),
    # casts and numbers
    (
        "SELECT CAST(total AS DECIMAL(10, 1)), CAST(name AS VARCHAR(2)) FROM orders o JOIN customers c ON c.id = o.id WHERE o.id = 2",
        [(D("2.2"), "Bo")],
    ),
    (
        "SELECT CONVERT(VARCHAR(10), id), CONVERT(DATE, placed), TRY_CONVERT(INT, note) FROM orders WHERE id = 1",
        [("1", dt.date(2026, 1, 31), None)],
    ),
    (
        "SELECT CAST(SUBSTRING('abc12', 4, 2) AS INT), TRY_CAST(name AS DATE), CAST('1.5' AS DECIMAL(5, 1)) FROM customers WHERE id = 1",
        [(12, None, D("1.5"))],
    ),
    ("SELECT CAST(ROUND(total) AS INT), CAST(FLOOR(total) AS BIGINT) + 1 FROM orders WHERE id = 2", [(2, 3)]),
    ("SELECT ROUND(total / 3, 2), ROUND(total, 1), ROUND(-total / 8, 1) FROM orders WHERE id = 2", [(D("0.73"), D("2.2"), D("-0.3"))]),
    ("SELECT ROUND(SUM(total) / COUNT(*), 3), ROUND(-1 / CAST(3 AS DECIMAL), 4) FROM orders", [(D("2.075"), D("-0.3333"))]),
    (
        "SELECT GREATEST(id, customer_id), LEAST(id, 2, NULL), SIGN(id - 3) FROM orders ORDER BY id",
        [(1, 1, -1), (2, 2, -1), (3, 2, 0), (9, 2, 1)],
    ),
    ("SELECT POWER(id, 2), SQRT(4 * id * id) FROM orders WHERE id = 3", [(9.0, 6.0)]),
    # text
    (
        "SELECT CONCAT_WS('-', name, country), LPAD(name, 5, '*'), REPEAT(name, 2), POSITION('o' IN name) FROM customers WHERE id = 3",
        [("bob", "**bob", "bobbob", 2)],
    ),
    (
        "SELECT CONCAT_WS(', ', NULL, name, country), REVERSE(name), SPLIT_PART('a,b', ',', 2) FROM customers WHERE id = 1",
        [("Aoi, JP", "ioA", "b")],
    ),
    ("SELECT SUBSTRING(name FROM 2 FOR 1), REGEXP_REPLACE(name, '[aeiou]', '.') FROM customers WHERE id = 1", [("o", "A..")]),
    (
        "SELECT DECODE(country, 'JP', 'j', NULL, 'n', 'x'), NVL2(country, 1, 0), CHOOSE(id, 'a', 'b') FROM customers ORDER BY id",
        [("j", 1, "a"), ("x", 1, "b"), ("n", 0, None)],
    ),
]


def whole_or_rows(sql: str, tables: Tables) -> list[tuple[Any, ...]]:
    return [tuple(row) for batch in Plan(bind(sql, tables, now=NOW)).batches() for row in batch]


def collected(sql: str, tables: Tables) -> list[tuple[Any, ...]]:
    return [row for batch in Collector(bind(sql, tables, now=NOW), Budget(Limits())).batches() for row in batch]


@pytest.mark.parametrize(("sql", "rows"), ANSWERS, ids=[sql for sql, _ in ANSWERS])
def test_analysts_sql_means_the_same_everywhere(tables: Tables, sql: str, rows: list[tuple[Any, ...]]) -> None:
    found = whole_or_rows(sql, tables)

    assert found == collected(sql, tables) == rows
    assert [[type(value) for value in row] for row in found] == [[type(value) for value in row] for row in rows]


REFUSED: list[tuple[str, str]] = [
    ("WITH RECURSIVE n AS (SELECT 1 AS x) SELECT * FROM n JOIN m ON TRUE", "Line 1, column 58: There is no table m."),
    ("WITH RECURSIVE n AS (SELECT x FROM n) SELECT * FROM n", "n must be two SELECTs with UNION or UNION ALL between them."),
    ("WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT 'a' FROM n) SELECT * FROM n", "A column of Int64 can't go on with String."),
    ("SELECT SUM(id) OVER w FROM orders", "There is no window w."),
    (
        "SELECT id FROM orders GROUP BY CUBE(id, id + 1, id + 2, id + 3, id + 4, id + 5, id + 6)",
        "GROUP BY makes more than 64 grouping sets.",
    ),
    ("SELECT note FROM orders GROUP BY ROLLUP(id)", "note stands neither in GROUP BY nor in an aggregate."),
    ("SELECT DISTINCT ON (id) id FROM orders", "DISTINCT ON is not supported."),
    ("SELECT id FROM orders WHERE note SIMILAR TO 'a'", "SIMILAR TO is not supported in this SQL."),
    ("SELECT id FROM orders WHERE note REGEXP '(?=a)'", "Looking ahead or behind, and references to groups, are not supported."),
    ("SELECT STRING_AGG(name, country) FROM customers", "The separator must be a text, written out."),
    ("SELECT STRING_AGG(DISTINCT name, ',' ORDER BY id) FROM customers", "With DISTINCT the texts can only be ordered by themselves."),
    ("SELECT LAG(id) IGNORE NULLS OVER (ORDER BY id) FROM orders", "IGNORE NULLS is not supported in this SQL."),
    ("SELECT id FROM orders QUALIFY id", "QUALIFY takes what is true or false."),
    ("SELECT placed + INTERVAL 'soon' FROM orders", "INTERVAL 'soon' can't be read."),
    ("SELECT EXTRACT(WEEK FROM placed) FROM orders", "week can't be taken from a date here."),
    ("SELECT CAST(total AS INT) FROM orders", "A cast from Decimal to Int64 is not supported."),
    ("SELECT CAST('1.5' AS INT)", "'1.5' is no value of type Int64."),
    ("SELECT CAST(1.5 AS INT)", "1.5 is no whole number."),
    ("SELECT id FROM orders WHERE (id, customer_id) = (1, 2, 3)", "The rows that are compared must be of one length."),
    ("SELECT c.id FROM customers c RIGHT JOIN LATERAL (SELECT 1 AS x) y ON TRUE", "RIGHT JOIN LATERAL is not supported."),
    ("SELECT * FROM (VALUES (1, 2), (3)) v(a, b)", "VALUES takes up to 200 rows of one length."),
    ("SELECT * FROM (VALUES (1, 2)) v(a)", "There are 1 names for 2 columns."),
    ("SELECT REPEAT('x', 100000) FROM orders", "REPEAT makes texts of up to 1000 characters."),
    ("SELECT (SELECT id FROM orders) FROM customers", "A query in the place of a value must have one row."),
]


@pytest.mark.parametrize(("sql", "message"), REFUSED, ids=[sql for sql, _ in REFUSED])
def test_what_is_refused_says_why_and_where(tables: Tables, sql: str, message: str) -> None:
    with pytest.raises(SqlProblem) as caught:
        bind(sql, tables, now=NOW)

    assert caught.value.message.endswith(message)
    assert caught.value.line == 1


def test_text_that_is_no_value_is_an_error_not_a_guess(tables: Tables) -> None:
    with pytest.raises(ConnectorError) as caught:
        whole_or_rows("SELECT CAST(name AS INT) FROM customers", tables)

    assert isinstance(caught.value, BadValue)
    assert "a text is no BIGINT" in caught.value.message


def test_endless_recursion_ends(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_collect, "LONGEST", 0.3)

    with pytest.raises(SourceTimeout):
        whole_or_rows("WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT -x FROM n) SELECT COUNT(*) FROM n", tables)


def test_endless_rows_end_with_an_error_that_is_ours(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_collect, "LONGEST", 0.3)

    with pytest.raises(SourceTimeout):
        whole_or_rows("WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT x FROM n", tables)


def test_value_that_fails_behind_the_first_rows_is_named(tables: Tables) -> None:
    numbers = "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 5000)"

    with pytest.raises(BadValue):
        whole_or_rows(f"{numbers} SELECT CAST(CASE WHEN x > 4000 THEN 'x' ELSE '1' END AS INT) FROM n", tables)


def test_decimals_are_divided_to_nine_places(tables: Tables) -> None:
    found = collected("SELECT total / 7, -total / 7, total / -0.3, 5000000000000000000.0 / 3 FROM orders WHERE id = 1", tables)

    assert found == [(D("0.157142857"), D("-0.157142857"), D("-3.666666667"), D("1666666666666666666.666666667"))]


def test_division_by_zero_is_an_error_here_as_at_a_database(tables: Tables) -> None:
    with pytest.raises(ConnectorError):
        collected("SELECT total / (id - 1) FROM orders", tables)
