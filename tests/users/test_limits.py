"""Requests an hour and at once, over processes that live and die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apiserver.server import options
from users import limits
from users.errors import AccessDenied
from users.limits import Board, Refused, enter
from users.models import User
from users.principal import principal_of

NOW = 1_800_000_000.0


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "limits.bin")


def test_hour_ends_an_hour_after_its_first_request(board: Board) -> None:
    for _ in range(3):
        slot, left, ends = board.enter(1, per_hour=3, at_once=-1, now=NOW)
        board.leave(slot)

    with pytest.raises(Refused) as caught:
        board.enter(1, per_hour=3, at_once=-1, now=NOW + 600)

    assert (left, ends, caught.value.wait) == (0, NOW + 3600, 3000)
    assert board.enter(1, per_hour=3, at_once=-1, now=NOW + 3600)[1] == 2


def test_clock_that_goes_back_locks_nobody_out(board: Board) -> None:
    board.enter(1, per_hour=1, at_once=-1, now=NOW + 86400)

    assert board.enter(1, per_hour=1, at_once=-1, now=NOW)[1] == 0


def test_place_is_free_again_after_leaving(board: Board) -> None:
    first, *_ = board.enter(1, per_hour=-1, at_once=2, now=NOW)
    board.enter(1, per_hour=-1, at_once=2, now=NOW)
    with pytest.raises(Refused):
        board.enter(1, per_hour=-1, at_once=2, now=NOW)
    board.leave(first)

    board.enter(1, per_hour=-1, at_once=2, now=NOW)


def test_users_do_not_share_counts(board: Board) -> None:
    slots = {board.enter(user, per_hour=1, at_once=1, now=NOW)[0] for user in range(3000)}

    assert len(slots) == 3000


def test_requests_of_a_killed_worker_are_forgotten(board: Board, tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from users.limits import Board\n"
        f"board = Board(Path({str(tmp_path / 'limits.bin')!r}))\n"
        f"for _ in range(2): board.enter(1, per_hour=-1, at_once=2, now={NOW})\n"
        "print('in', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "apiserver.settings", "PYTHONPATH": str(Path.cwd())}
    setup = f"import django; django.setup()\n{script}"
    worker = subprocess.Popen([sys.executable, "-c", setup], stdout=subprocess.PIPE, text=True, env=environment)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "in\n"
    with pytest.raises(Refused):
        board.enter(1, per_hour=-1, at_once=2, now=NOW)

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    board.enter(1, per_hour=-1, at_once=2, now=NOW)


def test_enter_tells_the_limits_and_refuses_with_429(reader: User) -> None:
    options.save({"limits": {"requests_per_hour": 2, "concurrent_requests": -1}})
    reader.pk = int(time.time() * 1000)  # the board outlives the test database
    principal = principal_of(reader)

    first, second = enter(principal, options.current().limits, now=NOW), enter(principal, options.current().limits, now=NOW)
    with pytest.raises(AccessDenied) as caught:
        enter(principal, options.current().limits, now=NOW)

    assert first.headers["RateLimit-Policy"] == '"hour";q=2;w=3600'
    assert [ticket.headers["RateLimit-Remaining"] for ticket in (first, second)] == ["1", "0"]
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "3600")
    for ticket in (first, second):
        ticket.leave()
        ticket.leave()


def test_own_limit_stands_over_the_servers(reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    options.save({"limits": {"requests_per_hour": 0}})
    reader.requests_per_hour = -1
    monkeypatch.setattr(limits.Boards, "get", lambda: pytest.fail("a user without limits is not counted"))

    assert enter(principal_of(reader), options.current().limits, now=NOW).headers == {}
