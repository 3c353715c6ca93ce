"""SQL: the page on which people query any connection: tables to pick from, an editor, rows, what was asked of whom."""

from __future__ import annotations

import time
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apiserver.server.addresses import caller
from apiserver.ui.access import console_page
from connections import cells, sql_explorer, sql_running
from connections.contract.errors import ConnectorError
from connections.contract.table import Table, TableRef
from connections.models import Connection
from connections.picking import MOST_TABLES, pick
from connections.services import describe, list_tables

EXAMPLE = "SELECT * FROM sys_tables"


@never_cache
@console_page
def explorer(request: HttpRequest) -> HttpResponse:
    """Show the editor; run or explain what was sent."""
    given = request.POST if request.method == "POST" else request.GET
    chosen = chosen_connection(given.get("connection", ""))
    text, number = given.get("sql", ""), given.get("run", "") or uuid.uuid4().hex
    before = given.get("again", "")
    if before.isdigit():
        asked = sql_explorer.asked_before(request.user.get_username(), int(before))
        text = asked.sql if asked else text
        chosen = Connection.objects.filter(name=asked.connection).first() if asked else chosen
    context: dict[str, Any] = {"sql": text, "number": number, "chosen": chosen, "connections": Connection.objects.all(), "example": EXAMPLE}
    if request.method == "POST":
        if not sql_running.NUMBER.fullmatch(number):
            return HttpResponseBadRequest()
        context |= explained(text, chosen) if "explain" in request.POST else answered(request, text, chosen, number)
    context["history"] = sql_explorer.history(request.user.get_username())
    return render(request, "connections/sql.html", context, status=422 if "failure" in context else 200)


def chosen_connection(text: str) -> Connection | None:
    """Return the connection that names are looked up in first."""
    return Connection.objects.filter(pk=int(text)).first() if text.isdigit() else None


def answered(request: HttpRequest, text: str, chosen: Connection | None, number: str) -> dict[str, Any]:
    """Return the rows of a query, or why there are none; either is noted."""
    started = time.monotonic()
    who: dict[str, Any] = {"who": request.user.get_username(), "address": caller(request).address, "started": started}
    try:
        answer = sql_explorer.run(text, chosen, now=timezone.now(), number=number)
    except ConnectorError as error:
        sql_explorer.note(text, chosen, rows=0, error=error.message, **who)
        return {"failure": error}
    sql_explorer.note(text, chosen, rows=len(answer.rows), **who)
    table = Table(TableRef("", ""), columns=answer.columns)
    heads = [cells.Head(column, False, cells.is_number(column)) for column in answer.columns]
    rows = [[cells.cell(value, column) for value, column in zip(row, answer.columns, strict=True)] for row in answer.rows]
    shown = {"heads": heads, "rows": rows, "has_more": answer.has_more, "taken": f"{answer.seconds:.2f}", "table": table}
    return {
        "answer": shown,
        "plan": answer.explained,
        "calls": answer.calls,
        "notes": answer.explained.notes,
        "most": sql_explorer.MOST_ROWS,
    }


def explained(text: str, chosen: Connection | None) -> dict[str, Any]:
    """Return how a query would run."""
    try:
        plan = sql_explorer.prepared(text, chosen, now=timezone.now()).explain()
    except ConnectorError as error:
        return {"failure": error}
    return {"plan": plan, "notes": plan.notes, "is_open": True}


@console_page
def tree(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the tables of one connection, as a part of the page."""
    connection = get_object_or_404(Connection, pk=pk)
    context: dict[str, Any] = {"connection": connection, "q": request.GET.get("q", "")}
    try:
        found = pick(list_tables(connection, now=timezone.now()), request.GET.get("q", ""), "")
        context |= {"tables": found[:MOST_TABLES], "count": len(found), "most": MOST_TABLES}
    except ConnectorError as error:
        context["failure"] = error
    return render(request, "connections/_sql_tree.html", context)


@console_page
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the columns of one table, as a part of the page."""
    connection = get_object_or_404(Connection, pk=pk)
    ref = TableRef(request.GET.get("schema", ""), request.GET.get("table", ""))
    context: dict[str, Any] = {}
    try:
        context["table"] = describe(connection, [ref])[0]
    except ConnectorError as error:
        context["failure"] = error
    return render(request, "connections/_sql_columns.html", context)


@require_POST
@console_page
def download(request: HttpRequest) -> HttpResponseBase:
    """Give all rows of a query as a CSV file; what fails before the first row is shown on the page."""
    number = request.POST.get("run", "")
    if not sql_running.NUMBER.fullmatch(number):
        return HttpResponseBadRequest()
    text, chosen, started = request.POST.get("sql", ""), chosen_connection(request.POST.get("connection", "")), time.monotonic()
    who: dict[str, Any] = {"who": request.user.get_username(), "address": caller(request).address, "started": started}
    lines = sql_explorer.as_csv(text, chosen, now=timezone.now(), number=number)
    try:
        begun = [next(lines), next(lines, "")]
    except ConnectorError as error:
        sql_explorer.note(text, chosen, rows=0, error=error.message, **who)
        context = {"sql": text, "number": number, "chosen": chosen, "connections": Connection.objects.all(), "failure": error}
        return render(request, "connections/sql.html", context, status=422)
    sql_explorer.note(text, chosen, rows=0, **who)

    def body() -> Any:
        yield from begun
        try:
            yield from lines
        except ConnectorError as error:
            yield f"{error.message}\r\n"

    response = StreamingHttpResponse(body(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="query.csv"'
    return response


@require_POST
@console_page
def cancel(request: HttpRequest) -> HttpResponse:
    """Stop a query that runs; the page stops waiting for it at once, a call to a service may take longer."""
    try:
        sql_running.cancel(request.POST.get("run", ""))
    except ValueError:
        return HttpResponseBadRequest()
    return render(request, "connections/_sql_cancelled.html", {"failure": sql_running.cancelled()})
