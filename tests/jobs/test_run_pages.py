"""The pages of runs: a run while it goes on and afterwards, history, charts, dry run, events and notifications of a job."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.jobs import event_settings, events
from apiserver.jobs.charts import Point, ceiling, chart
from apiserver.jobs.models import EventRun, Job, Run, RunLine, TaskRun
from apiserver.jobs.orders import taken
from tests.jobs.replicated import Replicated, person, replicate_shop
from tests.server.mail import Mailbox, give, mail_server, mailbox, plain, smtp

__all__ = ["mail_server", "mailbox", "plain"]  # fixtures
SECRET = "whsec_" + "A" * 43 + "="


@pytest.fixture
def shop(db: None, tmp_path: Path) -> Replicated:
    return replicate_shop(tmp_path)


@pytest.fixture
def admin(db: None) -> Client:
    return person("admin")


@pytest.fixture
def operator(db: None) -> Client:
    return person("operator")


def run_of(shop: Replicated, state: str, *, minutes: int = 0, rows: int = 0, **changes: Any) -> Run:
    """Return a run that began so many minutes ago and took 5 s."""
    began = timezone.now() - timedelta(minutes=minutes)
    times: dict[str, Any] = {"created": began, "due": began, "started": began}
    if state not in ("running", "waiting"):
        times["ended"] = began + timedelta(seconds=5)
    given = {"reason": "schedule", "job_name": shop.job.name, "order": taken(shop.job), "rows": rows, **times, **changes}
    run = Run.objects.create(job=shop.job, state=state, **given)
    for position, task in enumerate(shop.job.tasks.all()):
        title = task.statement[11:-1]
        TaskRun.objects.create(
            run=run, task=task, key=task.key, position=position, title=title, statement=task.statement, state=state, started=began
        )
    return run


def page(client: Client, path: str, status: int = 200, **headers: str) -> str:
    answer = client.get(f"/console/jobs/{path}", headers=headers)
    assert answer.status_code == status, answer.content.decode()[-3000:]
    return answer.content.decode()


# ---- one run ----


def test_a_run_under_way_is_asked_for_each_second_and_shows_how_far_it_is(shop: Replicated, operator: Client) -> None:
    run = run_of(shop, "running")
    TaskRun.objects.filter(run=run, position=0).update(
        rows_total=4000, rows_read=1000, inserted=900, updated=3, deleted=1, pages=2, bytes=2048
    )
    RunLine.objects.create(run=run, at=timezone.now(), level="info", text="GET /api.rsc/@abcdefghijklmnopqrstuvwx/T <b>")

    text = page(operator, f"runs/{run.pk}")

    assert 'hx-trigger="every 1s"' in text
    assert '<progress max="100" value="25" aria-label="customers">' in text
    assert '<progress aria-label="orders"></progress>' in text
    assert "+900 ~3 −1" in text
    assert "/api.rsc/@***/T &lt;b&gt;" in text
    assert "Retry failed tables" not in text


def test_the_end_is_said_with_time_and_rows_to_who_watches(shop: Replicated, operator: Client) -> None:
    run = run_of(shop, "done", rows=35)

    watched, opened = page(operator, f"runs/{run.pk}", **{"hx-request": "true"}), page(operator, f"runs/{run.pk}")

    said = "nightly: 35 rows replicated in 5.0 s."
    assert f'<p id="said" class="hidden" role="status">{said}' in watched
    assert 'class="toast good"' in watched
    assert ("toast" in opened, "every 1s" in opened, "35 rows replicated in 5.0 s." in opened) == (False, False, True)


def test_a_run_is_cancelled_by_post_alone(shop: Replicated, operator: Client) -> None:
    run = run_of(shop, "running", attempts=1)

    assert operator.get(f"/console/jobs/runs/{run.pk}/cancel").status_code == 405
    assert operator.post(f"/console/jobs/runs/{run.pk}/cancel").status_code == 302

    run.refresh_from_db()
    assert (run.cancel_asked, run.cancelled_by) == (True, "operator")
    assert "ends at its next page" in page(operator, f"runs/{run.pk}")


def test_failed_tables_are_run_again_alone(shop: Replicated, operator: Client) -> None:
    run = run_of(shop, "failed", cause="1 of 2 tasks failed.", hint="Look.")
    TaskRun.objects.filter(run=run, position=0).update(state="done")
    assert "Retry failed tables" in page(operator, f"runs/{run.pk}")

    answer = operator.post(f"/console/jobs/runs/{run.pk}/retry")

    made = Run.objects.latest("pk")
    assert answer["Location"] == f"/console/jobs/runs/{made.pk}"
    assert (made.reason, made.only) == ("retry", [shop.job.tasks.get(position=1).key])


def test_a_run_of_a_deleted_job_stays_and_offers_nothing(shop: Replicated, operator: Client) -> None:
    run = run_of(shop, "failed", cause="It broke.")
    shop.job.delete()

    text = page(operator, f"runs/{run.pk}")

    assert ("It broke." in text, "Retry" in text, "Run again" in text) == (True, False, False)
    assert operator.post(f"/console/jobs/runs/{run.pk}/again").status_code == 404
    assert "deleted" in page(operator, "runs")


@pytest.mark.parametrize("ending", ["json", "csv", "md"])
def test_a_report_is_downloaded_under_a_harmless_name(shop: Replicated, operator: Client, ending: str) -> None:
    run = run_of(shop, "done")

    answer = operator.get(f"/console/jobs/runs/{run.pk}/report.{ending}")

    assert answer["Content-Disposition"] == f'attachment; filename="nightly-run-{run.pk}.{ending}"'
    assert b"customers" in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert operator.get(f"/console/jobs/runs/{run.pk}/report.exe").status_code == 404


def test_counts_of_both_ends_are_shown(shop: Replicated, operator: Client) -> None:
    run = run_of(shop, "done")
    TaskRun.objects.filter(run=run, position=0).update(source_count=2, destination_count=2)
    TaskRun.objects.filter(run=run, position=1).update(source_count=3, destination_count=2)

    text = page(operator, f"runs/{run.pk}")

    assert "Rows at the source: 2, at the destination: 2" in text
    assert "Rows at the source: 3, at the destination: 2" in text


def test_a_checkpoint_is_reset_by_administrators_who_were_told_what_it_means(
    shop: Replicated, admin: Client, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, asked = shop.job.tasks.get(position=0), []
    monkeypatch.setattr("apiserver.jobs.starting.reset", lambda task, **who: asked.append((task.pk, who["who"])))

    assert operator.get(f"/console/jobs/tasks/{task.pk}/reset").status_code == 403
    assert "reads the whole table from the beginning" in page(admin, f"tasks/{task.pk}/reset")
    answer = admin.post(f"/console/jobs/tasks/{task.pk}/reset")

    assert (answer.status_code, asked) == (302, [(task.pk, "admin")])


# ---- history ----


def test_history_is_filtered_and_paged(shop: Replicated, operator: Client) -> None:
    for minutes in range(60):
        run_of(shop, "done", minutes=minutes, rows=minutes)
    failed = run_of(shop, "failed", minutes=3, reason="button", cause="It broke.")

    everything, second = page(operator, "runs"), page(operator, "runs?page=2")
    some = page(operator, f"runs?job={shop.job.pk}&state=failed&reason=button&since=2020-01-01 00:00")
    none = page(operator, "runs?until=2020-01-01 00:00")

    assert (everything.count('<td class="when"><a'), second.count('<td class="when"><a'), some.count('<td class="when"><a')) == (50, 11, 1)
    assert f"Run {failed.pk}" in some
    assert "No run fits" in none
    assert page(operator, "runs?since=yesterday&state=lost").count('<td class="when"><a') == 50


def test_history_of_a_job_shows_charts_beside_the_figures(shop: Replicated, operator: Client) -> None:
    for minutes, state in ((1, "done"), (2, "failed"), (3, "skipped")):
        run_of(shop, state, minutes=minutes, rows=10 * minutes)

    text = page(operator, f"{shop.job.pk}/history")

    assert (text.count('role="img"'), text.count("<rect"), text.count('<rect class="failed"')) == (2, 4, 2)
    assert "upper edge: 20" in text
    assert 'style="' not in text


def test_history_asks_as_many_queries_for_many_runs_as_for_few(
    shop: Replicated, operator: Client, django_assert_max_num_queries: Any
) -> None:
    for minutes in range(30):
        run_of(shop, "done", minutes=minutes)

    with django_assert_max_num_queries(12):
        page(operator, "runs")


def test_history_of_a_task_shows_its_runs(shop: Replicated, operator: Client) -> None:
    for minutes in (1, 2):
        run_of(shop, "done", minutes=minutes)
    TaskRun.objects.filter(position=1).update(inserted=7, mode="incremental")

    text = page(operator, f"tasks/{shop.job.tasks.get(position=1).pk}/history")

    assert (text.count('<td class="when"><a'), text.count("+7"), "changes" in text) == (2, 2, True)


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.03, 0.05), (1, 1), (7, 10), (1200, 2000), (99_999, 100_000)])
def test_the_upper_edge_of_a_chart_is_round(value: float, top: float) -> None:
    assert ceiling(value) == pytest.approx(top)


def test_a_chart_of_one_value_is_none() -> None:
    assert chart("x", [Point(1, "done", "")], str) is None


# ---- dry run ----


def test_a_dry_run_shows_what_would_be_done_and_changes_nothing(shop: Replicated, operator: Client) -> None:
    shop.run_copy("DROP TABLE orders")
    customers, orders = shop.job.tasks.all()

    listed, made = page(operator, f"{shop.job.pk}/dry-run"), page(operator, f"tasks/{orders.pk}/dry-run", **{"hx-request": "true"})

    assert listed.count("<details") == 2
    assert "CREATE TABLE" in made
    assert ("first" in made, "<html" in made) == (True, False)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        shop.run_copy("SELECT * FROM orders")
    tried = page(operator, f"tasks/{customers.pk}/dry-run")
    assert ("Kyoto" in tried, '<span class="null">null</span>' in tried) == (True, True)


def test_a_dry_run_does_not_take_the_copy_for_a_source_that_is_gone(shop: Replicated, operator: Client) -> None:
    shop.run_source("DROP TABLE orders")

    text = page(operator, f"tasks/{shop.job.tasks.get(position=1).pk}/dry-run")

    assert 'class="note error" role="alert"' in text, text[text.index("<section") :]


# ---- events and notifications ----


def test_events_are_added_changed_moved_and_removed(shop: Replicated, admin: Client, operator: Client) -> None:
    base = f"/console/jobs/{shop.job.pk}/events"
    assert operator.get(base).status_code == 403
    sql = "DELETE FROM lines;\nINSERT INTO lines VALUES ('a;b');\n"

    assert (
        admin.post(f"{base}/add", {"kind": "sql", "when": "after", "outcome": "always", "sql": sql, "transaction": "on"}).status_code == 302
    )
    assert admin.post(f"{base}/add", {"kind": "refuse", "when": "before", "refusal": "previous_failed"}).status_code == 302
    assert admin.post(f"{base}/2", {"kind": "refuse", "when": "before", "refusal": "source", "refusal_sql": "SELECT 1"}).status_code == 302
    assert admin.post(f"{base}/arrange", {"raise": "2"}).status_code == 302

    job = Job.objects.get(pk=shop.job.pk)
    assert job.events == [
        {"when": "before", "refuse": {"source": "SELECT 1"}},
        {"when": "after", "if": "always", "sql": ["DELETE FROM lines", "INSERT INTO lines VALUES ('a;b')"]},
    ]
    assert "INSERT INTO lines" in page(admin, f"{shop.job.pk}/events/2")
    assert admin.post(f"{base}/arrange", {"remove": "1"}).status_code == 302
    assert len(Job.objects.get(pk=shop.job.pk).events) == 1
    assert admin.get(f"{base}/7").status_code == 404


def test_a_secret_that_was_made_is_shown_once(shop: Replicated, admin: Client) -> None:
    given = {"kind": "webhook", "when": "after", "outcome": "success", "url": "https://hooks.example/own-secret-path"}

    answer = admin.post(f"/console/jobs/{shop.job.pk}/events/add", given)

    (event,) = event_settings.opened(Job.objects.get(pk=shop.job.pk).events)
    assert (event["webhook"]["secret"] in answer.content.decode(), answer["Cache-Control"]) == (True, "no-store")
    listed = page(admin, f"{shop.job.pk}/events")
    assert ("Call hooks.example" in listed, event["webhook"]["secret"] in listed, "own-secret-path" in listed) == (True, False, False)


def test_what_is_wrong_with_an_event_is_said_and_nothing_is_stored(shop: Replicated, admin: Client) -> None:
    Job.objects.create(
        name="other",
        source=shop.source,
        destination=shop.destination,
        table_prefix="o_",
        events=[{"when": "after", "if": "success", "start_job": "nightly"}],
    )

    loop = admin.post(f"/console/jobs/{shop.job.pk}/events/add", {"kind": "start_job", "when": "after", "start_job": "other"})
    empty = admin.post(f"/console/jobs/{shop.job.pk}/events/add", {"kind": "sql", "when": "after", "sql": ""})

    assert (loop.status_code, empty.status_code, Job.objects.get(pk=shop.job.pk).events) == (422, 422, [])
    assert "nightly → other → nightly" in loop.content.decode()


def test_notifications_of_a_job_are_stored_and_tested(shop: Replicated, admin: Client, plain: Any, mailbox: Mailbox) -> None:
    give(smtp=smtp(plain.port), to=["desk@example.com"])
    base = f"/console/jobs/{shop.job.pk}/notifications"

    wrong = admin.post(base, {"on": "all", "to": "nobody"})
    stored = admin.post(base, {"on": "all", "to": "a@example.com b@example.com", "subject": "{JobName} is {Status}"})
    tested = admin.post(f"{base}/test", follow=True)

    assert (wrong.status_code, stored.status_code) == (422, 302)
    assert Job.objects.get(pk=shop.job.pk).notify == {
        "on": "all",
        "to": ["a@example.com", "b@example.com"],
        "subject": "{JobName} is {Status}",
    }
    assert "a@example.com, b@example.com: taken." in tested.content.decode()
    assert (mailbox.mails[0]["Subject"], mailbox.mails[0]["To"]) == ("nightly is done", "a@example.com, b@example.com")


def test_events_of_a_run_are_rows_of_its_page(shop: Replicated, operator: Client) -> None:
    shop.job.events = event_settings.sealed(event_settings.checked([{"when": "before", "sql": "SELECT 1"}, {"start_job": "x"}], "events"))
    run = run_of(shop, "failed")
    events.plan(run)
    EventRun.objects.filter(number=1).update(state="done", text="The statement was run.")

    text = page(operator, f"runs/{run.pk}")
    report = json.loads(b"".join(operator.get(f"/console/jobs/runs/{run.pk}/report.json").streaming_content))  # type: ignore[attr-defined]

    assert text.index("SQL at the destination") < text.index("Start the job x")
    assert [(item["title"], item["state"]) for item in report["events"]] == [
        ("SQL at the destination", "done"),
        ("Start the job x", "waiting"),
    ]


@pytest.mark.parametrize(("kept", "shown"), [("info", "Info"), ("warning", "Warning"), ("error", "Error"), ("debug", "debug")])
def test_log_says_how_grave_its_lines_are(shop: Replicated, admin: Client, kept: str, shown: str) -> None:
    run = run_of(shop, "done", rows=1)
    RunLine.objects.create(run=run, at=timezone.now(), level=kept, text="What was said")

    assert f">{shown}</span></td>" in page(admin, f"runs/{run.pk}")


def test_numbers_of_rows_have_their_thousands_apart(shop: Replicated, admin: Client) -> None:
    run = run_of(shop, "done", rows=1_234_567)
    run.tasks.update(inserted=1_234_567)

    assert "· 1,234,567 rows" in page(admin, str(shop.job.pk))
    assert ">1,234,567</td>" in page(admin, f"{shop.job.pk}/tasks")


def test_state_has_no_blank_that_a_link_would_underline(shop: Replicated, admin: Client) -> None:
    run_of(shop, "done", rows=1)

    assert "✓ Done</span></a>" in page(admin, str(shop.job.pk))
