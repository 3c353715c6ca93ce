"""What the worker's tick does for jobs, twice a second: due jobs become runs, runs are claimed; what does them is loaded then."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from apiserver.jobs.models import OPEN, Job, Run
from apiserver.server import options
from apiserver.server.ticks import AnyDue, Patience

PATIENCE = Patience("jobs")
SCHEDULES = AnyDue(lambda now: Job.objects.filter(paused=False, next_due__lte=now))
FORGOTTEN_AT_ONCE = 500
RUNS = AnyDue(lambda now: Run.objects.filter(state__in=OPEN))


def tick() -> None:
    """Begin what is due."""
    PATIENCE.run(begin_due, begin_runs)


def begin_due() -> None:
    """Let the schedules of due jobs begin their runs."""
    now = timezone.now()
    if SCHEDULES(now):
        from apiserver.jobs.due import begin_all

        begin_all(now=now)


def begin_runs() -> None:
    """Claim runs that nobody works on for the free places of this process."""
    if RUNS(timezone.now()):
        from apiserver.jobs.claiming import CLAIMER

        CLAIMER.fill()


def forget_old(*, now: datetime) -> None:
    """Drop runs whose time is over, with their logs; let schedules follow a clock that was set back."""
    days = int(options.current().jobs["keep_days"])
    old = Run.objects.exclude(state__in=OPEN).filter(created__lt=now - timedelta(days=days)).order_by("created")
    Run.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])).delete()
    if Job.objects.filter(paused=False, next_due__gt=now).exists():
        from apiserver.jobs.due import follow_clock

        follow_clock(now=now)
