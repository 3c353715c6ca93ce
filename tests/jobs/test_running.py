"""What a run does around the moves of its tables: progress, cancels, tasks that fail, tables that join."""

from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs import hooks, services, starting, task_running, under_way, work
from apiserver.jobs.claiming import claim
from apiserver.jobs.errors import Busy, JobError, Refused
from apiserver.jobs.models import CANCELLED, DONE, FAILED, SKIPPED, WAITING, Run, RunLine, TaskRun
from apiserver.jobs.moving_order import Order
from apiserver.jobs.orders import order_of, taken, task_runs
from apiserver.jobs.running import run_here
from apiserver.jobs.under_way import Running
from apiserver.server import options
from tests.jobs.begun import THREE, begun, done, moves, states
from tests.jobs.conftest import NOW, Make
from tests.jobs.fake_moves import Moves

__all__ = ["moves"]


def test_run_does_its_tasks_in_order_and_counts(make: Make, moves: Moves) -> None:
    job = make(*THREE, schema="main", table_prefix="x_")

    run = done(begun(job))

    task = run.tasks.all()[0]
    assert (run.state, run.rows, run.started, run.lease_until) == (DONE, 3 * 27, NOW, None)
    assert moves.keys == [task.key for task in job.tasks.all()]
    assert (task.title, task.mode, task.note, task.state) == ("main.x_A", "incremental", "Why not.", DONE)
    assert (task.rows_total, task.rows_read, task.inserted, task.updated, task.unchanged, task.pages, task.bytes) == (
        30,
        30,
        21,
        6,
        3,
        3,
        300,
    )
    assert "81 rows replicated in " in run.lines.last().text


def test_only_the_tasks_that_were_asked_for_run(make: Make, moves: Moves) -> None:
    job = make(*THREE)
    second = job.tasks.all()[1]
    services.save_task(second, who="admin", now=NOW, enabled=False)

    assert states(done(begun(job))) == [DONE, DONE]
    assert [item.key for item in done(begun(job, only=[second.key])).tasks.all()] == [second.key]
    with pytest.raises(JobError):
        starting.start(job, reason="button", now=NOW, only=["gone"])


def test_failed_task_does_not_keep_the_others(make: Make, moves: Moves) -> None:
    job = make(*THREE)
    moves.failing = ("B",)

    run = done(begun(job))

    assert (run.state, run.cause, run.hint) == (FAILED, "1 of 3 tasks failed. B: The source is away.", "Start it.")
    assert states(run) == [DONE, FAILED, DONE]
    moves.failing = ()
    again = starting.retry(run, who="admin", now=NOW)
    assert again.only == [job.tasks.all()[1].key]
    with pytest.raises(Busy):
        starting.retry(again, who="admin", now=NOW)


def test_failed_task_ends_the_run_where_the_job_says_so(make: Make, moves: Moves) -> None:
    moves.failing = ("B",)

    run = done(begun(make(*THREE, settings={"continue_on_error": False})))

    assert (run.state, run.cause) == (FAILED, "B: The source is away.")
    assert states(run) == [DONE, FAILED, SKIPPED]


def test_fault_of_ours_fails_the_task_without_its_words(make: Make, moves: Moves) -> None:
    def fault(order: Order, page: int) -> None:
        raise ValueError("secret")

    moves.at_page = fault

    run = done(begun(make("REPLICATE [A]")))

    assert run.state == FAILED
    assert "secret" not in run.cause + run.hint + "".join(run.lines.values_list("text", flat=True))


def test_tasks_run_at_once_as_many_as_the_job_says(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    running = begun(make(*THREE, "REPLICATE [D]"))
    TaskRun.objects.bulk_create(task_runs(running.run, running.run.job.tasks.all(), taken(running.run.job)))
    both, ran = threading.Barrier(2, timeout=30), []

    def run_task(running: Running, task: TaskRun) -> bool:
        both.wait()
        ran.append(task.title)
        return True

    monkeypatch.setattr(task_running, "run_task", run_task)

    task_running.run_tasks(running, at_once=2, goes_on=True)

    assert sorted(ran) == ["A", "B", "C", "D"]


def test_second_run_is_skipped_and_says_so(make: Make, moves: Moves) -> None:
    job = make("REPLICATE [A]")

    first = starting.start(job, reason="button", now=NOW)
    second = starting.start(job, reason="schedule", now=NOW)

    assert (first.state, second.state, second.cause) == (WAITING, SKIPPED, starting.OVERLAP)
    assert second.lines.get().text == starting.OVERLAP
    assert claim(first, now=NOW)
    assert done(Running(first)).state == DONE
    assert starting.start(job, reason="button", now=NOW).state == WAITING


def test_cancelled_run_ends_at_its_next_page(make: Make, moves: Moves) -> None:
    running = begun(make(*THREE))

    def cancel(order: Order, page: int) -> None:
        starting.cancel(Run.objects.get(pk=running.run.pk), who="boss", now=NOW)
        running.beat()

    moves.at_page = cancel

    run = done(running)

    assert (run.state, run.cancelled_by, run.rows) == (CANCELLED, "boss", 9)
    assert states(run) == [CANCELLED, CANCELLED, CANCELLED]
    assert not starting.cancel(run, who="boss", now=NOW)


def test_run_that_waits_is_cancelled_at_once(make: Make) -> None:
    run = starting.start(make("REPLICATE [A]"), reason="button", now=NOW)

    assert starting.cancel(run, who="boss", now=NOW)

    assert (run.state, run.ended) == (CANCELLED, NOW)
    assert not claim(run, now=NOW)


def test_deleted_job_cancels_its_run(make: Make, moves: Moves) -> None:
    job = make(*THREE)
    running = begun(job)
    moves.at_page = lambda order, page: (services.delete_job(job, who="admin"), running.beat())[1] if page == 0 else None

    run = done(running)

    assert (run.state, run.cause, run.job) == (CANCELLED, "Its job was deleted.", None)


def test_job_that_is_edited_changes_its_next_run_only(make: Make, moves: Moves) -> None:
    job = make(*THREE)

    def edit(order: Order, page: int) -> None:
        if page == 0 and order.statement.target == ("A",):
            services.save_job(job, who="admin", now=NOW, table_prefix="new_", tasks=[])

    moves.at_page = edit

    run = done(begun(job))

    assert (run.state, [item.title for item in run.tasks.all()]) == (DONE, ["A", "B", "C"])
    assert done(begun(job)).cause == "The job has no task to run."


def test_old_runs_are_dropped_with_their_logs(make: Make, moves: Moves) -> None:
    options.save({"jobs": {"keep_days": 7}})
    done(begun(make("REPLICATE [A]")))

    work.forget_old(now=NOW + timedelta(days=6))
    assert Run.objects.count() == 1
    work.forget_old(now=NOW + timedelta(days=8))

    assert (Run.objects.count(), TaskRun.objects.count(), RunLine.objects.count()) == (0, 0, 0)


def test_log_has_an_end(make: Make, moves: Moves) -> None:
    options.save({"jobs": {"log_lines": 100}})
    running = begun(make("REPLICATE [A]"))
    moves.at_page = lambda order, page: [running.says("info", f"{page} {number}") for number in range(60)] and None

    run = done(running)

    assert 100 <= run.lines.count() <= 102
    assert run.lines.filter(text="More lines are not kept.").count() == 1


def test_what_stands_around_a_run_refuses_ends_and_tells(make: Make, moves: Moves, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(hooks, "call", lambda paths, *given: [verb(*given) for verb in paths])
    monkeypatch.setattr(hooks, "ENDED", (lambda run, now: told.append((run.state, run.cause)),))

    def refuse(running: Running) -> None:
        raise Refused("The source is empty.", hint="Wait.")

    def fail(*_: Any) -> None:
        raise JobError("The hook failed.")

    job = make("REPLICATE [A]")
    monkeypatch.setattr(hooks, "BEFORE", (refuse,))
    assert states(done(begun(job))) == [SKIPPED]
    monkeypatch.setattr(hooks, "BEFORE", ())
    monkeypatch.setattr(hooks, "AFTER", (fail,))
    assert states(done(begun(job))) == [DONE]

    monkeypatch.setattr(hooks, "AFTER", ())
    monkeypatch.setattr(hooks, "ENDED", (fail,))
    assert done(begun(job)).state == DONE

    assert told == [(SKIPPED, "The source is empty."), (FAILED, "The hook failed.")]


def tables(path: Path, *names: str) -> None:
    """Make tables in the source."""
    with sqlite3.connect(path) as database:
        for name in names:
            database.execute(f"CREATE TABLE [{name}] (id INTEGER PRIMARY KEY)")
        database.execute("CREATE VIEW IF NOT EXISTS seen AS SELECT 1 AS one")
    database.close()


def test_new_tables_join_a_job_of_all_tables(make: Make, moves: Moves, tmp_path: Path) -> None:
    tables(tmp_path / "shop.db", "Orders", "tmp_1", "Other")
    make("REPLICATE [Other]", name="second")
    job = make(kind="all_tables", exclude=["tmp_*"])

    first = done(begun(job))
    tables(tmp_path / "shop.db", "People")
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("DROP TABLE Orders")
    second = done(begun(job))

    assert [item.title for item in first.tasks.all()] == ["Orders"]
    assert first.lines.filter(level="warning", text__contains="the job second writes the table other already").exists()
    assert [(item.title, item.state) for item in second.tasks.all()] == [("Orders", SKIPPED), ("People", DONE)]


def test_command_runs_a_job_without_a_worker(make: Make, moves: Moves) -> None:
    run = starting.start(make("REPLICATE [A]"), reason="command", now=NOW, asked_by="root")
    assert claim(run, now=NOW)

    assert run_here(run).state == DONE
    assert under_way.UNDER_WAY.all() == []


@pytest.mark.parametrize(
    ("query", "rows", "says"),
    [
        ("SELECT 1 AS One", {"columns": ["One"], "rows": [["1"]]}, False),
        ("SELECT a FROM nowhere", None, True),
    ],
)
def test_the_query_of_the_notifications_is_run_at_the_end(make: Make, moves: Moves, query: str, rows: Any, says: bool) -> None:
    job = make("REPLICATE [A]")
    job.notify = {"query": query}
    job.save()

    run = done(begun(job))

    assert (run.state, run.order.get("notify_rows")) == (DONE, rows)
    assert RunLine.objects.filter(run=run, text__contains="The query of the notifications can't be run.").exists() is says


def test_rows_are_counted_only_where_the_job_wants_it(make: Make) -> None:
    job = make("REPLICATE [A]")
    assert order_of(job.tasks.get()).counts_rows

    job.settings = {"row_counts": "off"}
    job.save()

    assert not order_of(job.tasks.get()).counts_rows
