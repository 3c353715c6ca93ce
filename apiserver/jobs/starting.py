"""Runs are begun, cancelled and begun anew; a job has one run at a time, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from apiserver.jobs import hooks
from apiserver.jobs.errors import Busy, JobError
from apiserver.jobs.models import CANCELLED, DONE, OPEN, RETRY, RUNNING, SKIPPED, WAITING, Job, Run, RunLine, Task
from apiserver.server import audit

OVERLAP = "Another run of this job was under way."
CANCELLED_EARLY = "It was cancelled before it began."


def start(job: Job, *, reason: str, now: datetime, asked_by: str = "", only: Sequence[str] = (), due: datetime | None = None) -> Run:
    """Return a new run of some tasks (by their keys) or all. While another is under way it is one that was skipped, and says so."""
    unknown = set(only) - set(job.tasks.values_list("key", flat=True))
    if unknown:
        raise JobError("A task to be run is not one of the job any more.", hint="Load the page anew.")
    run = Run(job=job, job_name=job.name, reason=reason, asked_by=asked_by, only=list(only), created=now, due=due or now)
    try:
        with transaction.atomic():
            run.save()
    except IntegrityError:  # of one_open_run; or the job is gone, which the second try says
        return skip(run, OVERLAP, now=now)
    if asked_by:
        audit.record("job started", who=asked_by, subject=job.name, run=run.pk, tasks=len(only))
    return run


def skip(run: Run, cause: str, *, now: datetime) -> Run:
    """Store a run that does not take place, and why."""
    run.state, run.cause, run.ended = SKIPPED, cause, now
    with transaction.atomic():
        run.save()
        RunLine.objects.create(run=run, at=now, level=RunLine.WARNING, text=cause)
        hooks.ended(run, now=now)
    return run


@transaction.atomic
def cancel(run: Run, *, who: str, now: datetime, address: str = "") -> bool:
    """End a run at its next page, or at once where it has not begun; claim that it was not over."""
    early = {"state": CANCELLED, "ended": now, "cancelled_by": who, "cause": CANCELLED_EARLY, "cancel_asked": True}
    is_early = bool(Run.objects.filter(pk=run.pk, state=WAITING, attempts=0).update(**early))
    was_open = is_early or bool(Run.objects.filter(pk=run.pk, state__in=OPEN).update(cancel_asked=True, cancelled_by=who))
    run.refresh_from_db()
    if is_early:
        hooks.ended(run, now=now)
    if was_open:
        audit.record("run cancelled", who=who, address=address, subject=run.job_name, run=run.pk)
    return was_open


def retry(run: Run, *, who: str, now: datetime) -> Run:
    """Return a new run of the tasks that did not come to their end; raise JobError where there is nothing to repeat."""
    if run.job is None:
        raise JobError("The job of this run was deleted.")
    if not run.is_over:
        raise Busy("This run is not over.", hint="Cancel it first, or wait for its end.")
    failed = [item.task.key for item in run.tasks.exclude(state=DONE).select_related("task") if item.task is not None]
    if not failed and run.state == DONE:
        raise JobError("All tasks of this run came to their end.", hint="Run the job instead.")
    return start(run.job, reason=RETRY, now=now, asked_by=who, only=failed or run.only)


def reset(task: Task, *, who: str, address: str = "") -> None:
    """Forget how far a task has come: its next run reads everything anew. Raise Busy while its job runs."""
    from apiserver.jobs.folders import keys_of as folder_keys
    from apiserver.jobs.moving import reset as forget
    from apiserver.jobs.orders import order_of

    if Run.objects.filter(job=task.job, state__in=(RUNNING,)).exists():
        raise Busy("A run of this job is under way.", hint="Cancel it first, or wait for its end.")
    order = order_of(task)
    keys = folder_keys(task, now=timezone.now()) if task.job.kind == Job.LOAD_FOLDER else [task.key]
    for key in keys:
        forget(replace(order, key=key))
    audit.record("task reset", who=who, address=address, subject=task.job.name, task=task.statement[:200])
