"""Logs, Long reads: who asked for what, how far it has come, what is kept; cancel."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.powerplatform.long_read_models import LongRead
from apiserver.powerplatform.long_read_odata import asked
from apiserver.powerplatform.long_read_work import cancel as cancel_work
from apiserver.server import audit
from apiserver.server.addresses import caller
from apiserver.server.masking import masked_path, masked_query
from apiserver.ui.access import console_page

PAGE = 50
OPEN = (LongRead.WAITING, LongRead.RUNNING)


@console_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the long reads, the newest first; `q` searches users and resources."""
    text = request.GET.get("q", "").strip()
    found = LongRead.objects.exclude(state=LongRead.GONE).select_related("user")
    if text:
        found = found.filter(Q(subject__icontains=text) | Q(user__name__icontains=text))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rows = [shown(read) for read in page]
    is_live = any(row["read"].state in OPEN for row in rows)
    return render(request, "powerplatform/long_reads.html", {"page": page, "rows": rows, "q": text, "is_live": is_live})


def shown(read: LongRead) -> dict[str, Any]:
    """Return what a row of the list shows; authtokens of the address are masked."""
    if read.kind != "read":
        return {"read": read, "address": read.subject}
    question = asked(read)
    query = masked_query(question["query"])
    return {"read": read, "address": masked_path(f"/api.rsc/{question['path']}") + (f"?{query}" if query else "")}


@require_POST
@console_page
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel one; its client is told so."""
    found = get_object_or_404(LongRead, pk=pk)
    if cancel_work(found):
        audit.record("long read cancelled", who=request.user.get_username(), subject=found.public_id, address=caller(request).address)
        messages.success(request, _("Cancelled. Its client is told so."))
    else:
        messages.error(request, _("It had ended already."))
    return redirect("powerplatform:long_reads")
