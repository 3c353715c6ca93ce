"""Jobs and their tasks in the management API. Operators look, start and stop; administrators do all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.jobs import event_settings, rest_actions, rest_runs, services
from apiserver.jobs.configuration import KEYS, JobsSection, described, in_brackets, tasks_of, wanted_of
from apiserver.jobs.errors import InvalidJob, JobError
from apiserver.jobs.event_settings import WEBHOOK, Event
from apiserver.jobs.models import Job, Task
from apiserver.jobs.rest_described import job_schema, task_schema
from apiserver.jobs.services import Given
from apiserver.server.configuration_protocol import Change, ConfigurationError, check_keys
from apiserver.server.rest import ADMIN, by, given, shown
from apiserver.server.rest_entries import ActionView, Entries
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_notifications import id_of
from apiserver.server.rest_schema import described as described_view
from apiserver.server.rest_schema import entry_urls, url
from apiserver.server.rest_schema import reference as schema_reference
from connections.outgoing import listed_host

OPERATORS = ("operator",)


class JobEntries(Entries):
    """Jobs."""

    room, noun, roles, readers = "jobs", "job", ADMIN, OPERATORS
    read_only = ("webhook_secrets",)
    blank = {name: getattr(Job(), name) for name in KEYS if name not in ("source", "destination", "tasks")} | {"source": None, "tasks": []}

    def rows(self, text: str) -> QuerySet[Any]:
        """Return the jobs whose name or connections hold the text."""
        found = Job.objects.select_related("source", "destination").prefetch_related("tasks")
        ends = Q(source__name__icontains=text) | Q(destination__name__icontains=text)
        return found.filter(Q(name__icontains=text) | ends) if text else found

    def find(self, name: str) -> Job | None:
        """Return the job of that name."""
        return Job.objects.select_related("source", "destination").filter(name=name).first()

    def entry(self, row: Job) -> dict[str, Any]:
        """Return the job without the secrets of its webhooks, of which an address may be one: an id names it here."""
        return described(row, events=[without_secrets(item) for item in event_settings.opened(row.events)])

    def merged(self, row: Job, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the change with the webhooks that it names by their ids."""
        return kept(row, entry)

    def whole(self, row: Job | None, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the whole entry with the webhooks that it names by their ids."""
        return super().whole(row, entry if row is None else kept(row, entry))

    def rename(self, row: Job, name: str, request: Request) -> None:
        """Give the job another name; its runs keep the one that they had."""
        before = row.name
        try:
            services.save_job(row, now=timezone.now(), name=name, **by(request))
        except InvalidJob as error:
            raise ConfigurationError(f"jobs.{before}.name: {' '.join(error.errors.values())}") from error

    def delete(self, row: Job, request: Request) -> None:
        """Delete the job; a run of it ends at its next page."""
        services.delete_job(row, **by(request))

    def store(self, name: str, entry: Mapping[str, Any], row: Any, request: Request) -> tuple[Any, Change]:
        """Create or change one job as the configuration file does; the job's own verb records who did it."""
        change = Change(timezone.now())
        known = secrets_of(row) if row is not None else {}
        JobsSection(**by(request)).apply(
            {name: {key: value for key, value in entry.items() if key not in ("name", *self.read_only)}}, change, prune=False
        )
        found = self.find(name)
        said = {item[WEBHOOK].get("secret") for item in entry.get("events") or () if isinstance(item.get(WEBHOOK), Mapping)}
        fresh = {url: secret for url, secret in secrets_of(found).items() if known.get(url) != secret and secret not in said}
        if fresh:  # nobody else knows them, and nobody can read them later
            change.made["webhook_secrets"] = [{"id": id_of(url), "secret": secret} for url, secret in fresh.items()]
        return found, change


def secrets_of(row: Job | None) -> dict[str, str]:
    """Return the secrets of a job's webhooks by their addresses."""
    events = event_settings.opened(row.events) if row is not None else []
    return {item[WEBHOOK]["url"]: item[WEBHOOK]["secret"] for item in events if WEBHOOK in item}


def without_secrets(item: Event) -> Event:
    """Return an event as clients see it."""
    if WEBHOOK not in item:
        return item
    address = item[WEBHOOK]["url"]
    return {**item, WEBHOOK: {"id": id_of(address), "host": listed_host(address)}}


def kept(row: Job, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry whose webhooks are those that are stored, where it names them by an id alone."""
    known = {id_of(item[WEBHOOK]["url"]): item[WEBHOOK] for item in event_settings.opened(row.events) if WEBHOOK in item}
    events = entry.get("events")
    if not isinstance(events, list):
        return entry
    return {**entry, "events": [known_webhook(item, known, f"events[{number}]") for number, item in enumerate(events)]}


def known_webhook(item: Any, known: Mapping[str, Any], place: str) -> Any:
    """Return an event with its stored webhook, where it names one by an id alone."""
    given_webhook = item.get(WEBHOOK) if isinstance(item, dict) else None
    if not isinstance(given_webhook, dict) or "id" not in given_webhook or "url" in given_webhook:
        return item
    if given_webhook["id"] not in known:
        message = f"{str(given_webhook['id'])[:40]!r} is none of the stored webhooks."
        raise Refusal(422, "InvalidConfiguration", message, target=f"{place}.webhook", hint="Give its url.")
    return {**item, WEBHOOK: known[given_webhook["id"]]}


class JobView(ActionView):
    """Something of one job."""

    entries = JobEntries()
    readers: tuple[str, ...] = OPERATORS

    def task(self, name: str, key: str) -> Task:
        """Return a task of a job; raise NotFound."""
        found = Task.objects.select_related("job__source", "job__destination").filter(job=self.row(name), key=key).first()
        if found is None:
            raise NotFound(f"There is no task {key!r} in the job {name!r}.")
        return found


def task_data(task: Task) -> dict[str, Any]:
    """Return a task with its key."""
    return {"key": task.key, "statement": task.statement, "enabled": task.enabled, "settings": task.settings}


def task_of(data: Mapping[str, Any], place: str) -> Given:
    """Return the task that a body describes."""
    return tasks_of([{key: value for key, value in data.items() if key != "key"}], place)[0]


def refused(error: InvalidJob, place: str, number: int) -> ConfigurationError:
    """Return what is wrong with one task of a job."""
    wrong = in_brackets(error.errors)
    return ConfigurationError(f"{place}: {wrong.get(f'tasks[{number}]') or ' '.join(wrong.values())}")


class TasksView(JobView):
    """The tasks of a job."""

    def get(self, request: Request, name: str) -> Response:
        """Return the tasks in their order."""
        return Response({"results": [task_data(task) for task in self.row(name).tasks.all()]})

    def post(self, request: Request, name: str) -> Response:
        """Add a task behind the others."""
        row, data = self.row(name), given(request)
        new = task_of(data, f"jobs.{name}.task")
        with transaction.atomic():
            before = services.given_of(row)
            try:
                services.save_job(row, now=timezone.now(), tasks=[*before, new], **by(request))
            except InvalidJob as error:
                raise refused(error, f"jobs.{name}.statement", len(before)) from error
        task = list(row.tasks.all())[-1]
        return Response(task_data(task), status=201, headers={"Location": f"{self.entries.address(request, row)}tasks/{task.key}/"})


class TaskView(JobView):
    """One task."""

    def get(self, request: Request, name: str, key: str) -> Response:
        """Return the task."""
        return shown(task_data(self.task(name, key)))

    def patch(self, request: Request, name: str, key: str) -> Response:
        """Change what the body names; the task keeps its key, and so how far it has come."""
        task, data = self.task(name, key), given(request)
        wanted = task_of({**task_data(task), **data}, f"jobs.{name}.task")
        values = {"statement": wanted.statement, "enabled": wanted.enabled, "settings": dict(wanted.settings)}
        try:
            saved = services.save_task(task, now=timezone.now(), **by(request), **values)
        except InvalidJob as error:
            raise refused(error, f"jobs.{name}.statement", 0) from error
        return shown(task_data(saved))

    def delete(self, request: Request, name: str, key: str) -> Response:
        """Take the task out of its job; its table at the destination stays."""
        services.remove_task(self.task(name, key), **by(request))
        return Response(status=204)


class ResetView(JobView):
    """How far a task has come."""

    def post(self, request: Request, name: str, key: str) -> Response:
        """Forget how far the task has come: its next run reads everything anew."""
        from apiserver.jobs.starting import reset

        try:
            reset(self.task(name, key), **by(request))
        except JobError as error:
            raise Refusal(409, "Conflict", error.message, hint=error.hint) from error
        return Response(status=204)


class DryRunView(JobView):
    """What a task would do."""

    readers = ()

    def post(self, request: Request, name: str, key: str) -> Response:
        """Tell what the next run of the task would do: statements, mode, columns, first rows. Nothing is changed."""
        from apiserver.jobs.dry_runs import as_data

        return Response(as_data(self.task(name, key)))


class CopyView(JobView):
    """A job once more."""

    def post(self, request: Request, name: str) -> Response:
        """Store the job once more, paused, under the name, destination, schema or prefix that the body says."""
        row, data = self.row(name), check_keys(given(request, is_optional=True), ("name", "table_prefix", "schema"), f"jobs.{name}")
        new = data.get("name", "")
        if not isinstance(new, str):
            raise Refusal(422, "InvalidConfiguration", "The name must be text.", target="name")
        values = wanted_of({key: value for key, value in data.items() if key != "name"}, f"jobs.{name}")
        try:
            copy = services.copy_job(row, now=timezone.now(), name=new, **values, **by(request))
        except InvalidJob as error:
            place, text = next(iter(in_brackets(error.errors).items()))
            raise ConfigurationError(f"jobs.{name}.{place}: {text}") from error
        return self.made(request, copy, Change(timezone.now()))


class StatusView(JobView):
    """How a job is."""

    def get(self, request: Request, name: str) -> Response:
        """Return the run under way, the last one that is over and the next moments of the schedule."""
        return Response(rest_runs.status_of(self.row(name), now=timezone.now()))


class JobRunsView(JobView):
    """The runs of a job."""

    roles = (*ADMIN, *OPERATORS)

    def get(self, request: Request, name: str) -> Response:
        """Return the job's runs, the newest first."""
        return rest_runs.listed(request, job_id=self.row(name).pk)

    def post(self, request: Request, name: str) -> Response:
        """Start the job, or the tasks whose keys or tables the body names: 202, and where to ask how it goes."""
        return rest_runs.begun(request, self.row(name))


def urls() -> list[URLPattern]:
    """Return the addresses of this room."""
    one, task = "jobs/(?P<name>[^/]+)", schema_reference("JobTask")
    tasks = {"type": "object", "properties": {"results": {"type": "array", "items": task}}}
    loose: dict[str, Any] = {"type": "object", "additionalProperties": True}
    described_view(TasksView, "get", "listJobTasks", "List a job's tasks", answer=tasks)
    described_view(TasksView, "post", "addJobTask", "Add a task to a job", answer=task, body=task, status=201)
    described_view(TaskView, "get", "getJobTask", "Get a task", answer=task)
    described_view(TaskView, "patch", "changeJobTask", "Change a task", answer=task, body=task)
    described_view(TaskView, "delete", "removeJobTask", "Take a task out of its job", status=204)
    described_view(ResetView, "post", "resetJobTask", "Let a task read everything anew", status=204)
    described_view(DryRunView, "post", "dryRunJobTask", "Tell what a task would do", answer=loose)
    copied = {"type": "object", "properties": {name: {"type": "string"} for name in ("name", "table_prefix", "schema")}}
    described_view(CopyView, "post", "copyJob", "Copy a job", answer=schema_reference("Job"), body=copied, status=201)
    described_view(StatusView, "get", "getJobStatus", "Get how a job is", answer=loose)
    rest_runs.describe_runs_of_a_job(JobRunsView)
    return [
        *entry_urls(JobEntries(), "Job"),
        url(f"{one}/tasks", TasksView),
        url(f"{one}/tasks/(?P<key>[0-9a-f]{{32}})", TaskView),
        url(f"{one}/tasks/(?P<key>[0-9a-f]{{32}})/reset", ResetView),
        url(f"{one}/tasks/(?P<key>[0-9a-f]{{32}})/dry_run", DryRunView),
        url(f"{one}/copy", CopyView),
        url(f"{one}/status", StatusView),
        url(f"{one}/runs", JobRunsView),
        *rest_runs.urls(),
        *rest_actions.urls(),
    ]


SCHEMAS = {"Job": job_schema, "JobTask": task_schema, "Run": rest_runs.run_schema}
