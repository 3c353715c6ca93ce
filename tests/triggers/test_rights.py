"""Rights at the moment of delivery: what waits is not sent to who may not read it any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apiserver.server import options, stamp
from apiserver.triggers.models import Delivery, Subscription, Watch
from tests.triggers.conftest import Shop, look_at_all
from tests.triggers.receiver import Receiver, receiving
from tests.triggers.test_webhooks import subscribe, work
from users.models import User
from users.services import save_user

WIDE: dict[str, Any] = {"orders": {"methods": ["GET"]}}


@pytest.fixture
def receiver(db: None) -> Iterator[Receiver]:
    with receiving() as found:
        options.save({"outgoing": {"allow": [f"http://127.0.0.1:{found.port}"]}})
        stamp.forget()
        yield found


def queue(shop: Shop, *names: str) -> None:
    """Add rows and let their deliveries wait."""
    for name in names:
        shop.add(name)
    Watch.objects.update(next_at=timezone.now())
    look_at_all()


def change(**values: Any) -> None:
    """Change the user's rights as the Users page does."""
    save_user(User.objects.get(name="flow"), who="admin", address="", **values)
    stamp.forget()


def errors() -> list[tuple[str, str]]:
    return list(Delivery.objects.values_list("state", "error"))


@pytest.mark.parametrize(
    "rights", [{"is_active": False}, {"resources": {}}, {"privileges": ["POST"]}, {"resources": {"orders": {"methods": []}}}]
)
def test_who_may_read_nothing_more_is_told_nothing(small: Shop, receiver: Receiver, rights: Any) -> None:
    subscribe(small.user("flow", resources=WIDE), receiver)
    queue(small, "a", "b")

    change(**rights)
    work()

    assert receiver.calls == []
    assert errors() == [("failed", "Not sent: its user may not read the row any more.")] * 2


def test_a_column_that_was_taken_is_not_sent(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop.user("flow", resources=WIDE), receiver)
    queue(shop, "a")

    change(resources={"orders": {"methods": ["GET"], "columns": ["id", "name"]}})
    work()

    assert [call.data for call in receiver.calls] == [{"id": 1, "name": "a"}]


def test_a_row_filter_that_came_holds(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop.user("flow", resources=WIDE), receiver)
    queue(shop, "mine", "others")

    change(resources={"orders": {"methods": ["GET"], "filter": "name eq 'mine'"}})
    work()

    assert receiver.names() == ["mine"]
    assert [state for state, _ in errors()] == ["done", "failed"]


def test_deletions_are_not_told_under_a_row_filter_that_came(small: Shop, receiver: Receiver) -> None:
    small.add("a")
    subscribe(small.user("flow", resources=WIDE), receiver, "deleted")
    small.database.run("DELETE FROM orders")
    Watch.objects.update(next_at=timezone.now())
    look_at_all()

    change(resources={"orders": {"methods": ["GET"], "filter": "name eq 'mine'"}})
    work()

    assert (receiver.calls, [state for state, _ in errors()]) == ([], ["failed"])


@pytest.mark.parametrize("narrow", [{"filter": "name eq 'mine'"}, {"columns": ["name"]}])
def test_rows_that_go_after_rights_narrowed_are_not_told(small: Shop, receiver: Receiver, narrow: dict[str, Any]) -> None:
    small.add("others")
    client = small.user("flow", resources=WIDE)
    address = subscribe(client, receiver, "deleted")["Location"].removeprefix("http://testserver")

    change(resources={"orders": {"methods": ["GET"], **narrow}})
    small.database.run("DELETE FROM orders")
    Watch.objects.update(next_at=timezone.now())
    look_at_all()
    work()

    assert (receiver.calls, Delivery.objects.count()) == ([], 0)
    assert client.get(address).json()["problem"] == "Its user sees the resource in part only: which rows are gone is not told."


def test_rights_that_change_elsewhere_change_nothing(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow", resources=WIDE), receiver)
    queue(small, "a")
    body = Delivery.objects.get().body

    change(privileges=["GET", "POST"])
    small.database.run("DELETE FROM orders")  # it isn't read anew
    work()

    assert (receiver.names(), Delivery.objects.get().body) == (["a"], body)


def test_a_source_that_is_away_when_rights_changed_is_asked_again(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow", resources=WIDE), receiver)
    queue(small, "a")
    change(resources={"orders": {"methods": ["GET"], "columns": ["id", "name"]}})
    small.database.run("ALTER TABLE orders RENAME TO away")

    work()
    first = (list(receiver.calls), Delivery.objects.get().state, "rights have changed" in Delivery.objects.get().error)
    small.database.run("ALTER TABLE away RENAME TO orders")
    work(later=timedelta(seconds=10))

    assert (first, receiver.names()) == (([], "waiting", True), ["a"])


def test_a_user_that_is_deleted_takes_everything_along(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow"), receiver)
    queue(small, "a")

    User.objects.filter(name="flow").delete()

    assert (Subscription.objects.count(), Delivery.objects.count()) == (0, 0)


def test_a_sample_shows_what_its_user_sees_now(small: Shop, receiver: Receiver) -> None:
    client = small.user("flow", resources=WIDE)
    path = subscribe(client, receiver)["Location"].removeprefix("http://testserver")
    client.post(path + "/$test")

    change(resources={"orders": {"methods": ["GET"], "columns": ["id", "name"]}})
    work()

    assert [sorted(call.data) for call in receiver.calls] == [["id", "name"]]
