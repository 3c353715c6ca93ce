"""What was run: which runs a filter leaves, and what charts show of them. For pages, the command and the management API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from apiserver.jobs.charts import MOST, Chart, Point, chart
from apiserver.jobs.models import DONE, FAILED, OPEN, SKIPPED, Run, TaskRun
from apiserver.jobs.run_words import number, rows_in_words, seconds_of, time_taken


def found(filters: Mapping[str, Any]) -> QuerySet[Run]:
    """Return the runs that fit, the newest first. Filters: job (an id), job_name, state, reason, since, until (when it was made)."""
    runs = Run.objects.defer("order").select_related("job")
    for name in ("job", "state", "reason"):
        if filters.get(name):
            runs = runs.filter(**{name: filters[name]})
    if filters.get("job_name"):
        runs = runs.filter(job_name__icontains=filters["job_name"])
    if filters.get("since"):
        runs = runs.filter(created__gte=filters["since"])
    if filters.get("until"):
        runs = runs.filter(created__lt=filters["until"])
    return runs.order_by("-pk")


def with_tables(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Return runs with the number of their tables, and of those that failed."""
    return runs.annotate(tables=Count("tasks"), failed_tables=Count("tasks", filter=Q(tasks__state=FAILED)))


def charts(runs: QuerySet[Run], *, now: datetime) -> list[Chart]:
    """Return how long the last of these runs took and how many rows they wrote; skipped ones say nothing of that."""
    last = list(reversed(runs.exclude(state__in=(*OPEN, SKIPPED))[:MOST]))
    times = [point_of(run, seconds_of(run, now) or 0.0, time_taken(seconds_of(run, now))) for run in last]
    rows = [point_of(run, float(run.rows), rows_in_words(run.rows)) for run in last]
    drawn = (chart(_("Time taken"), times, time_taken), chart(_("Rows written"), rows, lambda value: number(round(value))))
    return [item for item in drawn if item is not None]


def point_of(run: Run, value: float, words: str) -> Point:
    """Return a run as a bar."""
    at = (run.started or run.created).strftime("%Y-%m-%d %H:%M")
    return Point(value, run.state, f"{at} {run.job_name}: {words}", reverse("runs:show", args=[run.pk]))


def task_charts(tasks: QuerySet[TaskRun], *, now: datetime) -> list[Chart]:
    """Return how long the last runs of one task took and how many rows it wrote."""
    last = list(reversed(tasks.filter(state__in=(DONE, FAILED))[:MOST]))
    times = [task_point(task, seconds_of(task, now) or 0.0, time_taken(seconds_of(task, now))) for task in last]
    rows = [task_point(task, float(task.written), rows_in_words(task.written)) for task in last]
    drawn = (chart(_("Time taken"), times, time_taken), chart(_("Rows written"), rows, lambda value: number(round(value))))
    return [item for item in drawn if item is not None]


def task_point(task: TaskRun, value: float, words: str) -> Point:
    """Return one run of a task as a bar."""
    at = (task.started or task.run.created).strftime("%Y-%m-%d %H:%M")
    return Point(value, task.state, f"{at}: {words}", reverse("runs:show", args=[task.run_id]))
