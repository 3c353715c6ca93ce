"""Moving: the destination equals the source after each run, whatever happened between them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from apiserver.jobs.moving import Cancelled, JobError, dry_run, move, reset
from connections.contract.loading import Merged
from tests.jobs.moves import Counting, Pair, pair

pytestmark = pytest.mark.django_db
ONE = "SELECT [buyer] FROM [orders] WHERE [id]"
WITH_CHECK = "REPLICATE [orders] WITH IncrementalCheckColumns='changed'"


@pytest.fixture(
    params=[("sqlite", "postgresql"), ("postgresql", "mysql"), ("mysql", "sqlite"), ("postgresql", "duckdb"), ("sqlite", "parquet")],
    ids="-".join,
)
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    found = pair(request, tmp_path, *request.param)
    found.source.create(
        "orders", {"id": "integer", "buyer": "varchar(40)", "total": "decimal(10,2)", "changed": "integer"}, "PRIMARY KEY (id)"
    )
    found.source.insert("orders", [(number, f"b{number}", number / 4, number) for number in range(1, 51)])
    return found


def test_a_table_is_made_filled_and_brought_up_to_date(ends: Pair) -> None:
    first = ends.move(WITH_CHECK)
    assert (first.mode, first.rows_read, first.inserted) == ("full", 50, 50)
    assert first.note.endswith(
        "" if ends.source.kind == "postgresql" else "more than 600 seconds late come with the next comparison of keys."
    )
    ends.same("orders")

    again = ends.move(WITH_CHECK, overlap_seconds=0)
    assert (again.mode, again.inserted, again.updated) == ("incremental", 0, 0)

    ends.source.run("UPDATE orders SET buyer = 'new', changed = 60 WHERE id = 7")
    ends.source.insert("orders", [(99, None, None, 61)])
    then = ends.move(WITH_CHECK, overlap_seconds=0)
    assert (then.mode, then.inserted, then.updated) == ("incremental", 1, 1)
    assert then.rows_read <= 4
    ends.same("orders")


def test_what_has_no_key_or_no_check_column_is_replaced_and_says_why(ends: Pair) -> None:
    grouped = "REPLICATE [sums] SELECT COUNT(*) AS n, SUM(total) AS total FROM [orders]"
    for statement, why in ((grouped, "groups rows"), ("REPLICATE [orders]", "no check column")):
        first, second = ends.move(statement), ends.move(statement)
        assert (first.mode, second.mode) == ("swap", "swap")
        assert why in second.note
    ends.same("orders")
    assert len(ends.destination.run("SELECT * FROM sums")) == 1
    keyless = "REPLICATE [names] SELECT buyer FROM [orders] WHERE id > 40 ORDER BY buyer"
    assert "no key" in ends.move(keyless).note
    ends.move(keyless)
    assert len(ends.destination.run("SELECT * FROM names")) == 10


def test_a_stopped_load_leaves_nothing_to_be_seen_and_goes_on_behind_its_last_page(ends: Pair) -> None:
    ends.source.insert("orders", [(number, "x" * 30, 1, number) for number in range(1000, 11_000)])
    with pytest.raises(Cancelled):
        ends.move(WITH_CHECK, Counting(stops_after=3), batch_rows=2000)
    tables = [ends.destination.quote("orders")]
    with pytest.raises(Exception, match="orders"):
        ends.destination.run(f"SELECT * FROM {tables[0]}")

    watch = Counting()
    moved = ends.move(WITH_CHECK, watch)
    assert 0 < moved.rows_read < 10_050
    assert any("Goes on behind" in line for line in watch.lines)
    ends.same("orders")


class Killed(Counting):
    """A watch in a process that is killed right after its third commit."""

    def wrote(self, merged: Merged, *, deleted: int = 0, repaired: int = 0) -> None:
        super().wrote(merged)
        if len(self.merged) == 3:
            raise SystemExit


def test_counts_of_a_run_stand_beside_its_rows(ends: Pair) -> None:
    ends.source.insert("orders", [(number, "x" * 30, 1, number) for number in range(1000, 11_000)])
    total = len(ends.source.run("SELECT 1 FROM orders"))
    order = replace(ends.order(WITH_CHECK, batch_rows=2000), run="7")
    with pytest.raises(SystemExit):
        move(order, Killed())

    watch, later = Counting(), Counting()
    rest = move(order, watch)
    move(replace(order, run="8"), later)

    before = watch.counts[0]
    assert (before["inserted"] >= 6000, before["rows_read"], before["pages"] > 0) == (True, before["inserted"], True)
    assert before["inserted"] + rest.inserted == total
    assert later.counts == [{}]


def test_far_fewer_rows_ask_first(ends: Pair) -> None:
    ends.move("REPLICATE [orders]")
    ends.source.run("DELETE FROM orders")
    with pytest.raises(JobError, match="0 rows now, the destination 50"):
        ends.move("REPLICATE [orders]")
    assert len(ends.rows(ends.destination, "orders")) == 50
    ends.move("REPLICATE [orders]", may_shrink=True)
    assert ends.rows(ends.destination, "orders") == []


def test_another_query_may_leave_far_fewer_rows_but_not_none(ends: Pair) -> None:
    ends.source.insert("orders", [(number, "x", 1, number) for number in range(1000, 1200)])
    whole, one, none = (f"REPLICATE [orders] {rest}".strip() for rest in ("", f"{ONE} = 1", f"{ONE} = 0"))
    ends.keys = dict.fromkeys((whole, one, none), "key")  # one task, edited
    ends.move(whole)

    moved = ends.move(one)
    with pytest.raises(JobError, match="0 rows now, the destination 1"):
        ends.move(none)

    assert (moved.mode, ends.destination.run("SELECT count(*) FROM orders")) == ("swap", [(1,)])


def test_a_reset_task_reads_everything_anew_and_a_dry_run_changes_nothing(ends: Pair) -> None:
    planned = dry_run(ends.order(WITH_CHECK))
    assert (planned.mode, planned.count, len(planned.rows), planned.key) == ("full", 50, 20, ("id",))
    assert planned.ddl[0].startswith("CREATE TABLE")
    watch = Counting()
    ends.move(WITH_CHECK, watch)
    assert (watch.totals, watch.merged) == ([50], [Merged(50, 0)])
    reset(ends.order(WITH_CHECK))
    assert ends.move(WITH_CHECK).mode == "full"
    assert dry_run(ends.order(WITH_CHECK)).mode == "incremental"
