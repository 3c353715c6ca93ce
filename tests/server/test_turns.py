"""Long answers give way to requests that have just begun, for a while, and to no others."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from apiserver.server import turns


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(turns, "sleep", found.append)
    monkeypatch.setattr(turns, "BEGUN", {})
    return found


def test_long_answer_waits_for_a_request_that_has_just_begun_but_not_for_ever(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "FRESH_SECONDS", 1000.0)
    turns.begin()
    with ThreadPoolExecutor(1) as other:
        other.submit(turns.give_way).result()

    assert pauses == [turns.PAUSE_SECONDS] * turns.MOST_PAUSES


def test_it_waits_neither_for_itself_nor_for_who_waits_for_a_source(pauses: list[float]) -> None:
    turns.BEGUN[0] = time.monotonic() - 1
    turns.begin()
    turns.give_way()

    assert threading.get_ident() not in turns.BEGUN
    assert pauses == []


def test_a_request_that_ended_is_waited_for_no_more(pauses: list[float]) -> None:
    turns.begin()
    turns.end()
    turns.give_way()

    assert (pauses, turns.BEGUN) == ([], {})


def test_an_export_rests_while_others_ask(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 10.002, 10.002])  # it begins, a batch is there, the next one begins
    monkeypatch.setattr(turns, "monotonic", lambda: next(times))
    monkeypatch.setattr(turns, "LATEST", [10.001])
    export = turns.Export()
    monkeypatch.setattr(turns, "give_way", lambda: None)
    export.give_way()

    assert pauses == [pytest.approx(turns.RESTS * 0.002)]


def test_an_export_alone_never_rests(pauses: list[float]) -> None:
    turns.begin()
    export = turns.Export()
    export.give_way()

    assert pauses == []


def test_an_export_takes_all_again_once_nobody_asks(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    export = turns.Export()
    turns.begin()
    turns.end()
    monkeypatch.setattr(turns, "BUSY_SECONDS", -1.0)
    export.give_way()

    assert pauses == []


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> SimpleQueue[None]:
    free: SimpleQueue[None] = SimpleQueue()
    for _ in range(2):
        free.put(None)
    monkeypatch.setattr(turns, "FREE", free)
    monkeypatch.setattr(turns, "HELD", {})
    monkeypatch.setattr(turns, "BEGUN", {})
    return free


def run(places: SimpleQueue[None], count: int, seconds: float) -> int:
    """Let so many requests run at once; return how many did at the most."""
    running, most, lock = 0, 0, threading.Lock()

    def request(_: int) -> None:
        nonlocal running, most
        turns.begin()
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(seconds)
        with lock:
            running -= 1
        turns.end()

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(request, range(count * 3)))
    return most


def test_quick_requests_run_few_at_a_time(places: SimpleQueue[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SLOW_SECONDS", 30.0)

    assert run(places, 6, 0.005) == 2
    assert (places.qsize(), turns.HELD, turns.BEGUN) == (2, {}, {})


def test_requests_that_wait_for_their_source_keep_nobody_out(places: SimpleQueue[None]) -> None:
    assert run(places, 6, 0.5) == 6
    assert (places.qsize(), turns.HELD, turns.BEGUN) == (2, {}, {})
