"""Jobs, tasks and runs by the management API. Runs are done here by hand: no worker is at work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apiserver.jobs import task_running
from apiserver.jobs.claiming import claim
from apiserver.jobs.event_settings import opened
from apiserver.jobs.models import Job, Run, Task
from apiserver.jobs.running import carry_out
from apiserver.jobs.under_way import Running
from tests.jobs.fake_moves import Moves
from tests.manage.conftest import Caller, audited, error


@pytest.fixture
def job(connected: Caller, tmp_path: Path) -> Caller:
    """The administrator, with the job nightly, which copies Orders."""
    (tmp_path / "copy.db").touch()
    copy = {"name": "copy", "connector": "sqlite", "properties": {"Database": str(tmp_path / "copy.db")}}
    assert connected("POST", "/connections/", copy).status_code == 201
    body = {"name": "nightly", "source": "shop", "destination": "copy", "tasks": ["REPLICATE [Orders]"], "schedule": "0 6 * * *"}
    answer = connected("POST", "/jobs/", body)
    assert (answer.status_code, answer["Location"]) == (201, "http://testserver:80/manage/api/jobs/nightly/")
    return connected


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> Moves:
    """Move nothing: three pages of ten rows are counted for each table."""
    made = Moves()
    monkeypatch.setattr(task_running, "move", made.move)
    return made


def done(run: int) -> Run:
    """Do a run that waits."""
    found = Run.objects.get(pk=run)
    assert claim(found, now=timezone.now())
    carry_out(Running(found))
    return Run.objects.get(pk=run)


def test_what_was_read_can_be_sent_back(job: Caller) -> None:
    read = job("GET", "/jobs/nightly/")

    answers = [job(method, "/jobs/nightly/", read.json(), If_Match=read["ETag"]) for method in ("PATCH", "PUT")]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, read.json())] * 2
    assert audited()[-1] == ("ada", "job created")
    assert job("GET", "/jobs/?q=night").json()["count"] == 1


def test_change_rename_copy_delete(job: Caller) -> None:
    changed = job("PATCH", "/jobs/nightly/", {"name": "hourly", "schedule": "0 * * * *", "paused": True})
    copied = job("POST", "/jobs/hourly/copy/", {"name": "second", "table_prefix": "b_"})
    stale = job("DELETE", "/jobs/second/", If_Match='"x"')

    assert (changed.json()["name"], changed.json()["schedule"], changed.json()["paused"]) == ("hourly", "0 * * * *", True)
    assert (copied.status_code, copied.json()["table_prefix"], copied.json()["tasks"]) == (201, "b_", ["REPLICATE [Orders]"])
    assert (stale.status_code, job("DELETE", "/jobs/second/").status_code) == (412, 204)
    assert [found.name for found in Job.objects.all()] == ["hourly"]


def test_a_secret_that_was_made_is_told_once(job: Caller) -> None:
    hooks = [{"when": "after", "webhook": f"https://hooks.example.com/{name}"} for name in ("a", "b")]
    own = {"when": "after", "webhook": {"url": "https://hooks.example.com/c", "secret": "whsec_" + "c2VjcmV0" * 4}}
    body = {"name": "second", "source": "shop", "destination": "copy", "table_prefix": "b_", "tasks": ["REPLICATE [Orders]"]}

    made = job("POST", "/jobs/", {**body, "events": [hooks[0]]})
    read = job("GET", "/jobs/second/")
    changed = job("PATCH", "/jobs/second/", {"events": [hooks[0], hooks[1], own]})
    again = job("PATCH", "/jobs/second/", {"labels": ["x"]})

    kept = [item["webhook"]["secret"] for item in opened(Job.objects.get(name="second").events)]
    assert [item["secret"] for item in made.json()["webhook_secrets"]] == kept[:1]
    assert made.json()["webhook_secrets"][0]["id"] == read.json()["events"][0]["webhook"]["id"]
    assert [item["secret"] for item in changed.json()["webhook_secrets"]] == kept[1:2]
    assert "webhook_secrets" not in read.json() and "webhook_secrets" not in again.json()


def test_webhook_of_an_event_is_named_by_its_id(job: Caller) -> None:
    address = "https://hooks.example.com/s3cret"
    made = job("PATCH", "/jobs/nightly/", {"events": [{"when": "after", "webhook": {"url": address}}]})
    stored = Job.objects.get().events

    again = job("PUT", "/jobs/nightly/", {**made.json(), "labels": ["x"]})
    unknown = job("PATCH", "/jobs/nightly/", {"events": [{"webhook": {"id": "0"}}]})

    assert (made.status_code, "s3cret" in made.content.decode(), "whsec" in again.content.decode()) == (200, False, False)
    assert (again.status_code, again.json()["events"], Job.objects.get().events) == (200, made.json()["events"], stored)
    assert (unknown.status_code, error(unknown)["target"]) == (422, "events[0].webhook")


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"source": "shopp", "destination": "copy"}, "source"),
        ({"source": "shop", "destination": "copy", "tasks": ["REPLICATE"]}, "tasks[0]"),
        ({"source": "shop", "destination": "copy", "schedule": "x"}, "schedule"),
        ({"source": "shop", "destination": "copy", "shedule": ""}, "shedule"),
        ({"source": "shop"}, "destination"),
    ],
)
def test_wrong_jobs_are_refused_at_their_field(job: Caller, body: Any, target: str) -> None:
    answer = job("POST", "/jobs/", {"name": "wrong", **body})

    assert (answer.status_code, error(answer)["target"], Job.objects.count()) == (422, target, 1)


def test_tasks_are_added_changed_and_taken_out(job: Caller) -> None:
    added = job("POST", "/jobs/nightly/tasks/", {"statement": "REPLICATE [Customers]"})
    key = added.json()["key"]
    changed = job("PATCH", f"/jobs/nightly/tasks/{key}/", {"enabled": False})
    wrong = job("PATCH", f"/jobs/nightly/tasks/{key}/", {"statement": "REPLICATE [Orders]"})
    twice = job("POST", "/jobs/nightly/tasks/", {"statement": "REPLICATE [Orders]"})

    assert (added.status_code, added["Location"]) == (201, f"http://testserver:80/manage/api/jobs/nightly/tasks/{key}/")
    assert changed.json() == {"key": key, "statement": "REPLICATE [Customers]", "enabled": False, "settings": {}}
    assert (wrong.status_code, error(wrong)["target"], twice.status_code) == (422, "statement", 422)
    assert job("DELETE", f"/jobs/nightly/tasks/{key}/").status_code == 204
    assert len(job("GET", "/jobs/nightly/tasks/").json()["results"]) == 1


def test_run_is_202_until_it_is_over(job: Caller, moves: Moves) -> None:
    started = job("POST", "/jobs/nightly/runs/", {"tasks": ["orders"]}, Prefer="respond-async, wait=0")
    address = started["Location"].removeprefix("http://testserver:80/manage/api")
    waiting = job("GET", address)
    again = job("POST", "/jobs/nightly/runs/")
    done(started.json()["run"])
    over = job("GET", address)

    assert (started.status_code, waiting.status_code, started["Retry-After"]) == (202, 202, "1")
    assert (started["Preference-Applied"], "Preference-Applied" in waiting) == ("respond-async", False)
    assert (again.status_code, started["Location"] in error(again)["message"]) == (409, True)
    assert (over.status_code, over.json()["state"], over.json()["reason"], over.json()["asked_by"]) == (200, "done", "api", "ada")
    assert (over.json()["rows"], [(task["title"], task["rows_read"]) for task in over.json()["tasks"]]) == (27, [("Orders", 30)])


def test_run_that_has_not_begun_is_cancelled_at_once(job: Caller) -> None:
    first = job("POST", "/jobs/nightly/runs/").json()["run"]
    cancelled = job("DELETE", f"/runs/{first}/")
    retried = job("POST", f"/runs/{first}/retry/")
    second = job("POST", f"/runs/{retried.json()['run']}/cancel/")

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (retried.status_code, retried.json()["reason"], second.json()["state"]) == (202, "retry", "cancelled")
    assert job("DELETE", f"/runs/{first}/").json()["state"] == "cancelled"


def test_history_is_filtered_and_paged(job: Caller) -> None:
    for _ in range(3):
        job("DELETE", f"/runs/{job('POST', '/jobs/nightly/runs/').json()['run']}/")
    newest = job("GET", "/runs/?limit=2").json()
    rest = job("GET", f"/runs/?limit=2&before={newest['next']}").json()
    later = (timezone.now() + timedelta(days=1)).isoformat()

    assert ([len(page["results"]) for page in (newest, rest)], rest["next"]) == ([2, 1], None)
    assert len(job("GET", "/jobs/nightly/runs/?state=cancelled,failed&reason=api").json()["results"]) == 3
    assert job("GET", f"/runs/?since={later}").json()["results"] == []
    assert job("GET", "/runs/?job=other").json()["results"] == []
    assert error(job("GET", "/runs/?state=perhaps"))["target"] == "state"


def test_log_report_and_status_of_a_run(job: Caller, moves: Moves) -> None:
    run = job("POST", "/jobs/nightly/runs/").json()["run"]
    before = job("GET", "/jobs/nightly/status/").json()
    done(run)
    lines = job("GET", f"/runs/{run}/log/").json()
    status = job("GET", "/jobs/nightly/status/").json()

    assert (before["state"], before["run"]["run"], len(before["next"])) == ("waiting", run, 5)
    assert "rows replicated in" in lines["results"][-1]["text"]
    assert job("GET", f"/runs/{run}/log/?after={lines['next']}").json()["results"] == []
    assert job("GET", f"/runs/{run}/log/?level=error").json()["results"] == []
    assert (status["state"], status["run"], status["last"]["state"]) == ("idle", None, "done")
    reports = {form: job("GET", f"/runs/{run}/report/?format={form}") for form in ("json", "csv", "md")}
    assert [answer.status_code for answer in reports.values()] == [200, 200, 200]
    assert (reports["json"].json()["run"], reports["csv"]["Content-Disposition"]) == (run, f'attachment; filename="run-{run}.csv"')


def tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if not name.startswith("_")]


@pytest.mark.django_db(transaction=True)
def test_dry_run_changes_nothing_and_a_reset_task_reads_everything_anew(job: Caller, tmp_path: Path) -> None:
    key = Task.objects.get().key
    dry = job("POST", f"/jobs/nightly/tasks/{key}/dry_run/").json()
    before = tables(tmp_path / "copy.db")
    first = done(job("POST", "/jobs/nightly/runs/").json()["run"])
    reset = job("POST", f"/jobs/nightly/tasks/{key}/reset/")
    second = done(job("POST", "/jobs/nightly/runs/").json()["run"])

    assert (dry["mode"], dry["table"], dry["primary_key"], bool(dry["ddl"]), len(dry["rows"])) == ("swap", "Orders", ["Id"], True, 1)
    assert (before, tables(tmp_path / "copy.db")) == ([], ["Orders"])
    assert (reset.status_code, first.state, second.state) == (204, "done", "done")
    assert [run.tasks.get().rows_read for run in (first, second)] == [1, 1]


LOOKS = ("/jobs/", "/jobs/nightly/", "/jobs/nightly/tasks/", "/jobs/nightly/status/", "/runs/")
ADMINISTRATORS = [
    ("POST", "/jobs/"),
    ("PUT", "/jobs/nightly/"),
    ("PATCH", "/jobs/nightly/"),
    ("DELETE", "/jobs/nightly/"),
    ("POST", "/jobs/nightly/copy/"),
    ("POST", "/jobs/nightly/tasks/"),
    ("PATCH", "/jobs/nightly/tasks/KEY/"),
    ("DELETE", "/jobs/nightly/tasks/KEY/"),
    ("POST", "/jobs/nightly/tasks/KEY/reset/"),
    ("POST", "/jobs/nightly/tasks/KEY/dry_run/"),
]


def test_operators_look_start_and_stop_and_change_nothing(job: Caller, operator: Caller, reader: Caller) -> None:
    key = Task.objects.get().key
    before = list(Job.objects.values())

    refused = [operator(method, path.replace("KEY", key), {"name": "x"}).status_code for method, path in ADMINISTRATORS]
    looked = [operator("GET", path).status_code for path in LOOKS]
    run = operator("POST", "/jobs/nightly/runs/")
    stopped = operator("DELETE", f"/runs/{run.json()['run']}/")

    assert (refused, looked) == ([403] * len(ADMINISTRATORS), [200] * len(LOOKS))
    assert (run.status_code, stopped.status_code, list(Job.objects.values())) == (202, 200, before)
    assert {reader("GET", path).status_code for path in LOOKS} | {reader("POST", "/jobs/nightly/runs/").status_code} == {403}


def test_calls_of_the_replaced_product(job: Caller, moves: Moves) -> None:
    name = {"JobName": "nightly"}
    before = job("POST", "/getJobStatus", name).json()
    started, twice = (job("POST", "/executeJob", {**name, "WaitForResults": False}).json()["value"] for _ in range(2))
    done(Run.objects.exclude(state="skipped").get().pk)
    after = job("POST", "/getJobStatus", name).json()
    refused = [job("POST", "/cancelJob", body).status_code for body in (name, {"JobName": "x"}, {})]

    assert before == {"JobName": "nightly", "Status": "NOT RUN", "Queries": []}
    assert (started[0]["Status"], twice[0]["Status"], refused) == ("PENDING", "SKIPPED", [409, 404, 422])
    assert after == {"JobName": "nightly", "Status": "SUCCESS", "Queries": [{"Query": "REPLICATE [Orders]", "Status": "SUCCESS"}]}
    assert "27 rows replicated" in job("POST", "/getJobLog", name).json()["LogFile"]


def test_connection_that_a_job_needs_stays(job: Caller) -> None:
    answer = job("DELETE", "/connections/copy/")

    assert (answer.status_code, "nightly" in error(answer)["message"]) == (409, True)
