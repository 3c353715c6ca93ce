"""The page Tables derived of an OpenAPI connection: what was decided and why, probes, and the form that corrects it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from apiserver.server import audit
from apiserver.server.addresses import caller
from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections import services
from connections.connectors.openapi.derive import Derived
from connections.connectors.openapi.overlay import columns_left_out, read_overlay, with_changes, with_column
from connections.connectors.openapi.probe import probe
from connections.connectors.openapi.session import OpenapiSession
from connections.contract.errors import ConnectorError, InvalidProperties
from connections.models import Connection
from connections.openapi_forms import TYPES, TableForm, dotted
from connections.openapi_said import told

MOST_TABLES = 500
UNSURE = ("likely", "guess")
CONFIDENCE = {
    "sure": gettext_lazy("sure"),
    "likely": gettext_lazy("likely"),
    "guess": gettext_lazy("guess"),
    "settled": gettext_lazy("settled"),
}
ABOUT = {
    "rows": gettext_lazy("Place of the rows"),
    "key": gettext_lazy("Key"),
    "paging": gettext_lazy("Paging"),
    "writes": gettext_lazy("Writes"),
    "parameters": gettext_lazy("Parameters"),
}


def session_of(connection: Connection) -> OpenapiSession:
    """Return the session of an OpenAPI connection; other connections have no such page."""
    session = getattr(services.session_for(connection.pk), "rows", None)
    if not isinstance(session, OpenapiSession):
        raise Http404
    return session


@never_cache
@console_page
def derived(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the derived tables and, of one, its decisions with the form; POST corrects or probes."""
    connection = get_object_or_404(Connection, pk=pk, connector="openapi")
    name = request.GET.get("table", "")
    context: dict[str, Any] = {
        "connection": connection,
        "q": request.GET.get("q", ""),
        "only": request.GET.get("only", ""),
        "failure": None,
        "hidden": hidden_in(overlay_of(connection)),
    }
    form: TableForm | None = None
    try:
        session = session_of(connection)
        if request.method == "POST" and request.POST.get("restore") in context["hidden"]:
            restored(request, connection, request.POST["restore"])
            return redirect(address(connection, ""))
        if request.method == "POST" and "probe" in request.POST:
            probed(request, connection, session, name)
            return redirect(address(connection, name))
        found = session.derived
        context |= listed(found, context["q"], context["only"])
        if name in found.manifest["tables"]:
            left_out = columns_left_out(overlay_of(connection), original(overlay_of(connection), name))
            context["left_out"] = left_out
            if request.method == "POST" and request.POST.get("restore_column") in left_out:
                column_restored(request, connection, name, request.POST["restore_column"])
                return redirect(address(connection, name))
            form = form_of(request, connection, found, name)
            if request.method == "POST" and form.is_valid() and corrected(request, connection, found, name, form):
                return redirect(address(connection, ""))
            context |= shown(found, name, form)
    except ConnectorError as error:
        context["failure"] = error
    return render(request, "connections/derived.html", context, status=422 if form is not None and form.errors else 200)


def address(connection: Connection, name: str) -> str:
    """Return the page of one table, or of all."""
    page = reverse("connections:derived", args=[connection.pk])
    return f"{page}?{urlencode({'table': name})}" if name else page


def listed(found: Derived, text: str, only: str) -> dict[str, Any]:
    """Return the rows of the list: all tables, or those that are uncertain."""
    rows = []
    for name, table in sorted(found.manifest["tables"].items()):
        unsure = [item for item in found.findings.get(name, ()) if item.confidence in UNSURE]
        if text.lower() not in name.lower() or (only and not (unsure or table.get("partial"))):
            continue
        read = table["read"][0]
        paging = "" if read.get("single") else (read.get("paging") or {}).get("type", "none")
        rows.append(
            {"name": name, "path": read["path"], "key": table.get("key", ()), "paging": paging, "columns": len(table["columns"])}
            | {"writes": sorted(table.get("write", ())), "partial": table.get("partial", ""), "unsure": len(unsure)}
        )
    return {"tables": rows[:MOST_TABLES], "count": len(rows), "most": MOST_TABLES, "notes": found.notes, "title": found.title}


def shown(found: Derived, name: str, form: TableForm) -> dict[str, Any]:
    """Return one table: decisions, columns, form."""
    table = found.manifest["tables"][name]
    decisions = [
        {
            "about": ABOUT.get(item.about, item.about),
            "text": told(item.text),
            "confidence": CONFIDENCE[item.confidence],
            "is_unsure": item.confidence in UNSURE,
        }
        for item in found.findings.get(name, ())
    ]
    columns = [
        {"number": number, "name": column, "path": path_of(table["columns"].get(column)), "type": type_of(table["columns"].get(column))}
        for number, column in enumerate(form.columns)
    ]
    return {"name": name, "table": table, "decisions": decisions, "columns": columns, "form": form, "types": TYPES}


def hidden_in(overlay: Mapping[str, Any]) -> list[str]:
    """Return the tables that the overlay leaves out, as the document has them."""
    return sorted(name for name, changes in (overlay.get("tables") or {}).items() if (changes or {}).get("hide") is True)


def overlay_of(connection: Connection) -> dict[str, Any]:
    """Return the connection's corrections."""
    return read_overlay(str(connection.properties.get("Overlay") or ""))


def path_of(column: Any) -> str:
    """Return where a column's value stands."""
    if isinstance(column, str):
        return column
    return _("given in the query") if (column or {}).get("given") else dotted((column or {}).get("path", ""))


def type_of(column: Any) -> str:
    """Return the type of a column."""
    return "string" if isinstance(column, str) else str((column or {}).get("type", "string"))


def original(overlay: Mapping[str, Any], name: str) -> str:
    """Return under which name the overlay corrects a table."""
    tables = overlay.get("tables") or {}
    return next((own for own, changes in tables.items() if (changes or {}).get("rename") == name), name)


def form_of(request: HttpRequest, connection: Connection, found: Derived, name: str) -> TableForm:
    """Return the form of a table, filled with what was corrected before."""
    overlay = overlay_of(connection)
    known = (overlay.get("tables") or {}).get(original(overlay, name)) or {}
    return TableForm(found.manifest["tables"][name]["columns"], known, request.POST or None)


def corrected(request: HttpRequest, connection: Connection, found: Derived, name: str, form: TableForm) -> bool:
    """Store the corrections of the form; tell whether they could be used."""
    changes = form.changes(request.POST)
    try:
        store(request, connection, name, changes)
    except InvalidProperties as error:
        form.add_error(None, said(error.errors.get("Overlay", error.message)))
        return False
    messages.success(request, _("The corrections of %(name)s are stored.") % {"name": name})
    return True


def restored(request: HttpRequest, connection: Connection, own: str) -> None:
    """Show a table again that was left out; its other corrections hold."""
    keep(request, connection, with_changes(str(connection.properties.get("Overlay") or ""), own, {"hide": None}))
    messages.success(request, _("%(name)s is a table again.") % {"name": own})


def column_restored(request: HttpRequest, connection: Connection, name: str, column: str) -> None:
    """Show a column again that was left out."""
    text = str(connection.properties.get("Overlay") or "")
    keep(request, connection, with_column(text, original(read_overlay(text), name), column))
    messages.success(request, _("%(column)s is a column of %(name)s again.") % {"column": column, "name": name})


def probed(request: HttpRequest, connection: Connection, session: OpenapiSession, name: str) -> None:
    """Probe a table and store what is settled."""
    verdict = probe(session, name)
    if verdict.changes:
        store(request, connection, name, verdict.changes)
    (messages.success if verdict.is_settled else messages.warning)(request, f"{name}: {said(verdict.text)}")


def store(request: HttpRequest, connection: Connection, name: str, changes: Mapping[str, Any]) -> None:
    """Put changes of one table into the connection's overlay."""
    text = str(connection.properties.get("Overlay") or "")
    keep(request, connection, with_changes(text, original(read_overlay(text), name), changes))


def keep(request: HttpRequest, connection: Connection, overlay: str) -> None:
    """Store the connection with another overlay."""
    saved = services.save_connection(
        name=connection.name,
        connector=connection.connector,
        values={**connection.properties, "Overlay": overlay},
        existing=connection,
        labels=connection.labels,
        read_only=connection.read_only,
        max_rows=connection.max_rows,
    )
    services.session_for(saved.pk)
    audit.record("connection saved", who=request.user.get_username(), subject=saved.name, address=caller(request).address)
