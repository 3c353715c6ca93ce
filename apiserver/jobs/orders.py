"""What a run is to do, taken down when it begins: a job that is edited meanwhile changes the next run only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from apiserver.jobs.claims import read, target_of
from apiserver.jobs.job_settings import split
from apiserver.jobs.models import Job, Run, Task, TaskRun
from apiserver.jobs.moving_order import JobError, Order, Settings

TAKEN = ("kind", "schema", "table_prefix", "settings", "exclude", "events", "notify")


def taken(job: Job) -> dict[str, Any]:
    """Return what of a job its run goes by."""
    found: dict[str, Any] = {name: getattr(job, name) for name in TAKEN}
    return found | {"source": job.source_id, "destination": job.destination_id, "version": job.version}


def task_runs(run: Run, tasks: Iterable[Task], order: Mapping[str, Any]) -> list[TaskRun]:
    """Return what a run does, not stored."""
    return [
        TaskRun(
            run=run,
            task=task,
            key=task.key,
            position=position,
            title=title(task, order),
            statement=task.statement,
            settings=dict(task.settings),
        )
        for position, task in enumerate(tasks)
    ]


def title(task: Task, order: Mapping[str, Any]) -> str:
    """Return the table that a task writes, as people read it."""
    target = target_of(task)
    if target is None:
        return task.statement[:200]
    schema = target[0] if len(target) > 1 else order["schema"]
    return ".".join(part for part in (schema, f"{order['table_prefix']}{target[-1]}") if part)[:200]


def order_of(task: Task) -> Order:
    """Return what the next run of a task would move."""
    return made(taken(task.job), task.key, task.statement, task.settings)


def order_to_try(task: Task) -> Order:
    """Return what a dry run looks at; raise JobError for a folder, whose files have no plan before they are read."""
    if task.job.kind == Job.LOAD_FOLDER:
        raise JobError(
            "A job that loads a folder has no dry run.", hint="A run loads the files that are new or changed since the last one."
        )
    return order_of(task)


def order_of_run(task: TaskRun) -> Order:
    """Return what a task of a run moves."""
    order = made(task.run.order, task.key, task.statement, task.settings)
    return replace(order, run=str(task.run_id))


def made(job: Mapping[str, Any], key: str, statement: str, settings: Mapping[str, Any]) -> Order:
    """Return an order; raise SqlProblem or JobError where it can't be one."""
    moving, rules = split(job["settings"])
    return Order(
        key=key,
        statement=read(statement),
        source=job["source"],
        destination=job["destination"],
        schema=job["schema"],
        table_prefix=job["table_prefix"],
        settings=Settings.of(moving, settings),
        counts_rows=rules["row_counts"] != "off",
    )
