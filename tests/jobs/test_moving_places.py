"""Loads of services that break off: what was committed is not asked for again, and nothing is lost while rows change meanwhile."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs import moving_places
from apiserver.jobs.moving import Moved, Order, Settings, move
from apiserver.jobs.moving_order import Cancelled
from apiserver.jobs.replicate import replicate
from apiserver.server import options
from connections.services import save_connection
from tests.databases import Database, sqlite
from tests.fakes.bitbucket import Bitbucket
from tests.fakes.stripe import Stripe
from tests.jobs.moves import Counting, connected

pytestmark = pytest.mark.django_db
COUNT, PAGE = 60, 5
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
BITBUCKET = {"AuthScheme": "Basic", "User": "aoi@example.com", "APIToken": "api-token-1", "Workspace": "acme", "Schema": "shop"}


@dataclass
class Service:
    """A stand-in as the source, and a table of it at the destination."""

    fake: Any
    rows: list[dict[str, Any]]
    ids: tuple[int, int]
    database: Database
    table: str

    def move(self, watch: Counting | None = None, **settings: Any) -> Moved:
        order = Order(
            "task",
            replicate(f"REPLICATE [{self.table}]"),
            *self.ids,
            settings=Settings.of({"batch_rows": 10, "overlap_seconds": 0, **settings}),
        )
        return move(order, watch or Counting())

    def stop(self, pages: int) -> Counting:
        """Break a move off after so many pages."""
        watch = Counting(stops_after=pages)
        with pytest.raises(Cancelled):
            self.move(watch)
        return watch

    def calls(self, since: int) -> int:
        return len(self.fake.requests) - since

    def here(self, columns: str) -> list[tuple[Any, ...]]:
        return sorted(self.database.run(f"SELECT {columns} FROM {self.table}"))


@pytest.fixture
def issues(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    with Bitbucket() as fake:
        path = next(path for path in fake.rows if path.endswith("shop/issues"))
        model = fake.rows[path][0]
        fake.rows[path][:] = [issue(model, number) for number in range(1, COUNT + 1)]
        yield service(fake, fake.rows[path], "bitbucket", {**BITBUCKET, "URL": f"{fake.url}/2.0"}, "Issues", tmp_path, request)


@pytest.fixture
def customers(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    with Stripe() as fake:
        model = fake.rows["customers"][0]
        fake.rows["customers"][:] = [customer(model, number) for number in range(COUNT, 0, -1)]
        values = {"LiveAPIKey": "sk_live_abc123", "URL": fake.url}
        yield service(fake, fake.rows["customers"], "stripe", values, "Customers", tmp_path, request)


def service(
    fake: Any, rows: list[dict[str, Any]], connector: str, values: dict[str, str], table: str, folder: Path, request: pytest.FixtureRequest
) -> Service:
    options.save({"outgoing": {"allow": [fake.address]}})
    source = save_connection(name="cloud", connector=connector, values={**values, "PageSize": str(PAGE)})
    database = sqlite("warehouse", request, folder)
    return Service(fake, rows, (source.pk, connected(database, "warehouse").pk), database, table)


def issue(model: dict[str, Any], number: int) -> dict[str, Any]:
    """Return an issue; every three of them were changed in the same moment, the newest first in the list."""
    at = BEGUN + timedelta(minutes=(number * 7 % COUNT) // 3)
    return {**copy.deepcopy(model), "id": number, "title": f"Issue {number}", "updated_on": at.isoformat(timespec="microseconds")}


def customer(model: dict[str, Any], number: int) -> dict[str, Any]:
    return {**copy.deepcopy(model), "id": f"cus_{number:04}", "name": f"Name {number}", "created": int(BEGUN.timestamp()) + number}


def change(row: dict[str, Any], title: str) -> None:
    row["title"], row["updated_on"] = title, datetime.now(UTC).isoformat(timespec="microseconds")


def test_a_load_goes_on_by_its_check_column(issues: Service) -> None:
    watch = issues.stop(8)
    asked = len(issues.fake.requests)
    done = sum(merged.inserted for merged in watch.merged)

    again = Counting()
    moved = issues.move(again)

    assert 0 < done < COUNT
    assert any("Goes on behind" in line for line in again.lines)
    assert moved.rows_read <= COUNT - done + 2 * PAGE + 2 * 3
    assert issues.calls(asked) <= (COUNT - done) // 2 + 6
    assert issues.here("Id, Title") == sorted((row["id"], row["title"]) for row in issues.rows)
    assert "begins again" not in moved.note


def test_rows_that_change_while_a_load_is_off_are_brought(issues: Service) -> None:
    issues.stop(8)
    first = min(issues.rows, key=lambda row: row["updated_on"])
    change(first, "changed")
    issues.rows.remove(max(issues.rows, key=lambda row: row["updated_on"] if row is not first else ""))
    issues.rows.append(issue(issues.rows[0], 500))

    issues.move()
    issues.move(sweep_every=0)

    assert issues.here("Id, Title") == sorted((row["id"], row["title"]) for row in issues.rows)


class Meddling(Counting):
    """A watch under which a row that was read changes with each page: it moves to the end, and those behind it move up."""

    def __init__(self, found: Service) -> None:
        super().__init__()
        self.found = found

    def read(self, rows: int, pages: int, size: int) -> None:
        super().read(rows, pages, size)
        change(min(self.found.rows, key=lambda row: row["updated_on"]), f"moved {self.pages}")


def test_rows_that_move_while_pages_come_let_none_be_missed(issues: Service) -> None:
    issues.move(Meddling(issues))

    assert [key for (key,) in issues.here("Id")] == sorted(row["id"] for row in issues.rows)


def test_an_incremental_run_goes_on_behind_its_last_commit(issues: Service) -> None:
    issues.move()
    for row in issues.rows:
        change(row, "second")
        row["updated_on"] = (datetime.now(UTC) + timedelta(seconds=row["id"])).isoformat(timespec="microseconds")
    with pytest.raises(Cancelled):
        issues.move(Counting(stops_after=8))
    done = issues.database.run("SELECT count(*) FROM Issues WHERE Title = 'second'")[0][0]

    moved = issues.move()

    assert 0 < done < COUNT
    assert issues.database.run("SELECT count(*) FROM Issues WHERE Title = 'second'") == [(COUNT,)]
    assert moved.updated == COUNT - done


def test_a_service_that_does_not_keep_to_the_order_is_read_as_it_comes(issues: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.bitbucket_lists.in_order", lambda rows, path, fields: rows)
    watch = Counting()

    issues.move(watch)

    assert any("does not sort by UpdatedOn" in line for line in watch.lines)
    assert len(issues.here("Id")) == COUNT


def test_a_load_goes_on_by_pages_that_name_their_row(customers: Service) -> None:
    watch = customers.stop(8)
    done = sum(merged.inserted for merged in watch.merged)
    asked = len(customers.fake.requests)
    customers.rows.insert(0, customer(customers.rows[0], COUNT + 1))
    again = Counting()

    customers.move(again)

    assert 0 < done < COUNT
    assert any("Goes on behind" in line for line in again.lines)
    pages = (COUNT - done) // PAGE
    assert customers.calls(asked) <= pages + 4
    assert customers.here("Id") == sorted((row["id"],) for row in customers.rows)


def test_a_row_of_the_last_page_that_is_gone_lets_none_be_passed_over(customers: Service) -> None:
    watch = customers.stop(8)
    done = sum(merged.inserted for merged in watch.merged)
    gone = customers.rows.pop(done - 2)

    customers.move()

    assert {key for (key,) in customers.here("Id")} - {gone["id"]} == {row["id"] for row in customers.rows}


def test_a_place_that_is_gone_lets_the_load_begin_again(customers: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apiserver.jobs.moving.FIRST_WAIT", 0.0)
    watch = customers.stop(8)
    done = sum(merged.inserted for merged in watch.merged)
    del customers.rows[done - PAGE - 1 : done]
    again = Counting()

    customers.move(again)
    customers.move(sweep_every=0)

    assert any("everything is read again" in line for line in again.lines)
    assert customers.here("Id") == sorted((row["id"],) for row in customers.rows)


def test_a_service_without_a_place_says_that_a_load_begins_again(issues: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving_places, "SORTED", frozenset())
    issues.stop(8)
    again = Counting()

    moved = issues.move(again)

    assert moving_places.BEGINS_ANEW in moved.note
    assert not any("Goes on behind" in line for line in again.lines)
    assert len(issues.here("Id")) == COUNT


def test_history_of_a_service_is_read_in_windows(issues: Service) -> None:
    asked = len(issues.fake.requests)
    windows = {"start_value": BEGUN.isoformat(), "interval": 5000, "interval_unit": "hours"}

    issues.move(**windows)

    lists = [item for item in issues.fake.requests[asked:] if item["path"].endswith("/issues")]
    assert len(lists) > COUNT // PAGE
    assert len(issues.here("Id")) == COUNT
