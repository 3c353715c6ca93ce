"""`manage.py job`: what it prints, its exit codes, and that without a server the command itself does the run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apiserver.jobs import command_run, task_running
from apiserver.jobs.models import DONE, RUNNING, Job, Run
from apiserver.jobs.running import carry_out
from apiserver.jobs.starting import start
from apiserver.jobs.under_way import Running
from apiserver.server import lifeline
from tests.jobs.conftest import Make
from tests.jobs.fake_moves import Moves
from tests.served import manage, serve


def job(*arguments: str) -> tuple[int, str, str]:
    """Run a subcommand; return exit code, output and errors."""
    out, err = StringIO(), StringIO()
    try:
        call_command("job", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def nightly(make: Make, tmp_path: Path) -> Job:
    (tmp_path / "copy.db").touch()
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("CREATE TABLE Orders (id INTEGER PRIMARY KEY, note TEXT)")
        database.execute("INSERT INTO Orders VALUES (1, 'a'), (2, 'b')")
        database.commit()
    return make("REPLICATE [Orders]", "REPLICATE [Late] SELECT * FROM [Orders] WHERE [id] > 1", schedule="0 6 * * *")


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> Moves:
    """Move nothing."""
    made = Moves()
    monkeypatch.setattr(task_running, "move", made.move)
    return made


def test_list_status_history_and_log(nightly: Job) -> None:
    run = start(nightly, reason="api", now=timezone.now(), asked_by="ada")

    (row,) = json.loads(job("list", "--json")[1])
    status = json.loads(job("status", "nightly", "--json")[1])
    history = json.loads(job("history", "nightly", "--state", "waiting", "--json")[1])
    cancelled = job("cancel", "nightly")

    assert (row["job"], row["source"], row["destination"], row["state"]) == ("nightly", "shop", "copy", "waiting")
    assert (status["run"]["run"], len(status["next"]), [item["run"] for item in history]) == (run.pk, 5, [run.pk])
    assert cancelled == (0, f"Run {run.pk} was cancelled. It is over.\n", "")
    assert "nightly" in job("list")[1] and "last: run" in job("status", "nightly")[1] and "cancelled" in job("history")[1]
    assert job("log", str(run.pk)) == (0, "", "")


def test_dry_run_says_what_each_task_would_do(nightly: Job) -> None:
    code, text, _ = job("dry-run", "nightly")
    one = json.loads(job("dry-run", "nightly", "--task", "late", "--json")[1])

    assert (code, "CREATE TABLE" in text) == (0, True)
    assert [item["table"] for item in one["tasks"]] == ["Late"]


def test_run_handed_to_a_server_is_only_started_unless_waited_for(nightly: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_run, "served", lambda: True)

    code, text, _ = job("run", "nightly", "--task", "Late", "--json")
    again = job("run", "nightly")

    assert (code, json.loads(text)["state"], Run.objects.get(state="waiting").only) == (0, "waiting", [nightly.tasks.all()[1].key])
    assert (again[0], "Another run of this job was under way." in again[2]) == (4, True)


def test_unknown_names_tell_the_nearest(nightly: Job) -> None:
    for arguments, said in (
        (("run", "nightli"), "the nearest is nightly"),
        (("run", "nightly", "--task", "Order"), "the nearest is Orders"),
    ):
        with pytest.raises(CommandError, match=said):
            job(*arguments)


class Inline:
    """Threads that do their work at once: this database is of one connection."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], **_: Any) -> None:
        self.start = lambda: target(*args)


def worked(pk: int) -> None:
    """Do a claimed run."""
    carry_out(Running(Run.objects.get(pk=pk)))


def test_command_does_the_run_itself_and_takes_up_one_that_was_left(
    nightly: Job, moves: Moves, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(command_run.threading, "Thread", Inline)
    monkeypatch.setattr(command_run, "work", worked)
    monkeypatch.setattr(command_run, "LEASE_SECONDS", 0)
    monkeypatch.setattr(command_run, "PATIENCE_SECONDS", 0)
    left = start(nightly, reason="schedule", now=timezone.now())
    Run.objects.filter(pk=left.pk).update(state=RUNNING, fence=3, started=timezone.now(), beat_at=timezone.now())

    code, text, said = job("run", "nightly", "--json")
    moves.failing = ("Late",)
    failed = job("run", "nightly")

    assert (code, json.loads(text)["run"], Run.objects.get(pk=left.pk).state) == (0, left.pk, DONE)
    assert "was left by a worker that is gone" in said
    assert (failed[0], "The source is away. Start it." in failed[2], "Orders: done" in failed[2]) == (1, True, True)


def test_server_at_work_is_told_by_its_lock(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    assert not command_run.served()

    with lifeline.hold(tmp_path / "serve.lock"):
        assert command_run.served()


def test_running_server_does_the_run_and_the_command_watches(tmp_path: Path) -> None:
    ends = {name: {"connector": "sqlite", "properties": {"Database": str(tmp_path / f"{name}.db")}} for name in ("shop", "copy")}
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("CREATE TABLE Orders (id INTEGER PRIMARY KEY, note TEXT)")
        database.execute("INSERT INTO Orders VALUES (1, 'a'), (2, 'b')")
        database.commit()
    (tmp_path / "copy.db").touch()
    file = tmp_path / "server.json"
    file.write_text(
        json.dumps({"connections": ends, "jobs": {"nightly": {"source": "shop", "destination": "copy", "tasks": ["REPLICATE [Orders]"]}}})
    )
    data = tmp_path / "data"
    data.mkdir()
    assert manage(data, "apply", str(file)).returncode == 0
    alone = manage(data, "job", "run", "nightly", "--json")
    server = serve(data_dir=data)
    try:
        beside = manage(data, "job", "run", "nightly", "--wait")
    finally:
        server.dismiss()

    assert (alone.returncode, json.loads(alone.stdout)["rows"], "is done here" in alone.stderr) == (0, 2, True)
    assert (beside.returncode, "done, 2 rows replicated in" in beside.stdout, "is done here" in beside.stderr) == (0, True, False)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as database:
        assert database.execute("SELECT * FROM Orders ORDER BY id").fetchall() == [(1, "a"), (2, "b")]
