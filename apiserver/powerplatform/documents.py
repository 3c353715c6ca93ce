"""What the definitions of this room have in common: where they say the API is, what stands around their operations."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponseBase

from apiserver.odata.errors import BadRequest, NotAllowed
from apiserver.odata.etag import is_unchanged, tag
from apiserver.odata.service import Exchange
from apiserver.odata.swagger import SECURITY, written
from apiserver.odata.swagger_info import Address, info, metadata
from apiserver.resources.catalog import Catalog
from apiserver.server.responses import ApiResponse
from users.authentication import ANONYMOUS

READ = ("GET", "HEAD")
VERSION = "1.0"  # of definitions that stay as they are whatever is published
Document = dict[str, Any]


def address_of(exchange: Exchange, below: str) -> Address:
    """Return the address of what lies `below` the service root, with the authtoken where the request's path had it."""
    parts = urlsplit(exchange.context.root)
    is_open = "/@" in parts.path or exchange.request.principal.name == ANONYMOUS  # type: ignore[attr-defined]
    return Address(parts.scheme, parts.netloc, f"{parts.path}/{below}", is_open)


def skeleton(catalog: Catalog, address: Address) -> Document:
    """Return a Swagger 2.0 document without operations."""
    document: Document = {
        "swagger": "2.0",
        "info": {**info(catalog, address), "version": VERSION},
        "host": address.host,
        "basePath": address.base_path,
        "schemes": [address.scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {},
        "definitions": {},
        "x-ms-connector-metadata": metadata(catalog, address),
    }
    if not address.is_open:
        document["securityDefinitions"] = {"authtoken": SECURITY}
        document["security"] = [{"authtoken": []}]
    return document


def served(exchange: Exchange, document: Document) -> HttpResponseBase:
    """Answer a definition, or 304 to who has it."""
    body = written(document)
    headers = {"ETag": tag([body.decode()]), "Vary": "Accept"}
    if is_unchanged(exchange.request, headers["ETag"]):
        return ApiResponse(status=304, headers=headers)
    return ApiResponse(body, content_type="application/json", headers=headers)


def only_read(exchange: Exchange) -> None:
    """Refuse methods and query options that mean nothing where nothing but a description is read."""
    if exchange.method not in READ:
        raise NotAllowed(exchange.method, (*READ, "OPTIONS"))
    for option in exchange.options.given.keys() - {"format"}:
        raise BadRequest(f"The query option ${option} does not apply here.", target=f"${option}", hint="Leave it out.")


def operation(name: str, summary: str, description: str, parameters: list[Any], responses: Document, **more: Any) -> Document:
    """Return one operation; `more` are its extensions, `x_ms_visibility` for `x-ms-visibility`."""
    found = {
        "operationId": name,
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": responses | {"default": {"description": "An error, in the OData error format."}},
    }
    return found | {key.replace("_", "-"): value for key, value in more.items()}


def segment(name: str, title: str, description: str, **more: Any) -> Document:
    """Return a parameter of the path, which its client encodes twice."""
    found = {"name": name, "in": "path", "required": True, "type": "string", "x-ms-summary": title, "description": description}
    return found | {"x-ms-url-encoding": "double"} | more


def ok(description: str, schema: Document) -> Document:
    """Return the response 200."""
    return {"200": {"description": description, "schema": schema}}


def text(title: str, description: str) -> Document:
    """Return the schema of a text."""
    return {"type": "string", "title": title, "x-ms-summary": title, "description": description}


def listed(items: Document, title: str, description: str) -> Document:
    """Return the schema of `{"value": [...]}`."""
    rows = {"type": "array", "title": title, "x-ms-summary": title, "description": description, "items": items}
    return {"type": "object", "properties": {"value": rows}}
