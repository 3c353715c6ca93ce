"""A run takes down what it is to do before it does anything: the job and its tasks as they are now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from apiserver.jobs import all_tables, folders
from apiserver.jobs.errors import JobError
from apiserver.jobs.models import SKIPPED, Job, RunLine, Task, TaskRun
from apiserver.jobs.orders import taken, task_runs
from apiserver.jobs.under_way import Asked, Lost, Running

NO_FILES = "No file is new or changed."
NO_TASKS = "The job has no task to run."


def prepare(running: Running, *, now: datetime) -> bool:
    """Take down job and tasks unless an earlier worker did; claim that this one did. Raise JobError where there is nothing to do."""
    run = running.run
    if run.order:
        return False
    job = Job.objects.filter(runs=run.pk).first()
    if job is None:
        raise Asked
    order = taken(job)
    made = made_of(job, running, order, now=now)
    with transaction.atomic():
        if not running.held(order=order):
            raise Lost
        TaskRun.objects.bulk_create(made)
    run.order = order
    if not made and job.kind == Job.LOAD_FOLDER:
        running.says(RunLine.INFO, NO_FILES)
    elif not made:
        raise JobError(NO_TASKS, hint="Add tasks, or enable one.")
    else:
        running.says(RunLine.INFO, "The run of 1 task begins." if len(made) == 1 else f"The run of {len(made)} tasks begins.")
    return True


def made_of(job: Job, running: Running, order: dict[str, Any], *, now: datetime) -> list[TaskRun]:
    """Return what is to be done, by the kind of the job."""
    run = running.run
    tasks, left_out = all_tables.join(job, running, now=now) if job.kind == Job.ALL_TABLES else (list(job.tasks.all()), {})
    tasks = chosen(tasks, run.only)
    if job.kind == Job.LOAD_FOLDER:
        return folders.task_runs(run, job, tasks, order, now=now)
    made = task_runs(run, tasks, order)
    for item in made:
        if item.key in left_out:
            item.state, item.note, item.ended = SKIPPED, left_out[item.key], now
    return made


def chosen(tasks: list[Task], only: list[str]) -> list[Task]:
    """Return the tasks that were asked for, else all that are enabled."""
    return [task for task in tasks if task.key in only] if only else [task for task in tasks if task.enabled]
