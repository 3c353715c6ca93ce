"""Random SELECTs over two sources give the rows that one database gives which has both tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.engine.budget import Budget, Limits
from connections.engine.sql_collect import Collector
from connections.engine.sql_queries import bind
from tests import databases
from tests.engine.people import BOUGHT, CUSTOMERS, NOW, ORDERS, PEOPLE, Tables, opened, rows_of

ODD = [(5, "Ünï", "DE", False, "2000-02-29"), (6, "", "JP", True, None), (7, "100% _x", None, False, "1999-12-31")]
MORE = [(10 + n, n % 8, f"{n - 3}.{n}5", f"n{n % 3}" if n % 4 else None, f"2026-01-{n + 1:02} 00:00:00") for n in range(9)]


@pytest.fixture(scope="module")
def sides(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tables, Tables]]:
    folder = tmp_path_factory.mktemp("property")
    one, left, right = (databases.make("sqlite", name, request, folder) for name in ("one", "left", "right"))
    for place in (one, left):
        place.create("customers", CUSTOMERS)
        place.insert("customers", [*PEOPLE, *ODD])
    for place in (one, right):
        place.create("orders", ORDERS)
        place.insert("orders", [*BOUGHT, *MORE])
    sessions = [opened(place) for place in (one, left, right)]
    yield Tables({"one": sessions[0]}), Tables({"left": sessions[1], "right": sessions[2]})
    for session in sessions:
        session.close()


numbers = st.integers(-2, 14).map(str)
texts = st.sampled_from(["'Aoi'", "'bob'", "''", "'B%'", "'n1'", "'late'", "'Ünï'"])
whole = st.sampled_from(["c.id", "o.id", "o.customer_id", "c.id + o.id", "o.id % 3", "LEN(c.name)"])
words = st.sampled_from(["c.name", "o.note", "c.country", "UPPER(c.name)", "COALESCE(o.note, c.name)", "c.name || 'x'"])
signs = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
plain = st.one_of(
    st.builds("{} {} {}".format, whole, signs, numbers),
    st.builds("{} {} {}".format, words, signs, texts),
    st.builds("o.total {} {}".format, signs, numbers),
    st.builds("{} IS {}NULL".format, words, st.sampled_from(["", "NOT "])),
    st.builds("{} {}LIKE {}".format, words, st.sampled_from(["", "NOT "]), st.sampled_from(["'%o%'", "'n%'", "'_o_'", "'B%'"])),
    st.builds("{} {}IN ({}, {})".format, whole, st.sampled_from(["", "NOT "]), numbers, numbers),
    st.builds("o.placed > DATEADD(day, {}, GETDATE())".format, st.integers(-40, 5).map(str)),
    st.sampled_from(["c.vip = 1", "NOT c.vip", "o.customer_id IN (SELECT id FROM customers WHERE vip = 1)"]),
    st.just("EXISTS (SELECT 1 FROM orders x WHERE x.customer_id = c.id AND x.total > 2)"),
)
conditions = st.recursive(
    plain,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner) | st.builds("NOT ({})".format, inner),
    max_leaves=4,
)
joins = st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
ties = st.one_of(
    st.just("c.id = o.customer_id"), st.builds("c.id = o.customer_id AND {}".format, plain.filter(lambda text: "SELECT" not in text))
)
sources = st.builds("customers c {} orders o ON {}".format, joins, ties) | st.just("customers c, orders o")
rows = st.builds(
    "SELECT c.id, c.name, o.id, o.note, o.total, {} FROM {} WHERE {} ORDER BY 1, 3{}".format,
    words,
    sources,
    conditions,
    st.sampled_from(["", " LIMIT 3", " LIMIT 4 OFFSET 2"]),
)
sums = st.builds(
    "SELECT {} k, COUNT(*), SUM(o.id), MIN(o.note), COUNT(DISTINCT c.name) FROM {} WHERE {} GROUP BY {} ORDER BY 1".format,
    st.shared(st.one_of(whole, words), key="k"),
    sources,
    conditions,
    st.shared(st.one_of(whole, words), key="k"),
)
nested = st.builds(
    "SELECT q.k, q.n, c.name FROM (SELECT customer_id k, COUNT(*) n FROM orders WHERE id < {} GROUP BY customer_id) q "
    "JOIN customers c ON c.id = q.k WHERE q.k {} {} ORDER BY 1".format,
    numbers,
    signs,
    numbers,
)
united = st.builds(
    "SELECT id, name FROM customers UNION SELECT customer_id, note FROM orders WHERE id {} {} ORDER BY 1, 2".format, signs, numbers
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=st.one_of(rows, rows, sums, nested, united))
def test_two_sources_answer_as_one_database(sides: tuple[Tables, Tables], sql: str) -> None:
    one, two = sides

    found = [row for batch in Collector(bind(sql, two, now=NOW), Budget(Limits())).batches() for row in batch]

    assert found == rows_of(one.sessions["one"], sql, one)
