"""The session around a source that gives rows: what it remembers, what it refuses, when it stops reading."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from connections.contract.errors import NotSupported, SourceTimeout, TableGone
from connections.contract.table import TableRef
from connections.engine.budget import Limits
from connections.engine.nodes import Read, select, table
from connections.engine.rows_plan import RowPlan, row_plan
from connections.engine.session import EngineSession
from tests.connectors.memory import MemorySession
from tests.connectors.test_pushdown import FACTS, TABLE, session


def all_ids() -> RowPlan:
    return row_plan(select([Read(table="t", column="id", template="{0}")], table("", "facts", "t")))


def test_a_table_is_described_once_an_hour_and_when_asked() -> None:
    now = [0.0]
    source = session()
    engine = EngineSession(source, clock=lambda: now[0])
    assert engine.table(FACTS) is TABLE
    source.tables[FACTS] = replace(TABLE, comment="new")

    assert engine.table(FACTS) is TABLE
    now[0] = 3601
    assert engine.table(FACTS).comment == "new"
    source.tables[FACTS] = replace(TABLE, comment="newer")
    assert engine.describe([FACTS])[0].comment == "newer"
    assert engine.table(FACTS).comment == "newer"


def test_a_column_that_another_process_found_is_looked_for() -> None:
    now = [0.0]
    source = session()
    engine = EngineSession(source, clock=lambda: now[0])
    source.tables[FACTS] = replace(TABLE, columns=TABLE.columns[:1])
    assert len(engine.table(FACTS).columns) == 1
    source.tables[FACTS] = TABLE

    assert len(engine.table(FACTS, ("name",)).columns) == 1
    now[0] = 6
    assert engine.table(FACTS, ("name",)) is TABLE


def test_a_table_that_the_source_leaves_out_is_gone() -> None:
    class Silent(MemorySession):
        def describe(self, refs):  # type: ignore[no-untyped-def]
            return []

    with pytest.raises(TableGone, match="facts is gone"):
        EngineSession(Silent([])).table(FACTS)


def test_reading_stops_at_the_source_when_the_rows_are_closed() -> None:
    source = session(page=5)
    found = EngineSession(source).select(all_ids(), [])

    assert next(found.batches) == [(number,) for number in range(1, 6)]
    found.close()

    assert source.calls == ["GET facts from 0"]


def test_rows_that_go_out_cost_nothing_of_the_limits() -> None:
    engine = EngineSession(session(page=1), limits=lambda: Limits(source_calls=2, source_rows=2))

    assert len([row for batch in engine.select(all_ids(), []).batches for row in batch]) == 40


def test_time_is_looked_at_before_each_page() -> None:
    def check() -> None:
        if time.monotonic() > ends:
            raise SourceTimeout("too long")

    ends = time.monotonic() + 3600
    found = EngineSession(session(page=5)).select(all_ids(), [], check_time=check)
    next(found.batches)
    ends = 0.0

    with pytest.raises(SourceTimeout):
        next(found.batches)


def test_sql_is_refused() -> None:
    engine = EngineSession(session())

    with pytest.raises(NotSupported):
        engine.query("SELECT 1", ())
    with pytest.raises(NotSupported):
        engine.describe_select("SELECT 1")


def test_plan_over_an_unknown_table_names_it() -> None:
    plan = row_plan(select([Read(table="t", column="id", template="{0}")], table("", "nowhere", "t")))

    with pytest.raises(TableGone, match="nowhere"):
        list(EngineSession(session()).select(plan, []).batches)
    assert plan.level.ref == TableRef("", "nowhere")
