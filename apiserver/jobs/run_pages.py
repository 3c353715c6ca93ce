"""The page of a run: how far it is while it runs, how it went afterwards; cancel, repeat, the report. And the reset of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.jobs import acting, report, starting
from apiserver.jobs.errors import JobError
from apiserver.jobs.models import BUTTON, FAILED, OPEN, SKIPPED, Run, Task
from apiserver.jobs.run_shown import ShownEvent, ShownTask, line_shown
from apiserver.jobs.run_words import rate, result, seconds_of
from apiserver.ui.access import admin_page, console_page
from connections.contract.errors import ConnectorError

LINES = 100  # of the log, the newest first


def found_run(pk: int) -> Run:
    """Return a run with its job; raise Http404."""
    runs = Run.objects.select_related("job__source", "job__destination").defer("order")
    return get_object_or_404(runs, pk=pk)


@console_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run; the page asks again each second while it is under way."""
    return render(request, "jobs/run.html", context(found_run(pk), is_watched=bool(request.headers.get("HX-Request"))))


def context(run: Run, *, is_watched: bool = False) -> dict[str, Any]:
    """Return what the page shows. `is_watched`: somebody sees it go on, and is told of its end."""
    now = timezone.now()
    tasks = [ShownTask(task, run, now) for task in run.tasks.select_related("task")]
    seconds = seconds_of(run, now)
    read = sum(item.task.rows_read for item in tasks)
    lines = list(run.lines.select_related("task_run").order_by("-pk")[: LINES + 1])
    return {
        "run": run,
        "job": run.job,
        "tasks": tasks,
        "events": [ShownEvent(row, run) for row in run.event_runs.all()],
        "seconds": seconds,
        "read": read,
        "written": report.written(run),
        "rate": rate(read, seconds),
        "lines": [line_shown(item) for item in lines[:LINES]],
        "has_more_lines": len(lines) > LINES,
        "result": result(run, seconds) if run.state == "done" else "",
        "is_toast": is_watched and run.is_over,
        "can_repeat": run.is_over and run.job is not None and run.state not in ("done", SKIPPED),
        "failed_count": sum(item.task.state == FAILED for item in tasks),
    }


@require_POST
@console_page
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """End a run at its next page."""
    if starting.cancel(found_run(pk), now=timezone.now(), **acting.who(request)):
        messages.success(request, _("The run ends at its next page. What was committed stays; the next run goes on from there."))
    else:
        messages.error(request, _("It had ended already."))
    return redirect("runs:show", pk)


@require_POST
@console_page
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a run of what did not come to its end; tables go on behind their last committed page."""
    run = found_run(pk)
    return led_to(request, pk, lambda: starting.retry(run, who=request.user.get_username(), now=timezone.now()))


@require_POST
@console_page
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a run of the same tables."""
    run = found_run(pk)
    if run.job is None:
        raise Http404
    job, keys = run.job, set(run.job.tasks.values_list("key", flat=True))
    only = [key for key in run.only if key in keys]
    who = request.user.get_username()
    return led_to(request, pk, lambda: starting.start(job, reason=BUTTON, now=timezone.now(), asked_by=who, only=only))


def led_to(request: HttpRequest, pk: int, begin: Callable[[], Run]) -> HttpResponse:
    """Begin a run and show it; say why where it can't begin."""
    try:
        made = begin()
    except JobError as error:
        messages.error(request, acting.sentence(error))
        return redirect("runs:show", pk)
    return redirect("runs:show", made.pk)


@console_page
def download(request: HttpRequest, pk: int, ending: str) -> StreamingHttpResponse:
    """Give the report of a run as a file."""
    run = found_run(pk)
    if ending not in report.FORMATS:
        raise Http404
    write, content_type = report.FORMATS[ending]
    answer = StreamingHttpResponse(write(run), content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{slugify(run.job_name) or "job"}-run-{run.pk}.{ending}"'
    return answer


@admin_page
def reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then forget how far a task has come."""
    runs = Prefetch("job__runs", Run.objects.filter(state__in=OPEN).defer("order"), to_attr="open_runs")
    task = get_object_or_404(Task.objects.select_related("job__source", "job__destination").prefetch_related(runs), pk=pk)
    if request.method == "POST":
        try:
            starting.reset(task, **acting.who(request))
        except (JobError, ConnectorError) as error:
            messages.error(request, acting.sentence(error))
        else:
            messages.success(request, _("Forgotten. The next run reads this table from the beginning."))
            return redirect("jobs:tasks", task.job.pk)
    return render(request, "jobs/reset.html", {"task": task, "job": task.job, "tab": "tasks"})
