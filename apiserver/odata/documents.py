"""Documents of one user's catalog, cached by rights and address: $metadata, $oas, $openapi."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from apiserver.odata.errors import NotBuilt
from apiserver.odata.etag import tag
from apiserver.odata.metadata_json import metadata_json
from apiserver.odata.metadata_xml import metadata_xml
from apiserver.odata.openapi import VERSION_OF_MEDIA, openapi
from apiserver.odata.selection import Choice, selected
from apiserver.odata.swagger import Address, fitted, left_out
from apiserver.odata.swagger_limits import ALL, check_any, wanted_kinds
from apiserver.resources.catalog import Catalog


class ByFingerprint:
    """Keys a cache by the catalog's fingerprint: equal fingerprints, equal catalogs."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def __hash__(self) -> int:
        return hash(self.catalog.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByFingerprint) and other.catalog.fingerprint == self.catalog.fingerprint


@dataclass(frozen=True, slots=True)
class Document:
    """A document's bytes, their ETag, and what was left out of it as one connector does not hold it."""

    body: bytes
    etag: str
    left_out: str = ""


def document(catalog: Catalog, root: str, name: str, media: str, choice: Choice, *, is_open: bool) -> Document:
    """Return a document; `root` is the absolute service root that clients use."""
    kinds = ALL
    if name != "$metadata" and choice:
        catalog, kinds = selected(catalog, choice), wanted_kinds(choice)
        check_any(catalog, kinds, choice)
    return _document(ByFingerprint(catalog), root, name, media, kinds, is_open)


@lru_cache(maxsize=64)
def _document(key: ByFingerprint, root: str, name: str, media: str, kinds: frozenset[str], is_open: bool) -> Document:
    catalog, parts = key.catalog, urlsplit(root)
    address = Address(parts.scheme, parts.netloc, parts.path, is_open)
    if name == "$oas":
        found = fitted(catalog, address, kinds)
        return Document(found.body, tag([found.body.decode()]), left_out(found.plan, catalog))
    body = _written(catalog, address, name, media, kinds)
    return Document(body, tag([body.decode()]))


def _written(catalog: Catalog, address: Address, name: str, media: str, kinds: frozenset[str]) -> bytes:
    if name == "$metadata":
        return metadata_json(catalog) if media == "application/json" else metadata_xml(catalog)
    if name == "$openapi":
        return openapi(catalog, address, VERSION_OF_MEDIA[media], kinds)
    raise NotBuilt(f"{name} is not served yet.", hint="Use $oas (Swagger 2.0) or $metadata.")
