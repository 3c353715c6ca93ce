"""Rows committed long after newer ones were told: found by comparing, told once, by polling and to subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from django.utils import timezone

from apiserver.server import options, stamp
from apiserver.triggers import detection
from apiserver.triggers.marks import Clock, Generation, Mark, Told, advanced, kept_behind, near
from apiserver.triggers.models import Poll, Watch
from tests.triggers.conftest import DAY, Poller, Shop
from tests.triggers.receiver import Receiver, receiving
from tests.triggers.test_webhooks import subscribe, work

CREATED, MODIFIED = "/api.rsc/$poll/orders/created", "/api.rsc/$poll/orders/modified"
OTHERS = pytest.mark.parametrize("shop", ["sqlite", "mysql"], indirect=True)  # PostgreSQL tells when transactions have ended
INSERT = "INSERT INTO orders (name, created, updated) VALUES (%s, %s, %s)"


@pytest.fixture
def hurried(settings_of: Callable[..., None]) -> None:
    """Rows may not come late at all, but for what comparing finds."""
    settings_of(late_seconds=0)
    stamp.forget()


@pytest.fixture
def receiver(db: None) -> Iterator[Receiver]:
    with receiving() as found:
        options.save({"outgoing": {"allow": [f"http://127.0.0.1:{found.port}"]}})
        stamp.forget()
        yield found


def tell_some(shop: Shop, names: Callable[[], list[str]]) -> list[str]:
    """Add rows so that the mark moves past the first ones."""
    told = []
    for second, name in enumerate("abc", 5):
        shop.add(name, f"10:00:{second:02}")
        told += names()
    return told


@OTHERS
def test_a_row_far_behind_is_told_once_by_polling(shop: Shop, hurried: None) -> None:
    poller = Poller(shop.user("flow"), CREATED)
    shop.add("old", "09:00:00")
    poller()
    before = tell_some(shop, poller.names)

    shop.add("late", "10:00:01")
    at_once = poller.names()
    Poll.objects.update(swept=None)
    compared = poller.names()
    Poll.objects.update(swept=None)

    assert (before, at_once, compared, poller.names()) == (["a", "b", "c"], [], ["late"], [])


@OTHERS
def test_late_rows_are_given_again_with_the_same_state(shop: Shop, hurried: None) -> None:
    poller = Poller(shop.user("flow"), CREATED)
    poller()
    tell_some(shop, poller.names)
    shop.add("late", "10:00:01")
    Poll.objects.update(swept=None)
    state = poller.address

    once, again = poller(), poller(state)

    assert ([row["name"] for row in once.json()], again.content) == (["late"], once.content)
    assert poller.names() == []


@OTHERS
def test_a_change_far_behind_is_told_once(shop: Shop, hurried: None) -> None:
    poller = Poller(shop.user("flow"), MODIFIED)
    shop.add("old", "09:00:00")
    poller()
    tell_some(shop, poller.names)

    shop.change("old", "10:00:02", "old changed")
    Poll.objects.update(swept=None)

    assert (poller.names(), poller.names()) == (["old changed"], [])


@pytest.mark.parametrize("shop", ["mysql"], indirect=True)
def test_a_transaction_that_commits_after_newer_rows_were_told(shop: Shop, hurried: None, receiver: Receiver) -> None:
    client = shop.user("flow")
    poller = Poller(client, CREATED)
    poller()
    subscribe(client, receiver)
    with closing(shop.database.connect()) as slow:
        rows = [(f"slow {number}", DAY + "10:00:00", DAY + "10:00:00") for number in range(5)]
        slow.cursor().executemany(INSERT, rows)

        def names() -> list[str]:
            work()
            return poller.names()

        before = tell_some(shop, names)
        slow.commit()
    at_once = names()
    for kind in (Poll, Watch):
        kind._default_manager.update(swept=None)
    work()
    compared = names()
    for kind in (Poll, Watch):
        kind._default_manager.update(swept=None)

    late = [name for name, _, _ in rows]
    assert (before, at_once, sorted(compared), names()) == (["a", "b", "c"], [], late, [])
    assert (receiver.names()[:3], sorted(receiver.names()[3:])) == (["a", "b", "c"], late)


def test_comparing_waits_for_its_time(small: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    poller = Poller(small.user("flow"), CREATED)
    poller()
    tell_some(small, poller.names)
    compared: list[Mark] = []
    monkeypatch.setattr("apiserver.triggers.reconciling.late_rows", lambda window, mark, most: (compared.append(mark), ([], False))[1])
    Poll.objects.update(swept=None)

    for _ in range(3):
        poller()

    assert len(compared) == 1


def test_many_late_rows_come_in_pages(small: Shop, hurried: None, settings_of: Callable[..., None]) -> None:
    settings_of(late_seconds=0, rows=2)
    stamp.forget()
    poller = Poller(small.user("flow"), CREATED)
    poller()
    tell_some(small, poller.names)
    for number in range(5):
        small.add(f"late {number}", f"10:00:0{number % 3}")
    Poll.objects.update(swept=None)

    assert sorted(poller.names()) == [f"late {number}" for number in range(5)]


def test_nothing_is_compared_when_it_is_off(small: Shop, settings_of: Callable[..., None]) -> None:
    settings_of(late_seconds=0, reconcile_rows=0)
    stamp.forget()
    poller = Poller(small.user("flow"), CREATED)
    poller()
    tell_some(small, poller.names)
    small.add("late", "10:00:01")
    Poll.objects.update(swept=None)

    assert poller.names() == []


def test_what_is_known_before_the_floor_is_bounded() -> None:
    mark = Mark()
    for number in range(100):
        told = [Told((number, place), f"{number}-{place}".encode()) for place in range(10)]
        mark = advanced(mark, told, Clock(now=float(number), late=0, kept=200))

    known = sum(len(item.ids) for item in mark.behind)
    assert (known <= 200, known > 150, len(mark.behind) <= 25, mark.back is not None) == (True, True, True, True)
    assert mark.back is not None and mark.floor is not None and mark.back < mark.behind[0].position <= mark.floor


def test_pieces_that_go_move_the_beginning() -> None:
    pieces = [Generation(0, 0, (number,), frozenset({bytes([number])})) for number in range(4)]

    kept, back = kept_behind(pieces, None, 2)

    assert ([item.position for item in kept], back) == ([(2,), (3,)], (1,))


@OTHERS
def test_what_was_told_a_while_ago_is_read_again_once_in_a_while(shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "FEW_KNOWN", 3)
    monkeypatch.setattr(detection, "KNOWN_A_SECOND", 0.1)
    monkeypatch.setattr(detection, "NEAR_SECONDS", 0.0)
    subscribe(shop.user("flow"), receiver)
    for second, name in enumerate("abcd", 5):
        shop.add(name, f"10:00:{second:02}")
        work()

    shop.add("late", "10:00:01")
    shop.add("new", "10:00:20")
    work()
    soon = receiver.names()
    Watch.objects.update(looked_back=timezone.now() - timedelta(minutes=2))
    work()
    work()

    assert (soon, receiver.names()) == ([*"abcd", "new"], [*"abcd", "new", "late"])


def told_at(*seconds: int) -> Mark:
    """Return a mark whose rows were told at these seconds, one a time, at positions of the same number."""
    return Mark.of(None, [Generation(at, 0, (at,), frozenset({bytes([at])})) for at in seconds], [Told((99,), b"x")], [], None)


def test_what_is_near_begins_behind_what_was_told_before() -> None:
    mark = told_at(10, 20, 30)

    assert [near(mark, before) for before in (5, 15, 99)] == [(None, 4), ((10,), 3), ((30,), 1)]


def test_the_floor_stays_while_only_what_is_near_is_read() -> None:
    mark, clock = told_at(10, 20), Clock(1000, late=600)
    told = [Told((40,), b"y")]

    assert advanced(mark, told, clock, is_near=True).floor is None
    assert advanced(mark, told, clock).floor == (20,)
