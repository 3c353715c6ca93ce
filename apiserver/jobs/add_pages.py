"""Add Job: source and destination, tables, columns and query, schedule, review. What was entered travels with the form."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apiserver.jobs import acting, services
from apiserver.jobs.column_rows import rows_of, statement_of
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.forms import KINDS, JobForm, ScheduleForm
from apiserver.jobs.models import Job
from apiserver.jobs.replicate import replicate, written
from apiserver.jobs.schedules import zones
from apiserver.jobs.table_picking import FIELDS, found_tables, ticked_statements
from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections.contract.errors import ConnectorError
from connections.contract.table import Table, TableRef
from connections.models import Connection
from connections.services import describe

CONNECTIONS, TABLES, COLUMNS, SCHEDULE, REVIEW = "connections", "tables", "columns", "schedule", "review"
STEPS = {
    CONNECTIONS: gettext_lazy("Source and destination"),
    TABLES: gettext_lazy("Tables"),
    COLUMNS: gettext_lazy("Columns and query"),
    SCHEDULE: gettext_lazy("Schedule"),
    REVIEW: gettext_lazy("Review"),
}
OF_THE_WAY = ("csrfmiddlewaretoken", "step", "go", "all", "refresh", "configuring")
EDITED, SHOWN, TICKED = "statement:", "columns:", "column:"  # before the value of a table: its statement, its columns


@console_page
def add(request: HttpRequest) -> HttpResponse:
    """Show a step of Add Job, or the next one, or make the job."""
    wizard = Wizard(request)
    if request.method == "POST":
        made = wizard.go(request.POST.get("go", ""))
        if made is not None:
            return made
    return render(request, "jobs/add.html", wizard.context(), status=422 if wizard.is_wrong else 200)


class Wizard:
    """What was entered so far, and at which step its maker is."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.given: QueryDict = request.POST
        self.step = self.given.get("step", CONNECTIONS)
        self.problems: list[str] = []
        self.wrong: dict[str, str] = {}  # value of a table -> what is wrong with its statement
        has_begun = request.method == "POST"
        self.form = JobForm(self.given if has_begun else None, initial=self.proposed())
        self.schedule = ScheduleForm(self.given if "every" in self.given else None)

    def proposed(self) -> dict[str, str]:
        """Return what the form starts with."""
        source = self.request.GET.get("source", "")
        return {"kind": Job.STANDARD} | ({"source": source} if source.isdecimal() else {})

    @property
    def is_wrong(self) -> bool:
        """Claim that the step can't be left as it is."""
        forms = {CONNECTIONS: self.form, SCHEDULE: self.schedule}
        form = forms.get(self.step)
        return bool(self.problems or self.wrong or (form is not None and form.is_bound and form.errors))

    @cached_property
    def source(self) -> Connection | None:
        """Return the connection that tables are chosen of."""
        chosen = self.given.get("source", "")
        return Connection.objects.filter(pk=int(chosen)).first() if chosen.isdecimal() else None

    @property
    def steps(self) -> list[str]:
        """Return the steps that this kind of job has."""
        has_tables = self.given.get("kind", Job.STANDARD) in ("", Job.STANDARD) and (self.source is not None or not self.given)
        return [name for name in STEPS if has_tables or name not in (TABLES, COLUMNS)]

    def go(self, where: str) -> HttpResponse | None:
        """Go to another step, or make the job; None = a step is to be shown."""
        if self.step not in self.steps:
            self.step = CONNECTIONS
        place = self.steps.index(self.step)
        if self.step == COLUMNS:
            self.apply_columns()
        if where == "back":
            self.step = self.steps[max(0, place - 1)]
        elif where == "next" and self.is_done(self.step):
            self.step = self.steps[min(place + 1, len(self.steps) - 1)]
        elif where in self.steps and (self.steps.index(where) < place or all(self.is_done(name) for name in self.steps[place:-1])):
            self.step = where
        elif where in ("create", "create_run"):
            return self.create(is_run="run" in where)
        return None

    def is_done(self, step: str) -> bool:
        """Claim that what a step asks for is there."""
        if step == CONNECTIONS:
            return self.form.is_valid() and self.is_free()
        if step == TABLES:
            if not self.statements:
                self.problems.append(_("Tick one table at least."))
            return not self.problems
        if step == COLUMNS:
            return not self.wrong
        return step != SCHEDULE or self.schedule.is_valid() or "every" not in self.given

    def is_free(self) -> bool:
        """Claim that the job could be made as far as it is described, without tasks."""
        made = Job(**self.form.values())
        try:
            services.checked(made, [], now=timezone.now())
        except InvalidJob as error:
            self.problems += acting.show_errors(error.errors, {name: (self.form, name) for name in self.form.fields})
            return False
        return True

    @cached_property
    def statements(self) -> dict[str, str]:
        """Return the statements of the ticked tables by their values: as they were edited, else as they are proposed."""
        if self.source is None or TABLES not in self.steps:
            return {}
        try:
            proposed = ticked_statements(self.source, self.given)
        except ConnectorError as error:
            self.problems.append(acting.sentence(error))
            return {}
        return {value: self.given.get(EDITED + value, "").strip() or text for value, text in proposed.items()}

    def apply_columns(self) -> None:
        """Write the ticks of columns into their statements; keep what is wrong with each."""
        for value, text in self.statements.items():
            try:
                statement = replicate(text)
                if SHOWN + value in self.given and self.source is not None:
                    statement = ticked_columns(self.source, value, text, self.given.getlist(TICKED + value))
                    self.statements[value] = written(statement)
            except ConnectorError as error:
                self.wrong[value] = acting.sentence(error)

    def create(self, *, is_run: bool) -> HttpResponse | None:
        """Make the job and lead to its tasks; None where something is wrong, which its step shows."""
        for step in self.steps if self.step != CONNECTIONS else [CONNECTIONS]:
            if not self.is_done(step):
                self.step = step
                return None
        values = self.form.values() | (self.schedule.values() if self.schedule.is_bound and self.schedule.is_valid() else {})
        given = [services.Given(text) for text in self.statements.values()] if self.step != CONNECTIONS else []
        try:
            job = services.create_job(now=timezone.now(), tasks=given, **acting.who(self.request), **values)
        except InvalidJob as error:
            self.show(error)
            return None
        messages.success(self.request, _("Job %(name)s was added.") % {"name": job.name})
        run = acting.start(self.request, job) if is_run else None
        address = reverse("jobs:tasks", args=[job.pk])
        return redirect(f"{address}?run={run.pk}" if run else address)

    def show(self, error: InvalidJob) -> None:
        """Go to the step where an error belongs."""
        values = list(self.statements)
        for name, text in error.errors.items():
            number = name.removeprefix("tasks.")
            if name.startswith("tasks.") and number.isdecimal() and int(number) < len(values):
                self.wrong[values[int(number)]] = said(text)
        if self.wrong:
            self.step = COLUMNS
            return
        self.step = CONNECTIONS
        self.problems += acting.show_errors(error.errors, {name: (self.form, name) for name in self.form.fields})

    def context(self) -> dict[str, Any]:
        """Return what the step shows."""
        place = self.steps.index(self.step)
        steps = [(name, STEPS[name], number < place, number == place) for number, name in enumerate(self.steps)]
        context: dict[str, Any] = {"step": self.step, "steps": steps, "form": self.form, "problems": self.problems}
        context |= {"hidden": self.hidden(), "schedule_form": self.schedule, "source": self.source, "is_last": self.step == REVIEW}
        context |= {"times_url": reverse("jobs:times"), "zones": sorted(zones()) if self.step == SCHEDULE else ()}
        if self.step == TABLES and self.source is not None:
            context |= found_tables(self.source, self.given, refresh="refresh" in self.given)
        if self.step in (COLUMNS, REVIEW):
            context["lines"] = [(value, text, self.wrong.get(value, "")) for value, text in self.statements.items()]
        if self.step == REVIEW:
            is_scheduled = self.schedule.is_bound and self.schedule.is_valid()
            self.form.is_valid()
            context |= {"chosen": self.form.values(), "kind": dict(KINDS).get(self.form.values()["kind"], "")}
            context |= {"planned": Job(**self.schedule.values()) if is_scheduled else Job()}
            context |= {"times": self.schedule.next_times() if is_scheduled else []}
        return context

    def hidden(self) -> list[tuple[str, str]]:
        """Return what was entered at the other steps."""
        own: tuple[str, ...] = {CONNECTIONS: tuple(self.form.fields), TABLES: FIELDS, SCHEDULE: tuple(self.schedule.fields)}.get(
            self.step, ()
        )
        left = [name for name in self.given if name not in (*own, *OF_THE_WAY) and not name.startswith((EDITED, SHOWN, TICKED))]
        kept = [(name, value) for name in left for value in self.given.getlist(name)]
        edited = [name for name in self.given if name.startswith(EDITED) and self.step != COLUMNS]
        return kept + [(name, self.statements.get(name.removeprefix(EDITED), str(self.given[name]))) for name in edited]


def ticked_columns(source: Connection, value: str, text: str, names: list[str]) -> Any:
    """Return a table's statement with these columns alone; raise ConnectorError."""
    table, statement = described(source, value), replicate(text)
    rows = rows_of(statement, table)
    for row in rows:
        if row.column is not None:
            row.is_chosen = row.column.name in names
            row.is_key = row.is_key and row.is_chosen
    return statement_of(statement, rows, table, is_all=True)


def described(source: Connection, value: str) -> Table:
    """Return the table of a tick's value."""
    schema, _bar, name = value.partition("|")
    return describe(source, [TableRef(schema, name)])[0]


@require_POST
@console_page
def columns(request: HttpRequest) -> HttpResponse:
    """Show the columns of one ticked table to choose from, as a part of the page."""
    source = get_object_or_404(Connection, pk=request.GET.get("source") if request.GET.get("source", "").isdecimal() else 0)
    value = request.GET.get("table", "")
    context: dict[str, Any] = {"value": value}
    try:
        statement = replicate(request.POST.get(EDITED + value, ""))
        context["rows"] = [row for row in rows_of(statement, described(source, value)) if row.column]
    except ConnectorError as error:
        context["failure"] = error
    return render(request, "jobs/_ticked_columns.html", context)
