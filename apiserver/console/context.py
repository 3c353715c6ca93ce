"""What every page of the console shows around its content."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


def entries(role: str) -> list[tuple[str, str, bool]]:
    """Return address name, label and whether it stands below Settings, in the order of a first visit."""
    found = [
        ("console:status", _("Status"), False),
        ("connections:list", _("Connections"), False),
        ("resources:list", _("API"), False),
    ]
    if role == "admin":
        found.append(("users:list", _("Users"), False))
    found.append(("console:logs", _("Logs"), False))
    if role == "admin":
        found += [
            ("console:settings", _("Settings"), False),
            ("connections:list", _("Connections"), True),
            ("resources:list", _("Resources"), True),
            ("users:list", _("Users"), True),
            ("console:settings", _("Server"), True),
        ]
    return found


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the entries of the left navigation."""
    found = []
    for name, label, is_sub in entries(getattr(getattr(request, "user", None), "role", "")):
        url = reverse(name)
        is_here = request.path == url if name == "console:status" else request.path.startswith(url) and not is_sub
        found.append({"url": url, "label": label, "is_here": is_here, "is_sub": is_sub})
    return {"navigation": found}
