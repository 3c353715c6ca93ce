"""Documents of one user's catalog, cached by rights and address: $metadata, $oas, $openapi."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from apiserver.odata.errors import NotBuilt
from apiserver.odata.metadata_json import metadata_json
from apiserver.odata.metadata_xml import metadata_xml
from apiserver.odata.openapi import VERSION_OF_MEDIA, openapi
from apiserver.odata.swagger import Address, swagger
from apiserver.resources.catalog import Catalog


class ByFingerprint:
    """Keys a cache by the catalog's fingerprint: equal fingerprints, equal catalogs."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def __hash__(self) -> int:
        return hash(self.catalog.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByFingerprint) and other.catalog.fingerprint == self.catalog.fingerprint


def document(catalog: Catalog, root: str, name: str, media: str, *, is_open: bool) -> bytes:
    """Return a document's bytes; `root` is the absolute service root that clients use."""
    return _document(ByFingerprint(catalog), root, name, media, is_open)


@lru_cache(maxsize=64)
def _document(key: ByFingerprint, root: str, name: str, media: str, is_open: bool) -> bytes:
    if name == "$metadata":
        return metadata_json(key.catalog) if media == "application/json" else metadata_xml(key.catalog)
    if name == "$oas":
        parts = urlsplit(root)
        return swagger(key.catalog, Address(parts.scheme, parts.netloc, parts.path, is_open))
    if name == "$openapi":
        parts = urlsplit(root)
        return openapi(key.catalog, Address(parts.scheme, parts.netloc, parts.path, is_open), VERSION_OF_MEDIA[media])
    raise NotBuilt(f"{name} is not served yet.", hint="Use $oas (Swagger 2.0) or $metadata.")
