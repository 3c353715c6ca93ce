"""BigQuery's stand-in of another hand (bqemulator: DuckDB behind BigQuery's own API), by Google's own client. By hand:

`pip install ".[bigquery]"`; `pip install bqemulator` elsewhere and `bqemulator start --rest-port 9050`; then
`BIGQUERY_TEST_URL=http://127.0.0.1:9050 python -m pytest tests/connectors/dbapi/by_hand_bigquery.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from connections.connectors.dbapi.bigquery import BigqueryConnector
from connections.connectors.dbapi.session import DbapiSession
from connections.contract.scan import Scan
from connections.contract.table import TableRef, Type
from tests.connectors.agreement import check_agreement
from tests.connectors.dbapi.facts import COLUMNS, facts

FACTS = """CREATE TABLE shop.facts (id INT64 NOT NULL, name STRING(40) NOT NULL, small INT64, big INT64, price NUMERIC(12, 2),
score FLOAT64, note STRING, flag BOOL, born DATE, wakes TIME, seen DATETIME, moment TIMESTAMP)"""
NAMES = [name for name in COLUMNS if name != "tag"]
REF = TableRef("shop", "facts")
PROPERTIES = {"ProjectId": "my-project", "DatasetId": "shop", "AuthScheme": "None", "URL": os.environ["BIGQUERY_TEST_URL"]}


class Emulated(BigqueryConnector):
    """The connector, without what the emulator's catalog has not: defaults and keys of columns."""

    catalog = replace(BigqueryConnector.catalog, columns=BigqueryConnector.catalog.columns.replace("column_default", "NULL"), keys="")


@pytest.fixture(scope="module")
def session() -> Iterator[DbapiSession]:
    connector = Emulated()
    client = connector.connect(connector.clean(PROPERTIES), is_writer=True)._client
    client.create_dataset("shop", exists_ok=True)
    client.delete_table("shop.facts", not_found_ok=True)
    client.query(FACTS).result()
    opened = connector.open(PROPERTIES)
    table = opened.describe([REF])[0]
    for row in facts()[1:]:
        opened.insert(table, {**{name: row[name] for name in NAMES}, "moment": row["seen"]}, idempotency="")
    yield opened
    opened.close()


def test_catalog(session: DbapiSession) -> None:
    found = session.describe([REF])[0]

    assert [info.ref for info in session.list_tables()] == [REF]
    assert {name: found.by_name[name].type for name in ("id", "price", "seen", "moment", "wakes")} == {
        "id": Type.INT64,
        "price": Type.DECIMAL,
        "seen": Type.TIMESTAMP,
        "moment": Type.TIMESTAMP,
        "wakes": Type.TIME,
    }


def test_rows_come_back_as_they_were_written(session: DbapiSession) -> None:
    table = session.describe([REF])[0]
    names = (*NAMES, "moment")
    found = [row for batch in session.read(session.offer(Scan(table, names))) for row in batch.rows]

    assert sorted(found) == [(*(row[name] for name in NAMES), row["seen"]) for row in facts()[1:]]


def test_rows_are_changed_and_removed(session: DbapiSession) -> None:
    table = session.describe([REF])[0]
    session.insert(table, {"id": 500, "name": "100%"}, idempotency="1")

    assert session.update(table, {"id": 500}, {"note": None, "name": "y"}, idempotency="2") == {"id": 500}
    assert session.update(table, {"id": 501}, {"name": "y"}, idempotency="3") is None
    assert [session.delete(table, {"id": 500}, idempotency=text) for text in "45"] == [True, False]


def test_pushdown_changes_no_answer(session: DbapiSession) -> None:
    shares = check_agreement(session, REF, examples=30)

    assert any(0 < share < 1 for share in shares)
