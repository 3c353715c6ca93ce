"""Jobs are checked whole before they are stored; tasks stay themselves when they are edited; two jobs never write one table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs import services
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.models import Job, Run
from apiserver.jobs.services import Given
from apiserver.jobs.starting import start
from apiserver.server.models import Audit
from connections.models import Connection
from tests.jobs.conftest import NOW, Make, connection


def errors(action: Callable[[], Any]) -> dict[str, str]:
    """Return what is said to be wrong."""
    with pytest.raises(InvalidJob) as caught:
        action()
    return caught.value.errors


def test_job_is_stored_with_its_tasks_and_its_next_run(make: Make) -> None:
    job = make("REPLICATE [Issues]", "REPLICATE [Late] SELECT [Id] FROM [Orders]", schedule=" */10  * * * * ", timezone="Asia/Tokyo")

    assert [(task.position, task.statement) for task in job.tasks.all()] == [
        (0, "REPLICATE [Issues]"),
        (1, "REPLICATE [Late] SELECT [Id] FROM [Orders]"),
    ]
    assert (job.schedule, job.next_due) == ("*/10 * * * *", datetime(2026, 11, 22, 6, 30, tzinfo=UTC))
    assert Audit.objects.values_list("action", "subject").get() == ("job created", "nightly")


def test_everything_that_is_wrong_is_said_at_once(make: Make, tmp_path: Path) -> None:
    closed = connection("closed", tmp_path / "closed.db", read_only=True)

    found = errors(
        lambda: make(
            *("REPLICATE [A] SELECT", "REPLICATE [B] WITH HistoryMode, DropTable", "REPLICATE [C]"),
            name="1st",
            kind="mirror",
            schedule="61 * * * *",
            timezone="Mars",
            settings={"speed": 1},
            labels="x",
            table_prefix="a\nb",
        )
    )

    assert sorted(found) == ["kind", "labels", "name", "schedule", "settings", "table_prefix", "timezone"]
    assert "read-only" in errors(lambda: make("REPLICATE [A]", destination=closed))["destination"]
    found = errors(lambda: make("REPLICATE [A] WITH Nope", "REPLICATE [B] WITH HistoryMode, DropTable", "REPLICATE [C]", "REPLICATE [c]"))
    assert sorted(found) == ["tasks.0", "tasks.1", "tasks.3"]
    assert found["tasks.0"].startswith("Line 1, column ")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "tasks.0"),
        ({"schema": "main"}, "tasks.0"),
        ({"table_prefix": "my_"}, ""),
        ({"destination": "again"}, "tasks.0"),
        ({"destination": "elsewhere"}, ""),
    ],
)
def test_two_jobs_that_write_one_table_are_refused(make: Make, tmp_path: Path, values: dict[str, Any], field: str) -> None:
    make("REPLICATE [Issues]")
    connection("again", tmp_path / "." / "copy.db")
    connection("elsewhere", tmp_path / "other.db")
    values = {name: Connection.objects.get(name=value) if name == "destination" else value for name, value in values.items()}

    if field:
        assert "nightly" in errors(lambda: make("REPLICATE [issues] [Other]", name="second", **values))[field]
    else:
        make("REPLICATE [issues] [Other]", name="second", **values)


def test_jobs_of_all_tables_are_refused_where_they_would_meet(make: Make) -> None:
    Connection.objects.filter(name="shop").update(tables=[["", "Orders", "table", ""], ["", "Report", "view", ""]], tables_read=NOW)
    shop = Connection.objects.get(name="shop")
    make(kind="all_tables", source=shop)

    assert "nightly" in errors(lambda: make(kind="all_tables", source=shop, name="second"))["table_prefix"]
    assert "nightly" in errors(lambda: make("REPLICATE [Orders]", name="second"))["tasks.0"]
    make(kind="all_tables", source=shop, name="second", exclude=["ord*"])


def test_table_is_not_read_from_where_it_is_written(make: Make, tmp_path: Path) -> None:
    copy = connection("same", tmp_path / "copy.db")

    assert "read from the table that is written" in errors(lambda: make("REPLICATE [T]", source=copy))["tasks.0"]
    make("REPLICATE [T]", source=copy, table_prefix="old_")


def test_statements_name_connections_where_the_job_has_no_source(make: Make) -> None:
    assert "no source" in errors(lambda: make("REPLICATE [T]", source=None))["tasks.0"]
    assert "shop" in errors(lambda: make("REPLICATE [T] [shopp].[main].[T]", source=None))["tasks.0"]
    make("REPLICATE [T] [shop].[main].[T]", source=None)


def test_tasks_keep_their_checkpoints_when_they_are_given_anew(make: Make) -> None:
    job = make("REPLICATE [A]", "REPLICATE [B]", "REPLICATE [C]")
    keys = {task.statement: task.key for task in job.tasks.all()}

    services.save_job(
        job, who="admin", now=NOW, tasks=[Given("REPLICATE [C]"), Given("REPLICATE [a] SELECT [X] FROM [A]"), Given("REPLICATE [D]")]
    )

    after = [task.key for task in job.tasks.all()]
    assert after[:2] == [keys["REPLICATE [C]"], keys["REPLICATE [A]"]]
    assert after[2] not in keys.values()
    services.save_job(job, who="admin", now=NOW, tasks=[Given("REPLICATE [C] SELECT [X] FROM [C]", settings={"batch_rows": 5})])
    assert [task.key for task in job.tasks.all()] == [keys["REPLICATE [C]"]]


def test_tasks_are_added_edited_ordered_and_removed(make: Make) -> None:
    job = make("REPLICATE [A]")

    first, second = services.add_tasks(job, ["REPLICATE [B]", "REPLICATE [C]"], who="admin", now=NOW)
    found = errors(lambda: services.add_tasks(job, ["REPLICATE [D]", "REPLICATE [A]"], who="admin", now=NOW))
    services.save_task(second, who="admin", now=NOW, enabled=False)
    services.order_tasks(job, [second.key, first.key], who="admin")
    services.remove_task(first, who="admin")

    assert list(found) == ["tasks.1"]
    assert [(task.statement, task.enabled) for task in job.tasks.all()] == [("REPLICATE [C]", False), ("REPLICATE [A]", True)]
    assert list(errors(lambda: services.save_task(second, who="admin", now=NOW, statement="REPLICATE [A]"))) == ["tasks.0"]


def test_copy_is_paused_and_writes_tables_of_its_own(make: Make) -> None:
    job = make("REPLICATE [A]", schedule="@daily", settings={"parallel": 2})

    copy = services.copy_job(job, who="admin", now=NOW)

    assert (copy.name, copy.paused, copy.next_due, copy.settings) == ("nightly_2", True, None, {"parallel": 2})
    assert copy.table_prefix == "copy2_"
    assert [task.statement for task in copy.tasks.all()] == ["REPLICATE [A]"]
    assert copy.tasks.get().key != job.tasks.get().key


def test_pause_and_resume_move_the_next_run(make: Make) -> None:
    job = make(schedule="@hourly")

    services.pause(job, who="admin", now=NOW)
    assert job.next_due is None
    services.resume(job, who="admin", now=NOW + timedelta(days=1))

    assert job.next_due == datetime(2026, 11, 23, 7, tzinfo=UTC)


def test_deleting_a_job_cancels_its_run_and_keeps_the_history(make: Make) -> None:
    job = make("REPLICATE [A]")
    run = start(job, reason="button", now=NOW, asked_by="admin")

    services.delete_job(job, who="admin")

    run = Run.objects.get(pk=run.pk)
    assert (run.job, run.job_name, run.cancel_asked) == (None, "nightly", True)
