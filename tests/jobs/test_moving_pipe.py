"""The fast ways: PostgreSQL's own form and lines of SQLite bring the same rows as reading them; what they can't bring is read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs import moving, moving_full, moving_pipe
from apiserver.jobs.moving import Cancelled
from apiserver.jobs.moving_ahead import Ahead, ahead_of
from connections.contract.context import Call
from connections.contract.errors import BadValue, ConnectionFailed, ConnectorError
from connections.contract.hearing import Heard, hear, listening
from tests.jobs.moves import Counting, Pair, pair

pytestmark = pytest.mark.django_db
ROWS = [
    (1, "a\tb\\n\nc\r\\N", "0.10", 0.1, 1, "2024-01-01 10:00:00", "2024-02-29"),
    (2, "", "-99999999.99", -1.5e300, 0, "2024-01-01 10:00:00.123456", None),
    (3, None, None, None, None, None, None),
    (4, "日本 😀 '\" \u2028", "12345678.5", 5e-324, 1, "0001-01-01 00:00:00", "9999-12-31"),
]
INCREMENTAL = "REPLICATE [orders] WITH IncrementalCheckColumns='at'"


@pytest.fixture(params=["postgresql", "sqlite"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    found = pair(request, tmp_path, request.param, "postgresql", "piping")
    columns = {
        "id": "integer",
        'te"x{0}%': "varchar(40)",
        "total": "decimal(10,2)",
        "ratio": "float",
        "flag": "bool",
        "at": "datetime",
        "day": "date",
    }
    found.source.create("orders", columns, "PRIMARY KEY (id)")
    rows = [(*row[:4], bool(row[4]) if row[4] is not None and request.param == "postgresql" else row[4], *row[5:]) for row in ROWS]
    found.source.insert("orders", rows)
    return found


def as_seen(ends: Pair) -> list[str]:
    return [row[0] for row in ends.destination.run("SELECT CAST(t AS text) FROM orders t ORDER BY id")]


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many rows each piece brought the fast way."""
    found: list[int] = []
    put = moving_pipe.Pipe.put

    def counted(self: moving_pipe.Pipe, *given: object, **named: object) -> int:
        count = put(self, *given, **named)  # type: ignore[arg-type]
        found.append(count)
        return count

    monkeypatch.setattr(moving_pipe.Pipe, "put", counted)
    return found


def test_the_fast_way_brings_what_reading_brings(ends: Pair, piped: list[int]) -> None:
    ends.move(INCREMENTAL)
    assert piped == [4]
    fast = as_seen(ends)

    ends.move(INCREMENTAL.replace("WITH", "WITH DropTable,"), batch_rows=100)
    assert piped == [4]
    assert as_seen(ends) == fast


def test_a_first_load_is_written_for_good(ends: Pair) -> None:
    ends.move(INCREMENTAL)

    assert ends.destination.run("SELECT relallvisible > 0 FROM pg_class WHERE relname = 'orders'") == [(True,)]


def test_changed_rows_come_the_fast_way_and_move_the_mark(ends: Pair, piped: list[int]) -> None:
    ends.move(INCREMENTAL)
    ends.source.run("UPDATE orders SET total = 7, at = '2025-06-01 00:00:00' WHERE id = 3")
    first = ends.move(INCREMENTAL, overlap_seconds=0)
    again = ends.move(INCREMENTAL, overlap_seconds=0)

    assert (first.updated, again.updated) == (1, 0)
    assert piped[:2] == [4, 2]
    assert ends.destination.run("SELECT total FROM orders WHERE id = 3")[0][0] == 7


@pytest.mark.parametrize("has_room", [True, False])
def test_both_ends_are_counted_with_what_is_written_meanwhile(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, has_room: bool
) -> None:
    ends = pair(request, tmp_path, "postgresql", "postgresql", "counted")
    ends.source.create("orders", {"id": "integer", "name": "varchar(40)", "at": "timestamp"}, "PRIMARY KEY (id)")
    ends.source.insert("orders", [(number, "x", f"2025-01-01 00:00:{number:02}") for number in range(9)])
    ends.move(INCREMENTAL)
    ends.source.insert("orders", [(9, "new", "2025-01-01 00:00:09"), (10, "late", "2024-01-01 00:00:00")])
    ends.source.run("UPDATE orders SET name = 'untold' WHERE id = 0")
    opened: list[Any] = []
    loading_of = moving.loading_of

    def connect(*given: Any) -> Any:
        opened.append(given)
        if len(opened) > 1 and not has_room:
            raise ConnectionFailed("The database has no free connection.")
        return loading_of(*given)

    monkeypatch.setattr(moving, "loading_of", connect)

    moved = ends.move(INCREMENTAL, overlap_seconds=0)

    assert len(opened) == 2
    assert (moved.inserted, moved.updated) == (2, 1)
    assert (moved.source_count, moved.destination_count) == (11, 11)
    assert ends.rows(ends.destination, "orders") == ends.rows(ends.source, "orders")


def test_a_large_table_comes_in_parts_and_goes_on_behind_the_last(ends: Pair, piped: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving_full, "PIECE", 3)
    with pytest.raises(Cancelled):
        ends.move(INCREMENTAL, Counting(stops_after=1))
    assert piped == [3]

    watch = Counting()
    ends.move(INCREMENTAL, watch)
    assert piped[:2] == [3, 1]  # then what changed between the parts
    assert any("Goes on behind" in line for line in watch.lines)
    assert len(as_seen(ends)) == 4


@pytest.mark.parametrize("value", ["text\x1f", "\x02", "a\x02", "x\x00y"])
def test_a_text_that_lines_cannot_carry_is_read(tmp_path: Path, request: pytest.FixtureRequest, piped: list[int], value: str) -> None:
    ends = pair(request, tmp_path, "sqlite", "postgresql", "odd")
    ends.source.create("orders", {"id": "integer", "name": "varchar(40)"}, "PRIMARY KEY (id)")
    ends.source.insert("orders", [(1, "plain"), (2, value)])
    watch = Counting()
    moved = ends.move("REPLICATE [orders]", watch)

    assert (piped == []) == (value != "a\x02")
    assert moved.repaired == ("\0" in value)
    assert ends.destination.run("SELECT name FROM orders ORDER BY id")[1][0] == value.replace("\0", "")


@pytest.mark.parametrize(
    ("kind", "value"), [("timestamp", "2024-01-01T10:00:00+02:00"), ("date", "20240101"), ("integer", "x"), ("bool", 2)]
)
def test_a_value_that_is_not_plainly_of_its_type_is_looked_at(
    tmp_path: Path, request: pytest.FixtureRequest, piped: list[int], kind: str, value: object
) -> None:
    ends = pair(request, tmp_path, "sqlite", "postgresql", "odd")
    ends.source.create("orders", {"id": "integer", "v": kind}, "PRIMARY KEY (id)")
    ends.source.insert("orders", [(1, value)])
    watch = Counting()
    with suppress(ConnectorError):  # what reading says of the value is tested elsewhere
        ends.move("REPLICATE [orders]", watch)

    assert piped == []
    assert any("one by one" in line for line in watch.lines)


def test_reading_ahead_raises_what_the_source_raises_and_closes_it() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            yield from range(1_000_000)
        finally:
            closed.set()

    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("away")

    found = Ahead(endless())
    assert [next(found), next(found)] == [0, 1]
    found.close()
    assert closed.is_set()
    with pytest.raises(ValueError, match="away"):
        list(Ahead(broken()))


def test_rows_that_the_fast_way_could_not_bring_are_counted_once(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = pair(request, tmp_path, "sqlite", "postgresql", "twice")
    ends.source.create("orders", {"id": "integer", "name": "varchar(40)"}, "PRIMARY KEY (id)")
    ends.source.insert("orders", [(number, "x") for number in range(10)])
    put = moving_pipe.Pipe.put

    def failing(*given: Any, **more: Any) -> int:
        put(*given, **more)
        raise BadValue("This block is none.")

    monkeypatch.setattr(moving_pipe.Pipe, "put", failing)
    watch = Counting()

    moved = ends.move("REPLICATE [orders]", watch)

    assert any("looked at one by one" in line for line in watch.lines)
    assert (moved.rows_read, moved.inserted, watch.counts[-1].get("rows_read", 0)) == (10, 10, 0)


def test_the_next_page_of_a_service_is_asked_for_while_one_is_worked_on() -> None:
    asked, heard = threading.Event(), Heard()

    def pages() -> Iterator[int]:
        yield 1
        hear(Call("GET", "https://service.example/page/2", 200, 0.05))
        asked.set()
        yield 2

    service = type("Service", (), {"is_remote": True})()
    with listening(heard):
        found = ahead_of(service, pages())  # type: ignore[arg-type]
        assert next(found) == 1
        assert asked.wait(5)
    found.close()

    assert [call.address[-6:] for call in heard.calls] == ["page/2"]
    file = pages()
    assert ahead_of(object(), file) is file  # type: ignore[arg-type]
