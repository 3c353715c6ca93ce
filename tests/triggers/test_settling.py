"""Deliveries that were taken are stored many at once, each subscription by its own lease."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.utils import timezone

from apiserver.triggers import settling
from apiserver.triggers.leases import take
from apiserver.triggers.models import Delivery, Subscription
from apiserver.triggers.settling import Taken
from apiserver.triggers.together import Change, Together
from tests.triggers.conftest import Shop
from tests.triggers.test_rights import queue
from tests.triggers.test_webhooks import receiver, subscribe  # noqa: F401 - a fixture


def taken(found: Subscription, delivery: Delivery, *, is_last: bool) -> Taken:
    return Taken(found.pk, found.fence, delivery.pk, 204, is_last)


def test_what_was_taken_is_stored_and_those_with_more_stay_due(small: Shop, receiver: Any) -> None:  # noqa: F811
    client = small.user("flow")
    subscribe(client, receiver, path="/1")
    subscribe(client, receiver, path="/2")
    queue(small, "a", "b")
    one, two = Subscription.objects.order_by("pk")
    assert take(one, now=timezone.now()) and take(two, now=timezone.now())
    first, both = one.deliveries.order_by("pk")[:1], two.deliveries.order_by("pk")
    items = [taken(one, first[0], is_last=True), taken(two, both[0], is_last=False), taken(two, both[1], is_last=True)]

    settling.store(items, timezone.now())

    assert [item.is_held for item in items] == [True] * 3
    assert list(one.deliveries.values_list("state", "attempts", "status")) == [("done", 1, 204), ("waiting", 0, None)]
    assert list(two.deliveries.values_list("state", flat=True)) == ["done", "done"]
    due = {item.pk: (item.next_at is not None, item.lease_until) for item in Subscription.objects.all()}
    assert due == {one.pk: (True, None), two.pk: (False, None)}


def test_who_lost_the_lease_is_told_and_gives_nothing_back(small: Shop, receiver: Any) -> None:  # noqa: F811
    subscribe(small.user("flow"), receiver)
    queue(small, "a")
    found = Subscription.objects.get()
    assert take(found, now=timezone.now())
    Subscription.objects.update(fence=found.fence + 1)
    item = taken(found, Delivery.objects.get(), is_last=True)

    settling.store([item], timezone.now())

    assert (item.is_held, Delivery.objects.get().state) == (False, "done")
    assert Subscription.objects.get().lease_until is not None


@pytest.mark.django_db(transaction=True)
def test_changes_of_many_threads_are_all_stored(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    together, stored = Together(), []
    monkeypatch.setattr("apiserver.triggers.together.make_all", lambda changes: stored.append([run(change) for change in changes]))

    def run(change: Change) -> None:
        change.result = change.make() if change.make else None

    results: list[int] = []
    threads = [threading.Thread(target=lambda n=n: results.append(together.run(lambda: n))) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (sorted(results), sum(len(batch) for batch in stored)) == (list(range(50)), 50)


def test_what_goes_wrong_is_raised_and_others_go_on(db: None) -> None:
    together = Together()

    with pytest.raises(ValueError, match="mine"):
        together.run(lambda: (_ for _ in ()).throw(ValueError("mine")))

    assert together.run(lambda: 5) == 5
