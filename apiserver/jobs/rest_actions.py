"""Calls by which scripts of the replaced product start, cancel and watch jobs: executeJob, cancelJob, getJobStatus, getJobLog."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.jobs import report, rest_runs, starting
from apiserver.jobs.models import API, OPEN, SKIPPED, Job, Run
from apiserver.server.masking import masked_anywhere
from apiserver.server.rest import ManagementView, by, given
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import described, url

WORDS = {"waiting": "PENDING", "running": "RUNNING", "done": "SUCCESS", "failed": "FAILED", "cancelled": "CANCELLED", "skipped": "SKIPPED"}
MOST_LINES = 10_000
BODY: dict[str, Any] = {"type": "object", "properties": {"JobName": {"type": "string"}}, "required": ["JobName"]}
WAITING: dict[str, Any] = {"WaitForResults": {"type": "boolean"}, "Timeout": {"type": "integer", "minimum": 0}}
ANSWER: dict[str, Any] = {"type": "object", "additionalProperties": True}


class JobActionView(ManagementView):
    """A call that names its job in the body."""

    roles, tag = rest_runs.BOTH, "jobs"

    def job(self, data: dict[str, Any]) -> Job:
        """Return the job of the body; raise NotFound."""
        name = data.get("JobName")
        if not isinstance(name, str) or not name:
            raise Refusal(422, "InvalidConfiguration", "Name the job in JobName.", target="JobName")
        found = Job.objects.filter(name=name).first()
        if found is None:
            raise NotFound(f"There is no job {name!r}.")
        return found


class ExecuteView(JobActionView):
    """executeJob."""

    def post(self, request: Request) -> Response:
        """Start the job; with WaitForResults wait for its end, for Timeout seconds, 30 at most."""
        data = given(request)
        job = self.job(data)
        seconds, waits = seconds_of(data.get("Timeout")), is_wished(data.get("WaitForResults"))
        run = starting.start(job, reason=API, now=timezone.now(), asked_by=by(request)["who"])
        rest_runs.wait_for(run, min(seconds or rest_runs.MOST_WAIT, rest_runs.MOST_WAIT) if waits else 0)
        return Response({"value": rows(run)})


def seconds_of(value: Any) -> int:
    """Return a Timeout, which scripts send as a number or as its text; raise Refusal."""
    if value in (None, ""):
        return 0
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refusal(422, "InvalidConfiguration", "Timeout must be a whole number of seconds.", target="Timeout")
    return int(text)


def is_wished(value: Any) -> bool:
    """Return WaitForResults, which scripts send as a truth or as its text; raise Refusal."""
    found = {"true": True, "1": True, "false": False, "0": False, "none": False, "": False}.get(str(value).lower())
    if found is None:
        raise Refusal(422, "InvalidConfiguration", "WaitForResults must be true or false.", target="WaitForResults")
    return found


class CancelJobView(JobActionView):
    """cancelJob."""

    def post(self, request: Request) -> Response:
        """Cancel the run of the job that is under way."""
        run = Run.objects.filter(job=self.job(given(request)), state__in=OPEN).first()
        if run is None:
            raise Refusal(409, "Conflict", "No run of this job is under way.")
        starting.cancel(run, now=timezone.now(), **by(request))
        return Response({"value": rows(run)})


class JobStatusView(JobActionView):
    """getJobStatus."""

    def post(self, request: Request) -> Response:
        """Return how the newest run of the job is, with its statements."""
        job = self.job(given(request))
        run = job.runs.exclude(state=SKIPPED).first()
        status = WORDS[run.state] if run else "NOT RUN"
        queries = [{"Query": row["Query"], "Status": row["Status"]} for row in rows(run)] if run else []
        return Response({"JobName": job.name, "Status": status, "Queries": queries})


class JobLogView(JobActionView):
    """getJobLog."""

    def post(self, request: Request) -> Response:
        """Return the log of the newest run of the job as text."""
        run = self.job(given(request)).runs.exclude(state=SKIPPED).first()
        lines = reversed(run.lines.select_related("task_run").order_by("-pk")[:MOST_LINES]) if run else ()
        told = [rest_runs.line_data(item) for item in lines]
        return Response({"LogFile": "\n".join(f"{item['at']} {item['level']} {item['table']} {item['text']}" for item in told)})


def rows(run: Run) -> list[dict[str, Any]]:
    """Return a row for each statement of a run; one for the run while it has none."""
    started = report.stamp(run.started)
    whole = {
        "JobName": run.job_name,
        "Query": "",
        "Status": WORDS[run.state],
        "Result": str(run.rows),
        "Detail": masked_anywhere(run.cause),
    }
    found = [
        {
            "JobName": run.job_name,
            "Query": masked_anywhere(task.statement),
            "Status": WORDS[task.state],
            "Result": str(task.written),
            "Detail": masked_anywhere(task.cause or task.note),
            "RunStartDate": started,
        }
        for task in run.tasks.all()
    ]
    return found or [{**whole, "RunStartDate": started}]


def urls() -> list[URLPattern]:
    """Return the addresses of these calls."""
    started = {**BODY, "properties": {**BODY["properties"], **WAITING}}
    described(ExecuteView, "post", "executeJob", "Start a job (as the replaced product)", answer=ANSWER, body=started)
    described(CancelJobView, "post", "cancelJob", "Cancel a job (as the replaced product)", answer=ANSWER, body=BODY)
    described(JobStatusView, "post", "getJobStatusByName", "Get how a job is (as the replaced product)", answer=ANSWER, body=BODY)
    described(JobLogView, "post", "getJobLog", "Read a job's log (as the replaced product)", answer=ANSWER, body=BODY)
    views = {"executeJob": ExecuteView, "cancelJob": CancelJobView, "getJobStatus": JobStatusView, "getJobLog": JobLogView}
    return [url(word, view) for word, view in views.items()]
