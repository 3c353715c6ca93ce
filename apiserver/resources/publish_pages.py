"""API -> Add Table: pick a connection, search and tick tables, confirm names and methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apiserver.resources import names, services
from apiserver.resources.builder import key_of
from apiserver.resources.models import ALL_METHODS, Resource
from apiserver.resources.relation_pages import note
from apiserver.ui.access import console_page
from connections.contract.errors import ConnectorError
from connections.contract.table import Table, TableInfo, TableRef
from connections.models import Connection
from connections.picking import MOST_TABLES, pick, schemas
from connections.services import describe, list_tables

READING = ("GET",)


@dataclass(slots=True)
class Line:
    """One ticked table on its way to a resource."""

    value: str
    table: Table
    name: str
    methods: list[str]
    key: tuple[str, ...] = ()
    reason: str = ""  # why it can only be read
    problem: str = ""

    @property
    def choices(self) -> list[tuple[str, bool]]:
        """Return the methods to choose from, each with its tick."""
        return [(method, method in self.methods) for method in (READING if self.reason else ALL_METHODS)]


@console_page
def add(request: HttpRequest) -> HttpResponse:
    """Ask for the connection: the first step of Add Table."""
    chosen = request.GET.get("connection", "")
    if chosen.isdigit() and Connection.objects.filter(pk=int(chosen)).exists():
        return redirect("resources:tables", int(chosen))
    newest = Connection.objects.filter(last_test__ok=True).order_by("-pk").values_list("pk", flat=True).first()
    return render(request, "resources/add.html", {"connections": Connection.objects.all(), "newest": newest})


@console_page
def tables(request: HttpRequest, pk: int) -> HttpResponse:
    """Search and tick tables: the second step. Ticks travel with every search."""
    connection = get_object_or_404(Connection, pk=pk)
    given = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"connection": connection, "q": given.get("q", ""), "within": given.get("within", "")}
    try:
        known = list_tables(connection, now=timezone.now(), refresh="refresh" in request.POST)
        context |= found_tables(connection, known, given)
    except ConnectorError as error:
        context["failure"] = error
    return render(request, "resources/tables.html", context)


def found_tables(connection: Connection, known: list[TableInfo], given: QueryDict) -> dict[str, Any]:
    """Return what the search finds, and the ticks of what it does not show."""
    found = pick(known, given.get("q", ""), given.get("within", ""))
    shown = found[:MOST_TABLES]
    values = [value_of(item.ref) for item in shown]
    ticked = set(given.getlist("table")) | (set(values) if "all" in given else set())
    names_by_table: dict[tuple[str, str], list[str]] = {}
    for schema, table, name in connection.resources.values_list("schema", "table", "name"):
        names_by_table.setdefault((schema, table), []).append(name)
    rows = [
        {"it": item, "value": value, "is_ticked": value in ticked, "names": names_by_table.get((item.ref.schema, item.ref.name))}
        for item, value in zip(shown, values, strict=True)
    ]
    others = [value_of(item.ref) for item in known if value_of(item.ref) in ticked.difference(values)]
    return {"rows": rows, "others": others, "count": len(found), "most": MOST_TABLES, "schemas": schemas(known)}


def value_of(ref: TableRef) -> str:
    """Return the value of a table's tick: schema and name, told apart by a bar."""
    return f"{ref.schema}|{ref.name}"


@console_page
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the name, key and methods that each ticked table gets, then publish: the third step."""
    connection = get_object_or_404(Connection, pk=pk)
    known: list[TableInfo] = []
    try:
        known = list_tables(connection, now=timezone.now())
        ticked = set(request.POST.getlist("table"))
        refs = [item.ref for item in known if value_of(item.ref) in ticked]
        if not 0 < len(refs) <= MOST_TABLES:
            messages.error(request, _("Tick %(most)d tables at most.") % {"most": MOST_TABLES} if refs else _("Tick one table at least."))
            return redirect("resources:tables", pk)
        lines = lines_of(connection, describe(connection, refs), request.POST)
    except ConnectorError as error:
        context: dict[str, Any] = {"connection": connection, "failure": error, **found_tables(connection, known, request.POST)}
        return render(request, "resources/tables.html", context, status=422)
    if "publish" in request.POST and not find_problems(lines) and publish(request, connection, lines):
        return redirect("resources:list")
    has_problem = any(line.problem for line in lines)
    context = {"connection": connection, "lines": lines, "has_problem": has_problem}
    return render(request, "resources/confirm.html", context, status=422 if has_problem else 200)


def lines_of(connection: Connection, found: list[Table], given: QueryDict) -> list[Line]:
    """Return a line for each table: as filled in, else with its default name and all methods."""
    taken = {name.lower() for name in Resource.objects.values_list("name", flat=True)}
    lines = []
    for table in found:
        value = value_of(table.ref)
        line = Line(value, table, given.get(f"name:{value}", "").strip(), given.getlist(f"methods:{value}"))
        if f"name:{value}" not in given:
            line.name = names.resource_name(connection.name, table.ref.schema, table.ref.name, taken)
            line.methods = list(ALL_METHODS)
        if "preset" in given:
            line.methods = list(READING if given["preset"] == "read" else ALL_METHODS)
        taken.add(line.name.lower())
        line.key = key_of(Resource(), table)
        line.reason = reading_reason(connection, table, line.key)
        lines.append(line)
    return lines


def reading_reason(connection: Connection | None, table: Table, key: tuple[str, ...]) -> str:
    """Return why the table can only be read; "" when it can be written."""
    if connection is not None and connection.read_only:
        return _("read only: the connection is")
    if table.kind != "table":
        return _("read only: a view")
    if not table.writes:
        return _("read only: the source takes no changes")
    return "" if key else _("read only: no key")


def find_problems(lines: list[Line]) -> bool:
    """Say at each line what is wrong with it; return whether anything is."""
    taken = {name.lower() for name in Resource.objects.values_list("name", flat=True)}
    for line in lines:
        if names.identifier(line.name) != line.name:
            line.problem = _("This is no simple identifier; %(name)s is.") % {"name": names.identifier(line.name or line.table.ref.name)}
        elif line.name.lower() in taken:
            line.problem = _("Another resource has this name.")
        elif not chosen_methods(line):
            line.problem = _("Tick one method at least.")
        taken.add(line.name.lower())
    return any(line.problem for line in lines)


def chosen_methods(line: Line) -> list[str]:
    """Return the ticked methods in their order; what can't be written is only read."""
    return [method for method, is_ticked in line.choices if is_ticked]


def publish(request: HttpRequest, connection: Connection, lines: list[Line]) -> bool:
    """Publish all lines or none; False when a name was taken meanwhile."""
    try:
        with transaction.atomic():
            found = [services.create(line.name, connection, line.table, methods=chosen_methods(line)) for line in lines]
    except IntegrityError:
        find_problems(lines)
        return False
    for resource in found:
        note(request, "resource published", resource.name)
    text = ngettext("%(count)d resource was published.", "%(count)d resources were published.", len(found))
    messages.success(request, text % {"count": len(found)})
    return True
