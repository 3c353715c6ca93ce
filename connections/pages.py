"""Settings -> Connections: the list, the form with Save & Test, copies, tables with a look at their rows, deleting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apiserver.server import audit
from apiserver.server.addresses import caller
from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections import cells, services, upload_pages, uses
from connections.connectors.registry import connector_keys, get_connector
from connections.contract.connector import Connector, install_line
from connections.contract.errors import ConnectorError, InvalidProperties
from connections.contract.table import TableRef
from connections.forms import ConnectionForm
from connections.gallery import may_configure
from connections.models import Connection, OAuthSignIn
from connections.oauth import pages as oauth_pages
from connections.picking import MOST_TABLES, pick, schemas

PREVIEW_ROWS = 20
# Columns of the list -> what they are called and sorted by.
SORTS: dict[str, tuple[Any, Callable[[dict[str, Any]], Any]]] = {
    "name": (gettext_lazy("Name"), lambda row: row["it"].name.lower()),
    "source": (gettext_lazy("Data source"), lambda row: row["label"].lower()),
    "labels": (gettext_lazy("Labels"), lambda row: (not row["it"].labels, row["it"].labels)),
    "used": (gettext_lazy("Used by"), lambda row: row["it"].used),
    "modified": (gettext_lazy("Last modified"), lambda row: row["it"].modified),
    "test": (gettext_lazy("Last test"), lambda row: -1 if row["test"] is None else row["test"]["ok"]),
}
# Names of test steps as the page says them.
STEPS = {
    "properties": gettext_lazy("Check the properties"),
    "document": gettext_lazy("Read the document"),
    "resolve": gettext_lazy("Find the server by its name"),
    "connect": gettext_lazy("Connect"),
    "tls": gettext_lazy("Agree on TLS"),
    "sign_in": gettext_lazy("Sign in to the data source"),
    "open": gettext_lazy("Open the file"),
    "list_tables": gettext_lazy("List the tables"),
}
CHANGED = gettext_lazy(
    "This connection was changed since you opened this page, in another tab or by somebody else. "
    "The fields hold what you entered: save again to keep that, or open the page anew."
)
# Failed step -> the group of properties that then stands open.
GROUPS = {"tls": "TLS"}


@console_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the connections with their last tests; `sort` orders them, `q` and `label` keep those that fit."""
    label, text = request.GET.get("label", ""), request.GET.get("q", "").strip()
    found, views = list(Connection.objects.annotate(used=Count("resources"))), uses.views_by_connection()
    for item in found:
        item.used += len(views.get(item.pk, ()))
    kept = [item for item in found if label in ("", *item.labels) and fits(item, text)]
    rows = [{"it": item, "label": label_of(item.connector), "test": test_of(item)} for item in kept]
    chosen = request.GET.get("sort", "")
    name, is_falling = chosen.removeprefix("-"), chosen.startswith("-")
    name = name if name in SORTS else "name"
    rows.sort(key=SORTS[name][1], reverse=is_falling)
    heads = [
        {
            "text": title,
            "is_number": key == "used",
            "sort": f"-{key}" if key == name and not is_falling else key,
            "order": ("descending" if is_falling else "ascending") if key == name else "",
        }
        for key, (title, _key) in SORTS.items()
    ]
    context: dict[str, Any] = {"rows": rows, "heads": heads, "chosen_label": label, "sort": chosen, "q": text, "has_any": bool(found)}
    context["labels"] = sorted({label for item in found for label in item.labels})
    return render(request, "connections/list.html", context)


def fits(connection: Connection, text: str) -> bool:
    """Claim that name, data source and labels hold every word of the text."""
    held = " ".join((connection.name, label_of(connection.connector), *connection.labels)).lower()
    return all(word in held for word in text.lower().split())


def label_of(key: str) -> str:
    """Return how a connector calls itself; its key when it is no longer installed."""
    try:
        return get_connector(key).label
    except (InvalidProperties, ImportError):
        return key


def test_of(connection: Connection) -> dict[str, Any] | None:
    """Return the last test with its time as a time."""
    if not connection.last_test:
        return None
    steps = [
        {**step, "label": STEPS.get(step["name"], step["name"]), "taken": taken(step["seconds"])} for step in connection.last_test["steps"]
    ]
    return {**connection.last_test, "steps": steps, "time": datetime.fromisoformat(connection.last_test["at"])}


def taken(seconds: float) -> str:
    """Return how long a step took."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "< 1 ms"


@never_cache
@console_page
def add(request: HttpRequest, key: str) -> HttpResponse:
    """Make a connection: Create & Test."""
    if key not in connector_keys():
        raise Http404
    connector = get_connector(key)
    return redirect("connections:install", key) if install_line(connector) else edited(request, connector, None)


@never_cache
@console_page
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a connection: Save & Test."""
    connection = get_object_or_404(Connection, pk=pk)
    return edited(request, get_connector(connection.connector), connection)


def edited(request: HttpRequest, connector: Connector, existing: Connection | None) -> HttpResponse:
    """Answer the form, new or existing."""
    if not may_configure(getattr(request.user, "role", ""), connector):
        return render(request, "console/refused.html", status=403)
    address, failure = request.POST.get("address", "").strip(), ""
    draft = None if existing else oauth_pages.draft_of(request, connector)
    if request.method == "POST" and "fill" in request.POST:
        form, failure = filled(request, connector, existing, address)
    else:
        data = request.POST or None
        form = oauth_pages.form_of(connector, draft, data) if draft else ConnectionForm(connector, data, existing=existing)
        answer = posted(request, form, connector, existing, draft)
        if answer is not None:
            return answer
    context: dict[str, Any] = {"form": form, "connector": connector, "connection": existing, "failure": failure}
    context["oauth"] = oauth_pages.panel(request, connector, existing, draft)
    if existing:
        test = test_of(existing)
        context |= {"test": test, "wrong": wrong_group(test), "used": len(uses.users_of(existing))}
        context |= upload_pages.context_of(request, existing)
    return render(request, "connections/form.html", context, status=422 if form.errors or failure else 200)


def posted(
    request: HttpRequest, form: ConnectionForm, connector: Connector, existing: Connection | None, draft: OAuthSignIn | None
) -> HttpResponse | None:
    """Do what the form asks for: sign in, or save and test. None = the form is to be shown."""
    if form.is_bound and is_outdated(request, existing):
        form.add_error(None, CHANGED)
        return None
    if form.is_bound and "connect" in request.POST:
        return oauth_pages.connect(request, form, connector, existing)
    saved = save(request, form, connector, existing, draft) if form.is_bound and form.is_valid() else None
    return redirect("connections:edit", saved.pk) if saved is not None else None


def is_outdated(request: HttpRequest, existing: Connection | None) -> bool:
    """Claim that the connection was changed since the form was shown."""
    seen = request.POST.get("version", "")
    return existing is not None and seen not in ("", str(existing.version))


def wrong_group(test: dict[str, Any] | None) -> str:
    """Return the group of properties that the failed step speaks of."""
    failed = next((step["name"] for step in test["steps"] if not step["ok"]), "") if test else ""
    return GROUPS.get(failed, "")


def filled(request: HttpRequest, connector: Connector, existing: Connection | None, address: str) -> tuple[ConnectionForm, str]:
    """Return the form filled from a pasted address, and why it could not be read."""
    kept = {name: request.POST.get(name, "") for name in ("name", "labels") if request.POST.get(name)}
    try:
        return ConnectionForm(connector, existing=existing, pasted={**connector.from_url(address), **kept}), ""
    except InvalidProperties as error:
        return ConnectionForm(connector, existing=existing, pasted=kept), said(error.message)


def save(
    request: HttpRequest, form: ConnectionForm, connector: Connector, existing: Connection | None, draft: OAuthSignIn | None
) -> Connection | None:
    """Store the connection and test it; None when a property can't be used."""
    before = existing.name if existing else ""
    try:
        saved = services.save_connection(connector=connector.key, values=form.values(), existing=existing, **form.settings())
    except InvalidProperties as error:
        form.add_errors(error.errors)
        return None
    audit.record("connection saved", who=request.user.get_username(), subject=saved.name, address=caller(request).address)
    if draft is not None:
        oauth_pages.attach(request, saved, draft)
    if before not in ("", saved.name):
        renamed(request, saved, before)
    try:
        steps = services.test_stored(saved, now=timezone.now())
    except ConnectorError as error:
        messages.error(request, f"{said(error.message)} {said(error.hint)}")
        return saved
    if all(step.ok for step in steps):
        messages.success(request, _("Saved. The connection works."))
    else:
        messages.error(request, _("Saved. The test failed: see the step below."))
    return saved


def renamed(request: HttpRequest, saved: Connection, before: str) -> None:
    """Say what a new name means."""
    audit.record(
        "connection renamed", who=request.user.get_username(), subject=f"{before} -> {saved.name}", address=caller(request).address
    )
    text = _("%(before)s is now called %(after)s. Its resources keep their names and addresses; configuration files must use the new name.")
    messages.info(request, text % {"before": before, "after": saved.name})


@require_POST
@console_page
def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """Store the connection once more, secrets included."""
    copy = services.duplicate_connection(get_object_or_404(Connection, pk=pk))
    audit.record("connection saved", who=request.user.get_username(), subject=copy.name, address=caller(request).address)
    messages.success(request, _("This is the copy, with the same stored secrets: give it its name and what differs, then save and test."))
    return redirect("connections:edit", copy.pk)


@console_page
def tables(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the tables of a connection and, of one, its first rows."""
    connection = get_object_or_404(Connection, pk=pk)
    text, within = request.GET.get("q", ""), request.GET.get("within", "")
    context: dict[str, Any] = {"connection": connection, "q": text, "within": within, "failure": None}
    try:
        known = services.list_tables(connection, now=timezone.now(), refresh=request.method == "POST")
        found = pick(known, text, within)
        context |= {"tables": found[:MOST_TABLES], "count": len(found), "most": MOST_TABLES, "schemas": schemas(known)}
        ref = next((i.ref for i in known if i.ref == TableRef(request.GET.get("schema", ""), request.GET.get("table", ""))), None)
        if ref is not None:
            table, rows = services.preview(connection, ref, limit=PREVIEW_ROWS)
            context |= {"ref": ref, "heads": cells.heads(table), "rows": cells.rows(table, rows), "first": PREVIEW_ROWS}
    except ConnectorError as error:
        context["failure"] = error
    return render(request, "connections/tables.html", context)


@console_page
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete; refused while resources or jobs use the connection."""
    connection = get_object_or_404(Connection, pk=pk)
    if request.method == "POST":
        name = connection.name
        try:
            services.delete_connection(connection)
        except uses.InUse:
            return render(request, "connections/delete.html", asked(connection), status=409)
        audit.record("connection deleted", who=request.user.get_username(), subject=name, address=caller(request).address)
        messages.success(request, _("Connection %(name)s was deleted.") % {"name": name})
        return redirect("connections:list")
    return render(request, "connections/delete.html", asked(connection))


def asked(connection: Connection) -> dict[str, Any]:
    """Return what the page that asks before deleting shows."""
    return {"connection": connection, "resources": uses.users_of(connection), "jobs": uses.jobs_of(connection)}
