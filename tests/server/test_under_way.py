"""Work in threads says each second that it goes on: what is added, what fails, what is added while the thread of beats ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import DatabaseError

from apiserver.server import under_way
from apiserver.server.under_way import UnderWay


class Piece:
    """A piece of work; `does` happens at each beat."""

    def __init__(self, does: Callable[[], None] = lambda: None) -> None:
        self.beaten = threading.Semaphore(0)
        self._does = does

    def beat(self) -> None:
        self.beaten.release()
        self._does()

    def was_beaten(self, times: int = 1) -> bool:
        return all(self.beaten.acquire(timeout=10) for _ in range(times))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> UnderWay[Piece]:
    monkeypatch.setattr(under_way, "BEAT_SECONDS", 0.001)
    return UnderWay("a piece", thread="pieces")


def refused() -> None:
    raise DatabaseError("the database is away")


def broken() -> None:
    raise ValueError("a fault of the piece")


def test_each_piece_is_beaten_until_it_is_removed(known: UnderWay[Piece]) -> None:
    first, second = Piece(), Piece()
    known.add(first)
    known.add(second)

    assert first.was_beaten(3)
    assert second.was_beaten(3)
    known.remove(first)
    assert known.all() == [second]
    known.remove(second)
    assert known.all() == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [(refused, "a piece could not say that it goes on: DatabaseError"), (broken, "a piece could not be followed")],
)
def test_piece_whose_beat_fails_is_beaten_on_and_the_log_says_so(
    known: UnderWay[Piece], caplog: pytest.LogCaptureFixture, fault: Callable[[], None], told: str
) -> None:
    piece, other = Piece(fault), Piece()
    known.add(piece)
    known.add(other)

    assert piece.was_beaten(2)
    assert other.was_beaten(2)
    known.remove(piece)
    known.remove(other)
    assert told in caplog.messages


@pytest.mark.parametrize("fault", [None, ValueError("a fault of the piece")])
def test_piece_is_done_in_a_thread_of_its_own_and_lets_the_next_begin(known: UnderWay[Piece], fault: Exception | None) -> None:
    piece, over = Piece(), threading.Event()
    seen: list[tuple[str, list[Piece]]] = []

    def do(one: Piece) -> None:
        seen.append((threading.current_thread().name, known.all()))
        if fault is not None:
            raise fault

    def then() -> None:
        seen.append(("then", known.all()))
        over.set()

    known.begin(piece, do, name="piece-1", then=then)

    assert over.wait(10)
    assert seen == [("piece-1", [piece]), ("then", [])]


def test_piece_that_is_added_while_the_thread_of_beats_ends_is_beaten(monkeypatch: pytest.MonkeyPatch) -> None:
    ending, go_on = threading.Event(), threading.Event()
    known: UnderWay[Piece] = UnderWay("a piece", thread="ends")

    class Slow:
        def close(self) -> None:
            if threading.current_thread().name == "ends":  # those of other tests may end now too
                ending.set()
                go_on.wait(10)

    monkeypatch.setattr(under_way, "BEAT_SECONDS", 0.001)
    monkeypatch.setattr(under_way, "connection", Slow())
    first, second = Piece(), Piece()
    known.add(first)
    assert first.was_beaten()
    known.remove(first)
    assert ending.wait(10)

    known.add(second)

    try:
        assert second.beaten.acquire(timeout=3)
    finally:
        known.remove(second)
        go_on.set()
