"""The page Contract: version, tables that are no longer what is published, history; take a change over, look again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.powerplatform import contract_store, source_looks
from apiserver.powerplatform.contract_findings import BREAKING, LEVELS, SAFE, TEXT, Finding, of_stored
from apiserver.powerplatform.contract_markdown import markdown
from apiserver.powerplatform.models import ContractChange
from apiserver.resources import services
from apiserver.resources.models import Resource
from apiserver.server import audit, options
from apiserver.server.addresses import caller
from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections.contract.errors import ConnectorError

PAGE = 25
MOST_SHOWN = 200  # findings of one level on a page


@dataclass(frozen=True, slots=True)
class Line:
    """One finding as a page shows it."""

    title: str
    operation: str
    said: str
    advice: str


@dataclass(frozen=True, slots=True)
class Part:
    """The findings of one level."""

    level: str
    label: str
    count: int
    lines: tuple[Line, ...]

    @property
    def more(self) -> int:
        """Return how many are not shown."""
        return self.count - len(self.lines)


def parts(findings: list[Finding]) -> list[Part]:
    """Return findings by level, the gravest first."""
    labels = {BREAKING: _("Breaking"), SAFE: _("Safe"), TEXT: _("Texts")}
    found = []
    for level in LEVELS:
        listed = [item for item in findings if item.level == level]
        found.append(Part(level, labels[level], len(listed), tuple(lines(listed[:MOST_SHOWN]))))
    return [part for part in found if part.lines]


def lines(findings: list[Finding]) -> Iterator[Line]:
    """Return findings as lines; what to do is said once."""
    known: set[str] = set()
    for item in findings:
        advice = item.advice(_)
        yield Line(item.title, item.operation, item.said(_), "" if advice in known else advice)
        known.add(advice)


@console_page
def contract(request: HttpRequest) -> HttpResponse:
    """Show the version, what has changed at the sources, and the history; of one resource with `?resource=`."""
    given = request.GET.get("resource", "")
    chosen = Resource.objects.filter(pk=given).first() if given.isdecimal() and len(given) < 10 else None
    changes = list(ContractChange.objects.defer("findings").all())
    if chosen is not None:
        changes = [item for item in changes if chosen.public_id in item.resources]
    page = Paginator(changes, PAGE).get_page(request.GET.get("page"))
    names = dict(Resource.objects.values_list("public_id", "name"))
    rows = [{"it": item, "names": [names[each] for each in item.resources if each in names]} for item in page]
    open_looks = source_looks.warnings(chosen.pk if chosen else None)
    context: dict[str, Any] = {"page": page, "rows": rows, "chosen": chosen, "version": options.current().contract_version}
    context["looks"] = [{"it": item, "parts": parts([one for one in item.findings if one.level != TEXT])} for item in open_looks]
    context["pause"] = source_looks.interval()
    return render(request, "powerplatform/contract.html", context)


@console_page
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one change, or give it as Markdown."""
    found = get_object_or_404(ContractChange, pk=pk)
    findings = [of_stored(item) for item in found.findings]
    if request.GET.get("as") == "markdown":
        text = markdown(findings, f"Contract {found.before} is now {found.version}")
        headers = {"Content-Disposition": f'attachment; filename="contract-{found.version}.md"'}
        return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=headers)
    return render(request, "powerplatform/contract_change.html", {"it": found, "parts": parts(findings)})


@require_POST
@console_page
def look(request: HttpRequest) -> HttpResponse:
    """Look at one table now, or let the worker look at those of all databases."""
    given = request.POST.get("resource", "")
    if not given.isdecimal():
        source_looks.ask_for_all(now=timezone.now())
        messages.success(request, _("The tables are looked at in the background; what differs appears here."))
        return redirect("powerplatform:contract")
    resource = get_object_or_404(Resource.objects.select_related("connection"), pk=given)
    source_looks.look_at(resource, now=timezone.now())
    if not source_looks.warnings(resource.pk):
        messages.success(request, _("The table has not changed."))
    return back_to(resource)


@require_POST
@console_page
def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish the table as it is now; the contract's version rises."""
    resource = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    try:
        services.refresh_resource(resource)
    except ConnectorError as error:
        messages.error(request, f"{said(error.message)} {said(error.hint)}")
        return back_to(resource)
    audit.record("resource changed", who=request.user.get_username(), subject=resource.name, address=caller(request).address)
    found = contract_store.settle(now=timezone.now())
    if found is None:
        messages.success(request, _("Taken over. The contract is the same."))
    else:
        messages.success(request, _("Taken over. The contract's version is %(version)s now.") % {"version": found.version})
    return redirect("powerplatform:contract")


def back_to(resource: Resource) -> HttpResponse:
    """Lead to what is known of one resource."""
    response = redirect("powerplatform:contract")
    response["Location"] += f"?resource={resource.pk}"
    return response
