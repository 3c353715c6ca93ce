"""What pages of jobs share: who acts, errors of jobs at the fields of forms, a run begun and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from apiserver.jobs import starting
from apiserver.jobs.errors import InvalidJob, JobError
from apiserver.jobs.models import BUTTON, SKIPPED, Job, Run
from apiserver.server.addresses import caller
from apiserver.ui.said import said

SCHEDULE = ("schedule", "timezone", "paused")


def who(request: HttpRequest) -> dict[str, str]:
    """Return who asks and from where, as the verbs of jobs take it."""
    return {"who": request.user.get_username(), "address": caller(request).address}


def sentence(error: Any) -> str:
    """Return an error and its hint in the reader's language."""
    return " ".join(said(text) for text in (error.message, getattr(error, "hint", "")) if text)


def show_errors(errors: Mapping[str, str], shown: Mapping[str, tuple[forms.Form, str]]) -> list[str]:
    """Show each error at its field, `shown` by name; return those that have none, with their names."""
    rest = []
    for name, text in errors.items():
        form, field = shown.get(name, (None, ""))
        if form is not None and field in form.fields:
            form.add_error(field, said(text))
        else:
            rest.append(said(text) if name in ("", "tasks") or name.startswith("tasks.") else f"{name}: {said(text)}")
    return rest


def start(request: HttpRequest, job: Job, only: Sequence[str] = ()) -> Run | None:
    """Begin a run and say so; None where it could not begin."""
    try:
        run = starting.start(job, reason=BUTTON, now=timezone.now(), asked_by=request.user.get_username(), only=only)
    except JobError as error:
        messages.error(request, sentence(error))
        return None
    if run.state == SKIPPED:
        messages.warning(request, said(run.cause))
        return None
    return run


def refused(request: HttpRequest, error: InvalidJob) -> None:
    """Say what is wrong with a job where no form shows it."""
    messages.error(request, " ".join([_("Nothing was stored."), *(said(text) for text in error.errors.values())]))
