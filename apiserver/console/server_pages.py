"""Settings -> Server."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apiserver.console.server_forms import POWER_AUTOMATE, ServerForm
from apiserver.server import options
from apiserver.server.addresses import caller
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.configuration_server import change_settings, keep_reachable
from apiserver.ui.access import admin_page
from apiserver.ui.said import said


@admin_page
def server(request: HttpRequest) -> HttpResponse:
    """Show and change the server's settings."""
    if "preset" in request.POST:
        return preset(request)
    form = ServerForm(options.current(), request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            store(request, form.settings())
        except ConfigurationError as error:
            form.add_error(None, said(str(error)))
        else:
            return redirect("console:settings")
    context = {"form": form, "data_dir": settings.DATA_DIR, "address": caller(request).address}
    return render(request, "server/settings.html", context, status=422 if form.errors else 200)


def preset(request: HttpRequest) -> HttpResponse:
    """Set CORS as Power Automate needs it."""
    try:
        store(request, {"cors": POWER_AUTOMATE})
    except ConfigurationError as error:
        messages.error(request, said(str(error)))
    return redirect("console:settings")


def store(request: HttpRequest, values: dict[str, Any]) -> None:
    """Check and store; nobody locks out the address they come from."""
    address = caller(request).address
    keep_reachable(values, address)
    change_settings(values, who=request.user.get_username(), address=address)
    messages.success(request, _("Saved."))
