"""The files that the console hands out for clients: what the API's own addresses give, with the rights of a chosen user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from apiserver.odata.documents import document
from apiserver.odata.selection import RESOURCES, selected
from apiserver.odata.swagger import written
from apiserver.odata.swagger_info import Address
from apiserver.powerplatform import postman
from apiserver.powerplatform.dynamic import BASE
from apiserver.powerplatform.dynamic_definition import definition
from apiserver.powerplatform.office import EXCEL, POWER_BI, SERVICE, address_of, excel_file, power_bi_file
from apiserver.resources.catalog import Catalog

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class File:
    """A kind of file: what its name ends with, its media type, and its bytes of (catalog, service root, resource or "")."""

    ending: str
    media: str
    made: Callable[[Catalog, str, str], bytes]


def choice(name: str) -> list[tuple[str, str]]:
    """Return the selection of one resource; of all where the name is ""."""
    return [(RESOURCES, name)] if name else []


def swagger_file(catalog: Catalog, root: str, name: str) -> bytes:
    """Return $oas."""
    return document(catalog, root, "$oas", JSON, choice(name), is_open=False).body


def dynamic_file(catalog: Catalog, root: str, _name: str) -> bytes:
    """Return the definition of the generic connector, which names no resource."""
    parts = urlsplit(root)
    return written(definition(catalog, Address(parts.scheme, parts.netloc, f"{parts.path}/{BASE}")))


def postman_file(catalog: Catalog, root: str, name: str) -> bytes:
    """Return the collection for Postman."""
    return postman.document(selected(catalog, choice(name)), root, "2.1", is_open=False).body


def postman_old_file(catalog: Catalog, root: str, name: str) -> bytes:
    """Return the collection that custom connectors import."""
    return postman.document(selected(catalog, choice(name)), root, "1", is_open=False).body


FILES = {
    "swagger": File(".swagger.json", JSON, swagger_file),
    "dynamic": File(".dynamic.swagger.json", JSON, dynamic_file),
    "postman": File(".postman_collection.json", JSON, postman_file),
    "postman1": File(".postman_collection_v1.json", JSON, postman_old_file),
    "odc": File(".odc", EXCEL, lambda catalog, root, name: excel_file(name or SERVICE, address_of(root, name)).encode()),
    "pbids": File(".pbids", POWER_BI, lambda catalog, root, name: power_bi_file(address_of(root, name)).encode()),
}


def file_of(kind: str, catalog: Catalog, root: str, name: str) -> tuple[str, str, bytes]:
    """Return name, media type and bytes of a file."""
    file = FILES[kind]
    return f"{name or SERVICE}{file.ending}", file.media, file.made(catalog, root, name)
