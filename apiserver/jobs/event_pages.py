"""The tabs Events and Notifications of a job: what happens before and after its runs, and who is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.jobs import event_settings as settings
from apiserver.jobs import services
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.event_forms import EventForm
from apiserver.jobs.event_settings import Event
from apiserver.jobs.events import title_of
from apiserver.jobs.job_pages import found_job
from apiserver.jobs.models import Job
from apiserver.server.addresses import caller
from apiserver.ui.access import admin_page
from apiserver.ui.said import said


@admin_page
def events(request: HttpRequest, pk: int) -> HttpResponse:
    """List the events of a job."""
    job = found_job(pk)
    rows = [{"event": item, "title": title_of(item), "number": number} for number, item in enumerate(settings.opened(job.events), 1)]
    return render(request, "jobs/events.html", {"job": job, "tab": "events", "rows": rows})


@admin_page
def event(request: HttpRequest, pk: int, number: int = 0) -> HttpResponse:
    """Add an event, or change the one of that number."""
    job = found_job(pk)
    before = settings.opened(job.events)
    if number > len(before):
        raise Http404
    form = EventForm(request.POST or None, job=job, given=before[number - 1] if number else None)
    if form.is_bound and form.is_valid():
        given = [*before[: number - 1], form.event(), *before[number:]] if number else [*before, form.event()]
        made = store(request, job, given, form)
        if made is not None:
            new = made[number - 1 if number else -1]
            known = {item[settings.WEBHOOK]["secret"] for item in before if settings.WEBHOOK in item}
            secret = new.get(settings.WEBHOOK, {}).get("secret", "")
            if secret and secret not in known and not form.cleaned_data["secret"]:
                return shown_once(request, job, secret)
            return redirect("runs:events", pk)
    context = {"job": job, "tab": "events", "form": form, "number": number}
    return render(request, "jobs/event.html", context, status=422 if form.errors else 200)


def shown_once(request: HttpRequest, job: Job, secret: str) -> HttpResponse:
    """Show the secret that was made."""
    response = render(request, "jobs/event_secret.html", {"job": job, "tab": "events", "secret": secret})
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@admin_page
def arrange(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an event out, or move it before the one above it."""
    job = found_job(pk)
    given = settings.opened(job.events)
    for name in ("remove", "raise"):
        text = request.POST.get(name, "")
        if text.isdecimal() and 0 < int(text) <= len(given):
            item = given.pop(int(text) - 1)
            if name == "raise":
                given.insert(max(0, int(text) - 2), item)
            store(request, job, given, None)
            break
    return redirect("runs:events", pk)


def store(request: HttpRequest, job: Job, given: Sequence[Event], form: EventForm | None) -> list[Event] | None:
    """Store the events; say what is wrong with them, at the form where there is one."""
    try:
        services.save_job(job, now=timezone.now(), events=list(given), address=caller(request).address, who=request.user.get_username())
    except InvalidJob as error:
        for text in error.errors.values():
            refuse(request, form, said(text))
        return None
    messages.success(request, _("Saved."))
    return settings.opened(job.events)


def refuse(request: HttpRequest, form: Any, text: str) -> None:
    """Say what is wrong."""
    if form is None:
        messages.error(request, text)
    else:
        form.add_error(None, text)
