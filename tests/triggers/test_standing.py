"""Why a subscription stands still is told, and it goes on afterwards; tables that go and come, clocks that jump, bodies of nonsense."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apiserver.resources.services import refresh_resource
from apiserver.server import stamp
from apiserver.triggers import delivering
from apiserver.triggers.leases import take
from apiserver.triggers.models import Delivery, Subscription, Watch
from tests.triggers.conftest import Shop, look_at_all
from tests.triggers.receiver import Call, Receiver
from tests.triggers.test_rights import change, queue
from tests.triggers.test_webhooks import ROOT, receiver, subscribe, work  # noqa: F401 - a fixture


def problem(client: Any) -> str:
    """Return what the listing says."""
    text: str = client.get(ROOT).json()["value"][0]["problem"]
    return text


def test_a_table_that_is_away_is_told_and_found_again(shop: Shop, receiver: Receiver) -> None:  # noqa: F811
    client = shop.user("flow")
    subscribe(client, receiver)
    well = problem(client)
    shop.database.run("ALTER TABLE orders RENAME TO away")

    work()
    ill = problem(client)
    shop.database.run("ALTER TABLE away RENAME TO orders")
    shop.add("a")
    work()

    assert (well, ill != "", problem(client), receiver.names()) == ("", True, "", ["a"])


def test_a_check_column_that_goes_and_comes_loses_nothing(small: Shop, receiver: Receiver) -> None:  # noqa: F811
    client = small.user("flow")
    subscribe(client, receiver, "modified")
    small.database.run("ALTER TABLE orders RENAME COLUMN updated TO other_updated_x")
    work()
    refresh_resource(small.resource)
    stamp.forget()

    small.database.run("ALTER TABLE orders RENAME COLUMN other_updated_x TO updated")
    refresh_resource(small.resource)
    stamp.forget()
    small.add("a")
    work()
    work()

    assert receiver.names() == ["a"]


def test_a_filter_that_no_longer_fits_says_so(small: Shop, receiver: Receiver) -> None:  # noqa: F811
    client = small.user("flow", resources={"orders": {"methods": ["GET"]}})
    subscribe(client, receiver, filter="secret ne 'x'")

    change(resources={"orders": {"methods": ["GET"], "columns": ["id", "name", "created"]}})
    told = problem(client)
    small.add("a")
    work()
    change(resources={"orders": {"methods": ["GET"]}})
    small.add("b")
    work()

    assert ("secret" in told, problem(client), receiver.names()) == (True, "", ["b"])


def test_who_may_read_nothing_is_told_why(small: Shop, receiver: Receiver) -> None:  # noqa: F811
    client = small.user("flow", resources={"orders": {"methods": ["GET"]}})
    subscribe(client, receiver)

    change(resources={})

    assert problem(client) == "Its user may not read the resource now."


def test_a_receiver_that_fails_is_named(small: Shop, receiver: Receiver) -> None:  # noqa: F811
    client = small.user("flow")
    subscribe(client, receiver)
    receiver.reply = lambda call: (500, {})
    small.add("a")

    work()

    assert problem(client) == "The receiver answered 500."


def test_a_day_of_failures_keeps_to_the_schedule_and_ends_well(
    small: Shop,
    receiver: Receiver,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribe(small.user("flow"), receiver)
    receiver.reply = lambda call: (500, {})
    queue(small, "a", "b")
    clock = [timezone.now()]
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock[0])
    pauses, answered = [], len(receiver.calls)

    for _ in range(len(delivering.PAUSES)):
        deliver_due()
        waits = Subscription.objects.get().next_at
        assert waits is not None and len(receiver.calls) == answered + 1
        pauses.append((waits - clock[0]).total_seconds())
        clock[0], answered = waits, len(receiver.calls)
    receiver.reply = lambda call: (204, {})
    deliver_due()

    assert all(0.8 * due <= pause <= 1.2 * due for due, pause in zip(delivering.PAUSES, pauses, strict=True))
    assert (sum(pauses) > 20 * 3600, len({call.headers["webhook-id"] for call in receiver.calls})) == (True, 2)
    assert list(Delivery.objects.values_list("state", flat=True)) == ["done", "done"]
    assert Subscription.objects.get().failing_since is None


def deliver_due() -> None:
    for found in Subscription.objects.filter(state="active", next_at__lte=timezone.now()):
        assert take(found, now=timezone.now())
        delivering.deliver_turn(found)


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_that_jumps_loses_no_row(
    small: Shop,
    receiver: Receiver,  # noqa: F811
    jump: timedelta,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribe(small.user("flow"), receiver)
    small.add("before")
    work()
    real = timezone.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: real() + jump)
    small.add("after", "10:00:01")

    work()
    work()

    assert receiver.names() == ["before", "after"]


def test_unsubscribing_while_a_message_is_on_its_way(small: Shop, receiver: Receiver) -> None:  # noqa: F811
    client = small.user("flow")
    path = subscribe(client, receiver)["Location"].removeprefix("http://testserver")
    queue(small, "a", "b")
    deleted: list[int] = []

    def reply(call: Call) -> tuple[int, dict[str, str]]:
        arrived.set()
        assert gone.wait(20)
        return 200, {}

    arrived, gone = threading.Event(), threading.Event()
    receiver.reply = reply
    found = Subscription.objects.get()
    assert take(found, now=timezone.now())
    real = delivering.calling.post

    def post(url: str, body: bytes, headers: dict[str, str]) -> Any:
        deleted.append(client.delete(path).status_code)
        gone.set()
        return real(url, body, headers)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivering.calling, "post", post)
        delivering.deliver_turn(found)

    assert (deleted, len(receiver.calls), Delivery.objects.count()) == ([204], 1, 0)
    assert client.delete(path).status_code == 404


def test_a_resource_that_is_taken_back_takes_its_subscriptions_along(small: Shop, receiver: Receiver) -> None:  # noqa: F811
    client = small.user("flow")
    path = subscribe(client, receiver)["Location"].removeprefix("http://testserver")
    queue(small, "a")

    small.resource.delete()
    stamp.changed()
    look_at_all()

    assert (client.get(path).status_code, Watch.objects.count(), Delivery.objects.count()) == (404, 0, 0)


def asking(callback: str, text: str) -> bytes:
    return json.dumps({"callbackUrl": callback, "filter": text}).encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"5", 400),
        (b"null", 400),
        (b"[" * 10_000, 400),
        (b"\xff\xfe", 400),
        (b'{"callbackUrl": {}}', 400),
        (asking("https://example.com/\ud800", ""), 400),
        (asking("https://example.com/", "name eq '\ud800'"), 400),
        (asking("https://example.com/", "name eq '\0'"), 400),
        (asking("x" * 3_000_000, ""), 413),
    ],
)
def test_bodies_that_mean_nothing(small: Shop, body: bytes, status: int) -> None:
    answer = small.user("flow").post(f"{ROOT}/orders/created", body, content_type="application/json")

    assert (answer.status_code, list(answer.json())) == (status, ["error"])
