"""The end of a run: told by e-mail and webhook, in the words of its job, at least once; and its report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from apiserver.jobs import notify_query, notify_settings, report, telling
from apiserver.jobs.models import Run, RunLine, TaskRun
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.models import Notice, NoticeDelivery
from tests.jobs.replicated import Replicated, replicate_shop
from tests.server.mail import SECRET, Mailbox, give, mailbox, plain, receiver, send, smtp
from tests.triggers.receiver import Receiver

__all__ = ["mailbox", "plain", "receiver"]  # fixtures
NOW = timezone.now().replace(microsecond=0)


@pytest.fixture
def shop(db: None, tmp_path: Path) -> Replicated:
    return replicate_shop(tmp_path)


def over(shop: Replicated, state: str = "done", **changes: Any) -> Run:
    """Return a run that is over, with two tables."""
    began = NOW - timedelta(seconds=75)
    times = {"created": began, "due": began, "started": began, "ended": NOW}
    run = Run.objects.create(job=shop.job, job_name="nightly", reason="schedule", state=state, rows=1234, **times, **changes)
    for position, task in enumerate(shop.job.tasks.all()):
        TaskRun.objects.create(
            run=run,
            task=task,
            key=task.key,
            position=position,
            title=task.statement[11:-1],
            statement=task.statement,
            state="done",
            mode="full",
            started=began,
            ended=NOW,
            rows_read=700,
            inserted=617,
        )
    return run


# ---- e-mail and webhook ----


def test_a_run_that_went_well_is_told_by_email_with_time_and_rows(shop: Replicated, plain: Any, mailbox: Mailbox) -> None:
    give(smtp=smtp(plain.port), to=["desk@example.com"], on="all")

    telling.tell(over(shop), NOW)
    send()

    (mail,) = mailbox.mails
    assert (mail["To"], mail["Subject"]) == ("desk@example.com", "nightly: 1,234 rows in 1 min 15 s")
    text = mail.get_content()
    assert "1,234 rows replicated in 1 min 15 s." in text
    assert "| customers | done | 700 | 617 | 0 | 0 | 75.0 |" in text


def test_words_of_the_job_are_filled_in_and_break_no_header(shop: Replicated, plain: Any, mailbox: Mailbox) -> None:
    give(smtp=smtp(plain.port), to=["desk@example.com"], on="errors")
    shop.job.notify = {
        "to": ["own@example.com"],
        "subject": "[{jobname}] {Status}: {Error}",
        "text": "{Rows}/{RowsRead} {Tables} {Unknown} {}",
    }
    shop.job.save()

    telling.tell(over(shop, "failed", cause="It broke.\r\nBcc: evil@example.com {Rows}", hint="Look."), NOW)
    send()

    (mail,) = mailbox.mails
    assert (mail["To"], mail["Bcc"]) == ("own@example.com", None)
    assert mail["Subject"] == "[nightly] failed: It broke. Bcc: evil@example.com {Rows}"
    assert mail.get_content().strip() == "1,234/1,400 customers, orders {Unknown} {}"


def test_columns_of_a_query_are_filled_in(shop: Replicated, plain: Any, mailbox: Mailbox) -> None:
    give(smtp=smtp(plain.port), to=["desk@example.com"], on="all")
    query = "SELECT COUNT(*) AS Buyers, MAX(name) AS [Last name] FROM customers"
    shop.job.notify = {
        "query": query,
        "subject": "{buyers} buyers, {LAST NAME}, {QueryRows} row",
        "text": "{Buyers}: {Last name}\n\n{QueryRows}",
    }
    shop.job.save()
    run = over(shop)
    run.order = {"notify_rows": notify_query.asked(query, shop.job.destination, now=NOW).data()}

    telling.tell(run, NOW)
    send()

    (mail,) = mailbox.mails
    assert mail["Subject"] == "2 buyers, Ben, 1 row"
    assert mail.get_content().splitlines()[0] == "2: Ben"
    assert "| 2 | Ben |" in mail.get_content()


def test_a_query_without_rows_fills_in_nothing(shop: Replicated) -> None:
    found = notify_query.asked("SELECT name FROM customers WHERE 1 = 2", shop.job.destination, now=NOW)

    assert (found.values(), found.markdown()) == ({"name": ""}, "")


def test_the_query_is_checked_when_it_is_saved() -> None:
    with pytest.raises(ConfigurationError, match=r"notify\.query: "):
        notify_settings.checked({"query": "DELETE FROM customers"}, "notify")


@pytest.mark.parametrize(
    ("server", "own", "state", "count"),
    [
        ("errors", {}, "done", 0),
        ("errors", {}, "failed", 1),
        ("all", {}, "cancelled", 1),
        ("never", {}, "failed", 0),
        ("never", {"on": "all"}, "done", 1),
        ("all", {"on": "never"}, "failed", 0),
        ("all", {"on": "errors"}, "done", 0),
    ],
)
def test_who_is_told_of_what(shop: Replicated, server: str, own: dict[str, str], state: str, count: int) -> None:
    give(smtp=smtp(25), to=["desk@example.com"], on=server)
    shop.job.notify = own
    shop.job.save()

    telling.tell(over(shop, state), NOW)

    assert Notice.objects.count() == count


def test_a_webhook_is_told_what_was_done(shop: Replicated, receiver: Receiver) -> None:
    give(webhooks=[{"url": receiver.url(), "secret": SECRET}], on="errors")
    run = over(shop, "failed", cause="It broke.")

    telling.tell(run, NOW)
    send()

    (call,) = receiver.calls
    assert (call.is_signed(SECRET), json.loads(call.body)["type"]) == (True, "job.failed")
    data = call.data
    assert (data["job"], data["run"], data["rows"], data["seconds"], data["cause"]) == ("nightly", run.pk, 1234, 75.0, "It broke.")
    assert [task["title"] for task in data["tasks"]] == ["customers", "orders"]


def test_what_is_told_stands_or_falls_with_the_end_of_the_run(shop: Replicated) -> None:
    give(smtp=smtp(25), to=["desk@example.com"], on="all")
    run = over(shop)

    with pytest.raises(KeyError), transaction.atomic():
        telling.tell(run, NOW)
        raise KeyError

    assert (Notice.objects.count(), NoticeDelivery.objects.count()) == (0, 0)


def test_a_fault_in_telling_does_not_keep_the_run_from_its_end(shop: Replicated, monkeypatch: pytest.MonkeyPatch) -> None:
    run = over(shop)
    monkeypatch.setattr(telling, "post", lambda *_, **__: {}["no"])

    with transaction.atomic():
        telling.tell(run, NOW)

    assert RunLine.objects.get(run=run).text.startswith("Nobody could be told")


def test_a_test_of_a_job_is_told_whatever_the_settings_say(shop: Replicated, plain: Any, mailbox: Mailbox) -> None:
    give(smtp=smtp(plain.port), to=["desk@example.com"], on="never")

    notice = telling.send_test(shop.job, now=NOW)
    send()

    assert notice is not None and notice.is_test
    assert mailbox.mails[0]["Subject"] == "nightly: 12 rows in 0.0 s"
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"at": "all"}, "notify.at is not known"),
        ({"on": "error"}, "notify.on: there is no 'error'; the nearest is errors."),
        ({"to": ["nobody"]}, "notify.to[0] must be an e-mail address"),
        ({"subject": "x" * 201}, "notify.subject: 200 characters are the most."),
    ],
)
def test_what_can_not_be_told_so_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        notify_settings.checked(given, "notify")

    assert said in str(caught.value)


def test_settings_of_a_job_as_yaml_reads_them() -> None:
    assert notify_settings.checked({True: False, "to": [], "subject": ""}, "notify") == {"on": "never"}


# ---- report ----


@pytest.fixture
def told(shop: Replicated) -> Iterator[Run]:
    run = over(shop, "failed", cause="/api.rsc/@abcdefghijklmnopqrstuvwx/T refused.", hint="Look.")
    task = run.tasks.order_by("pk")[0]
    task.title, task.cause = "=HYPERLINK(1)|x", "<b>bad</b>\nsecond"
    task.save()
    RunLine.objects.create(run=run, task_run=task, at=NOW, level="error", text="`x` | <script>")
    yield run


def test_a_report_as_json_holds_all_and_no_authtoken(told: Run) -> None:
    found = json.loads("".join(report.as_json(told)))

    assert (found["state"], found["rows"], len(found["tasks"]), found["log"][0]["text"]) == ("failed", 1234, 2, "`x` | <script>")
    assert found["cause"] == "/api.rsc/@***/T refused."
    assert found["tasks"][1]["statement"] == "REPLICATE [orders]"


def test_a_report_as_csv_runs_no_formula(told: Run) -> None:
    rows = list(csv.DictReader(io.StringIO("".join(report.as_csv(told)))))

    assert [(row["table"], row["inserted"]) for row in rows] == [("'=HYPERLINK(1)|x", "617"), ("orders", "617")]


def test_a_report_as_markdown_shows_marks_as_text(told: Run) -> None:
    text = "".join(report.as_markdown(told))

    assert "\\<b\\>bad\\</b\\> second" in text
    assert "\\`x\\` \\| \\<script\\>" in text
    assert "| =HYPERLINK(1)\\|x | done | full | 75.0 | 700 | 617 | 0 | 0 | 0 |" in text
