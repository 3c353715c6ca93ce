"""What sources hold that nobody expects: check columns of another type, names that end with a blank, very wide tables, the year 9999."""

from __future__ import annotations

from pathlib import Path

import pytest

from apiserver.jobs.moving import dry_run, reset
from apiserver.jobs.moving_order import JobError
from connections.contract.errors import ConnectorError
from connections.services import SESSIONS
from tests.jobs.moves import Counting, Make, Pair, pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def between(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    SESSIONS.close()
    return lambda source, destination: pair(request, tmp_path, source, destination, "odd")


def names(ends: Pair, table: str) -> list[str]:
    return [row[0] for row in ends.destination.run(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'")]


def tables(ends: Pair) -> set[str]:
    return {row[0] for row in ends.destination.run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")}


@pytest.mark.parametrize(
    ("before", "after", "first", "second"),
    [
        ("timestamptz", "date", "2024-05-01 10:00:00+00", "2024-05-02"),
        ("integer", "text", "9", "10"),
        ("text", "integer", "9", "10"),
    ],
)
def test_a_check_column_that_becomes_another_type_loses_no_row(between: Make, before: str, after: str, first: str, second: str) -> None:
    ends = between("postgresql", "postgresql")
    watch = Counting()
    ends.source.run(f"CREATE TABLE items (id integer PRIMARY KEY, mark {before} NOT NULL)")
    ends.source.run("INSERT INTO items VALUES (1, %s)", (first,))
    statement = "REPLICATE [items] WITH IncrementalCheckColumns='mark'"
    ends.move(statement)

    ends.source.run(f"ALTER TABLE items ALTER mark TYPE {after} USING mark::{after}")
    ends.source.run("INSERT INTO items VALUES (2, %s)", (second,))
    moved = ends.move(statement, watch)
    later = Counting()
    again = ends.move(statement, later)

    assert (moved.mode, again.mode, again.inserted, later.lines) == ("incremental", "incremental", 0, [])
    assert sorted(ends.destination.run("SELECT id FROM items")) == [(1,), (2,)]
    assert any("of another type now" in line for line in watch.lines)


@pytest.mark.parametrize(
    "statement",
    [
        "REPLICATE [copy] ([id] INT, [title] DATE) SELECT [id], [title] FROM [items]",
        "REPLICATE [copy] ([title] VARCHAR(9), PRIMARY KEY ([title])) SELECT [title] FROM [items]",
        "REPLICATE [copy] SELECT [id], [id] / ([id] - 1) AS x FROM [items]",
    ],
)
def test_a_task_that_fails_leaves_no_table_behind(between: Make, statement: str) -> None:
    ends = between("postgresql", "postgresql")
    ends.source.run("CREATE TABLE items (id integer PRIMARY KEY, title varchar(9))")
    ends.source.run("INSERT INTO items VALUES (1, 'same'), (2, 'same')")

    with pytest.raises(ConnectorError):
        ends.move(statement)

    assert tables(ends) == {"_apiserver_state"}


def test_a_table_of_1600_columns_is_moved_twice(between: Make) -> None:
    ends = between("postgresql", "postgresql")
    ends.source.run(f"CREATE TABLE wide (id integer PRIMARY KEY, {', '.join(f'c{number} smallint' for number in range(1599))})")
    ends.source.run("INSERT INTO wide (id, c0, c1598) VALUES (1, 2, 3), (2, NULL, 4)")

    for _ in range(2):
        ends.move("REPLICATE [wide] WITH IncrementalCheckColumns='id'")

    assert sorted(ends.destination.run("SELECT id, c0, c1598 FROM wide")) == [(1, 2, 3), (2, None, 4)]


def test_names_that_end_with_a_blank_get_another_where_there_can_be_none(between: Make) -> None:
    ends = between("postgresql", "mysql")
    ends.source.run('CREATE TABLE "odd " ("Id" integer PRIMARY KEY, "id " text, " lead" text)')
    ends.source.run("INSERT INTO \"odd \" VALUES (1, 'a', 'b')")

    for _ in range(2):
        ends.move("REPLICATE [odd ]")

    asked = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'odd%%'"
    ((table,),) = ends.destination.run(asked, ())
    assert table.startswith("odd_") and ends.rows(ends.destination, table) == [(1, "a", "b")]
    assert {name[:3] for name in names(ends, table)} == {"Id", "id_", " le"}


def test_windows_end_with_the_calendar(between: Make) -> None:
    ends = between("postgresql", "postgresql")
    ends.source.run("CREATE TABLE items (id integer PRIMARY KEY, due date NOT NULL)")
    ends.source.run("INSERT INTO items VALUES (1, '2024-01-01'), (2, '2031-05-01'), (3, '9999-12-31')")

    ends.move("REPLICATE [items] WITH IncrementalCheckColumns='due', ReplicateInterval=900, ReplicateIntervalUnit=years")

    ends.same("items")


def test_settings_have_bounds(between: Make) -> None:
    ends = between("sqlite", "sqlite")

    with pytest.raises(JobError, match="parallel can't be 1000000000"):
        ends.order("REPLICATE [items]", parallel=10**9)


OTHERS = "CREATE TABLE items (id integer{}, title varchar(9), theirs varchar(9))"


@pytest.mark.parametrize("destination", ["postgresql", "mysql", "sqlite", "duckdb"])
def test_a_table_that_somebody_else_filled_is_not_lost(between: Make, destination: str) -> None:
    ends = between("sqlite", destination)
    ends.source.run("CREATE TABLE items (id integer PRIMARY KEY, title varchar(9))")
    ends.source.run("INSERT INTO items VALUES (1, 'new')")
    ends.destination.run(OTHERS.format(""))
    ends.destination.run("INSERT INTO items VALUES (1, 'old', 'kept')")

    for _ in range(2):
        with pytest.raises(JobError) as caught:
            ends.move("REPLICATE [items]")
    with pytest.raises(JobError):
        dry_run(ends.order("REPLICATE [items]"))

    assert "columns that this one lacks: theirs" in caught.value.message
    assert "WITH DropTable" in (caught.value.hint or "")
    assert ends.rows(ends.destination, "items") == [(1, "old", "kept")]

    ends.move("REPLICATE [items] WITH DropTable")
    assert ends.rows(ends.destination, "items") == [(1, "new")]


def test_columns_of_somebody_else_stay_beside_those_of_a_task(between: Make) -> None:
    ends = between("postgresql", "postgresql")
    watch = Counting()
    ends.source.run("CREATE TABLE items (id integer PRIMARY KEY, title varchar(9))")
    ends.source.run("INSERT INTO items VALUES (1, 'new'), (2, 'more')")
    ends.destination.run(OTHERS.format(" PRIMARY KEY"))
    ends.destination.run("INSERT INTO items VALUES (1, 'old', 'kept')")

    ends.move("REPLICATE [items]", watch)

    assert sorted(ends.destination.run("SELECT id, title, theirs FROM items")) == [(1, "new", "kept"), (2, "more", None)]
    assert any("was there already" in line for line in watch.lines)


def test_a_task_takes_over_what_another_one_wrote(between: Make) -> None:
    ends = between("postgresql", "postgresql")
    watch = Counting()
    ends.source.run("CREATE TABLE items (id integer PRIMARY KEY, title varchar(9))")
    ends.source.run("INSERT INTO items VALUES (1, 'one')")
    ends.move("REPLICATE [items]")
    reset(ends.order("REPLICATE [items]"))
    ends.move("REPLICATE [items]", watch)

    ends.move("REPLICATE [items] SELECT [title] FROM [items]", watch)

    assert ends.destination.run("SELECT id, title FROM items") == [(None, "one")]
    assert watch.lines == []
