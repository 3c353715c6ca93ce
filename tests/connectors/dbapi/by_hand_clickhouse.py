"""ClickHouse's own engine: catalog, types, writes, pushdown on and off. By hand, for the engine takes half a gigabyte:

`pip install chdb ".[clickhouse]"`, then `python -m pytest tests/connectors/dbapi/by_hand_clickhouse.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import chdb  # type: ignore[import-not-found]  # noqa: F401
import pytest
from clickhouse_connect import dbapi as driver  # type: ignore[import-not-found]

from connections.connectors.dbapi.clickhouse import ClickhouseConnector
from connections.connectors.dbapi.session import DbapiSession
from connections.contract.scan import Scan
from connections.contract.table import TableRef, Type
from tests.connectors.agreement import check_agreement
from tests.connectors.dbapi.facts import COLUMNS, facts

NAMES = [name for name in COLUMNS if name != "wakes"]
FACTS = """CREATE TABLE shop.facts (id Int32, name String, small Nullable(Int16), big Nullable(Int64), price Nullable(Decimal(12, 2)),
score Nullable(Float64), note LowCardinality(Nullable(String)), flag Nullable(Bool),
born Nullable(Date32), seen Nullable(DateTime64(6, 'UTC')),
tag Nullable(UUID), sizes Array(Int32), kind Enum8('a' = 1, 'b' = 2), moment DateTime('Asia/Tokyo')) ENGINE = MergeTree ORDER BY id"""


@pytest.fixture(scope="module")
def session() -> Iterator[DbapiSession]:
    """The driver, over the engine in this process instead of HTTP."""
    connect = driver.connect

    def inside(**given: Any) -> Any:
        return connect(interface="chdb", max_execution_time=given["max_execution_time"], transform_null_in=given["transform_null_in"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "connect", inside)
        running = inside(max_execution_time=30, transform_null_in=0).client
        running.command("CREATE DATABASE IF NOT EXISTS shop")
        running.command("DROP TABLE IF EXISTS shop.facts")
        running.command(FACTS)
        opened = ClickhouseConnector().open({})
        table = opened.describe([TableRef("shop", "facts")])[0]
        for row in facts()[1:]:
            opened.insert(table, {name: row[name] for name in NAMES if row[name] is not None}, idempotency="")
        running.command("INSERT INTO shop.facts (id, name, score) VALUES (100, 'no number', nan), (101, 'without end', inf)")
        yield opened
        opened.close()


def test_catalog(session: DbapiSession) -> None:
    found = session.describe([TableRef("shop", "facts")])[0]

    assert {name: found.by_name[name].type for name in ("id", "price", "note", "flag", "born", "tag", "sizes", "moment")} == {
        "id": Type.INT32,
        "price": Type.DECIMAL,
        "note": Type.STRING,
        "flag": Type.BOOLEAN,
        "born": Type.DATE,
        "tag": Type.GUID,
        "sizes": Type.STRING,
        "moment": Type.TIMESTAMP,
    }
    assert (found.by_name["price"].precision, found.by_name["price"].scale, found.by_name["id"].is_nullable) == (12, 2, False)


def test_rows_come_back_as_they_were_written(session: DbapiSession) -> None:
    table = session.describe([TableRef("shop", "facts")])[0]
    found = [row for batch in session.read(session.offer(Scan(table, tuple(NAMES)))) for row in batch.rows]

    assert sorted(row for row in found if row[0] < 100) == [tuple(row[name] for name in NAMES) for row in facts()[1:]]
    assert all(isinstance(row[NAMES.index("price")], Decimal | None) for row in found)


def test_odd_types_are_text(session: DbapiSession) -> None:
    running = driver.connect(max_execution_time=30, transform_null_in=0).client
    running.command("DROP TABLE IF EXISTS shop.odd")
    running.command(
        "CREATE TABLE shop.odd (id Int32, total AggregateFunction(sum, Int64), ip IPv4, kinds Map(String, Int32),"
        " pair Tuple(Int32, String), fixed FixedString(3), huge UInt64) ENGINE = MergeTree ORDER BY id"
    )
    running.command("INSERT INTO shop.odd SELECT 1, sumState(toInt64(5)), '1.2.3.4', map('a', 1), (1, 'x'), 'abc', 18446744073709551615")
    table = session.describe([TableRef("shop", "odd")])[0]

    found = [row for batch in session.read(session.offer(Scan(table, tuple(table.by_name)))) for row in batch.rows]

    assert found == [(1, "5", "1.2.3.4", "{'a':1}", "(1,'x')", "abc", Decimal(18446744073709551615))]


def test_pushdown_changes_no_answer(session: DbapiSession) -> None:
    shares = check_agreement(session, TableRef("shop", "facts"), examples=30)

    assert any(0 < share < 1 for share in shares)
