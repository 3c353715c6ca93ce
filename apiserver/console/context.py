"""What every page of the console shows around its content."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apiserver.server.masking import masked_anywhere

# Pages of this room that belong to an entry of another one.
HOMES = {
    "console:try_it": "resources:list",
    "console:effective": "users:list",
    "console:fitting": "users:list",
    "powerplatform:use": "resources:list",
    "powerplatform:long_reads": "console:logs",
    "powerplatform:contract": "resources:list",
    "powerplatform:contract_change": "resources:list",
    "external:list": "connections:list",
    "external:show": "connections:list",
}


def entries(role: str) -> list[tuple[str, str, str]]:
    """Return address name, label and icon in the order of a first visit; what stands below Settings has no icon."""
    found = [
        ("console:status", _("Status"), "home"),
        ("connections:list", _("Connections"), "circle-stack"),
        ("resources:list", _("API"), "table-cells"),
        ("sql:explorer", _("SQL"), "command-line"),
        ("triggers:list", _("Triggers"), "bolt"),
        ("powerplatform:packages", _("Power Platform"), "puzzle-piece"),
    ]
    if role == "admin":
        found.append(("users:list", _("Users"), "users"))
    found.append(("jobs:list", _("Jobs"), "arrow-path"))
    found.append(("console:logs", _("Logs"), "document-text"))
    if role == "admin":
        found += [
            ("console:settings", _("Settings"), "cog-6-tooth"),
            ("connections:list", _("Connections"), ""),
            ("resources:list", _("Resources"), ""),
            ("users:list", _("Users"), ""),
            ("console:settings", _("Server"), ""),
            ("console:notifications", _("Notifications"), ""),
        ]
    return found


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the entries of the left navigation, and this page's address for the forms that lead back to it."""
    found = []
    match = request.resolver_match
    home = HOMES.get(match.view_name) if match else None
    for name, label, icon in entries(getattr(getattr(request, "user", None), "role", "")):
        url = reverse(name)
        is_below = request.path == url if name == "console:status" else request.path.startswith(url)
        is_here = bool(icon) and (is_below or name == home)
        found.append({"url": url, "label": label, "icon": icon, "is_here": is_here, "is_sub": not icon})
    return {"navigation": found, "here": masked_anywhere(request.get_full_path())}
