"""What was run: which runs a filter leaves, and what charts show of them. For pages, the command and the management API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    return drawn([(run, run.rows, f"{moment(run.started or run.created)} {run.job_name}", run.pk) for run in last], now=now)


def task_charts(tasks: QuerySet[TaskRun], *, now: datetime) -> list[Chart]:
    """Return how long the last runs of one task took and how many rows it wrote."""
    last = list(reversed(tasks.filter(state__in=(DONE, FAILED))[:MOST]))
    return drawn([(task, task.written, moment(task.started or task.run.created), task.run_id) for task in last], now=now)


def drawn(items: Sequence[tuple[Run | TaskRun, int, str, int]], *, now: datetime) -> list[Chart]:
    """Return the time taken and the rows written of runs or tasks. An item is what ran, its rows, its name and the number of its run."""
    times, rows = [], []
    for it, written, name, pk in items:
        address, seconds = reverse("runs:show", args=[pk]), seconds_of(it, now)
        times.append(Point(seconds or 0.0, it.state, f"{name}: {time_taken(seconds)}", address))
        rows.append(Point(float(written), it.state, f"{name}: {rows_in_words(written)}", address))
    found = (chart(_("Time taken"), times, time_taken), chart(_("Rows written"), rows, lambda value: number(round(value))))
    return [item for item in found if item is not None]


def moment(at: datetime) -> str:
    """Return a time as bars name it."""
    return at.strftime("%Y-%m-%d %H:%M")
