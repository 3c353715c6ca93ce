"""Due jobs become runs, each moment once: whoever moves a job's next moment on begins the run, in one transaction."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from apiserver.jobs import schedules
from apiserver.jobs.cron import ScheduleProblem
from apiserver.jobs.models import SCHEDULE, Job, Run
from apiserver.jobs.starting import start

log = logging.getLogger(__name__)


def begin_all(*, now: datetime) -> None:
    """Begin the runs of all due jobs."""
    for job in Job.objects.filter(paused=False, next_due__lte=now).order_by("next_due"):
        begin(job, now=now)


@transaction.atomic
def begin(job: Job, *, now: datetime) -> Run | None:
    """Begin the run of one due job, unless another scheduler did. However many moments were missed, they are one run."""
    due = job.next_due
    if not Job.objects.filter(pk=job.pk, next_due=due, paused=False).update(next_due=following(job, now=now)):
        return None
    return start(job, reason=SCHEDULE, now=now, due=due)


def following(job: Job, *, now: datetime) -> datetime | None:
    """Return the next moment of a job's schedule; None of one that can't be read on this machine."""
    try:
        return schedules.next_time(job.schedule, job.timezone, after=now)
    except ScheduleProblem as problem:  # a time zone that this machine does not know
        log.error("the schedule of job %s ends: %s", job.name, problem.message)
        return None


def follow_clock(*, now: datetime) -> None:
    """Move on the moments of jobs that lie farther ahead than their schedules say: the clock was set back."""
    for job in Job.objects.filter(paused=False, next_due__gt=now):
        due = following(job, now=now)
        if due is not None and job.next_due is not None and due < job.next_due:
            Job.objects.filter(pk=job.pk, next_due=job.next_due).update(next_due=due)
