"""The service document, $metadata and the API descriptions (OData Protocol 4.01, 11.1)."""

from __future__ import annotations

from urllib.parse import quote

import orjson
from django.http import HttpResponse

from apiserver.odata.errors import BadRequest, NotFound
from apiserver.odata.etag import is_unchanged
from apiserver.odata.format import Format, negotiate
from apiserver.odata.openapi import VERSION_OF_MEDIA
from apiserver.odata.service import Exchange
from apiserver.odata.versions import check_version
from apiserver.server.responses import ApiResponse

SHORT = ("3.0", "3.1")
DEFAULT = SHORT[0]
LEFT_OUT = "Left-Out"
_OFFERS = {
    "": ("application/json",),
    "$metadata": ("application/xml", "application/json"),
    "$oas": ("application/json",),
    "$openapi": ("application/json",),
}


def answer(exchange: Exchange) -> HttpResponse:
    """Answer the document that is addressed, as this user may see it."""
    name = exchange.target.document
    for option in exchange.options.given.keys() - {"format", "schemaversion"}:
        raise BadRequest(f"The query option ${option} does not apply here.", target=f"${option}", hint="Leave it out.")
    check_version(exchange.options)
    accept = exchange.request.headers.get("Accept", "") if name in ("", "$metadata") else ""
    chosen = negotiate(accept, exchange.options.format, offers=_OFFERS[name])
    media = openapi_media(exchange) if name == "$openapi" else chosen.media
    if not name:
        return ApiResponse(service_document(exchange, chosen), content_type=chosen.content_type)
    if exchange.context.document is None:
        raise NotFound(f"{name} is not served here.", hint="Use the service document.")
    found = exchange.context.document(name, media, exchange.options.custom)
    headers = {"ETag": found.etag, "Vary": "Accept"}
    if found.left_out:
        headers[LEFT_OUT] = headers_text(found.left_out)
    if is_unchanged(exchange.request, found.etag):
        return ApiResponse(status=304, headers=headers)
    return ApiResponse(found.body, content_type=chosen.media, headers=headers)


def headers_text(text: str) -> str:
    """Return a text as a header can hold it: percent-encoded beyond ASCII."""
    return quote(text, safe=" ,.'()!*:;@&=+$/?#[]<>|~^`{}-_")


def openapi_media(exchange: Exchange) -> str:
    """Return the media type of the OpenAPI version that is asked for."""
    asked = [value for name, value in exchange.options.custom if name == "version"]
    found = {media for value in asked or [DEFAULT] for media, version in VERSION_OF_MEDIA.items() if value in (version, version[:3])}
    if len(found) != 1:
        raise BadRequest(f"version must be {' or '.join(SHORT)}.", target="version", hint=f"Leave it out for {DEFAULT}.")
    return found.pop()


def service_document(exchange: Exchange, chosen: Format) -> bytes:
    """Return the list of entity sets (JSON Format 4.01, 5)."""
    body = {} if chosen.level == "none" else {"@odata.context": f"{exchange.context.root}/$metadata"}
    listed = [
        {"name": name, "kind": "EntitySet" if resource.key else "FunctionImport", "url": quote(name)}
        for name, resource in exchange.catalog.resources.items()
    ]
    return orjson.dumps(body | {"value": listed})
