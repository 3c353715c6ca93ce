"""Which worker does a run: claims, leases, workers that end, moments that were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection

from apiserver.jobs import claiming, due, starting, under_way, work
from apiserver.jobs import running as running_module
from apiserver.jobs.claiming import Claimer, claim
from apiserver.jobs.models import DONE, FAILED, RUNNING, SKIPPED, WAITING, Job, Run
from apiserver.jobs.moving_order import Order
from apiserver.jobs.under_way import Lost, Running, Stopping
from apiserver.server import options
from tests.jobs.begun import THREE, begun, done, moves, states
from tests.jobs.conftest import NOW, Make
from tests.jobs.fake_moves import Moves

__all__ = ["moves"]


def test_late_worker_writes_nothing_more(make: Make, moves: Moves) -> None:
    running = begun(make(*THREE))

    def overtake(order: Order, page: int) -> None:
        if page == 1:
            other = Run.objects.get(pk=running.run.pk)
            assert claim(other, now=NOW + timedelta(minutes=5))

    moves.at_page = overtake

    run = done(running)

    assert (run.state, run.fence, run.attempts, run.ended) == (RUNNING, 2, 2, None)
    assert isinstance(running.reason, Lost)
    assert run.tasks.all()[0].inserted == 14  # of two pages; what came later is not ours to tell


def test_run_goes_on_in_another_worker_and_counts_on(make: Make, moves: Moves) -> None:
    running = begun(make(*THREE))
    moves.at_page = lambda order, page: running.end(Stopping()) if order.statement.target == ("B",) else None

    run = done(running)
    assert (run.state, run.attempts, run.lease_until, states(run)) == (WAITING, 0, None, [DONE, RUNNING, WAITING])
    moves.at_page = lambda order, page: None
    moves.keys.clear()
    assert claim(run, now=NOW)
    run = done(Running(run))

    assert (run.state, states(run), len(moves.keys)) == (DONE, [DONE] * 3, 2)
    assert [item.rows_read for item in run.tasks.all()] == [30, 40, 30]


def test_run_that_ends_worker_after_worker_is_given_up(make: Make, moves: Moves) -> None:
    running = begun(make(*THREE))
    running.run.attempts = 26

    run = done(running)

    assert (run.state, moves.keys) == (FAILED, [])
    assert "25 times" in run.cause


def test_own_database_that_is_away_is_no_fault_of_the_run(make: Make, moves: Moves) -> None:
    def away(order: Order, page: int) -> None:
        raise OperationalError("gone")

    moves.at_page = away
    running = begun(make("REPLICATE [A]"))
    close, connection.close = connection.close, lambda: None  # type: ignore[method-assign]
    try:
        run = done(running)
    finally:
        connection.close = close  # type: ignore[method-assign]

    assert (run.state, run.lease_until, states(run)) == (WAITING, None, [RUNNING])


def test_worker_that_is_gone_is_told_by_its_beats_whatever_the_clock_says(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(make("REPLICATE [A]")).run
    Run.objects.filter(pk=run.pk).update(lease_until=NOW + timedelta(days=300))  # written before the clock was set back
    claimer, taken, clock = Claimer(), [], [1000.0]
    monkeypatch.setattr(claiming, "begin", taken.append)
    monkeypatch.setattr(claiming.time, "monotonic", lambda: clock[0])

    def look(seconds: float, beat: datetime) -> int:
        clock[0] += seconds
        Run.objects.filter(pk=run.pk).update(beat_at=beat)
        claimer.fill()
        return len(taken)

    assert [look(0, NOW), look(19, NOW), look(19, NOW - timedelta(days=1)), look(19, NOW - timedelta(days=1))] == [0, 0, 0, 0]
    assert look(2, NOW - timedelta(days=1)) == 1


def test_claimer_leaves_what_has_no_place(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    options.save({"jobs": {"at_once": 2}})
    taken: list[Run] = []
    monkeypatch.setattr(claiming, "begin", taken.append)
    for name in ("a", "b", "c"):
        starting.start(make(f"REPLICATE [{name}]", name=name), reason="button", now=NOW)

    Claimer().fill()

    assert [run.job_name for run in taken] == ["a", "b"]


def test_due_job_is_begun_once_however_many_moments_were_missed(make: Make) -> None:
    job = make("REPLICATE [A]", schedule="*/10 * * * *")
    late = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
    stale = Job.objects.get(pk=job.pk)

    due.begin_all(now=late)
    assert due.begin(stale, now=late) is None  # another scheduler, that had looked before
    due.begin_all(now=late)

    run = Run.objects.get()
    job.refresh_from_db()
    assert (run.reason, run.due, run.created) == ("schedule", datetime(2026, 11, 22, 6, 30, tzinfo=UTC), late)
    assert job.next_due == datetime(2026, 11, 22, 9, 10, tzinfo=UTC)
    due.begin_all(now=job.next_due)
    assert list(Run.objects.order_by("pk").values_list("state", flat=True)) == [WAITING, SKIPPED]


def test_schedule_follows_a_clock_that_was_set_back(make: Make) -> None:
    job = make("REPLICATE [A]", schedule="@hourly")
    work.forget_old(now=NOW)
    job.refresh_from_db()
    assert job.next_due == datetime(2026, 11, 22, 7, tzinfo=UTC)

    work.forget_old(now=NOW - timedelta(days=1))

    job.refresh_from_db()
    assert job.next_due == datetime(2026, 11, 21, 7, tzinfo=UTC)


def test_worker_that_is_asked_to_stop_gives_back_what_takes_too_long(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    running = begun(make("REPLICATE [A]"))
    monkeypatch.setattr(running_module, "STOP_SECONDS", 0.0)
    monkeypatch.setattr(under_way.UNDER_WAY, "all", lambda: [running])

    running_module.give_back_all()

    run = Run.objects.get(pk=running.run.pk)
    assert (run.state, run.lease_until, run.attempts, run.fence) == (WAITING, None, 0, 2)
    assert isinstance(running.reason, Stopping)
    with pytest.raises(Lost):
        running.write()
