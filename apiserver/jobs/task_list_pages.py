"""The tab Task of a job: its tasks with what each did last, live while a run goes on; add, order, switch off, remove, run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from apiserver.jobs import acting, services
from apiserver.jobs.claims import target_of
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.forms import KINDS
from apiserver.jobs.job_pages import found_job
from apiserver.jobs.models import OPEN, Job, Run, Task, TaskRun
from apiserver.jobs.replicate import Replicate, written
from apiserver.jobs.table_picking import found_tables, ticked_statements
from apiserver.ui.access import console_page
from connections.contract.errors import ConnectorError

LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class Line:
    """One task of the list. `last`: its newest run, None where it never ran."""

    it: Task
    title: str
    last: TaskRun | None


@console_page
def tasks(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the tasks of a job."""
    return render(request, "jobs/tasks.html", context_of(request, found_job(pk)))


@console_page
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the tasks anew, as a part of the page: it asks each second while a run goes on, and once more for its end."""
    return render(request, "jobs/_tasks.html", context_of(request, found_job(pk)))


def context_of(request: HttpRequest, job: Job) -> dict[str, Any]:
    """Return what the tab shows. `run` in the address is the one that was begun from here: its end is told, however quick it was."""
    newest = TaskRun.objects.filter(task__job=job).values("task").annotate(newest=Max("pk")).values("newest")
    last_runs = {item.task_id: item for item in TaskRun.objects.filter(pk__in=newest)}
    lines = [Line(task, title_of(task), last_runs.get(task.pk)) for task in job.tasks.all()]
    runs = Run.objects.defer("order").filter(job=job)
    open_run, begun = runs.filter(state__in=OPEN).order_by("-pk").first(), request.GET.get("run", "")
    ended = runs.filter(pk=int(begun)).exclude(state__in=OPEN).first() if begun.isdecimal() and open_run is None else None
    context = {"job": job, "tab": "tasks", "lines": lines, "open_run": open_run, "ended": ended}
    context |= {"ticked": set(request.GET.getlist("task")), "kind": dict(KINDS).get(job.kind, "")}
    return context | {"is_standard": job.kind == Job.STANDARD}


def title_of(task: Task) -> str:
    """Return the destination's table of a task; of a statement that can't be read its beginning."""
    target = target_of(task)
    return ".".join(target) if target else task.statement[:LONGEST_TITLE]


@console_page
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Search and tick tables, or write a statement, and add them as tasks."""
    job = found_job(pk)
    if job.source is None and request.method != "POST":
        return render(request, "jobs/add_tasks.html", {"job": job, "tab": "tasks"})
    problems: list[str] = []
    if "add" in request.POST and stored(request, job, problems):
        return redirect("jobs:tasks", pk)
    written_so_far = {name: request.POST.get(name, "") for name in ("statement", "name")}
    context: dict[str, Any] = {"job": job, "tab": "tasks", "problems": problems, **written_so_far}
    if job.kind == Job.LOAD_FOLDER:
        context["is_folder"] = True
    elif job.source is not None:
        given = request.POST if request.method == "POST" else request.GET
        taken = set(job.tasks.values_list("statement", flat=True))
        context |= found_tables(job.source, given, taken=taken, refresh="refresh" in request.POST)
    return render(request, "jobs/add_tasks.html", context, status=422 if problems else 200)


def stored(request: HttpRequest, job: Job, problems: list[str]) -> bool:
    """Add what was ticked and written; keep what is wrong with it."""
    try:
        chosen = statements_of(request, job)
        if not chosen:
            is_folder = job.kind == Job.LOAD_FOLDER
            problems.append(
                _("Name the table, or write a statement.") if is_folder else _("Tick one table at least, or write a statement.")
            )
            return False
        made = services.add_tasks(job, chosen, now=timezone.now(), **acting.who(request))
    except ConnectorError as error:
        problems.append(acting.sentence(error))
        return False
    except InvalidJob as error:
        names = dict(enumerate(chosen))
        for name, text in error.errors.items():
            number = name.removeprefix("tasks.")
            said = acting.show_errors({"": text}, {})[0]
            problems.append(f"{names[int(number)]}: {said}" if number.isdecimal() and int(number) in names else said)
        return False
    text = ngettext("%(count)d task was added.", "%(count)d tasks were added.", len(made))
    messages.success(request, text % {"count": len(made)})
    return True


def statements_of(request: HttpRequest, job: Job) -> list[str]:
    """Return the statements of what was ticked, named and written; raise ConnectorError."""
    found: list[str] = []
    if job.kind == Job.LOAD_FOLDER:
        name = request.POST.get("name", "").strip()
        found += [written(Replicate((name,), source=(name,)))] if name else []
    elif job.source is not None:
        found += ticked_statements(job.source, request.POST).values()
    text = request.POST.get("statement", "").strip()
    return [*found, text] if text else found


@require_POST
@console_page
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Do with tasks what a button says: run, enable, disable and remove those that are ticked, move one up or down."""
    job = found_job(pk)
    address = reverse("jobs:tasks", args=[pk])
    if "move" in request.POST:
        move(request, job, *request.POST["move"].partition(":")[::2])
        return redirect(address)
    if "run_all" in request.POST:
        return begun(request, job, [])
    chosen = list(job.tasks.filter(key__in=request.POST.getlist("task")))
    if not chosen:
        messages.error(request, _("Tick a task first."))
        return redirect(address)
    if "run" in request.POST:
        return begun(request, job, [task.key for task in chosen])
    verb = next((verb for name, verb in VERBS.items() if name in request.POST), None)
    if verb is not None:
        with transaction.atomic():
            for task in chosen:
                verb(request, task)
        messages.success(request, _("Saved."))
    return redirect(address)


def begun(request: HttpRequest, job: Job, only: list[str]) -> HttpResponse:
    """Begin a run and lead back to the list, which follows it; ticks stay."""
    run = acting.start(request, job, only)
    address = reverse("jobs:tasks", args=[job.pk])
    ticks = "".join(f"&task={key}" for key in only)
    return redirect(f"{address}?run={run.pk}{ticks}" if run else address)


def move(request: HttpRequest, job: Job, where: str, key: str) -> None:
    """Move a task before the one above it, or behind the one below."""
    keys = list(job.tasks.values_list("key", flat=True))
    if key in keys and where in ("up", "down"):
        place = keys.index(key)
        keys.insert(max(0, place + (-1 if where == "up" else 1)), keys.pop(place))
        services.order_tasks(job, keys, **acting.who(request))


def switch(is_on: bool) -> Callable[[HttpRequest, Task], None]:
    """Return the verb that switches a task on or off."""

    def verb(request: HttpRequest, task: Task) -> None:
        if task.enabled != is_on:
            services.save_task(task, now=timezone.now(), enabled=is_on, **acting.who(request))

    return verb


def remove(request: HttpRequest, task: Task) -> None:
    """Take a task out of its job."""
    services.remove_task(task, **acting.who(request))


VERBS: dict[str, Callable[[HttpRequest, Task], None]] = {"enable": switch(True), "disable": switch(False), "remove": remove}
