"""The console's page "Establishing a connection": what to fill in, by way of signing in, from the connector's declared properties."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apiserver.ui.access import console_page
from connections.connectors.establishing import Part, label_of, parts
from connections.connectors.registry import connector_keys, get_connector
from connections.contract.property import Property
from connections.forms import help_of

FIRST = gettext_noop("Fill in first")


@console_page
def establishing(request: HttpRequest, key: str) -> HttpResponse:
    """Show the properties of a connector as its form has them, with what each is for."""
    if key not in connector_keys():
        raise Http404
    connector = get_connector(key)
    found = [{"title": title_of(part), "lines": [line_of(item) for item in part.properties]} for part in parts(connector)]
    return render(request, "connections/establishing.html", {"connector": connector, "parts": found})


def title_of(part: Part) -> str:
    """Return a part's title in the reader's language."""
    return part.title if part.scheme else _(FIRST) if part.title == "First" else _(part.title)


def line_of(item: Property) -> dict[str, Any]:
    """Return what one line shows."""
    default = item.default if item.default not in (None, "", False) else ""
    return {"name": item.name, "label": _(label_of(item)), "help": help_of(item), "default": default, "choices": item.choices} | {
        "is_required": item.is_required and item.default is None,
        "is_secret": item.is_secret,
    }
