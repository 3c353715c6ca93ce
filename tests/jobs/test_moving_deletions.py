"""Services that tell what was deleted: rows go in the next run, without a comparison of keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs import moving_deletions
from tests.fakes.stripe import Stripe
from tests.jobs.moves import Counting
from tests.jobs.test_moving_places import Service, customer, service

pytestmark = pytest.mark.django_db


@pytest.fixture
def customers(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    with Stripe() as fake:
        model = fake.rows["customers"][0]
        fake.rows["customers"][:] = [customer(model, number) for number in range(12, 0, -1)]
        fake.rows["events"][:] = []
        values = {"LiveAPIKey": "sk_live_abc123", "URL": fake.url}
        yield service(fake, fake.rows["customers"], "stripe", values, "Customers", tmp_path, request)


def delete(found: Service, number: int, *, kind: str = "customer.deleted") -> None:
    """Delete a customer, of which an event tells."""
    row = next(row for row in found.rows if row["id"] == f"cus_{number:04}")
    found.rows.remove(row)
    event: dict[str, Any] = {"id": f"evt_{len(found.fake.rows['events'])}", "object": "event", "created": int(time.time()), "type": kind}
    event |= {"livemode": True, "pending_webhooks": 0, "api_version": None, "data": {"object": row}, "request": None}
    found.fake.rows["events"].insert(0, event)


def ids(found: Service, where: str = "") -> list[str]:
    return [key for (key,) in sorted(found.database.run(f"SELECT Id FROM Customers{where}"))]


def test_deleted_rows_go_in_the_next_run(customers: Service) -> None:
    customers.move()
    delete(customers, 3)
    delete(customers, 5)
    asked = len(customers.fake.requests)

    moved = customers.move()

    lists = [item["path"] for item in customers.fake.requests[asked:]]
    assert moved.deleted == 2
    assert ids(customers) == sorted(row["id"] for row in customers.rows)
    assert lists.count("/v1/events") == 1 and len(lists) <= 3  # nothing else was compared


def test_deleted_rows_are_marked_where_that_is_wished(customers: Service) -> None:
    customers.move(deletes="soft")
    delete(customers, 3)

    customers.move(deletes="soft")
    again = customers.move(deletes="soft")

    assert ids(customers, " WHERE _cdatasync_deleted IS NOT NULL") == ["cus_0003"]
    assert again.deleted == 0


def test_a_row_that_came_again_under_its_key_stays(customers: Service) -> None:
    customers.move()
    row = customers.rows[-3]
    delete(customers, 3)
    customers.rows.insert(0, {**row, "created": int(time.time())})

    customers.move()
    customers.move()

    assert "cus_0003" in ids(customers)


def test_rows_stay_where_deletions_are_not_wished(customers: Service) -> None:
    customers.move(deletes="none")
    delete(customers, 3)

    customers.move(deletes="none")

    assert "cus_0003" in ids(customers)


def test_events_that_may_be_forgotten_let_keys_be_compared(customers: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    customers.move()
    delete(customers, 3)
    customers.fake.rows["events"].clear()
    customers.move()
    assert "cus_0003" in ids(customers)

    monkeypatch.setattr(moving_deletions, "DAY", 0.0)  # each day is long ago
    customers.move()

    assert "cus_0003" not in ids(customers)


def test_events_that_may_not_be_read_are_told(customers: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    customers.move()
    monkeypatch.setattr("tests.fakes.stripe.Stripe.listed", refusing(Stripe.listed))
    watch = Counting()

    customers.move(watch)

    assert any("found by comparing keys" in line for line in watch.lines)


def refusing(listed: Any) -> Any:
    from tests.fakes.stripe import failed

    def found(self: Stripe, request: Any, path: str) -> Any:
        if path == "events":
            raise failed(403, "The provided key does not have the required permissions.", "permission")
        return listed(self, request, path)

    return found
