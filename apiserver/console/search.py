"""Search over everything that the console manages, by name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apiserver.console.context import entries
from apiserver.jobs.models import Job
from apiserver.resources.models import Resource
from apiserver.ui.access import ADMIN, console_page
from connections.models import Connection
from connections.pages import fits
from users.models import User

MOST = 20


@console_page
def search(request: HttpRequest) -> HttpResponse:
    """Show what has the words in its name."""
    text = request.GET.get("q", "").strip()
    found = list(hits(text, getattr(request.user, "role", ""))) if text else []
    return render(request, "console/search.html", {"find": text, "found": found})


def hits(text: str, role: str) -> Iterator[tuple[str, str, str]]:
    """Give kind, name and address of what fits."""
    for address, label, _icon in entries(role):
        if text.lower() in str(label).lower():
            yield _("Page"), str(label), reverse(address)
    for connection in islice((item for item in Connection.objects.defer("tables") if fits(item, text)), MOST):
        yield _("Connection"), connection.name, reverse("connections:edit", args=[connection.pk])
    named = Q(name__icontains=text) | Q(title__icontains=text) | Q(table__icontains=text)
    for resource in Resource.objects.filter(named).defer("snapshot")[:MOST]:
        yield _("Resource"), resource.name, reverse("resources:edit", args=[resource.pk])
    for job in Job.objects.filter(name__icontains=text).only("name")[:MOST]:
        yield _("Job"), job.name, reverse("jobs:show", args=[job.pk])
    if role in ADMIN:
        for user in User.objects.filter(name__icontains=text)[:MOST]:
            yield _("User"), user.name, reverse("users:edit", args=[user.pk])
