"""The gallery of Add Connection: what each connector can be, whether it is ready, and what installs it otherwise."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import invalidate_caches
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apiserver.ui.access import ADMIN, console_page
from apiserver.ui.said import said
from connections.connectors.registry import connector_keys, get_connector
from connections.contract.connector import CATEGORIES, OTHERS, Connector, install_line

logger = logging.getLogger(__name__)
SOURCES, DESTINATIONS = TABS = ("sources", "destinations")
NAMES = (gettext_noop("Databases"), gettext_noop("SaaS"), gettext_noop("Files"), gettext_noop("APIs"), gettext_noop("Others"))


@dataclass(frozen=True, slots=True)
class Offered:
    """One connector as the gallery shows it."""

    key: str
    label: str
    description: str = ""
    category: str = OTHERS
    is_destination: bool = False
    is_missing: bool = False  # its driver is not installed
    is_broken: bool = False  # an extension that can't be loaded
    for_administrators: bool = False

    def words(self) -> str:
        """Return what a search looks into, in English and in the reader's language."""
        return f"{self.key} {self.label} {self.description} {said(self.description)} {self.category} {_(self.category)}".lower()


def offered(key: str) -> Offered:
    """Return a connector as the gallery shows it; an extension that can't be loaded must not hide the others."""
    try:
        connector = get_connector(key)
    except Exception:
        logger.warning("The connector %s can't be loaded.", key, exc_info=True)
        return Offered(key, key, is_broken=True)
    category = getattr(connector, "category", OTHERS)
    return Offered(
        key,
        connector.label,
        connector.description,
        category if category in CATEGORIES else OTHERS,
        getattr(connector, "is_destination", False),
        bool(install_line(connector)),
        for_administrators=is_for_administrators(connector),
    )


def is_for_administrators(connector: Connector) -> bool:
    """Claim that only administrators make and change connections of this kind."""
    return bool(getattr(connector, "for_administrators", False))


def may_configure(role: str, connector: Connector) -> bool:
    """Claim that somebody with this role may make and change connections of this kind."""
    return role in ADMIN or not is_for_administrators(connector)


def everything() -> list[Offered]:
    """Return all connectors by label."""
    invalidate_caches()  # a driver may have been installed while this process runs
    return sorted((offered(key) for key in connector_keys()), key=lambda item: item.label.lower())


def kept(items: Iterable[Offered], text: str, category: str) -> list[Offered]:
    """Return what has every word of the text and is of the category."""
    words = text.lower().split()
    return [item for item in items if category in ("", item.category) and all(word in item.words() for word in words)]


@console_page
def gallery(request: HttpRequest) -> HttpResponse:
    """Show the connectors to choose from, as sources or as destinations; `q` and `category` search them."""
    given = {name: request.GET.get(name, "").strip() for name in ("q", "category", "tab")}
    tab = given["tab"] if given["tab"] in TABS else SOURCES
    known = everything()
    found = kept(known, given["q"], given["category"])
    by_tab = {SOURCES: found, DESTINATIONS: [item for item in found if item.is_destination]}
    context: dict[str, Any] = {
        "q": request.GET.get("q", ""),
        "chosen": given["category"],
        "tab": tab,
        "tabs": [
            {"key": key, "label": label, "count": len(by_tab[key])}
            for key, label in zip(TABS, (_("Sources"), _("Destinations")), strict=True)
        ],
        "categories": [name for name in CATEGORIES if any(item.category == name for item in known)],
        "connectors": by_tab[tab],
        "role": getattr(request.user, "role", ""),
    }
    return render(request, "connections/gallery.html", context)
