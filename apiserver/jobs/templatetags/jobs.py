"""What pages of jobs share: the tabs of a job, schedules in words, durations, states."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.template import Context
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from apiserver.jobs import schedule_choices
from apiserver.jobs.models import Job
from apiserver.jobs.run_words import time_taken
from apiserver.jobs.tabs import TABS

register = template.Library()


@register.inclusion_tag("jobs/_tabs.html", takes_context=True)
def job_tabs(context: Context, job: Job, here: str) -> dict[str, Any]:
    """Show the tabs of a job that the reader may open; `here` is the key of the open one."""
    is_admin = getattr(context["user"], "role", "") == "admin"
    return {"job": job, "tabs": [tab for tab in TABS if is_admin or not tab.is_for_admins], "here": here}


@register.simple_tag
def run_state(state: str) -> SafeString:
    """Show the state of a run or of one of its tasks, '' = it never ran; without a blank at its end, which a link would underline."""
    return mark_safe(render_to_string("jobs/_state.html", {"state": state}).strip())  # noqa: S308 - a template's own text


@register.filter
def schedule_words(job: Job) -> str:
    """Return when a job runs by itself."""
    return schedule_choices.in_words(job.schedule) if job.schedule else _("Not scheduled")


@register.filter
def table_name(value: str) -> str:
    """Return the name of a table out of the value of its tick."""
    return value.strip("|").replace("|", ".")


@register.filter
def lasted(begun: datetime | None, ended: datetime | None) -> str:
    """Return the time between two moments as people say it; up to now where the end is missing, '' where the beginning is."""
    return "" if begun is None else time_taken(max(0.0, ((ended or timezone.now()) - begun).total_seconds()))
