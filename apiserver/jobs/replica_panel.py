"""What a resource's page shows of replicas: which job copies its table and how fresh that is, or of what its table is the replica."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from apiserver.jobs.models import Task
from apiserver.jobs.publishing import publish_replica
from apiserver.jobs.replica_relations import relate
from apiserver.jobs.replica_serving import standing, why_partial
from apiserver.jobs.replicas import Known, Replica, is_same, last_runs, replica_of, replicas_at, replicas_from
from apiserver.resources import services
from apiserver.resources.configuration import replica_of as checked_replica
from apiserver.resources.models import Resource
from apiserver.resources.relation_pages import note
from apiserver.resources.replica import OTHERWISE, Wish
from apiserver.resources.serving import LIVE, REPLICATED
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections.contract.errors import ConnectorError
from connections.contract.table import TableRef

AGES = (0, 5, 15, 60, 240, 1440)  # minutes


def panel(request: HttpRequest, row: Resource) -> str:
    """Return the panel as HTML; '' where no job has to do with the table."""
    if row.connection is None or row.sql:
        return ""
    ref = TableRef(row.schema, row.table)
    copies = replicas_from(row.connection, ref)
    origin = next((item for item in replicas_at(row.connection) if is_same(item.target, ref, row.connection)), None)
    if not copies and origin is None and row.serve != REPLICATED:
        return ""
    runs = last_runs([item.task for item in (*copies, *((origin,) if origin else ()))])
    context: dict[str, Any] = {"resource": row, "origin": origin, "wish": Wish.of(row.replica), "is_replicated": row.serve == REPLICATED}
    context["lines"] = [{"it": item, "run": runs.get(item.task.pk), "reason": why_partial(item)} for item in copies]
    context["origin_run"] = runs.get(origin.task.pk) if origin else None
    context["ages"] = sorted({*AGES, Wish.of(row.replica).max_age})
    if row.serve == REPLICATED:
        context |= freshness(row)
    return render_to_string("jobs/_replica_panel.html", context, request)


def freshness(row: Resource) -> dict[str, Any]:
    """Return what readers get now: how old it is, or why there is nothing to be read."""
    found = standing(row.public_id, Wish.of(row.replica))
    age = timezone.now() - found.as_of if found.as_of else None
    is_written = bool(found.written and found.as_of and found.written >= found.as_of)
    minutes = int(age.total_seconds() // 60) if age is not None else None
    limit = Wish.of(row.replica).max_age
    return {
        "standing": found,
        "minutes": minutes,
        "is_old": bool(limit and minutes is not None and minutes >= limit),
        "is_written": is_written,
    }


@require_POST
@console_page
def serve(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a resource between live and replicated, with what is wished of the replica."""
    row = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    given = request.POST
    age = given.get("max_age", "0")
    wish = {
        "job": given.get("job", ""),
        "max_age": int(age) if age.isdigit() and len(age) < 9 else 0,
        "otherwise": given.get("otherwise") if given.get("otherwise") in OTHERWISE else OTHERWISE[0],
    }
    try:
        replica = checked_replica(wish, "replica")
    except ConfigurationError as error:
        messages.error(request, said(str(error)))
        return redirect("resources:edit", pk)
    if services.update(row, serve=REPLICATED if given.get("serve") == REPLICATED and not row.sql else LIVE, replica=replica):
        note(request, "resource changed", row.name)
    messages.success(request, _("Saved."))
    return redirect("resources:edit", pk)


@require_POST
@console_page
def relations(request: HttpRequest, pk: int) -> HttpResponse:
    """Declare the foreign keys of the source on the replicas that are published beside this one."""
    row = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    found = relate(row.connection) if row.connection is not None else 0
    if found:
        note(request, "relation added", row.name)
    text = ngettext("%(count)d relation was added.", "%(count)d relations were added.", found)
    messages.success(request, text % {"count": found} if found else _("No relation is missing between the published replicas."))
    return redirect("resources:edit", pk)


@require_POST
@console_page
def publish(request: HttpRequest, task: int) -> HttpResponse:
    """Publish the table that a task writes, in one click."""
    found = get_object_or_404(Task.objects.select_related("job__source", "job__destination"), pk=task)
    copied: Replica | None = replica_of(found, Known())
    try:
        resource, is_new = publish_replica(found, copied)
    except ConnectorError as error:
        messages.error(request, f"{said(error.message)} {said(error.hint)}")
        return redirect(request.POST.get("next") or "resources:list") if is_own(request) else redirect("resources:list")
    if is_new:
        note(request, "resource published", resource.name)
        messages.success(request, _("%(name)s is published.") % {"name": resource.name})
    return redirect("resources:edit", resource.pk)


def is_own(request: HttpRequest) -> bool:
    """Claim that the page to lead back to is one of the console."""
    return request.POST.get("next", "").startswith("/console/")
