"""Long answers give way to requests that have just begun, for a while, and to no others."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

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
