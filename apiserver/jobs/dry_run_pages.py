"""What a run would do, task by task: statements that would change the destination, how many rows would be read, the first of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from apiserver.jobs.errors import JobError
from apiserver.jobs.models import Job, Task
from apiserver.jobs.run_words import mode
from apiserver.ui.access import console_page
from connections import cells
from connections.contract.errors import ConnectorError
from connections.contract.table import Column
from connections.contract.unsayable import Unsayable


@console_page
def of_job(request: HttpRequest, pk: int) -> HttpResponse:
    """List the tasks of a job; each is tried when it is opened."""
    job = get_object_or_404(Job.objects.select_related("source", "destination"), pk=pk)
    return render(request, "jobs/dry_run.html", {"job": job, "tab": "tasks", "tasks": list(job.tasks.all())})


@console_page
def of_task(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a run of one task would do; asked for in place, only the part of the page."""
    task = get_object_or_404(Task.objects.select_related("job__source", "job__destination"), pk=pk)
    context = {"task": task, "job": task.job, "tab": "tasks", **tried(task)}
    return render(request, "jobs/_dry_run.html" if request.headers.get("HX-Request") else "jobs/dry_run_task.html", context)


def tried(task: Task) -> dict[str, Any]:
    """Return what a run would do, or why it could not."""
    from apiserver.jobs.moving import dry_run
    from apiserver.jobs.orders import order_to_try

    try:
        found = dry_run(order_to_try(task))
    except (ConnectorError, JobError) as error:
        return {"failure": error}
    heads = [cells.Head(column, column.name in found.key, cells.is_number(column)) for column in found.columns]
    rows = [[cell(value, column) for value, column in zip(row, found.columns, strict=False)] for row in found.rows]
    return {"found": found, "mode": mode(found.mode), "rows": rows, "heads": heads}


def cell(value: Any, column: Column) -> cells.Cell:
    """Return a value as the page shows it."""
    return cells.cell(value.text if isinstance(value, Unsayable) else value, column)
