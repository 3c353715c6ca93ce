"""`$connector`: the package for pipelines, as a zip or file by file; what was chosen for the user holds unless the query says otherwise.

GET `$connector` is the zip, `$connector/apiDefinition.swagger.json` one file of it; the definition never holds an authtoken.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase

from apiserver.odata.documents import Document
from apiserver.odata.errors import BadRequest, NotFound
from apiserver.odata.etag import tag
from apiserver.odata.service import Exchange
from apiserver.powerplatform import package_keeping
from apiserver.powerplatform.answers import check_plain, told
from apiserver.powerplatform.package import ICON, build
from apiserver.server.addresses import service_root
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.package_choices import AUTHS, Choices

TEXTS = ("name", "color", "auth", "connection", "client_id", "tenant", "resource_uri", "environment", "connector_id")
SWITCHES = {"true": True, "false": False}


def answer(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer the zip or one of its files."""
    name = check_plain(exchange, path, most=2)
    found = build(exchange.catalog, service_root(exchange.request, None), choices_of(exchange))
    if name and name not in found.files:
        raise NotFound(f"The package has no {name!r}.", hint=f"It has {', '.join(sorted(found.files))}.")
    body = found.files[name] if name else found.zipped()
    return told(exchange.request, Document(body, tag([body.hex()])), name or found.zip_name, media(name))


def media(name: str) -> str:
    """Return the media type of a file of the package; "" is the zip."""
    known = {"": "application/zip", ICON: "image/png"}
    return known.get(name) or ("application/json" if name.endswith(".json") else "text/markdown; charset=utf-8")


def choices_of(exchange: Exchange) -> Choices:
    """Return what was chosen for the user, and what the query chooses this time; names of clients' own are let be."""
    given: dict[str, Any] = {}
    for name, text in exchange.options.custom:
        if name in TEXTS:
            given[name] = text
        elif name == "resources":
            given[name] = [item.strip() for item in text.split(",") if item.strip()]
        elif name in ("gateway", "certification"):
            given[name] = switch(name, text)
    principal = exchange.request.principal  # type: ignore[attr-defined]
    try:
        return package_keeping.changed(package_keeping.kept(principal.name), given, "")
    except ConfigurationError as error:
        hint = f"Ways to sign in are {', '.join(AUTHS)}." if "auth" in given else "Leave it out for what was chosen before."
        raise BadRequest(str(error).removeprefix("."), hint=hint) from error


def switch(name: str, text: str) -> bool:
    """Return true or false."""
    if text.lower() not in SWITCHES:
        raise BadRequest(f"{name} is true or false.", target=name, hint="Leave it out for what was chosen before.")
    return SWITCHES[text.lower()]
