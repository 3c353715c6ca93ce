"""The page of a job: its tabs Overview and Task."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from apiserver.jobs.models import Job
from apiserver.ui.access import console_page


@console_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a job's settings."""
    job = get_object_or_404(Job.objects.select_related("source", "destination"), pk=pk)
    return render(request, "jobs/frame.html", {"job": job, "tab": "overview"})


@console_page
def tasks(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a job's tasks."""
    job = get_object_or_404(Job.objects.select_related("source", "destination"), pk=pk)
    return render(request, "jobs/frame.html", {"job": job, "tab": "tasks"})
