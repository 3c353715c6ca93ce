"""Download Connector: the driver of a connector is installed here where the operator allowed it, else the line to run is shown."""

from __future__ import annotations

import re
from importlib import invalidate_caches
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache

from apiserver.server.addresses import caller
from apiserver.ui.access import ADMIN, console_page
from connections import installing
from connections.connectors.registry import connector_keys, get_connector
from connections.contract.connector import install_line

# What pip says -> what to do, the first that fits.
HINTS = (
    (r"No space left on device", gettext_noop("The disk is full: make room, then try again.")),
    (
        r"Permission denied|Read-only file system|externally-managed-environment",
        gettext_noop("The server may not write to its Python environment: run the line below as the user who may, then come back."),
    ),
    (
        r"ConnectTimeout|NewConnectionError|NameResolution|Name or service not known|ProxyError|SSLError|CERTIFICATE_VERIFY",
        gettext_noop("The package index can't be reached: check the network and proxy of the server (HTTPS_PROXY, PIP_INDEX_URL)."),
    ),
    (
        r"ResolutionImpossible|conflicting dependencies|The user requested \(constraint\)",
        gettext_noop("The driver wants other versions of packages that the server uses: run the line below in an environment of its own."),
    ),
    (
        r"No matching distribution|Could not find a version",
        gettext_noop("The package index has no such package for this system and Python: check PIP_INDEX_URL, or another Python version."),
    ),
    (r"No module named pip", gettext_noop("This Python has no pip: install it, or run the line below elsewhere.")),
    (r"Stopped after", gettext_noop("It took too long: try again, or run the line below by hand.")),
    (
        r"ImportError|ModuleNotFoundError|cannot open shared object",
        gettext_noop("The package was installed, but does not start here: the last lines of the log say what it lacks."),
    ),
)
OTHERWISE = gettext_noop("The last lines of the log say why. Correct that and try again, or run the line below by hand.")


@never_cache
@console_page
def install(request: HttpRequest, key: str) -> HttpResponse:
    """Show what is missing and how the installation goes; POST begins it."""
    if key not in connector_keys():
        raise Http404
    connector = get_connector(key)
    invalidate_caches()
    progress = installing.progress(key)
    is_missing = bool(install_line(connector))
    if not is_missing and progress is None:
        return redirect("connections:add", key)
    role = getattr(request.user, "role", "")
    if request.method == "POST":
        return begun(request, key) if role in ADMIN and installing.is_allowed() else render(request, "console/refused.html", status=403)
    requirements = installing.requirements_of(key, connector)
    context: dict[str, Any] = {"connector": connector, "requirements": requirements, "progress": progress, "is_missing": is_missing}
    context |= {"line": installing.line_of(requirements), "is_allowed": installing.is_allowed(), "is_admin": role in ADMIN}
    context["hint"] = hint_of(progress.log) if progress and progress.status == installing.FAILED else ""
    return render(request, "connections/install.html", context)


def begun(request: HttpRequest, key: str) -> HttpResponse:
    """Begin, and show how it goes."""
    who = {"who": request.user.get_username(), "address": caller(request).address}
    if not installing.begin(key, get_connector(key), now=timezone.now(), **who):
        messages.info(request, _("Another connector is being installed: one at a time. Try again when it is done."))
    return redirect("connections:install", key)


def hint_of(log: str) -> str:
    """Return what to do about a failure."""
    return _(next((hint for pattern, hint in HINTS if re.search(pattern, log)), OTHERWISE))
