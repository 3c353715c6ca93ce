"""Logs: requests with filters, pages and downloads; the audit trail."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy

from apiserver.server import requestlog
from apiserver.server.csv_lines import line
from apiserver.server.models import Audit
from apiserver.ui.access import admin_page, console_page

PAGE = 100
MOST_DOWNLOADED = 50_000
BATCH = 1000
COLUMNS = ("time", *requestlog.COLUMNS[1:])
RANGES = ((gettext_lazy("Last hour"), 3600), (gettext_lazy("Last 24 hours"), 86400), (gettext_lazy("Last 7 days"), 7 * 86400))


class MomentField(forms.DateTimeField):
    """A day, or a day and a time, as the log writes them: the same in every browser and language."""

    widget = forms.TextInput(attrs={"placeholder": "2026-01-31 08:30", "autocomplete": "off", "spellcheck": "false"})
    default_error_messages = {"invalid": gettext_lazy("Enter a day such as 2026-01-31, or a day and a time such as 2026-01-31 08:30.")}
    input_formats = [f"%Y-%m-%d{gap}{time}" for gap in (" ", "T") for time in ("%H:%M:%S", "%H:%M")]

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_end = is_end

    def to_python(self, value: Any) -> dt.datetime | None:
        """Return the moment; a day alone begins at midnight and ends with the next one."""
        try:
            day = dt.datetime.strptime(str(value or "").strip(), "%Y-%m-%d").replace(tzinfo=dt.UTC)
        except ValueError:
            return super().to_python(value)
        return day + dt.timedelta(days=1) if self.is_end and day.year < dt.MAXYEAR else day


class LogForm(forms.Form):
    """Filters of the request log."""

    text = forms.CharField(
        label=gettext_lazy("Text"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("in address, query, SQL or error")}),
    )
    user = forms.CharField(label=gettext_lazy("User"), required=False, max_length=150)
    status = forms.RegexField(
        r"^([1-5]xx|[1-5]\d\d)$",
        label=gettext_lazy("Status"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "4xx"}),
        error_messages={"invalid": gettext_lazy("Enter a status such as 404 or a class such as 4xx.")},
    )
    since = MomentField(label=gettext_lazy("From (UTC)"), required=False)
    until = MomentField(label=gettext_lazy("Until (UTC)"), required=False, is_end=True)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def filters(self) -> dict[str, Any]:
        """Return what the log is searched by; everything when nothing was asked."""
        if not self.is_bound:
            return {}
        given = self.cleaned_data
        times = {name: given[name].replace(tzinfo=dt.UTC).timestamp() if given[name] else 0 for name in ("since", "until")}
        return {**times, **{name: given[name] for name in ("text", "user", "status")}, "before": given["before"] or 0}


@console_page
def logs(request: HttpRequest) -> HttpResponseBase:
    """Show the newest requests that fit the filters, or give them as a file."""
    form = LogForm(request.GET or None)
    is_good = not form.is_bound or form.is_valid()
    if is_good and request.GET.get("download") in DOWNLOADS:
        return download(request.GET["download"], form.filters())
    found = requestlog.search(limit=PAGE + 1, **form.filters()) if is_good else []
    entries = [timed(entry) for entry in found[:PAGE]]
    kept = request.GET.copy()
    kept.pop("before", None)
    older = f"{kept.urlencode()}&before={entries[-1]['id']}".lstrip("&") if len(found) > PAGE else ""
    context = {"form": form, "entries": entries, "older": older, "kept": kept.urlencode(), "is_newest": "before" not in request.GET}
    return render(request, "server/logs.html", {**context, "ranges": ranges(kept, now=timezone.now())})


def ranges(kept: QueryDict, *, now: dt.datetime) -> list[dict[str, Any]]:
    """Return the addresses that show a time until now, the other filters kept."""
    found = []
    for label, seconds in RANGES:
        asked = kept.copy()
        asked["since"] = (now - dt.timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M")
        asked.pop("until", None)
        found.append({"label": label, "query": asked.urlencode()})
    return found


def timed(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry with its time as a time."""
    return {**entry, "time": dt.datetime.fromtimestamp(entry["at"], dt.UTC)}


def download(kind: str, filters: dict[str, Any]) -> StreamingHttpResponse:
    """Answer what fits as a file, written while it is read."""
    lines, content_type, ending = DOWNLOADS[kind]
    answer = StreamingHttpResponse(lines(walked(filters)), content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="requests.{ending}"'
    return answer


def walked(filters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the entries that fit, the newest first, a batch at a time."""
    before = filters.get("before", 0)
    for _batch in range(MOST_DOWNLOADED // BATCH):
        found = requestlog.search(**{**filters, "limit": BATCH, "before": before})
        for entry in found:
            yield {**timed(entry), "time": timed(entry)["time"].isoformat(timespec="milliseconds")}
        if len(found) < BATCH:
            return
        before = found[-1]["id"]


def as_csv(entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Give the lines of a CSV file; a cell that a spreadsheet would run as a formula begins with a quote."""
    yield line(COLUMNS)
    for entry in entries:
        yield line(entry[name] for name in COLUMNS)


def as_json_lines(entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Give one JSON object a line."""
    for entry in entries:
        yield json.dumps({name: entry[name] for name in COLUMNS}, ensure_ascii=False) + "\n"


DOWNLOADS = {
    "csv": (as_csv, "text/csv; charset=utf-8", "csv"),
    "jsonl": (as_json_lines, "application/x-ndjson", "jsonl"),
}


@admin_page
def audit_trail(request: HttpRequest) -> HttpResponse:
    """Show who changed what, the newest first; `q` searches names, actions and subjects."""
    text = request.GET.get("q", "").strip()
    found = Audit.objects.order_by("-at", "-pk")
    if text:
        found = found.filter(Q(who__icontains=text) | Q(action__icontains=text) | Q(subject__icontains=text) | Q(address=text))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(request, "server/audit.html", {"page": page, "q": text})
