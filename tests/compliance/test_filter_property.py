"""Random filters and orders over the same rows in every database, against an evaluation in Python.

APISERVER_PROPERTY_EXAMPLES runs more of them, at random; a failure prints how to repeat it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.engine.session import EngineSession
from tests import databases
from tests.compliance.filter_expressions import COLUMNS, Expression, conditions, make_rows
from tests.compliance.rows import seen_in
from tests.connectors.rows_sqlite import PlainRows
from tests.odata.service_harness import Service, open_service

ROWS = make_rows()
EXAMPLES = int(os.environ.get("APISERVER_PROPERTY_EXAMPLES", "0"))
PROFILE = settings(
    max_examples=EXAMPLES or 150,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", params=[*databases.KINDS, "rows"])
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    is_rows = request.param == "rows"  # read by the engine, as from a source without SQL
    kind = "sqlite" if is_rows else request.param
    database = databases.make(kind, "filter_property", request, tmp_path_factory.mktemp("property"))
    database.create("facts", COLUMNS)
    database.insert("facts", [[seen_in(database, row[name]) for name in COLUMNS] for row in ROWS])
    service = open_service(database, ("facts",), wrap=(lambda session: EngineSession(PlainRows(session))) if is_rows else None)
    yield service
    service.session.close()


def test_filters_choose_the_rows_that_their_meaning_says(facts: Service) -> None:
    shares: list[float] = []

    @PROFILE
    @given(conditions(4))
    def check(condition: Expression) -> None:
        wanted = [row["id"] for row in ROWS if condition.value(row) is True]

        reply = facts.get(f"facts?$select=id&$filter={quote(condition.text, safe='')}")

        assert reply.status == 200, (condition.text, reply.body)
        assert [row["id"] for row in reply.rows] == wanted, condition.text
        shares.append(len(wanted) / len(ROWS))

    check()
    assert sum(0 < share < 1 for share in shares) > len(shares) * 0.3, "the generator has become trivial"


ORDERS = st.lists(
    st.tuples(st.sampled_from(list(COLUMNS)), st.sampled_from(["asc", "desc"])), min_size=1, max_size=4, unique_by=lambda x: x[0]
)


def ordered(keys: list[tuple[str, str]]) -> list[int]:
    """Return the ids in order; null is lowest, the key decides ties."""
    rows = sorted(ROWS, key=lambda row: row["id"])
    for name, direction in reversed(keys):
        rows.sort(key=lambda row: (row[name] is not None, row[name] if row[name] is not None else 0), reverse=direction == "desc")
        # A stable sort in reverse keeps equal rows in their order, as the key's ascending order asks.
    return [row["id"] for row in rows]


def test_pages_in_any_order_are_the_whole_once(facts: Service) -> None:
    @settings(PROFILE, max_examples=EXAMPLES or 40)
    @given(ORDERS, st.integers(1, 41))
    def check(keys: list[tuple[str, str]], size: int) -> None:
        order = ",".join(f"{name} {direction}" for name, direction in keys)
        reply = facts.get(f"facts?$select=id&$orderby={quote(order, safe='')}", Prefer=f"maxpagesize={size}")
        found = [row["id"] for row in reply.rows]
        while link := reply.json.get("@odata.nextLink"):
            reply = facts.follow(link, Prefer=f"maxpagesize={size}")
            assert 0 < len(reply.rows) <= size
            found += [row["id"] for row in reply.rows]

        assert found == ordered(keys), (order, size)

    check()
