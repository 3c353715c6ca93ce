"""What pages of jobs share: the tabs of a job, schedules in words, durations, states."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from apiserver.jobs import crons
from apiserver.jobs.models import Job
from apiserver.jobs.tabs import TABS

register = template.Library()


@register.inclusion_tag("jobs/_tabs.html")
def job_tabs(job: Job, here: str) -> dict[str, Any]:
    """Show the tabs of a job; `here` is the key of the open one."""
    return {"job": job, "tabs": TABS, "here": here}


@register.inclusion_tag("jobs/_state.html")
def run_state(state: str) -> dict[str, Any]:
    """Show the state of a run or of one of its tasks, '' = it never ran."""
    return {"state": state}


@register.filter
def schedule_words(job: Job) -> str:
    """Return when a job runs by itself."""
    return crons.in_words(job.schedule) if job.schedule else _("Not scheduled")


@register.filter
def lasted(begun: datetime | None, ended: datetime | None) -> str:
    """Return the time between two moments as people say it; up to now where the end is missing, '' where the beginning is."""
    return "" if begun is None else duration((ended or timezone.now()) - begun)


def duration(taken: timedelta) -> str:
    """Return a duration: 0.4 s, 12 s, 3 min 5 s, 2 h 4 min."""
    seconds = max(0.0, taken.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
