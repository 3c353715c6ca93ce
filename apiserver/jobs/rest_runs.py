"""Runs in the management API: started (202 and Location), asked about, cancelled, begun anew; history, logs and reports."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

from django.http import HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.jobs import report, schedules, starting
from apiserver.jobs.claims import target_of
from apiserver.jobs.cron import ScheduleProblem
from apiserver.jobs.errors import JobError
from apiserver.jobs.models import API, OPEN, SKIPPED, Job, Run, RunLine
from apiserver.server.addresses import site_root
from apiserver.server.errors import MANAGEMENT
from apiserver.server.masking import masked_anywhere
from apiserver.server.rest import ManagementView, by, given, number, plain, words
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import described, reference, url
from apiserver.server.rest_views import moment

BOTH = ("admin", "operator")
LIMIT, MOST = 100, 1000
MOST_WAIT = 30  # seconds that a client can wait for the end at once
LOOK_SECONDS = 0.3
FIRST_SECONDS, MOST_SECONDS = 1, 30  # of Retry-After
PATIENT = threading.BoundedSemaphore(4)  # threads of a process that may wait for runs
WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,9})(?:$|[,;\s])")
ASYNC = re.compile(r"(?:^|[,;\s])respond-async(?:$|[,;\s])", re.IGNORECASE)
STATES = ("waiting", "running", "done", "failed", "cancelled", "skipped")
REASONS = ("schedule", "button", "api", "command", "event", "retry")
LEVELS = (RunLine.DEBUG, RunLine.INFO, RunLine.WARNING, RunLine.ERROR)


# ---- as data ----


def summary(run: Run) -> dict[str, Any]:
    """Return a run without its tasks."""
    times = {name: report.stamp(getattr(run, name)) for name in ("due", "started", "ended")}
    texts = {"cause": masked_anywhere(run.cause), "hint": masked_anywhere(run.hint)}
    whose = {"run": run.pk, "job": run.job_name, "reason": run.reason, "asked_by": run.asked_by, "state": run.state}
    return {**whose, **times, "rows": run.rows, **texts, "cancel_asked": run.cancel_asked}


def status_of(job: Job, *, now: datetime) -> dict[str, Any]:
    """Return how a job is: what runs, what ran last, what comes next."""
    running = job.runs.filter(state__in=OPEN).first()
    last = job.runs.exclude(state__in=(*OPEN, SKIPPED)).first()
    try:
        moments = schedules.next_times(job.schedule, job.timezone, after=now, count=5) if job.schedule and not job.paused else []
    except ScheduleProblem:  # a time zone that this machine does not know
        moments = []
    return {
        "job": job.name,
        "state": running.state if running else "idle",
        "paused": job.paused,
        "next": [report.stamp(item) for item in moments],
        "run": summary(running) if running else None,
        "last": summary(last) if last else None,
    }


def told(request: Request, run: Run) -> Response:
    """Answer how a run is: 202 while it goes on, with where and when to ask again; 200 once it is over."""
    body = {**report.as_data(run), "cancel_asked": run.cancel_asked}
    if run.is_over:
        return Response(body)
    elapsed = (timezone.now() - run.created).total_seconds()
    wait = max(FIRST_SECONDS, min(MOST_SECONDS, int(elapsed / 10)))
    headers = {"Location": address(request, run), "Retry-After": str(wait)}
    if ASYNC.search(request.headers.get("Prefer", "")):
        headers["Preference-Applied"] = "respond-async"  # RFC 7240, 3; it is answered so whether it is preferred or not
    return Response(body, status=202, headers=headers)


def address(request: Request, run: Run) -> str:
    """Return where a run is."""
    return f"{site_root(plain(request))}{MANAGEMENT}/runs/{run.pk}/"


# ---- start, wait ----


def begun(request: Request, job: Job) -> Response:
    """Start a job, or some of its tasks."""
    data = given(request, is_optional=True)
    unknown = [name for name in data if name != "tasks"]
    if unknown:
        raise Refusal(422, "InvalidConfiguration", f"{unknown[0]} is not known; known is tasks.", target=str(unknown[0]))
    only = chosen(job, data.get("tasks") or [])
    run = starting.start(job, reason=API, now=timezone.now(), asked_by=by(request)["who"], only=only)
    return answered(request, run)


def answered(request: Request, run: Run) -> Response:
    """Answer a run that was asked for; 409 where another one is under way."""
    if run.state == SKIPPED:
        other = Run.objects.filter(job=run.job_id, state__in=OPEN).first()
        hint = f"It is {address(request, other)}: wait for its end, or cancel it by DELETE." if other else "Try again."
        raise Refusal(409, "Conflict", run.cause, hint=hint)
    wait_for(run, waiting(request))
    return told(request, run)


def chosen(job: Job, names: Any) -> list[str]:
    """Return the keys of tasks that are given by key, table or statement."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refusal(422, "InvalidConfiguration", "tasks must be a list of keys or tables.", target="tasks")
    return [key_of(job, name) for name in names]


def key_of(job: Job, name: str) -> str:
    """Return the key of the task that is meant; raise Refusal."""
    for task in job.tasks.all():
        target = target_of(task)
        if name in (task.key, task.statement) or (target and name.lower() in (target[-1].lower(), ".".join(target).lower())):
            return task.key
    raise Refusal(422, "InvalidConfiguration", f"There is no task {name[:80]!r} in the job {job.name}.", target="tasks")


def waiting(request: Request) -> int:
    """Return how many seconds the client would wait: `wait` of the query, or of the header Prefer (RFC 7240, 4.3)."""
    asked = WAIT.search(request.headers.get("Prefer", ""))
    if "wait" not in request.query_params and asked:
        return min(int(asked[1]), MOST_WAIT)
    return number(request, "wait", 0, most=MOST_WAIT)


def wait_for(run: Run, seconds: int) -> None:
    """Wait for the end of a run; not where too many wait already."""
    if not seconds or not PATIENT.acquire(blocking=False):
        return
    try:
        ends = monotonic() + seconds
        while monotonic() < ends and not run.is_over:
            sleep(LOOK_SECONDS)
            run.refresh_from_db()
    finally:
        PATIENT.release()


# ---- lists ----


def listed(request: Request, *, job_id: int | None = None) -> Response:
    """Return runs that fit, the newest first; `next` is the `before` of the page after this one."""
    found = Run.objects.order_by("-pk")
    if job_id is not None:
        found = found.filter(job=job_id)
    elif words(request, "job"):
        found = found.filter(job_name=words(request, "job"))
    for name, known in (("state", STATES), ("reason", REASONS)):
        if words(request, name):
            found = found.filter(**{f"{name}__in": one_of(words(request, name).split(","), known, name)})
    for name, test in (("since", "created__gte"), ("until", "created__lt")):
        seconds = moment(request, name)
        found = found.filter(**{test: time_of(seconds, name)}) if seconds else found
    limit, before = number(request, "limit", LIMIT, most=MOST), number(request, "before", 0, most=2**62)
    rows = list((found.filter(pk__lt=before) if before else found)[: limit + 1])
    results = [summary(run) for run in rows[:limit]]
    return Response({"results": results, "next": results[-1]["run"] if results and len(rows) > limit else None})


def one_of(given_words: list[str], known: tuple[str, ...], name: str) -> list[str]:
    """Return words that there are; raise Refusal."""
    wrong = [word for word in given_words if word not in known]
    if wrong:
        raise Refusal(400, "BadRequest", f"{name} must be of {', '.join(known)}, not {wrong[0][:40]!r}.", target=name)
    return given_words


def time_of(seconds: float, name: str) -> datetime:
    """Return a moment; raise Refusal for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Refusal(400, "BadRequest", f"{name} is out of range.", target=name) from error


class RunView(ManagementView):
    """One run."""

    roles, tag = BOTH, "runs"

    def run(self, pk: str) -> Run:
        """Return the run; raise NotFound."""
        found = Run.objects.select_related("job").filter(pk=int(pk)).first()
        if found is None:
            raise NotFound(f"There is no run {pk}.")
        return found


class RunsView(RunView):
    """All runs."""

    def get(self, request: Request) -> Response:
        """Return the runs that fit, the newest first; `next` is the `before` of the page after this one."""
        return listed(request)


class OneRunView(RunView):
    """One run: how it is."""

    def get(self, request: Request, pk: str) -> Response:
        """Return how far the run is: 202 while it goes on, 200 once it is over."""
        run = self.run(pk)
        wait_for(run, waiting(request))
        return told(request, run)

    def delete(self, request: Request, pk: str) -> Response:
        """Cancel the run: it ends at its next page (202), or at once where it had not begun (200)."""
        return cancelled(request, self.run(pk))


class CancelView(RunView):
    """The end of a run."""

    def post(self, request: Request, pk: str) -> Response:
        """Cancel the run: it ends at its next page (202), or at once where it had not begun (200)."""
        return cancelled(request, self.run(pk))


def cancelled(request: Request, run: Run) -> Response:
    """Cancel a run; one that is over stays as it is."""
    starting.cancel(run, now=timezone.now(), **by(request))
    return told(request, run)


class RetryView(RunView):
    """A run once more."""

    def post(self, request: Request, pk: str) -> Response:
        """Start a run of the tasks that did not come to their end."""
        try:
            run = starting.retry(self.run(pk), who=by(request)["who"], now=timezone.now())
        except JobError as error:
            raise Refusal(409, "Conflict", error.message, hint=error.hint) from error
        return answered(request, run)


class LogLinesView(RunView):
    """The log of a run."""

    def get(self, request: Request, pk: str) -> Response:
        """Return lines of the log, the oldest first; `next` is the `after` of the page that follows, of lines still to come too."""
        run, limit = self.run(pk), number(request, "limit", LIMIT, most=MOST)
        after, level = number(request, "after", 0, most=2**62), words(request, "level")
        found = run.lines.select_related("task_run").filter(pk__gt=after)
        if level:
            found = found.filter(level__in=LEVELS[LEVELS.index(one_of([level], LEVELS, "level")[0]) :])
        results = [line_data(item) for item in found[:limit]]
        return Response({"results": results, "next": results[-1]["id"] if results else after})


def line_data(item: RunLine) -> dict[str, Any]:
    """Return a line of a log."""
    table = item.task_run.title if item.task_run else ""
    return {"id": item.pk, "at": report.stamp(item.at), "level": item.level, "table": table, "text": masked_anywhere(item.text)}


class ReportView(RunView):
    """A run as a file."""

    def get(self, request: Request, pk: str) -> HttpResponse:
        """Return what the run did as JSON, CSV (a line a task) or Markdown."""
        run, form = self.run(pk), words(request, "format") or "json"
        write, media = report.FORMATS[one_of([form], tuple(report.FORMATS), "format")[0]]
        response = HttpResponse("".join(write(run)), content_type=media)
        response["Content-Disposition"] = f'attachment; filename="run-{run.pk}.{form}"'
        return response


# ---- described ----


def run_schema() -> Mapping[str, Any]:
    """Return the schema of a run."""
    texts = {name: {"type": "string"} for name in ("job", "asked_by", "cause", "hint")}
    times: dict[str, Any] = {name: {"type": "string", "format": "date-time", "nullable": True} for name in ("due", "started", "ended")}
    words_of = {"state": {"type": "string", "enum": list(STATES)}, "reason": {"type": "string", "enum": list(REASONS)}}
    tasks = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
    numbers: dict[str, Any] = {"run": {"type": "integer"}, "rows": {"type": "integer"}, "seconds": {"type": "number", "nullable": True}}
    return {"type": "object", "properties": {**numbers, **texts, **words_of, **times, "cancel_asked": {"type": "boolean"}, "tasks": tasks}}


PAGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "results": {"type": "array", "items": {"$ref": "#/components/schemas/Run"}},
        "next": {"type": "integer", "nullable": True},
    },
}
FILTERS = ("state", "reason", "since", "until", "before", "limit")


def describe_runs_of_a_job(view: Any) -> None:
    """Describe the address of a job's runs."""
    tasks = {"type": "array", "items": {"type": "string"}, "description": "Keys or tables; none: all that are enabled."}
    body = {"type": "object", "properties": {"tasks": tasks}}
    described(view, "get", "listRunsOfJob", "List a job's runs", answer=PAGE, query=FILTERS)
    described(view, "post", "startJob", "Start a job", answer=reference("Run"), body=body, status=202, query=("wait",))


def urls() -> list[URLPattern]:
    """Return the addresses of runs."""
    one, run = "runs/(?P<pk>[0-9]{1,18})", reference("Run")
    loose: dict[str, Any] = {"type": "object", "additionalProperties": True}
    lines: dict[str, Any] = {"type": "object", "properties": {"results": {"type": "array", "items": loose}, "next": {"type": "integer"}}}
    described(RunsView, "get", "listRuns", "List runs", answer=PAGE, query=("job", *FILTERS))
    described(OneRunView, "get", "getRun", "Get how a run is", answer=run, query=("wait",))
    described(OneRunView, "delete", "cancelRunByDelete", "Cancel a run", answer=run)
    described(CancelView, "post", "cancelRun", "Cancel a run", answer=run)
    described(RetryView, "post", "retryRun", "Run again what failed", answer=run, status=202, query=("wait",))
    described(LogLinesView, "get", "getRunLog", "Read a run's log", answer=lines, query=("level", "after", "limit"))
    described(ReportView, "get", "getRunReport", "Download a run's report", answer=loose, query=("format",))
    views = {"cancel": CancelView, "retry": RetryView, "log": LogLinesView, "report": ReportView}
    return [url("runs", RunsView), url(one, OneRunView), *(url(f"{one}/{word}", view) for word, view in views.items())]
