"""Subscriptions: made, told in order and signed, tried again, ended; addresses, filters and numbers that are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apiserver.server import options, stamp
from apiserver.server.models import Audit
from apiserver.triggers import delivering, detection
from apiserver.triggers.leases import take
from apiserver.triggers.models import Delivery, Subscription, Watch
from tests.triggers.conftest import Shop, look_at_all
from tests.triggers.receiver import Call, Receiver, receiving

ROOT = "/api.rsc/$subscriptions"


@pytest.fixture
def receiver(db: None) -> Iterator[Receiver]:
    with receiving() as found:
        options.save({"outgoing": {"allow": [f"http://127.0.0.1:{found.port}"]}})
        stamp.forget()
        yield found


def subscribe(client: Client, receiver: Receiver, event: str = "created", path: str = "/hook?sig=a%2Fb", **more: Any) -> HttpResponse:
    body = {"callbackUrl": receiver.url(path), **more}
    answer: HttpResponse = client.post(f"{ROOT}/orders/{event}", json.dumps(body), content_type="application/json")
    return answer


def work(*, later: timedelta = timedelta(0)) -> None:
    """Look at every table and send what waits, as the worker's ticks do, in this thread."""
    Watch.objects.update(next_at=timezone.now())
    look_at_all()
    due = Subscription.objects.filter(state="active", next_at__lte=timezone.now() + later)
    for found in due:
        assert take(found, now=timezone.now())
        delivering.deliver_turn(found)


def secret_of(answer: HttpResponse) -> str:
    return str(answer.json()["secret"])


def test_a_new_row_is_told_signed_at_the_address_as_it_was_given(shop: Shop, receiver: Receiver) -> None:
    client = shop.user("flow")
    shop.add("old")
    made = subscribe(client, receiver)

    shop.add("a", "10:00:01")
    shop.add("b", "10:00:01")
    work()
    work()

    assert made.status_code == 201
    assert made["Location"] == f"http://testserver/api.rsc/$subscriptions/orders/created/{made.json()['id']}"
    assert receiver.names() == ["a", "b"]
    call = receiver.calls[0]
    assert (call.path, call.headers["content-type"]) == ("/hook?sig=a%2Fb", "application/json")
    assert json.loads(call.body)["type"] == "orders.created"
    assert sorted(call.data) == ["created", "id", "name", "secret", "updated"]
    assert all(item.is_signed(secret_of(made)) for item in receiver.calls)
    assert len({item.headers["webhook-id"] for item in receiver.calls}) == 2


def test_changes_and_deletions_are_told(shop: Shop, receiver: Receiver) -> None:
    client = shop.user("flow")
    shop.add("a", "09:00:00")
    shop.add("b", "09:00:00")
    subscribe(client, receiver, "modified", "/modified")
    subscribe(client, receiver, "deleted", "/deleted")

    shop.change("a", "10:00:00", "a2")
    shop.database.run("DELETE FROM orders WHERE name = 'b'")
    work()
    work()

    told = {(call.path, call.data.get("name"), call.data["id"]) for call in receiver.calls}
    assert (told, len(receiver.calls)) == ({("/modified", "a2", 1), ("/deleted", None, 2)}, 2)


def test_filters_rows_and_columns_are_each_users_own(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop.user("all"), receiver, path="/all", filter="startswith(name,'x')")
    rights = {"orders": {"methods": ["GET"], "columns": ["id", "name"], "filter": "name ne 'x2'"}}
    subscribe(shop.user("few", resources=rights), receiver, path="/few")

    for name in ("x1", "x2", "y"):
        shop.add(name)
    work()

    told = {path: [call.data for call in receiver.calls if call.path == path] for path in ("/all", "/few")}
    assert [row["name"] for row in told["/all"]] == ["x1", "x2"]
    assert told["/few"] == [{"id": 1, "name": "x1"}, {"id": 3, "name": "y"}]


def test_rights_that_end_end_what_is_told(small: Shop, receiver: Receiver) -> None:
    from users.models import User

    subscribe(small.user("flow"), receiver)
    User.objects.filter(name="flow").update(resources={})
    stamp.changed()

    small.add("a")
    work()

    assert (receiver.calls, Delivery.objects.count()) == ([], 0)


def test_the_same_address_twice_is_one_subscription(small: Shop, receiver: Receiver) -> None:
    client = small.user("flow")

    first, second = subscribe(client, receiver), subscribe(client, receiver)

    assert (first["Location"], second.status_code) == (second["Location"], 201)
    assert Subscription.objects.count() == 1


def test_own_subscriptions_are_listed_shown_and_deleted(small: Shop, receiver: Receiver) -> None:
    client, other = small.user("flow"), small.user("other")
    made = subscribe(client, receiver)
    path = made["Location"].removeprefix("http://testserver")

    assert [item["id"] for item in client.get(ROOT).json()["value"]] == [made.json()["id"]]
    assert other.get(ROOT).json()["value"] == []
    assert "sig" not in client.get(path).content.decode() + client.get(ROOT).content.decode()
    assert (other.get(path).status_code, other.delete(path).status_code) == (404, 404)
    assert (client.get(path).status_code, client.delete(path).status_code, client.delete(path).status_code) == (200, 204, 404)
    assert list(Audit.objects.order_by("pk").values_list("action", flat=True))[-2:] == ["subscription made", "subscription deleted"]


def failing_until(number: int, status: int = 500, headers: dict[str, str] | None = None) -> Any:
    """Answer so many calls with a failure, later ones well."""
    seen: list[Call] = []

    def reply(call: Call) -> tuple[int, dict[str, str]]:
        seen.append(call)
        return (status, headers or {}) if len(seen) <= number else (200, {})

    return reply


@pytest.mark.parametrize("status", [500, 302, 429, 408])
def test_a_failure_is_tried_again_in_order_with_the_same_id(small: Shop, receiver: Receiver, status: int) -> None:
    subscribe(small.user("flow"), receiver)
    receiver.reply = failing_until(1, status, {"Location": "http://127.0.0.1:1/"})
    small.add("a")
    small.add("b")

    work()
    work()
    first = receiver.names()
    work(later=timedelta(seconds=10))

    assert (first, receiver.names()) == (["a"], ["a", "a", "b"])
    ids = [call.headers["webhook-id"] for call in receiver.calls]
    assert (ids[0] == ids[1], ids[1] == ids[2]) == (True, False)
    assert list(Delivery.objects.values_list("state", "attempts")) == [("done", 2), ("done", 1)]


def test_the_receivers_pause_is_kept(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow"), receiver)
    receiver.reply = failing_until(1, 429, {"Retry-After": "3600"})
    small.add("a")

    work()

    waits = Subscription.objects.get().next_at
    assert waits is not None and timedelta(minutes=59) < waits - timezone.now() < timedelta(minutes=61)


@pytest.mark.parametrize("status", [404, 410])
def test_a_receiver_that_is_gone_ends_the_subscription(small: Shop, receiver: Receiver, status: int) -> None:
    subscribe(small.user("flow"), receiver)
    receiver.reply = lambda call: (status, {})
    small.add("a")
    small.add("b")

    work()
    work()

    assert (len(receiver.calls), Subscription.objects.get().state) == (1, "ended")
    assert list(Delivery.objects.values_list("state", flat=True)) == ["failed", "failed"]


def test_days_without_success_end_it_too(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow"), receiver)
    receiver.reply = lambda call: (500, {})
    small.add("a")
    work()
    Subscription.objects.update(failing_since=timezone.now() - timedelta(days=6))

    work(later=timedelta(hours=1))

    found = Subscription.objects.get()
    assert (found.state, "500" in found.reason) == ("ended", True)


def test_a_delivery_that_failed_for_good_makes_way(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow"), receiver)
    receiver.reply = failing_until(1)
    small.add("a")
    small.add("b")
    look_at_all(now=timezone.now() + timedelta(hours=1))
    Delivery.objects.filter(pk=Delivery.objects.earliest("pk").pk).update(attempts=len(delivering.PAUSES))

    work()

    assert receiver.names() == ["a", "b"]
    assert list(Delivery.objects.values_list("state", flat=True)) == ["failed", "done"]


def test_two_secrets_sign_while_one_is_replaced(small: Shop, receiver: Receiver) -> None:
    client = small.user("flow")
    made = subscribe(client, receiver)
    rotated = client.post(made["Location"].removeprefix("http://testserver") + "/$rotate")
    small.add("a")
    work()
    Subscription.objects.update(previous_until=timezone.now())
    small.add("b")
    work()

    old, new = secret_of(made), secret_of(rotated)
    assert [(call.is_signed(old), call.is_signed(new)) for call in receiver.calls] == [(True, True), (False, True)]


def test_samples_tests_and_replays(small: Shop, receiver: Receiver) -> None:
    client = small.user("flow")
    path = subscribe(client, receiver)["Location"].removeprefix("http://testserver")
    sample = client.get(f"{ROOT}/orders/created/$sample")

    tested = client.post(path + "/$test")
    work()
    replayed = client.post(f"{path}/$deliveries/{tested.json()['id']}/$replay")
    work()

    assert (sample.status_code, tested.status_code, replayed.status_code) == (200, 202, 202)
    assert [call.body for call in receiver.calls] == [sample.content] * 2
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert [(item["state"], item["isTest"]) for item in client.get(path + "/$deliveries").json()["value"]] == [("done", True)]


@pytest.mark.parametrize(
    "callback",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest",
        "https://[::1]/hook",
        "https://user:pass@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "hook",
        "",
        None,
        5,
        "https://example.com/" + "x" * 5000,
    ],
)
def test_addresses_that_may_not_be_called_are_refused(small: Shop, callback: Any) -> None:
    answer = small.user("flow").post(f"{ROOT}/orders/created", json.dumps({"callbackUrl": callback}), content_type="application/json")

    assert (answer.status_code, answer.json()["error"]["target"]) == (400, "callbackUrl")
    assert Subscription.objects.count() == 0


def test_an_address_is_checked_again_when_it_is_called(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow"), receiver)
    options.save({"outgoing": {"allow": []}})
    stamp.forget()
    small.add("a")

    work()

    assert (receiver.calls, "private address" in Delivery.objects.get().error) == ([], True)


def test_only_listed_hosts_are_called(small: Shop, receiver: Receiver) -> None:
    client = small.user("flow")
    options.save({"triggers": {"hosts": ["*.logic.azure.com"]}})
    stamp.forget()

    assert subscribe(client, receiver).status_code == 400
    options.save({"triggers": {"hosts": ["127.0.0.1"]}})
    stamp.forget()
    assert subscribe(client, receiver).status_code == 201


@pytest.mark.parametrize(
    ("event", "body", "status", "target"),
    [
        ("created", {"filter": "nope eq 1"}, 400, "$filter"),
        ("created", {"filter": "id eq"}, 400, "$filter"),
        ("created", {"filter": 5}, 400, "filter"),
        ("created", {"filter": "id eq 1", "$filter": "id eq 2"}, 400, "filter"),
        ("created", {"url": "x"}, 400, "url"),
        ("deleted", {"filter": "id eq 1"}, 501, ""),
    ],
)
def test_bodies_that_mean_nothing_are_refused(small: Shop, receiver: Receiver, event: str, body: Any, status: int, target: str) -> None:
    answer = subscribe(small.user("flow"), receiver, event, **body)

    assert (answer.status_code, answer.json()["error"].get("target", "")) == (status, target)


def test_a_filters_error_has_its_position(small: Shop, receiver: Receiver) -> None:
    answer = subscribe(small.user("flow"), receiver, filter="id eq 1 and nope eq 2")

    assert "position 12" in answer.json()["error"]["details"][0]["message"]


def test_one_subscription_too_many_is_429(small: Shop, receiver: Receiver) -> None:
    client = small.user("flow")
    options.save({"triggers": {"subscriptions": 1}})
    stamp.forget()
    subscribe(client, receiver)

    answer = subscribe(client, receiver, path="/other")

    assert (answer.status_code, answer["Retry-After"], answer.json()["error"]["code"]) == (429, "60", "TooManyRequests")
    assert subscribe(client, receiver).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/orders/created", 405),
        ("post", "", 405),
        ("post", "/nothing/created", 404),
        ("post", "/orders/renamed", 404),
        ("get", "/orders", 404),
        ("get", "/orders/created/unknown", 404),
        ("delete", "/orders/created/unknown", 404),
        ("patch", "/orders/created/unknown", 405),
        ("get", "/orders/created/unknown/$deliveries/x", 404),
        ("post", "/orders/created/unknown/$test", 404),
    ],
)
def test_addresses_that_mean_nothing(small: Shop, method: str, path: str, status: int) -> None:
    answer = small.user("flow").generic(method.upper(), ROOT + path, b"{}", content_type="application/json")

    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_the_anonymous_user_has_no_subscriptions(small: Shop) -> None:
    options.save({"anonymous": True})
    stamp.forget()

    assert Client().get(ROOT).status_code == 403


def test_one_read_serves_all_subscriptions(small: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    client = small.user("flow")
    for number in range(20):
        subscribe(client, receiver, path=f"/{number}", filter=f"id gt {number % 5}")
    small.add("a")
    asked: list[str] = []
    real = type(detection.window_of(small.resource, "created").question.session).query

    def query(session: Any, sql: str, binds: Any, **more: Any) -> Any:
        asked.append(sql)
        return real(session, sql, binds, **more)

    monkeypatch.setattr(type(detection.window_of(small.resource, "created").question.session), "query", query)
    Watch.objects.update(next_at=timezone.now())
    look_at_all()

    assert (len(asked), Delivery.objects.count()) == (1, 4)


def test_a_look_that_lost_its_lease_stores_nothing(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow"), receiver)
    small.add("a")
    watch = Watch.objects.select_related("resource").get()
    assert take(watch, now=timezone.now())
    Watch.objects.update(fence=watch.fence + 1)

    detection.look(watch)

    assert Delivery.objects.count() == 0


def test_a_table_nobody_listens_to_is_not_read(small: Shop, receiver: Receiver) -> None:
    client = small.user("flow")
    client.delete(subscribe(client, receiver)["Location"].removeprefix("http://testserver"))

    work()

    assert Watch.objects.count() == 0
