"""Jobs: the list, and what is done with a job from there."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apiserver.jobs.models import Job, Run
from apiserver.ui.access import console_page


@console_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the jobs with their last runs; `q` and `label` keep those that fit."""
    text, label = request.GET.get("q", "").strip(), request.GET.get("label", "")
    found = list(with_last_runs())
    rows = [job for job in found if label in ("", *job.labels) and fits(job, text)]
    context: dict[str, Any] = {"rows": rows, "q": text, "chosen_label": label, "has_any": bool(found)}
    context["labels"] = sorted({label for job in found for label in job.labels})
    return render(request, "jobs/list.html", context)


def with_last_runs() -> list[Job]:
    """Return the jobs, each with `last`: its newest run, None where it never ran."""
    newest = Run.objects.filter(job=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    jobs: QuerySet[Any] = Job.objects.select_related("source", "destination").annotate(last_id=Subquery(newest))
    found = list(jobs)
    runs = Run.objects.defer("order").in_bulk([job.last_id for job in found if job.last_id])
    for job in found:
        job.last = runs.get(job.last_id)
    return found


def fits(job: Job, text: str) -> bool:
    """Claim that name, connections and labels hold every word of the text."""
    held = " ".join((job.name, job.source.name if job.source else "", job.destination.name, *job.labels)).lower()
    return all(word in held for word in text.lower().split())
