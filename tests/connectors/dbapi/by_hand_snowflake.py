"""Snowflake's stand-in of another hand (fakesnow: DuckDB behind Snowflake's SQL): catalog, writes, pushdown on and off. By hand:

`pip install fakesnow "snowflake-connector-python<5"`, then `python -m pytest tests/connectors/dbapi/by_hand_snowflake.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import fakesnow  # type: ignore[import-not-found]
import pytest

from connections.connectors.dbapi.session import DbapiSession
from connections.connectors.dbapi.snowflake import SnowflakeConnector
from connections.contract.scan import Compare, Scan
from connections.contract.table import TableRef, Type
from tests.connectors.agreement import check_agreement
from tests.connectors.dbapi.facts import COLUMNS, facts

FACTS = """CREATE TABLE facts ("id" NUMBER(9) PRIMARY KEY, "name" VARCHAR(40), "small" NUMBER(4), "big" NUMBER(38), "price" NUMBER(12, 2),
"score" FLOAT, "note" VARCHAR(40), "flag" BOOLEAN, "born" DATE, "wakes" TIME, "seen" TIMESTAMP_NTZ, "doc" VARIANT)"""
NAMES = [name for name in COLUMNS if name != "tag"]
REF = TableRef("PUBLIC", "FACTS")
PROPERTIES = {"Account": "a", "User": "u", "AuthScheme": "Password", "Password": "p", "Database": "shop", "Schema": "public"}


@pytest.fixture(scope="module")
def session() -> Iterator[DbapiSession]:
    with fakesnow.patch():
        connector = SnowflakeConnector()
        connector.connect(connector.clean(PROPERTIES), is_writer=True).cursor().execute(FACTS)
        opened = connector.open(PROPERTIES)
        table = opened.describe([REF])[0]
        for row in facts()[1:]:
            opened.insert(table, {name: row[name] for name in NAMES}, idempotency="")
        yield opened
        opened.close()


def test_catalog(session: DbapiSession) -> None:
    found = session.describe([REF])[0]

    assert [info.ref for info in session.list_tables()] == [REF]
    assert found.primary_key == ("id",)
    assert {name: found.by_name[name].type for name in ("id", "price", "seen", "doc")} == {
        "id": Type.INT32,
        "price": Type.DECIMAL,
        "seen": Type.TIMESTAMP,
        "doc": Type.STRING,
    }


def test_rows_come_back_as_they_were_written(session: DbapiSession) -> None:
    table = session.describe([REF])[0]
    found = [row for batch in session.read(session.offer(Scan(table, tuple(NAMES)))) for row in batch.rows]

    assert sorted(found) == [tuple(row[name] for name in NAMES) for row in facts()[1:]]


def test_decimals_are_compared_with_their_digits(session: DbapiSession) -> None:
    table = session.describe([REF])[0]
    offer = session.offer(Scan(table, ("id",), (Compare("price", "ge", Decimal("2.5")),), wants_count=True))

    assert session.count(offer) == sum(row["price"] is not None and row["price"] >= Decimal("2.5") for row in facts()[1:])


def test_json_is_written_as_what_it_says(session: DbapiSession) -> None:
    table = session.describe([REF])[0]
    session.insert(table, {"id": 500, "name": "json", "doc": '{"a":[1]}'}, idempotency="1")
    offer = session.offer(Scan(table, ("doc",), (Compare("id", "eq", 500),)))

    found = [row for batch in session.read(offer) for row in batch.rows]

    assert found == [('{"a":[1]}',)]
    assert session.delete(table, {"id": 500}, idempotency="2")


def test_pushdown_changes_no_answer(session: DbapiSession) -> None:
    shares = check_agreement(session, REF, examples=30)

    assert any(0 < share < 1 for share in shares)
