"""The pages of Jobs: who sees them, what they show and do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.jobs import services
from apiserver.jobs.models import Job, Run, TaskRun
from apiserver.server.models import Audit
from connections.models import Connection
from connections.services import save_connection
from tests.databases import shop
from users.models import User

TAG = re.compile(r"<[^>]+>")


def person(role: str = "operator") -> Client:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user(role, "a long pass phrase", role=role))
    return client


def words(answer: Any) -> str:
    """Return the text of a page's content."""
    text = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(TAG.sub(" ", text).split())


@pytest.fixture
def source(db: None, tmp_path: Path) -> Connection:
    return save_connection(name="shop", connector="sqlite", values={"Database": str(shop(tmp_path / "shop.db"))})


@pytest.fixture
def destination(db: None, tmp_path: Path) -> Connection:
    (tmp_path / "copy.db").touch()
    return save_connection(name="warehouse", connector="sqlite", values={"Database": str(tmp_path / "copy.db")})


@pytest.fixture
def job(source: Connection, destination: Connection) -> Iterator[Job]:
    yield services.create_job(
        who="maker",
        now=timezone.now(),
        name="nightly",
        source=source,
        destination=destination,
        tasks=[services.Given("REPLICATE [Orders]"), services.Given("REPLICATE [Goods]")],
    )


@pytest.mark.django_db
def test_an_empty_list_says_what_to_do() -> None:
    page = words(person().get("/console/jobs/"))

    assert "No job yet" in page and "Add Job" in page


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [("operator", 200), ("admin", 200), ("query", 302)])
def test_who_may_open_the_pages(role: str, status: int, job: Job) -> None:
    client = person(role)
    paths = ["", "add", job.pk, f"{job.pk}/tasks", f"{job.pk}/tasks/add", f"tasks/{job.tasks.all()[0].pk}/query"]

    assert {client.get(f"/console/jobs/{path}").status_code for path in paths} == {status}


def test_the_list_shows_what_a_job_did_and_when_it_goes_on(job: Job) -> None:
    now = timezone.now()
    services.save_job(job, who="maker", now=now, schedule="*/10 * * * *", labels=["crm"])
    Run.objects.create(job=job, job_name=job.name, reason="button", state="done", rows=12, created=now, due=now, started=now, ended=now)
    services.create_job(who="maker", now=now, name="other", destination=job.destination)
    client = person()

    page, found, labelled = (words(client.get(f"/console/jobs/{query}")) for query in ("", "?q=shop+nightly", "?label=crm"))

    assert "shop → warehouse Every 10 minutes ✓ Done" in page and "12 rows" in page
    assert ["other" in text for text in (page, found, labelled)] == [True, False, False]


def test_the_list_asks_as_often_for_many_jobs_as_for_one(job: Job, django_assert_num_queries: Any) -> None:
    client = person()
    client.get("/console/jobs/")
    for _number in range(5):
        copy = services.copy_job(job, who="maker", now=timezone.now())
        Run.objects.create(job=copy, job_name=copy.name, reason="button", created=timezone.now(), due=timezone.now())
    with django_assert_num_queries(5):  # session, user, options, jobs, runs
        client.get("/console/jobs/")


def test_pause_copy_and_delete(job: Job) -> None:
    client = person()
    for verb in ("pause", "copy"):
        client.post(f"/console/jobs/{job.pk}/{verb}")
    asked = words(client.get(f"/console/jobs/{job.pk}/delete"))
    client.post(f"/console/jobs/{job.pk}/delete")

    copy = Job.objects.get()
    assert "can't be undone" in asked and "warehouse" in asked
    assert (copy.name, copy.paused, copy.table_prefix != "", copy.tasks.count()) == ("nightly_2", True, True, 2)
    assert [entry.action for entry in Audit.objects.order_by("pk")][-3:] == ["job changed", "job created", "job deleted"]


def test_the_short_way_adds_a_job_and_its_tasks(source: Connection, destination: Connection) -> None:
    client = person()
    form = {"step": "connections", "name": "issues", "kind": "standard", "source": source.pk, "destination": destination.pk}

    added = client.post("/console/jobs/add", {**form, "go": "create"})
    job = Job.objects.get()
    page = words(client.get(added.url))
    listed = words(client.get(f"/console/jobs/{job.pk}/tasks/add?q=ord"))
    client.post(f"/console/jobs/{job.pk}/tasks/add", {"table": ["|Orders", "|Goods"], "add": "1"})

    assert (added.url, "No task yet" in page) == (f"/console/jobs/{job.pk}/tasks", True)
    assert ("Orders" in listed, "Goods" in listed) == (True, False)
    assert sorted(job.tasks.values_list("statement", flat=True)) == ["REPLICATE [Goods]", "REPLICATE [Orders]"]


def test_the_wizard_takes_all_steps(source: Connection, destination: Connection) -> None:
    client = person()
    given: dict[str, Any] = {"name": "issues", "kind": "standard", "source": source.pk, "destination": destination.pk}

    def step(name: str, go: str, **more: Any) -> str:
        given.update(more)
        answer = client.post("/console/jobs/add", {**given, "step": name, "go": go})
        return answer.url if answer.status_code == 302 else f"{answer.status_code} {words(answer)}"

    tables = step("connections", "next")
    none = step("tables", "next")
    columns = step("tables", "next", table=["|Orders"])
    statement = {"statement:|Orders": "REPLICATE [Orders]", "columns:|Orders": "1", "column:|Orders": ["Id", "Note"]}
    wrong = step("columns", "next", **{"statement:|Orders": "REPLICATE [Orders] ([x] WHAT)"})
    schedule = step("columns", "next", **statement)
    given = {name: value for name, value in given.items() if not name.startswith("column")}
    given["statement:|Orders"] = "REPLICATE [Orders] SELECT [Id], [Note] FROM [Orders]"
    review = step("schedule", "next", every="10", timezone="Asia/Tokyo")
    made = step("review", "create_run")

    job, run = Job.objects.get(), Run.objects.get()
    assert ("Orders" in tables, none[:3], "Tick one table at least." in none) == (True, "422", True)
    assert "REPLICATE [Orders]" in columns and "WHAT is no type." in wrong and "Every 10 minutes" in schedule
    assert "SELECT [Id], [Note] FROM [Orders]" in review and "Asia/Tokyo" in review and "Next runs (UTC):" in review
    assert (job.schedule, job.timezone, job.next_due is not None) == ("*/10 * * * *", "Asia/Tokyo", True)
    assert [task.statement for task in job.tasks.all()] == ["REPLICATE [Orders] SELECT [Id], [Note] FROM [Orders]"]
    assert (run.job, run.reason, made) == (job, "button", f"/console/jobs/{job.pk}/tasks?run={run.pk}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "1"}, "A name starts with a letter"),
        ({"name": ""}, "This field is required."),
        ({"destination": ""}, "This field is required."),
        ({"kind": "all_tables", "source": ""}, "Choose a source"),
    ],
)
def test_a_job_that_cannot_be_says_why_and_keeps_what_was_entered(
    source: Connection, destination: Connection, change: dict[str, str], said: str
) -> None:
    form = {"step": "connections", "go": "create", "name": "a", "source": source.pk, "destination": destination.pk, "table_prefix": "kept_"}

    answer = person().post("/console/jobs/add", {**form, **change})

    assert (answer.status_code, Job.objects.count()) == (422, 0)
    assert said in words(answer) and 'value="kept_"' in answer.content.decode()


def test_two_jobs_that_would_write_one_table_are_refused_where_tables_are_added(job: Job) -> None:
    other = services.create_job(who="maker", now=timezone.now(), name="other", source=job.source, destination=job.destination)

    answer = person().post(f"/console/jobs/{other.pk}/tasks/add", {"table": ["|Orders"], "add": "1"})

    assert (answer.status_code, other.tasks.count()) == (422, 0)
    assert "The job nightly writes the table" in words(answer)


def test_a_folder_is_loaded_into_a_table_that_is_named(destination: Connection, tmp_path: Path, settings: Any) -> None:
    settings.ALLOWED_FOLDERS = (tmp_path,)
    (tmp_path / "a.csv").write_text("id,name\n1,Ann\n")
    files = save_connection(name="inbox", connector="files", values={"URI": str(tmp_path)})
    form = {
        "step": "connections",
        "go": "create",
        "name": "people",
        "kind": "load_folder",
        "source": files.pk,
        "destination": destination.pk,
    }
    client = person()

    assert client.post("/console/jobs/add", form).status_code == 302
    job = Job.objects.get()
    address = f"/console/jobs/{job.pk}/tasks/add"
    shown, unnamed = words(client.get(address)), client.post(address, {"add": "1", "name": " "})
    assert client.post(address, {"add": "1", "name": "people"}).status_code == 302

    assert "Table at the destination" in shown and "a.csv" not in shown
    assert (unnamed.status_code, "Name the table" in words(unnamed)) == (422, True)
    task = job.tasks.get()
    assert (job.kind, task.statement) == ("load_folder", "REPLICATE [people]")
    assert client.get(f"/console/jobs/tasks/{task.pk}").headers["location"] == f"/console/jobs/tasks/{task.pk}/query"
    for page in ("query", "options"):
        answer = client.get(f"/console/jobs/tasks/{task.pk}/{page}")
        assert "the files that are new or changed" in words(answer) and "There is no table" not in words(answer)
    assert "has no dry run" in words(client.get(f"/console/jobs/tasks/{task.pk}/dry-run"))
    assert client.get(f"/console/jobs/{job.pk}").status_code == 200


def saved(client: Client, job: Job, **more: Any) -> Any:
    """Send the tab Overview as a browser does that changed some fields."""
    form = {"name": job.name, "kind": job.kind, "source": job.source_id, "destination": job.destination_id, "every": "", "timezone": "UTC"}
    form |= {"set-schema": "evolve", "set-deletes": "hard", "set-continue_on_error": "on", "version": job.version}
    return client.post(f"/console/jobs/{job.pk}", {**form, **more})


def test_the_schedule_is_configured_and_saved(job: Job) -> None:
    client = person()
    before = words(client.get(f"/console/jobs/{job.pk}"))
    configuring = words(client.post(f"/console/jobs/{job.pk}", {"configure": "1", "name": job.name}))
    times = words(client.post("/console/jobs/times", {"every": "custom", "cron": "*/7 * * *"}))
    answer = saved(client, job, every="10", configuring="1")
    after = words(client.get(answer.url))

    assert "Configure" in before and "Time zone" not in before and "Time zone" in configuring
    assert ("Every 10 minutes" in after, after.count("20") >= 5) == (True, True)
    assert Job.objects.get().schedule == "*/10 * * * *"
    assert times == "" or "fields, not five" in times


def test_settings_are_kept_where_they_differ_from_the_defaults(job: Job) -> None:
    client = person()

    saved(client, job, **{"set-parallel": "4", "set-deletes": "soft", "set-batch_rows": "10000", "set-continue_on_error": ""})

    assert Job.objects.get().settings == {"parallel": 4, "deletes": "soft", "continue_on_error": False}


def test_what_was_changed_elsewhere_meanwhile_is_not_overwritten(job: Job) -> None:
    answer = saved(person(), job, name="mine", version=job.version - 1)

    assert (answer.status_code, Job.objects.get().name) == (422, "nightly")
    assert "was changed since you opened this page" in words(answer)


def test_tasks_are_run_switched_ordered_and_removed(job: Job) -> None:
    client, url = person(), f"/console/jobs/{job.pk}/tasks/change"
    first, second = job.tasks.values_list("key", flat=True)

    client.post(url, {"move": f"down:{first}"})
    client.post(url, {"task": [first], "disable": "1"})
    begun = client.post(url, {"task": [second], "run": "1"})
    again = words(client.get(client.post(url, {"run_all": "1"}).url))
    client.post(url, {"task": [first], "remove": "1"})
    none = words(client.get(client.post(url, {"run": "1"}).url))

    run = Run.objects.order_by("pk")[0]
    assert (run.only, begun.url) == ([second], f"/console/jobs/{job.pk}/tasks?run={run.pk}&task={second}")
    assert "Another run of this job was under way." in again and "Tick a task first." in none
    assert list(job.tasks.values_list("key", "enabled")) == [(second, True)]


def test_the_end_of_a_run_is_told_with_its_time_and_rows(job: Job) -> None:
    task, now, client = job.tasks.all()[0], timezone.now(), person()
    client.post(f"/console/jobs/{job.pk}/tasks/change", {"task": [task.key], "run": "1"})
    run = Run.objects.get()
    page = f"/console/jobs/{job.pk}/tasks/live?run={run.pk}&task={task.key}"
    Run.objects.filter(pk=run.pk).update(state="running", started=now)
    TaskRun.objects.create(
        run=run, task=task, key=task.key, position=0, title="Orders", statement="", state="running", started=now, rows_read=5
    )
    during = client.get(page).content.decode()
    Run.objects.filter(pk=run.pk).update(state="done", ended=now + timezone.timedelta(seconds=3.4), rows=12)
    after = client.get(page).content.decode()

    assert ('hx-trigger="every 1s"' in during, "toast" in during) == (True, False)
    assert ('hx-trigger="every 1s"' in after, "after 3.4 s: 12 rows were replicated." in after) == (False, True)
    assert f'value="{task.key}" aria-label="Orders" checked' in after


def test_columns_and_query_are_two_views_of_one_statement(job: Job) -> None:
    task, client = job.tasks.all()[0], person()
    url = f"/console/jobs/tasks/{task.pk}"
    shown = words(client.get(url))
    rows = [("Id", "[Id]", "Id", ""), ("Buyer", "UPPER([Buyer])", "Customer", "VARCHAR(20)"), ("Note", "[Note]", "Note", "")]
    form = {"count": len(rows), "save": "1", "all": "on", "chosen-0": "on", "chosen-1": "on", "key-0": "on"}
    for number, row in enumerate(rows):
        form |= {f"{name}-{number}": value for name, value in zip(("column", "expression", "name", "type"), row, strict=True)}
    client.post(url, form)
    task.refresh_from_db()
    client.post(f"{url}/query", {"statement": task.statement + " WHERE [Id] = 1", "save": "1"})
    again = client.get(url).content.decode()

    assert "Buyer" in shown and "Expression" in shown
    assert task.statement == "REPLICATE [Orders] ([Customer] VARCHAR(20)) SELECT [Id], UPPER([Buyer]) AS [Customer] FROM [Orders]"
    assert 'value="UPPER([Buyer])"' in again and 'value="VARCHAR(20)"' in again
    task.refresh_from_db()
    assert task.statement.endswith("FROM [Orders] WHERE [Id] = 1")


@pytest.mark.parametrize(
    ("statement", "said", "mark"),
    [
        ("REPLICATE [Orders] SELECT [Buyr] FROM [Orders]", "Line 1, column 27: There is no column Buyr.", "[Buyr]"),
        ("REPLICATE [Orders]\nSELECT * FROM [Nope]", "Line 2, column 15: There is no table Nope.", "[Nope]"),
        ("REPLICATE [Nope]", "There is no table Nope.", "Nope"),
        ("REPLICATE [Orders] WITH Sped", "There is no option Sped", "Sped"),
        ("SELECT 1", "This is no REPLICATE statement.", "SELECT"),
        ("REPLICATE [a\0b]", "holds characters that it has no use for", ""),
        ("REPLICATE [Goods]", "Another task of this job writes the table", ""),
    ],
)
def test_errors_of_a_statement_say_where(job: Job, statement: str, said: str, mark: str) -> None:
    task = job.tasks.all()[0]

    answer = person().post(f"/console/jobs/tasks/{task.pk}/query", {"statement": statement, "save": "1"})

    task.refresh_from_db()
    assert (answer.status_code, task.statement) == (422, "REPLICATE [Orders]")
    assert said in words(answer)
    assert f"<mark>{mark}</mark>" in answer.content.decode() or not mark


def test_options_are_written_into_the_statement_where_the_language_has_them(job: Job) -> None:
    task, client = job.tasks.all()[0], person()
    form = {"set-check_columns": "Id", "set-deletes": "soft", "set-overlap_seconds": "60", "set-history": "", "set-schema": "freeze"}

    client.post(f"/console/jobs/tasks/{task.pk}/options", form)

    task.refresh_from_db()
    assert task.statement == "REPLICATE [Orders] WITH IncrementalCheckColumns='Id', AlterSchema=FALSE, SoftDelete"
    page = client.get(f"/console/jobs/tasks/{task.pk}/options").content.decode()
    assert (task.settings, 'value="60"' in page, 'value="Id"' in page) == ({"overlap_seconds": 60}, True, True)


def test_the_first_rows_are_shown_as_text(job: Job) -> None:
    task = job.tasks.all()[0]

    page = person().get(f"/console/jobs/tasks/{task.pk}/preview").content.decode()

    assert "&lt;b&gt;Aoi&lt;/b&gt;" in page and "<b>Aoi" not in page


def test_a_source_that_is_gone_is_said_and_the_task_can_still_be_edited(job: Job, tmp_path: Path) -> None:
    (tmp_path / "shop.db").unlink()
    task, client = job.tasks.all()[0], person()
    pages = [client.get(f"/console/jobs/tasks/{task.pk}{tab}") for tab in ("", "/query", "/options", "/preview")]

    assert [page.status_code for page in pages] == [200] * 4
    assert all("There is no file" in words(pages[number]) for number in (0, 1, 3))


def test_a_connection_that_a_job_needs_stays_and_says_which(job: Job) -> None:
    client, url = person(), f"/console/connections/{job.destination_id}/delete"

    asked, refused = client.get(url), client.post(url)

    assert (refused.status_code, Connection.objects.count()) == (409, 2)
    assert all(f'href="/console/jobs/{job.pk}">nightly</a>' in answer.content.decode() for answer in (asked, refused))


def test_a_task_that_was_changed_meanwhile_is_not_overwritten(job: Job) -> None:
    task, client = job.tasks.all()[0], person()

    answer = client.post(
        f"/console/jobs/tasks/{task.pk}/query", {"seen": "REPLICATE [Old]", "statement": "REPLICATE [Orders]", "save": "1"}
    )

    assert (answer.status_code, "was changed since you opened this page" in words(answer)) == (422, True)
