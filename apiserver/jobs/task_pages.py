"""The page of a task: where it reads and writes, its columns and its query, which are two views of one statement, options, first rows."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.jobs import acting, services, task_options
from apiserver.jobs.column_rows import Row, WrongRows, rows_of, statement_of, takes_all
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.looking import FIRST_ROWS, Looked, first_rows, look, marked
from apiserver.jobs.models import Job, Task, TaskRun
from apiserver.jobs.replicate import Replicate, replicate, written
from apiserver.jobs.replicate_types import WRITTEN
from apiserver.jobs.setting_forms import GROUPS, SettingsForm
from apiserver.jobs.task_list_pages import title_of
from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections import cells
from connections.contract.errors import ConnectorError
from connections.engine.sql_reader import SqlProblem

BLANKS = 2  # rows for further columns, at the end of the list
TYPES = tuple(
    dict.fromkeys(["VARCHAR(255)", "TEXT", "JSON", "DECIMAL(18, 2)", "DATETIME2", "TIMESTAMPTZ", *WRITTEN.values(), "VARBINARY(MAX)"])
)
TABS = (
    ("columns", gettext_lazy("Columns"), "jobs:task"),
    ("query", gettext_lazy("Query"), "jobs:query"),
    ("options", gettext_lazy("Options"), "jobs:options"),
    ("preview", gettext_lazy("Preview"), "jobs:preview"),
)
OF_A_FOLDER = ("query", "options")


class Opened:
    """One task and what its page shows on every tab."""

    def __init__(self, request: HttpRequest, pk: int, tab: str) -> None:
        self.request, self.tab = request, tab
        self.task = get_object_or_404(Task.objects.select_related("job", "job__source", "job__destination"), pk=pk)
        self.job = self.task.job
        self.is_folder = self.job.kind == Job.LOAD_FOLDER
        self.problems: list[str] = []
        self.problem: ConnectorError | None = None  # of the statement

    @property
    def tabs(self) -> list[tuple[str, Any, str]]:
        """Return the tabs; a folder's files have columns each of its own."""
        return [tab for tab in TABS if not self.is_folder or tab[0] in OF_A_FOLDER]

    @cached_property
    def looked(self) -> Looked | None:
        """Return what the statement reads; None of one that can't be run, whose `problem` is then kept, or that reads a folder's files."""
        if self.is_folder:
            return None
        try:
            return look(self.task.statement, self.job.source)
        except ConnectorError as error:
            self.problem = error
            return None

    @property
    def statement(self) -> Replicate | None:
        """Return the statement, None of one that can't be read."""
        try:
            return replicate(self.task.statement)
        except ConnectorError as error:
            self.problem = error
            return None

    def save(self, **values: Any) -> bool:
        """Store a part of the task; keep what is wrong with it."""
        if self.request.POST.get("seen", self.task.statement).replace("\r\n", "\n") != self.task.statement:
            self.problems.append(_("This task was changed since you opened this page. Open it anew."))
            return False
        try:
            services.save_task(self.task, now=timezone.now(), **acting.who(self.request), **values)
        except InvalidJob as error:
            self.problems += acting.show_errors(error.errors, {})
            return False
        messages.success(self.request, _("Saved."))
        return True

    def show(self, **more: Any) -> HttpResponse:
        """Answer with the page."""
        looked = self.looked
        last = TaskRun.objects.filter(task=self.task).order_by("-pk").first()
        context = {"it": self.task, "job": self.job, "title": title_of(self.task), "tabs": self.tabs, "here": self.tab, "last": last}
        context |= {
            "looked": looked,
            "is_folder": self.is_folder,
            "problems": self.problems,
            "failure": more.pop("failure", None) or self.problem,
        }
        statement = looked.statement if looked else self.statement
        context |= {
            "parsed": statement,
            "target": ".".join((*statement.target[:-1], self.job.table_prefix + statement.target[-1])) if statement else "",
        }
        context |= {"options": task_options.effective(self.task, statement) if statement else None}
        is_wrong = bool(self.problems) or more.pop("is_wrong", False)
        return render(self.request, f"jobs/task_{self.tab}.html", context | more, status=422 if is_wrong else 200)


@console_page
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the columns; choose, rename, compute and type them."""
    opened = Opened(request, pk, "columns")
    if opened.is_folder:
        return redirect("jobs:query", pk)
    looked = opened.looked
    if looked is None:
        return opened.show(rows=None)
    table = looked.table
    try:
        if request.method != "POST":
            return opened.show(rows=[*rows_of(looked.statement, table), *blanks()], is_all=takes_all(looked.statement), types=TYPES)
        rows = posted_rows(request, looked)
    except ConnectorError as error:  # a query whose columns are no list
        return opened.show(rows=None, failure=error)
    is_all = "all" in request.POST
    try:
        statement = written(statement_of(looked.statement, rows, table, is_all=is_all))
        look(statement, opened.job.source)
        if "save" in request.POST and opened.save(statement=statement):
            return redirect("jobs:task", pk)
    except WrongRows:
        return opened.show(rows=[*rows, *blanks()], is_all=is_all, types=TYPES, is_wrong=True)
    except ConnectorError as error:
        return opened.show(rows=[*rows, *blanks()], is_all=is_all, types=TYPES, is_wrong=True, failure=error)
    return opened.show(rows=[*rows, *blanks()], is_all=is_all, types=TYPES, statement=statement)


def blanks() -> list[Row]:
    """Return rows for columns that are computed."""
    return [Row("", is_chosen=False) for _number in range(BLANKS)]


def posted_rows(request: HttpRequest, looked: Looked) -> list[Row]:
    """Return the rows as they were sent; what was left empty is none."""
    given, rows = request.POST, []
    known = looked.table.by_name if looked.table else {}
    for number in range(int(given["count"]) if given.get("count", "").isdecimal() and len(given["count"]) < 5 else 0):
        read = {name: given.get(f"{name}-{number}", "").strip() for name in ("expression", "name", "type", "column")}
        column = known.get(read["column"])
        row = Row(read["expression"], read["name"], read["type"], f"chosen-{number}" in given, f"key-{number}" in given, column)
        if column is None and row.expression and not row.is_chosen and f"was-{number}" not in given:
            row.is_chosen = True  # somebody wrote an expression into an empty row
        if row.column or row.expression:
            rows.append(row)
    return rows


@console_page
def query(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the statement to be edited; errors say where they are."""
    opened = Opened(request, pk, "query")
    if request.method != "POST":
        return opened.show(text=opened.task.statement)
    text = request.POST.get("statement", "").replace("\r\n", "\n").strip()
    try:
        found = look(text, opened.job.source)
    except SqlProblem as error:
        return opened.show(text=text, failure=error, mark=marked(text, error), is_wrong=True)
    except ConnectorError as error:
        return opened.show(text=text, failure=error, is_wrong=True)
    if "check" in request.POST:
        return opened.show(text=text, checked=found)
    if not opened.save(statement=text):
        return opened.show(text=text, is_wrong=True)
    if found.failure is not None:
        messages.warning(
            request, _("The source could not be asked whether it can run the query: %(why)s") % {"why": said(found.failure.message)}
        )
    return redirect("jobs:query", pk)


@console_page
def options(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how the rows are moved; what the language has an option for is written into the statement."""
    opened = Opened(request, pk, "options")
    statement = opened.statement
    if statement is None:
        return opened.show(groups=())
    inherited = task_options.inherited(opened.task)
    given = task_options.given(opened.task, statement)
    form = SettingsForm(request.POST if request.method == "POST" else None, given=given, inherited=inherited, prefix="set")
    if request.method == "POST" and form.is_valid():
        text, rest = task_options.stated(statement, form.values())
        kept = {name: value for name, value in opened.task.settings.items() if name not in form.fields}
        if opened.save(statement=text, settings=kept | rest):
            return redirect("jobs:options", pk)
    groups = [(label, [form[name] for name in names if name in form.fields]) for label, names in GROUPS.items()]
    return opened.show(groups=groups, is_wrong=bool(form.errors))


@console_page
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the first rows that the statement reads."""
    opened = Opened(request, pk, "preview")
    if opened.is_folder:
        return redirect("jobs:query", pk)
    if opened.looked is None:
        return opened.show()
    try:
        answer = first_rows(opened.task.statement, opened.job.source, number=uuid.uuid4().hex)
    except ConnectorError as error:
        return opened.show(failure=error)
    heads = [cells.Head(column, False, cells.is_number(column)) for column in answer.columns]
    rows = [[cells.cell(value, column) for value, column in zip(row, answer.columns, strict=True)] for row in answer.rows]
    return opened.show(heads=heads, rows=rows, first=FIRST_ROWS, calls=answer.calls)
