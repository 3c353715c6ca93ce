"""Pages of rows that the engine sorts: read once from the source, fresh for each first page, bounded in time and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from apiserver.resources.catalog import Catalog
from connections.contract.scan import Grade
from connections.contract.table import Column, Table, TableRef, Type
from connections.engine import paged, readings
from connections.engine.readings import SECONDS, Readings
from connections.engine.session import EngineSession
from tests.answers import Answer
from tests.connectors.agreement import service_of
from tests.connectors.memory import MemorySession, Skill
from tests.odata.service_harness import Service

ITEMS = TableRef("", "items")
TABLE = Table(
    ITEMS,
    columns=(
        Column("id", Type.INT32, is_nullable=False),
        Column("name", Type.STRING),
        Column("rank", Type.INT32),
        Column("kind", Type.STRING),
    ),
    primary_key=("id",),
)
COUNT, PAGE = 40, 10
WHOLE = COUNT // PAGE  # calls that read the table once


def rows() -> list[dict[str, Any]]:
    return [{"id": n, "name": None if n % 9 == 0 else f"n{n % 5}", "rank": (n * 17) % 40, "kind": "ab"[n % 2]} for n in range(1, COUNT + 1)]


@dataclass
class Paging:
    """A service whose source sorts nothing, its clock and its store."""

    source: MemorySession
    service: Service
    store: Readings
    clock: list[float]

    def first(self, path: str, size: int = 5) -> Answer:
        return self.service.get(path, Prefer=f"maxpagesize={size}")

    def rest(self, reply: Answer, size: int = 5, between: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
        found = list(reply.rows)
        while link := reply.json.get("@odata.nextLink"):
            between()
            reply = self.service.follow(link, Prefer=f"maxpagesize={size}")
            found += reply.rows
        return found


def paging(skill: Skill | None = None, monkeypatch: pytest.MonkeyPatch | None = None) -> Paging:
    source = MemorySession([(TABLE, rows())], skill, page=PAGE)
    service = service_of(source, [ITEMS])
    clock = [0.0]
    store = Readings(lambda: clock[0])
    service.session = EngineSession(source, readings=store)
    return Paging(source, service, store, clock)


@pytest.mark.parametrize(
    "path",
    [
        "items?$orderby=name,rank desc",
        "items?$select=name&$orderby=rank desc",
        "items?$filter=kind eq 'a'&$orderby=name desc&$select=id",
        "items?$orderby=name&$top=33&$select=rank",
        "items?$orderby=name&$skip=3&$select=id",
    ],
)
def test_all_pages_take_one_reading_and_are_the_whole(path: str) -> None:
    here = paging()
    whole = here.first(path, 1000).rows
    here.source.calls.clear()

    found = here.rest(here.first(path))

    assert found == whole
    assert len(here.source.calls) == WHOLE


def test_first_page_is_always_read_anew_and_its_pages_follow_it() -> None:
    here = paging()
    here.rest(here.first("items?$orderby=name,id"))
    here.source.rows[ITEMS].append({"id": 99, "name": "n0", "rank": 1, "kind": "a"})
    here.source.calls.clear()

    found = here.rest(here.first("items?$orderby=name,id"))

    assert 99 in [row["id"] for row in found]
    assert len(here.source.calls) == WHOLE + 1


def test_pages_are_read_anew_after_the_stated_time() -> None:
    here = paging()

    def later() -> None:
        here.clock[0] += SECONDS

    found = here.rest(here.first("items?$orderby=rank", 20), 20, later)

    assert [row["id"] for row in found] == [row["id"] for row in sorted(rows(), key=lambda row: row["rank"])]
    assert len(here.source.calls) == WHOLE * 2


def test_write_ends_what_was_read_before() -> None:
    here = paging()
    page = here.first("items?$orderby=rank", 20)

    here.service.request("PATCH", "items(1)", {"rank": 1000})
    here.source.calls.clear()
    found = here.rest(page, 20)

    assert found[-1]["id"] == 1
    assert len(here.source.calls) == WHOLE


def test_what_a_user_may_not_see_is_not_shared() -> None:
    here = paging()
    resource = here.service.catalog.resources["items"]
    here.first("items?$orderby=rank")
    less = replace(resource, properties=tuple(item for item in resource.properties if item.name != "name"))
    other = Service(here.service.session, Catalog({"items": less}, "other", page_size=5, max_page_size=100))

    page = other.get("items?$orderby=rank")
    here.source.calls.clear()
    rest = other.follow(page.json["@odata.nextLink"])

    assert all("name" not in row for row in rest.rows)
    assert here.source.calls == []


def test_other_values_are_another_reading() -> None:
    here = paging()
    first = here.first("items?$filter=kind eq 'a'&$orderby=rank")
    here.first("items?$filter=kind eq 'b'&$orderby=rank")

    assert {row["kind"] for row in here.rest(first)} == {"a"}


def test_too_large_a_table_is_not_kept_and_comes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "SHARE", 1)
    here = paging(Skill({("*", "*"): Grade.EXACT}, takes_any_of=True))

    found = here.rest(here.first("items?$orderby=rank&$select=id"))

    assert [row["id"] for row in found] == [row["id"] for row in sorted(rows(), key=lambda row: row["rank"])]
    assert here.store._size == 0
    # What can't be kept is asked of the source page by page, as little of it as it can tell.
    assert len(here.source.calls) < WHOLE * (COUNT // 5)


def test_the_reading_unused_for_longest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    here = paging()
    first = here.first("items?$orderby=rank")
    size = here.store._size
    monkeypatch.setattr(paged, "SHARE", int(size * 2.5) // 256)
    others = [here.first(f"items?$orderby=rank&$filter=id ne {number}") for number in (100, 101)]
    here.source.calls.clear()

    assert len(here.rest(others[-1])) == COUNT
    assert here.source.calls == []
    assert len(here.rest(first)) == COUNT
    assert len(here.source.calls) == WHOLE


def test_what_nobody_asks_for_is_swept() -> None:
    here = paging()
    here.first("items?$orderby=rank")

    here.clock[0] = SECONDS
    here.store.sweep()

    assert (here.store._size, len(here.store._found)) == (0, 0)


def test_rows_are_weighed() -> None:
    light, heavy = [("a",)] * 800, [("a" * 1001,)] * 800

    assert readings.weight_of(heavy) - readings.weight_of(light) == 800 * 1000
    assert readings.weight_of([]) == 0


def test_key_that_differs_by_case_alone_still_orders() -> None:
    columns = (Column("code", Type.STRING, is_nullable=False), Column("Code", Type.INT32, is_nullable=False))
    table = Table(ITEMS, columns=columns, primary_key=("Code",))
    service = service_of(MemorySession([(table, [{"code": "same", "Code": n} for n in range(9)])]), [ITEMS])
    names = {item.column.name: item.name for item in service.catalog.resources["items"].properties}

    reply = service.get(f"items?$orderby={names['code']}", Prefer="maxpagesize=2")
    found = reply.rows
    while link := reply.json.get("@odata.nextLink"):
        reply = service.follow(link, Prefer="maxpagesize=2")
        found += reply.rows

    assert [row[names["Code"]] for row in found] == list(range(9))
