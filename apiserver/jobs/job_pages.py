"""The page of a job, tab Overview: source and destination, schedule, settings; copies, pauses and deletes."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.jobs import acting, services
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.forms import KINDS, JobForm, ScheduleForm, next_times
from apiserver.jobs.models import Job, Run
from apiserver.jobs.schedules import zones
from apiserver.jobs.setting_forms import GROUPS, SettingsForm
from apiserver.ui.access import console_page

SETTINGS = "set"  # before the names of the settings' fields


def found_job(pk: int) -> Job:
    """Return a job with its connections; raise Http404."""
    return get_object_or_404(Job.objects.select_related("source", "destination"), pk=pk)


@console_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the tab Overview; store what was changed there."""
    job = found_job(pk)
    page = Overview(request, job)
    if request.method == "POST" and "configure" not in request.POST and page.save():
        messages.success(request, _("Saved."))
        return redirect("jobs:show", pk)
    return render(request, "jobs/overview.html", page.context(), status=422 if page.is_wrong else 200)


class Overview:
    """The forms of one job, as they were stored or are sent."""

    def __init__(self, request: HttpRequest, job: Job) -> None:
        data = request.POST if request.method == "POST" else None
        self.request, self.job = request, job
        self.form = JobForm(data, existing=job)
        self.schedule = ScheduleForm(data, existing=job)
        self.settings = SettingsForm(data, given=job.settings, prefix=SETTINGS)
        self.problems: list[str] = []
        self.is_wrong = False

    def save(self) -> bool:
        """Store the job; keep what is wrong for the page."""
        self.is_wrong = bool(self.form.errors or self.schedule.errors or self.settings.errors)
        if self.request.POST.get("version", "") not in ("", str(self.job.version)):
            self.problems.append(
                _("This job was changed since you opened this page. The fields hold what you entered: save again to keep that.")
            )
            self.is_wrong = True
        if self.is_wrong:
            return False
        values: dict[str, Any] = self.form.values() | self.schedule.values() | acting.who(self.request)
        stored = Job.objects.select_related("source", "destination").get(pk=self.job.pk)
        kept = {name: value for name, value in stored.settings.items() if name not in self.settings.fields}
        try:
            services.save_job(stored, now=timezone.now(), settings=kept | self.settings.values(), **values)
        except InvalidJob as error:
            self.is_wrong = True
            self.problems += acting.show_errors(error.errors, self.fields())
        return not self.is_wrong

    def fields(self) -> dict[str, Any]:
        """Return where errors are shown, by the names that verbs of jobs have for them."""
        shown: dict[str, Any] = {name: (self.form, name) for name in self.form.fields}
        return shown | {"schedule": (self.schedule, "cron"), "timezone": (self.schedule, "timezone")}

    def context(self) -> dict[str, Any]:
        """Return what the page shows."""
        job, post = self.job, self.request.POST
        is_configuring = "configure" in post or "configuring" in post or (self.is_wrong and bool(self.schedule.errors))
        last = Run.objects.defer("order").filter(job=job).order_by("-pk").first()
        return {
            "job": job,
            "tab": "overview",
            "version": job.version,
            "form": self.form,
            "problems": self.problems,
            "is_wrong": self.is_wrong,
            "last": last,
            "kind": dict(KINDS).get(job.kind, ""),
            "task_count": job.tasks.count(),
            "schedule_form": self.schedule,
            "is_configuring": is_configuring,
            "setting_groups": self.groups(),
            "times_url": reverse("jobs:times"),
            "zones": sorted(zones()) if is_configuring else (),
            "times": [] if job.paused else next_times(job.schedule, job.timezone),
        }

    def groups(self) -> list[tuple[Any, list[Any], bool]]:
        """Return the fields of the settings by group; a group stands open where something is wrong in it."""
        found = []
        for label, names in GROUPS.items():
            fields = [self.settings[name] for name in names if name in self.settings.fields]
            found.append((label, fields, self.is_wrong and any(field.errors for field in fields)))
        return found


@require_POST
@console_page
def times(request: HttpRequest) -> HttpResponse:
    """Show when the next runs of a schedule begin that is being entered, as a part of the page."""
    form = ScheduleForm(request.POST)
    context: dict[str, Any] = {"schedule_form": (), "times": []}
    if not form.is_valid():
        context["time_problem"] = " ".join(str(text) for texts in form.errors.values() for text in texts)
    elif form.values()["paused"] or not form.values()["schedule"]:
        context["time_problem"] = _("No run begins by itself.")
    else:
        context["times"] = form.next_times()
    return render(request, "jobs/_schedule.html", context)


@require_POST
@console_page
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a run of all tasks."""
    job = found_job(pk)
    run = acting.start(request, job)
    address = reverse("jobs:tasks", args=[pk])
    return redirect(f"{address}?run={run.pk}" if run else address)


@require_POST
@console_page
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause a job, or let it go on."""
    job = found_job(pk)
    verb = services.resume if job.paused else services.pause
    try:
        verb(job, now=timezone.now(), **acting.who(request))
    except InvalidJob as error:
        acting.refused(request, error)
    else:
        messages.success(
            request, _("%(name)s is paused.") % {"name": job.name} if job.paused else _("%(name)s goes on.") % {"name": job.name}
        )
    return redirect("jobs:list")


@require_POST
@console_page
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """Store a job once more."""
    try:
        made = services.copy_job(found_job(pk), now=timezone.now(), **acting.who(request))
    except InvalidJob as error:
        acting.refused(request, error)
        return redirect("jobs:show", pk)
    text = _(
        "This is the copy. It is paused and has a table prefix of its own, so that no table is written by two jobs: "
        "give it its name and save."
    )
    messages.success(request, text)
    return redirect("jobs:show", made.pk)


@console_page
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete a job."""
    job = found_job(pk)
    if request.method == "POST":
        services.delete_job(job, **acting.who(request))
        messages.success(request, _("Job %(name)s was deleted.") % {"name": job.name})
        return redirect("jobs:list")
    return render(request, "jobs/delete.html", {"job": job, "is_running": Run.objects.filter(job=job, state="running").exists()})
