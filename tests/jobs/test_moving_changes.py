"""Changes of the source on their way: rows that are deleted, versions that are kept, rows that are committed late, columns that change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs import moving_sweep
from apiserver.jobs.moving import Cancelled, JobError, move
from apiserver.jobs.moving_reading import Reading
from tests.databases import DUCKS, KINDS
from tests.jobs.moves import Counting, Pair, pair

pytestmark = pytest.mark.django_db
ORDERS = "REPLICATE [orders] WITH IncrementalCheckColumns='changed'"
COLUMNS = {"id": "integer", "buyer": "varchar(40)", "changed": "timestamp"}


def filled(found: Pair) -> Pair:
    found.source.create("orders", COLUMNS, "PRIMARY KEY (id)")
    found.source.insert("orders", [(number, f"b{number}", f"2024-01-01 00:00:{number:02}") for number in range(1, 21)])
    return found


@pytest.fixture(params=[*KINDS, *DUCKS])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    return filled(pair(request, tmp_path, "sqlite", request.param))


def test_rows_that_the_source_deleted_go_or_stay_as_the_task_says(ends: Pair) -> None:
    soft = "REPLICATE [soft] WITH IncrementalCheckColumns='changed', SoftDelete [orders]"
    skipped = "REPLICATE [skipped] WITH IncrementalCheckColumns='changed', SkipDeleted [orders]"
    for statement in (ORDERS, soft, skipped):
        ends.move(statement)
    ends.source.run("DELETE FROM orders WHERE id IN (3, 4)")

    assert (ends.move(ORDERS).deleted, ends.move(soft).deleted, ends.move(skipped).deleted) == (2, 2, 0)
    ends.same("orders", columns=["id", "buyer"])
    marked = "SELECT id FROM soft WHERE _cdatasync_deleted IS NOT NULL ORDER BY id"
    assert ends.destination.run(marked) == [(3,), (4,)]
    assert (len(ends.rows(ends.destination, "soft")), len(ends.rows(ends.destination, "skipped"))) == (20, 20)

    ends.source.insert("orders", [(3, "back", "2024-01-01 00:00:30")])
    assert (ends.move(soft).destination_count, ends.destination.run(marked)) == (19, [(4,)])
    ends.source.run("DELETE FROM orders WHERE id > 1")
    with pytest.raises(JobError, match=r"may_shrink|none was removed"):
        ends.source.insert("orders", [(number, "x", "2024-01-01 00:00:31") for number in range(1000, 1200)])
        ends.move(ORDERS)
        ends.source.run("DELETE FROM orders WHERE id > 1")
        ends.move(ORDERS)
    assert ends.move(ORDERS, may_shrink=True).destination_count == 1


def test_all_versions_of_a_row_are_kept(ends: Pair) -> None:
    history = "REPLICATE [versions] WITH IncrementalCheckColumns='changed', HistoryMode [orders]"
    ends.move(history)
    ends.source.run("UPDATE orders SET buyer = 'second', changed = '2024-01-02 00:00:00' WHERE id = 5")
    ends.source.run("DELETE FROM orders WHERE id = 6")
    moved = ends.move(history)
    ends.move(history)

    assert (moved.mode, moved.inserted, moved.updated, moved.deleted) == ("incremental", 0, 1, 1)
    found = ends.destination.run("SELECT buyer, _cdatasync_active FROM versions WHERE id = 5 ORDER BY _cdatasync_start")
    assert [(buyer, bool(active)) for buyer, active in found] == [("b5", False), ("second", True)]
    assert ends.destination.run("SELECT count(*) FROM versions WHERE _cdatasync_active AND _cdatasync_end IS NULL") == [(19,)]
    assert ends.destination.run("SELECT count(*) FROM versions WHERE NOT _cdatasync_active AND _cdatasync_end IS NOT NULL") == [(2,)]
    ((start, end),) = ends.destination.run(
        "SELECT (SELECT _cdatasync_start FROM versions WHERE id = 5 AND _cdatasync_active), _cdatasync_end"
        " FROM versions WHERE id = 5 AND NOT _cdatasync_active"
    )
    assert start == end


def test_columns_that_the_source_gains_loses_and_widens_are_followed(ends: Pair) -> None:
    ends.move(ORDERS)
    ends.source.run("ALTER TABLE orders ADD COLUMN note varchar(10) DEFAULT 'old'")
    with pytest.raises(JobError, match="new: note"):
        ends.move(ORDERS, schema="freeze")
    watch = Counting()
    ends.move(ORDERS, watch)
    assert any("added: note" in line for line in watch.lines)
    ends.same("orders", columns=["id", "buyer", "note"])

    ends.source.run("ALTER TABLE orders DROP COLUMN buyer")
    ends.source.insert("orders", [(50, "2024-02-01 00:00:00", "n")])
    assert ends.move(ORDERS).mode == "incremental"
    kept = ends.destination.run("SELECT buyer, note FROM orders WHERE id IN (1, 50) ORDER BY id")
    assert kept == [("b1", "old"), (None, "n")]

    ends.source.insert("orders", [(51, "2024-02-02 00:00:00", "longer than ten")])
    ends.move(ORDERS, watch)
    assert any("note becomes wider" in line for line in watch.lines) is (ends.destination.kind not in ("sqlite", *DUCKS))
    ends.same("orders", columns=["id", "note"])


def test_what_can_not_be_a_key_is_named_and_nothing_is_seen(ends: Pair) -> None:
    ends.source.insert("orders", [(60, "b1", "2024-01-01 00:00:00"), (61, None, "2024-01-01 00:00:00")])
    twice = "REPLICATE [buyers] (buyer VARCHAR(40), PRIMARY KEY (buyer)) SELECT buyer, id FROM [orders] WHERE id < 61"
    nulls = "REPLICATE [buyers] (buyer VARCHAR(40), PRIMARY KEY (buyer)) SELECT buyer, id FROM [orders] WHERE id > 2"
    for statement, why in ((twice, r"several rows with one key \(buyer = '?b1'?\)"), (nulls, r"key \(buyer\) is null")):
        with pytest.raises(JobError, match=why):
            ends.move(statement)
    with pytest.raises(Exception, match="buyers"):
        ends.destination.run("SELECT * FROM buyers")


@pytest.mark.parametrize("ends", KINDS, indirect=True)
def test_what_hangs_on_a_table_stays_when_its_rows_are_replaced(ends: Pair) -> None:
    ends.move("REPLICATE [orders]")
    ends.destination.run("CREATE INDEX by_buyer ON orders (buyer)")
    ends.source.run("UPDATE orders SET buyer = 'new' WHERE id = 1")
    ends.source.run("ALTER TABLE orders ADD COLUMN note varchar(10) DEFAULT 'n'")
    ends.move("REPLICATE [orders]")

    ends.same("orders", columns=["id", "buyer", "note"])
    ends.destination.run("DROP INDEX by_buyer" + (" ON orders" if ends.destination.kind == "mysql" else ""))
    again = "REPLICATE [orders] WITH TruncateTable"
    assert (ends.move(again).mode, len(ends.rows(ends.destination, "orders"))) == ("swap", 20)


@pytest.fixture(params=["mysql", *DUCKS])
def typed(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    return filled(pair(request, tmp_path, "postgresql", request.param))


CHANGES = (
    "ALTER TABLE orders ADD COLUMN small smallint DEFAULT 7",
    "ALTER TABLE orders ALTER COLUMN small TYPE bigint USING 5000000000",
    "ALTER TABLE orders ALTER COLUMN small TYPE numeric(30,5) USING small + 0.5",
    "ALTER TABLE orders ALTER COLUMN small TYPE text USING 'x' || small",
    "ALTER TABLE orders ALTER COLUMN small TYPE integer USING 12",
    "ALTER TABLE orders RENAME COLUMN small TO renamed",
    "ALTER TABLE orders ALTER COLUMN renamed SET NOT NULL",
    'ALTER TABLE orders RENAME COLUMN renamed TO "Renamed"',
    "ALTER TABLE orders ADD COLUMN \"select\" varchar(5) DEFAULT 's', ADD COLUMN \"order by\" date DEFAULT '2024-02-29'",
    "ALTER TABLE orders " + ", ".join(f"ADD COLUMN wide{number} integer DEFAULT {number}" for number in range(300)),
    'ALTER TABLE orders DROP COLUMN "order by"',
    "ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id, buyer)",
    f"ALTER TABLE orders ADD COLUMN {'n' * 63} integer DEFAULT 3",
)


def test_each_change_of_a_table_is_followed_row_by_row(typed: Pair) -> None:
    typed.move(ORDERS)
    for change in CHANGES:
        typed.source.run(change)
        typed.source.run("UPDATE orders SET changed = now() WHERE id = 1")
        typed.move(ORDERS)
        names = [row[0] for row in typed.source.run("SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'")]
        shown = [name for name in names if name != "changed" and not name.startswith("wide")] + [
            name for name in names if name == "wide299"
        ]
        here = typed.rows(
            typed.destination, "orders", ", ".join(typed.destination.quote(name.replace("Renamed", "renamed")) for name in shown)
        )
        there = typed.rows(typed.source, "orders", ", ".join(typed.source.quote(name) for name in shown))
        assert [tuple(map(plain, row)) for row in here] == [tuple(map(plain, row)) for row in there], change


def plain(value: Any) -> str:
    """Return a value without the zeros and the type that a wider column gives it."""
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text and text.lstrip("-x")[:1].isdigit() else text


@pytest.fixture
def late(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    return filled(pair(request, tmp_path, "postgresql", "sqlite"))


def test_rows_that_are_committed_after_later_ones_are_not_lost(late: Pair) -> None:
    late.move(ORDERS)
    open_: Any = late.source.connect()
    open_.execute("INSERT INTO orders VALUES (90, 'late', '2024-01-01 00:00:30'), (91, 'later', NULL)")
    late.source.insert("orders", [(92, "soon", "2025-01-01 00:00:00")])
    late.move(ORDERS, overlap_seconds=0, deletes="none")
    assert late.rows(late.destination, "orders", "id")[-1:] == [(92,)]
    open_.commit()
    open_.close()

    late.move(ORDERS, overlap_seconds=0, deletes="none")
    late.same("orders", columns=["id", "buyer"])


@pytest.mark.parametrize("source", ["postgresql", "sqlite"])
def test_keys_of_a_large_table_are_compared_once_something_may_be_gone(
    source: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    pages = moving_sweep.key_pages
    monkeypatch.setattr(moving_sweep, "key_pages", lambda *given: compared.append(1) or pages(*given))
    monkeypatch.setattr(moving_sweep, "SMALL", 0)
    monkeypatch.setattr(moving_sweep, "MINUTE", 0)
    ends = filled(pair(request, tmp_path, source, "sqlite"))
    ends.move(ORDERS)

    ends.source.insert("orders", [(70, "soon", "2025-01-01 00:00:00")])
    ends.move(ORDERS)
    assert len(compared) == (source == "sqlite")  # where a late row may be missed, as many rows say nothing

    ends.source.run("DELETE FROM orders WHERE id = 3")
    ends.source.insert("orders", [(71, "soon", "2025-01-01 00:00:01")])
    assert ends.move(ORDERS).deleted == 1
    ends.same("orders", columns=["id", "buyer"])


def test_rows_that_a_database_without_transaction_numbers_commits_late_come_with_the_comparison(ends: Pair) -> None:
    ends.move(ORDERS)
    ends.source.insert("orders", [(70, "soon", "2025-01-01 00:00:00")])
    ends.move(ORDERS)
    ends.source.insert("orders", [(71, "late", "2023-01-01 00:00:00"), (72, "null", None)])

    moved = ends.move(ORDERS)
    assert moved.inserted == 2
    ends.same("orders", columns=["id", "buyer"])


def test_history_comes_in_windows_and_goes_on_at_the_last_one(ends: Pair) -> None:
    windows = ORDERS.replace(
        "changed'", "changed', ReplicateStartValue='2024-01-01T00:00:03', ReplicateInterval=1, ReplicateIntervalUnit=months"
    )
    ends.source.insert("orders", [(30, "may", "2024-05-31 00:00:00"), (31, "june", "2024-06-30 00:00:00"), (32, "no", None)])
    with pytest.raises(Cancelled):
        ends.move(windows, Counting(stops_after=2))
    watch = Counting()
    moved = ends.move(windows, watch)

    assert any("Goes on" in line for line in watch.lines)
    assert moved.rows_read < 22
    ids = [row[0] for row in ends.destination.run("SELECT id FROM orders ORDER BY id")]
    assert ids == [*range(3, 21), 30, 31]
    assert (moved.source_count, moved.destination_count) == (20, 20)
    assert ends.move(windows).inserted == 0


def test_neither_end_is_counted_where_that_is_not_wished(ends: Pair) -> None:
    statement = "REPLICATE [counted] WITH IncrementalCheckColumns='changed' [orders]"
    first = replace(ends.order(statement), counts_rows=False)

    loaded = move(first, Counting())
    ends.source.run("DELETE FROM orders WHERE id = 1")
    then = move(first, Counting())

    assert (loaded.source_count, loaded.destination_count, then.source_count, then.destination_count) == (None,) * 4
    assert then.deleted == 1


def test_an_older_state_of_the_source_is_refused_when_it_shows_twice(late: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    late.move(ORDERS)
    late.source.insert("orders", [(93, "new", "2026-01-01 00:00:00")])
    running, older = Reading.running, [True]
    monkeypatch.setattr(Reading, "running", lambda self: 3 if older and older.pop() else running(self))

    assert late.move(ORDERS).inserted == 1

    monkeypatch.setattr(Reading, "running", lambda self: 3)
    with pytest.raises(JobError, match="older state"):
        late.move(ORDERS)
