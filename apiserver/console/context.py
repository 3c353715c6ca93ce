"""What every page of the console shows around its content."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the entries of the left navigation, in the order of a first visit."""
    here = request.resolver_match.view_name if request.resolver_match else ""
    entries = [("console:status", _("Status"))]
    return {"navigation": [{"url": reverse(name), "label": label, "is_here": name == here} for name, label in entries]}
