"""Polling triggers: the first call sets the start, then every row comes once, oldest first, whatever repeats, restarts or comes late."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.server import stamp
from apiserver.triggers.models import Poll
from connections import vault
from tests.triggers.conftest import DAY, Poller, Shop

CREATED, MODIFIED = "/api.rsc/$poll/orders/created", "/api.rsc/$poll/orders/modified"


def test_first_call_sets_the_start_and_later_ones_bring_what_is_new(shop: Shop) -> None:
    poller = Poller(shop.user("flow"), CREATED + "?$select=id,name")
    shop.add("old")

    first = poller()
    shop.add("a", "10:00:01")
    shop.add("b", "10:00:01")
    second = poller()
    third = poller()

    assert (first.status_code, first.content, first["Retry-After"]) == (202, b"", "5")
    assert first["Location"].startswith("http://testserver/api.rsc/$poll/orders/created?$select=id,name&triggerState=")
    assert second.status_code == 200
    assert [{k: v for k, v in row.items() if k[0] != "@"} for row in second.json()] == [{"id": 2, "name": "a"}, {"id": 3, "name": "b"}]
    assert (third.status_code, third.content) == (202, b"")


def test_an_empty_table_begins_with_nothing(shop: Shop) -> None:
    poller = Poller(shop.user("flow"), CREATED)
    poller()

    shop.add("first")

    assert (poller.names(), poller.names()) == (["first"], [])


def test_the_same_state_gives_the_same_rows(shop: Shop) -> None:
    poller = Poller(shop.user("flow"), CREATED)
    poller()
    state = poller.address
    shop.add("a")
    once = poller()
    shop.add("b")

    again = poller(state)

    assert (again.status_code, again.content) == (200, once.content)
    assert poller.names() == ["b"]
    shop.add("c")
    assert poller.names() == ["c"]
    assert Poll.objects.count() == 3


def test_equal_times_and_rows_that_come_late_are_told_once(shop: Shop) -> None:
    poller = Poller(shop.user("flow"), CREATED)
    shop.add("old", "10:00:00")
    poller()
    shop.add("a", "10:00:05")

    first = poller.names()
    shop.add("same time", "10:00:05")
    shop.add("late", "10:00:02")
    shop.add("next", "10:00:06")

    assert (first, sorted(poller.names()), poller.names()) == (["a"], ["late", "next", "same time"], [])


def test_changes_are_told_by_the_updated_column(shop: Shop) -> None:
    poller = Poller(shop.user("flow"), MODIFIED)
    shop.add("a", "09:00:00")
    shop.add("b", "09:00:00")
    poller()
    shop.change("a", "10:00:00", "a1")
    shop.add("c", "10:00:01")

    first = poller.names()
    shop.change("a1", "10:00:02", "a2")
    shop.change("c", "10:00:03", "c2")
    shop.change("c2", "10:00:04", "c3")

    assert (first, poller.names(), poller.names()) == (["a1", "c"], ["a2", "c3"], [])


def test_an_update_is_no_new_row(shop: Shop) -> None:
    poller = Poller(shop.user("flow"), CREATED)
    poller()
    shop.add("a")
    poller.names()

    shop.change("a", "11:00:00", "changed")

    assert poller.names() == []


def test_many_rows_come_in_pages_oldest_first(shop: Shop, settings_of: Callable[..., None]) -> None:
    settings_of(rows=7)
    stamp.forget()
    poller = Poller(shop.user("flow"), CREATED)
    poller()
    for number in range(30):
        shop.add(f"n{number}", f"10:00:{number // 10:02}")

    first = poller()
    rest = poller.names()

    assert (len(first.json()), first["Retry-After"]) == (7, "1")
    assert [row["name"] for row in first.json()] + rest == [f"n{number}" for number in range(30)]


def test_clients_filter_holds(shop: Shop) -> None:
    poller = Poller(shop.user("flow"), CREATED + "?$filter=startswith(name,'x')")
    poller()
    shop.add("x1")
    shop.add("y1")

    assert poller.names() == ["x1"]


def test_rights_hold_in_what_is_told(shop: Shop) -> None:
    grant = {"orders": {"methods": ["GET"], "columns": ["id", "name"], "filter": "name ne 'hidden'"}}
    poller = Poller(shop.user("flow", resources=grant), CREATED)
    poller()
    shop.add("hidden")
    shop.add("shown")

    poller.names()

    assert [{k: v for k, v in row.items() if k[0] != "@"} for row in poller.told] == [{"id": 2, "name": "shown"}]


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)  # the others do not tell in which transaction a row came
def test_postgresql_rows_wait_for_older_transactions(shop: Shop) -> None:
    poller = Poller(shop.user("flow"), CREATED)
    poller()
    insert = "INSERT INTO orders (name, created, updated) VALUES (%s, %s, %s)"
    with closing(shop.database.connect()) as slow:
        slow.execute(insert, ["slow", DAY + "10:00:00", DAY + "10:00:00"])
        shop.add("quick", "10:00:01")
        meanwhile = poller.names()
        slow.commit()

    assert (meanwhile, poller.names(), poller.names()) == ([], ["slow", "quick"], [])


def test_location_has_one_state_however_it_was_written(small: Shop) -> None:
    poller = Poller(small.user("flow"), CREATED)
    poller()

    answer = poller(poller.address.replace("triggerState", "trigger%53tate"))

    assert (answer.status_code, answer["Location"].count("tate=")) == (202, 1)


def test_states_that_are_forged_foreign_or_expired_are_refused(small: Shop) -> None:
    mine, other = Poller(small.user("flow"), CREATED), Poller(small.user("other"), CREATED)
    mine()
    other()
    state = mine.address.partition("triggerState=")[2]

    def refused(client: Client, path: str) -> tuple[int, str]:
        answer = client.get(path)
        return answer.status_code, answer.json()["error"].get("target", "")

    assert refused(mine.client, CREATED + "?triggerState=forged") == (400, "triggerState")
    assert refused(mine.client, CREATED + "?triggerState=" + state[:-6]) == (400, "triggerState")
    assert refused(mine.client, CREATED + "?triggerState=" + vault.seal("poll x")) == (400, "triggerState")
    assert refused(mine.client, MODIFIED + "?triggerState=" + state) == (400, "triggerState")
    assert refused(mine.client, CREATED + "?$filter=id gt 1&triggerState=" + state) == (400, "triggerState")
    assert refused(mine.client, CREATED + "?triggerState=" + state + "x") == (400, "triggerState")
    assert refused(mine.client, CREATED + "?@n=1&triggerState=" + state) == (400, "triggerState")
    assert refused(mine.client, CREATED + f"?triggerState={state}&triggerState={state}") == (400, "triggerState")
    assert refused(other.client, CREATED + "?triggerState=" + state) == (403, "triggerState")
    Poll.objects.all().delete()
    assert refused(mine.client, mine.address) == (400, "triggerState")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api.rsc/$poll", 404),
        ("/api.rsc/$poll/orders", 404),
        ("/api.rsc/$poll/orders/deleted", 404),
        ("/api.rsc/$poll/orders/created/x", 404),
        ("/api.rsc/$poll/nothing/created", 404),
        (CREATED + "?$filter=nope eq 1", 400),
        (CREATED + "?$filter=id eq", 400),
        (CREATED + "?$orderby=id", 400),
        (CREATED + "?$top=5", 400),
        (CREATED + "?$select=nope", 400),
    ],
)
def test_what_means_nothing_is_refused(small: Shop, path: str, status: int) -> None:
    answer = small.user("flow").get(path)

    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_only_get_means_something(small: Shop) -> None:
    client = small.user("flow")

    assert [getattr(client, method)(CREATED).status_code for method in ("post", "put", "delete", "head")] == [405] * 4
    assert client.post(CREATED)["Allow"] == "GET, OPTIONS"
    assert Client().get(CREATED).status_code == 401


def test_a_resource_without_rights_is_not_there(small: Shop) -> None:
    assert small.user("flow", resources={}).get(CREATED).status_code == 404


def test_a_nullable_column_is_no_check_column(small: Shop) -> None:
    table = small.resource.snapshot
    for column in table["columns"]:
        column.pop("is_nullable", None)
    small.resource.save()
    stamp.changed()

    answer = small.user("flow").get(MODIFIED)

    assert answer.status_code == 404
    assert "never null" in answer.json()["error"]["message"]


def test_old_states_go(small: Shop) -> None:
    from apiserver.triggers.work import forget_old

    Poller(small.user("flow"), CREATED)()

    forget_old(now=timezone.now() + timedelta(days=29))
    kept = Poll.objects.count()
    forget_old(now=timezone.now() + timedelta(days=31))

    assert (kept, Poll.objects.count()) == (1, 0)


def test_states_of_one_user_are_bounded(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apiserver.triggers.polling.MOST_STATES", 3)
    client = small.user("flow")

    addresses: list[Any] = [Poller(client, CREATED) for _ in range(6)]
    for poller in addresses:
        poller()

    assert Poll.objects.count() == 3
    assert addresses[-1]().status_code == 202
