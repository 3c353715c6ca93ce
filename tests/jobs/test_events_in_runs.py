"""What events make of a run: refusals, rows that are counted afterwards, how it ends."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from apiserver.jobs import event_settings as settings
from apiserver.jobs import events, row_counts
from apiserver.jobs.claiming import claim
from apiserver.jobs.errors import JobError, Refused
from apiserver.jobs.models import Run, TaskRun
from apiserver.jobs.running import run_here
from apiserver.jobs.starting import start
from apiserver.server.models import Notice
from tests.jobs.event_runs import Following, cities, running, shop, states
from tests.jobs.replicated import Replicated
from tests.server.mail import give, smtp

__all__ = ["shop"]


def ended(found: Following) -> None:
    """Let the run be over, so that the job can have another."""
    Run.objects.filter(pk=found.run.pk).update(state="done")


# ---- refusals ----


def test_a_run_after_a_failure_waits_for_somebody(shop: Replicated) -> None:
    now = timezone.now()
    Run.objects.create(job=shop.job, job_name="nightly", reason="schedule", state="failed", created=now, due=now)
    Run.objects.create(job=shop.job, job_name="nightly", reason="schedule", state="skipped", created=now, due=now)
    found = running(shop, {"when": "before", "refuse": "previous_failed"})

    with pytest.raises(Refused, match="before it failed"):
        events.before(found)
    ended(found)
    Run.objects.filter(pk=found.run.pk).update(state="skipped")

    events.before(running(shop, {"when": "before", "refuse": "previous_failed"}, reason="button"))


def test_a_run_without_rows_at_the_source_is_refused(shop: Replicated) -> None:
    given = {"when": "before", "refuse": "source_empty"}
    found = running(shop, given)
    events.before(found)
    ended(found)
    shop.run_source("DELETE FROM orders")

    with pytest.raises(Refused, match="the source of orders has no rows"):
        events.before(running(shop, given))


@pytest.mark.parametrize(
    ("question", "is_refused"),
    [
        ({"source": "SELECT 1 AS one FROM customers WHERE city = 'Kyoto'"}, True),
        ({"source": "SELECT id FROM customers WHERE city = 'Nowhere'"}, False),
        ({"destination": "SELECT 1 FROM customers WHERE city = 'Kyoto'"}, True),
        ({"destination": "DELETE FROM customers RETURNING id"}, True),
        ({"destination": "SELECT 1 WHERE 1 = 0"}, False),
    ],
)
def test_sql_that_gives_a_row_refuses_the_run(shop: Replicated, question: dict[str, str], is_refused: bool) -> None:
    found = running(shop, {"when": "before", "refuse": question})

    if is_refused:
        with pytest.raises(Refused, match="gave a row"):
            events.before(found)
    else:
        events.before(found)

    assert (cities(shop), states(found)) == (["Kyoto", None], [("refuse", "done")])


# ---- row counts ----


@pytest.mark.parametrize(("wish", "count", "is_failure"), [("off", 0, False), ("warn", 1, False), ("fail", 1, True)])
def test_row_counts_that_differ_are_said_or_fail_the_run(shop: Replicated, wish: str, count: int, is_failure: bool) -> None:
    shop.job.settings = {"row_counts": wish}
    found = running(shop, {"sql": "UPDATE customers SET city = 'told'", "if": "failure"})
    events.plan(found.run)
    TaskRun.objects.filter(run=found.run).update(state="done", source_count=3, destination_count=3)
    TaskRun.objects.filter(run=found.run, position=1).update(destination_count=2)

    if is_failure:
        with pytest.raises(JobError, match=r"The row counts differ\. orders: the source has 3 rows, the destination 2\."):
            row_counts.check(found)
    else:
        row_counts.check(found)

    assert (sum("orders: the source has 3" in line for line in found.lines), cities(shop)[0] == "told") == (count, is_failure)


# ---- around a real run ----


def worked_on(shop: Replicated, *given: dict[str, Any]) -> Run:
    """Return a run of the shop's job with these events, as the worker left it."""
    shop.job.events = settings.sealed(settings.checked(list(given), "events"))
    shop.job.save()
    made = start(shop.job, reason="schedule", now=timezone.now())
    assert claim(made, now=timezone.now())
    return run_here(made)


def test_a_run_does_its_events_and_tells_its_end(shop: Replicated) -> None:
    give(smtp=smtp(25), to=["desk@example.com"], on="all")
    shop.run_source("INSERT INTO customers VALUES (3, 'Chie', 'Nara')")

    run = worked_on(shop, {"when": "before", "sql": "DELETE FROM lines"}, {"sql": "UPDATE customers SET city = 'x' WHERE id = 3"})

    assert (run.state, run.cause, cities(shop)) == ("done", "", ["Kyoto", None, "x"])
    assert [row.state for row in run.event_runs.all()] == ["done", "done"]
    assert Notice.objects.get().event == "job.finished"


def test_a_run_that_is_refused_is_skipped_and_moves_nothing(shop: Replicated) -> None:
    give(smtp=smtp(25), to=["desk@example.com"], on="all")
    shop.run_source("UPDATE customers SET city = 'new'")

    run = worked_on(
        shop, {"when": "before", "refuse": {"source": "SELECT 1 AS one FROM orders"}}, {"sql": "DELETE FROM customers", "if": "always"}
    )

    assert (run.state, cities(shop)) == ("skipped", ["Kyoto", None])
    assert run.cause == "The run did not begin: the SQL of its event gave a row at the source."
    assert (set(run.tasks.values_list("state", flat=True)), Notice.objects.get().event) == ({"skipped"}, "job.skipped")


def test_a_run_whose_first_event_fails_moves_nothing_and_does_what_follows_failures(shop: Replicated) -> None:
    shop.run_source("UPDATE customers SET city = 'new'")

    run = worked_on(
        shop, {"when": "before", "sql": "UPDATE nothing SET a = 1"}, {"sql": "UPDATE customers SET city = 'told'", "if": "failure"}
    )

    assert (run.state, cities(shop)) == ("failed", ["told", "told"])
    assert run.cause.startswith("SQL at the destination: ")
