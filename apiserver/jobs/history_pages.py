"""History: the runs of all jobs, of one job, of one task; filters, pages, charts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apiserver.jobs import history
from apiserver.jobs.models import CANCELLED, DONE, FAILED, RUNNING, SKIPPED, WAITING, Job, Run, Task, TaskRun
from apiserver.jobs.run_shown import ShownTask
from apiserver.jobs.run_words import seconds_of, time_taken
from apiserver.jobs.templatetags.runs import REASONS
from apiserver.ui.access import console_page

PAGE = 50
STATES = {
    DONE: _("Done"),
    FAILED: _("Failed"),
    RUNNING: _("Running"),
    WAITING: _("Waiting"),
    CANCELLED: _("Cancelled"),
    SKIPPED: _("Skipped"),
}


class HistoryForm(forms.Form):
    """Which runs are shown."""

    job = forms.ModelChoiceField(Job.objects.order_by("name"), label=_("Job"), required=False, empty_label=_("All"))
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("All")), *STATES.items()])
    reason = forms.ChoiceField(label=_("Started by"), required=False, choices=[("", _("All")), *REASONS.items()])
    since = forms.DateTimeField(
        label=_("From (UTC)"), required=False, widget=forms.DateTimeInput(attrs={"placeholder": "2026-01-31 08:00"})
    )
    until = forms.DateTimeField(label=_("To (UTC)"), required=False, widget=forms.DateTimeInput(attrs={"placeholder": "2026-01-31 18:00"}))

    def __init__(self, *args: Any, job: Job | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if job is not None:
            del self.fields["job"]

    def filters(self) -> dict[str, Any]:
        """Return what was asked for; all where it can't be read."""
        return dict(self.cleaned_data) if self.is_bound and self.is_valid() else {}


@console_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the runs of all jobs."""
    return shown(request, None)


@console_page
def of_job(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the runs of one job."""
    return shown(request, get_object_or_404(Job.objects.select_related("source", "destination"), pk=pk))


def shown(request: HttpRequest, job: Job | None) -> HttpResponse:
    """Show the runs that fit, the newest first."""
    now, form = timezone.now(), HistoryForm(request.GET or None, job=job)
    filters = form.filters() | ({"job": job} if job else {})
    runs = history.found(filters)
    page = Paginator(history.with_tables(runs), PAGE).get_page(request.GET.get("page"))
    rows: list[dict[str, Any]] = [{"run": run, "time": time_taken(seconds_of(run, now))} for run in page]
    context = {"form": form, "page": page, "rows": rows, "charts": history.charts(runs, now=now), "job": job, "tab": "history"}
    context |= {"is_live": any(not row["run"].is_over for row in rows), "has_any": bool(rows) or Run.objects.exists()}
    return render(request, "jobs/history.html" if job is None else "jobs/job_history.html", context)


@console_page
def of_task(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the runs did with one task."""
    task = get_object_or_404(Task.objects.select_related("job__source", "job__destination"), pk=pk)
    now = timezone.now()
    runs = TaskRun.objects.filter(task=task).select_related("run").defer("run__order").order_by("-pk")
    page = Paginator(runs, PAGE).get_page(request.GET.get("page"))
    rows = [ShownTask(item, item.run, now) for item in page]
    context = {"task": task, "job": task.job, "tab": "tasks", "page": page, "rows": rows, "charts": history.task_charts(runs, now=now)}
    return render(request, "jobs/task_history.html", context)
