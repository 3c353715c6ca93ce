"""Pages of a view over several sources: a service is read once for all of them, a first page always anew, never another's rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connections.contract.scan import AnyOf, Batch, Compare, Offer, Order, Page, Scan
from connections.contract.table import Column, Table, TableRef, Type
from connections.engine.budget import Limits
from connections.engine.readings import READINGS
from connections.engine.session import EngineSession
from connections.engine.view_rows import REF, KnownNames, ViewRows
from tests.connectors.memory import EVERYTHING, MemorySession
from tests.engine.people import CUSTOMERS, NOW, PEOPLE, Tables, opened

BILLS = Table(
    TableRef("", "bills"),
    columns=(Column("Id", Type.INT64, is_nullable=False), Column("Customer", Type.INT64), Column("Paid", Type.BOOLEAN)),
    primary_key=("Id",),
)
SQL = "SELECT b.Id, c.name AS Name, b.Paid FROM service.bills b JOIN shop.customers c ON c.id = b.Customer"


class Service(MemorySession):
    """A service that tells how often it was read."""

    reads = 0

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        self.reads += 1
        yield from super().read(offer, resume=resume)


@pytest.fixture
def service() -> Service:
    return Service([(BILLS, [{"Id": n, "Customer": n % 3 + 1, "Paid": n % 2 == 0} for n in range(1, 13)])], EVERYTHING)


@pytest.fixture
def view(service: Service, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ViewRows]:
    from tests import databases

    shop = databases.make("sqlite", "pages", request, tmp_path)
    shop.create("customers", CUSTOMERS)
    shop.insert("customers", PEOPLE)
    session = opened(shop)
    names = Tables({"service": EngineSession(service), "shop": session})  # type: ignore[dict-item]
    yield ViewRows(SQL, KnownNames(lambda: names), now=lambda: NOW, limits=Limits, key=("Id",))
    session.close()
    READINGS.forget(service)


def page(view: ViewRows, *, after: int | None = None, most: int = 5, **more: Any) -> list[Any]:
    table = view.describe([REF])[0]
    scan = Scan(table, ("Id", "Paid"), order=(Order("Id"),), limit=most, page=Page(False))
    if after is not None:
        behind = AnyOf((Compare("Id", "gt", after), Compare("Id", "is_null")))
        scan = replace(scan, where=(behind,), page=Page(True, 1))
    offer = view.offer(replace(scan, **more))
    return [row for batch in view.read(offer) for row in batch.rows]


def test_pages_that_follow_read_the_service_no_more(view: ViewRows, service: Service) -> None:
    first, second, third = page(view), page(view, after=5), page(view, after=10)

    assert [row[0] for row in (*first, *second, *third)] == list(range(1, 13))
    assert service.reads == 1


def test_rows_that_change_in_between_are_seen_from_a_first_page_on(view: ViewRows, service: Service) -> None:
    page(view)
    changed: Any = service.rows[BILLS.ref][6]
    changed["Paid"] = None

    assert page(view, after=5)[1] == (7, False)
    assert page(view, most=7)[6] == (7, None)
    assert page(view, after=5)[1] == (7, None)


def test_a_page_behind_none_is_read(view: ViewRows, service: Service) -> None:
    assert [row[0] for row in page(view, after=10)] == [11, 12]
    assert service.reads == 1


def test_another_question_reads_for_itself(view: ViewRows, service: Service) -> None:
    page(view)
    paid = (Compare("Paid", "eq", True),)
    behind = AnyOf((Compare("Id", "gt", 5), Compare("Id", "is_null")))

    found = page(view, after=5, where=(*paid, behind))

    assert [row[0] for row in found] == [6, 8, 10, 12]
    assert service.reads == 2


def test_what_is_written_to_the_service_is_read_again(view: ViewRows, service: Service) -> None:
    page(view)
    READINGS.forget(service)

    page(view, after=5)

    assert service.reads == 2


def test_the_only_page_keeps_nothing(view: ViewRows, service: Service) -> None:
    page(view, page=None)
    page(view, after=5)

    assert service.reads == 2
