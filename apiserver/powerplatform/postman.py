"""`$postman`: what a user may do, as a Postman collection: 2.1 for Postman, 1 for the import of custom connectors. Of the model of $oas."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponseBase

from apiserver.odata.documents import ByFingerprint, Document
from apiserver.odata.errors import BadRequest
from apiserver.odata.etag import tag
from apiserver.odata.selection import selected
from apiserver.odata.service import Exchange
from apiserver.odata.swagger import described, fitted
from apiserver.odata.swagger_info import Address
from apiserver.odata.swagger_limits import MOST_BYTES
from apiserver.powerplatform import postman_v1, postman_v2
from apiserver.powerplatform.answers import check_plain, told
from apiserver.powerplatform.postman_calls import folders
from apiserver.resources.catalog import Catalog
from users.authentication import ANONYMOUS

VERSIONS = {"2.1": "2.1", "2.1.0": "2.1", "2": "2.1", "1": "1", "1.0": "1", "1.0.0": "1"}
NAMED = "version"


def answer(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer `$postman` and `$postman?version=1`."""
    check_plain(exchange, path, most=1)
    version = version_of(exchange)
    catalog = selected(exchange.catalog, exchange.options.custom)
    root = exchange.context.root
    found = document(catalog, root, version, is_open="/api.rsc/@" in root or exchange.request.principal.name == ANONYMOUS)  # type: ignore[attr-defined]
    return told(exchange.request, found, f"API.postman_collection{'' if version == '2.1' else '_v1'}.json", "application/json")


def version_of(exchange: Exchange) -> str:
    """Return the version that is asked for."""
    asked = [value for name, value in exchange.options.custom if name == NAMED]
    found = {VERSIONS.get(value) for value in asked or ["2.1"]}
    if len(found) != 1 or None in found:
        hint = "Leave it out for 2.1; custom connectors import 1."
        raise BadRequest("version must be 2.1 or 1.", target=NAMED, hint=hint)
    return str(found.pop())


def document(catalog: Catalog, root: str, version: str, *, is_open: bool) -> Document:
    """Return the collection; `root` is the absolute service root that clients use."""
    return _document(ByFingerprint(catalog), root, version, is_open)


@lru_cache(maxsize=16)
def _document(key: ByFingerprint, root: str, version: str, is_open: bool) -> Document:
    parts = urlsplit(root)
    address = Address(parts.scheme, parts.netloc, parts.path, is_open)
    body = first(key.catalog, address) if version == "1" else second(key.catalog, address)
    return Document(body, tag([body.decode()]))


def second(catalog: Catalog, address: Address) -> bytes:
    """Return the bytes of a collection 2.1."""
    whole = described(catalog, address)
    return written(postman_v2.collection(whole["info"], address, folders(catalog, whole)))


def first(catalog: Catalog, address: Address) -> bytes:
    """Return the bytes of a collection 1, as much of it as one connector holds; if need be without examples, two thirds of it."""
    part = json.loads(fitted(catalog, address).body)
    found = folders(catalog, part)
    body = written(postman_v1.collection(part["info"], address, found))
    return body if len(body) < MOST_BYTES else written(postman_v1.collection(part["info"], address, found, has_examples=False))


def written(collection: dict[str, Any]) -> bytes:
    """Return the bytes, pure ASCII."""
    return (json.dumps(collection, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")
