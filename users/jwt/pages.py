"""Issuers of JWTs on the Users pages: the list, add, change, remove. Only administrators come here; they are entries of server.jwt."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.server import options
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.configuration_server import change_settings
from apiserver.ui.access import admin_page
from apiserver.ui.said import said
from users.acting import by
from users.jwt.forms import IssuerForm


def configured() -> list[Any]:
    """Return the issuers as they are stored: the options in force may be half a second older."""
    return list(options.stored().get("jwt", ()))


@admin_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the issuers."""
    return render(request, "users/issuers.html", {"issuers": configured()})


@admin_page
def add(request: HttpRequest) -> HttpResponse:
    """Configure one more issuer."""
    return form_page(request, None)


@admin_page
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """Change an issuer."""
    if number >= len(configured()):
        raise Http404
    return form_page(request, number)


def form_page(request: HttpRequest, number: int | None) -> HttpResponse:
    """Show the form of an issuer; store what it gives."""
    before = configured()
    form = IssuerForm(None if number is None else before[number], request.POST or None)
    if form.is_valid():
        after = [*before, form.cleaned_data] if number is None else [*before[:number], form.cleaned_data, *before[number + 1 :]]
        try:
            change_settings({"jwt": after}, **by(request))
        except ConfigurationError as error:
            form.add_error(None, said(str(error)))
        else:
            messages.success(request, _("Saved."))
            return redirect("users:issuers")
    return render(request, "users/issuer.html", {"form": form, "number": number}, status=422 if form.errors else 200)


@require_POST
@admin_page
def delete(request: HttpRequest, number: int) -> HttpResponse:
    """Take no more tokens of an issuer; the form says which one, for another administrator may have changed the list."""
    before = configured()
    if number >= len(before) or before[number]["issuer"] != request.POST.get("issuer"):
        raise Http404
    change_settings({"jwt": [*before[:number], *before[number + 1 :]]}, **by(request))
    messages.success(request, _("Tokens of this issuer are no longer taken."))
    return redirect("users:issuers")
