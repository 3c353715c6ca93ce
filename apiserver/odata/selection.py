"""Which resources a description ($oas, $openapi) tells: `?resources=A,B` and `?connection=shop`, for services of hundreds of tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from apiserver.odata.errors import NotFound
from apiserver.resources.catalog import Catalog
from apiserver.server.configuration_protocol import nearest

Choice = Iterable[tuple[str, str]]  # query names that are not system options, and their values
RESOURCES, CONNECTION = "resources", "connection"


def selected(catalog: Catalog, choice: Choice) -> Catalog:
    """Return the catalog of the chosen resources; each name must be of one that this user sees. Several choices must all be met."""
    for option, text in choice:
        if option == RESOURCES:
            catalog = narrowed(catalog, chosen(option, text, catalog.resources))
        if option == CONNECTION:
            wanted = chosen(option, text, {resource.connection_name for resource in catalog.resources.values()})
            catalog = narrowed(catalog, {name for name, resource in catalog.resources.items() if resource.connection_name in wanted})
    return catalog


def chosen(option: str, text: str, known: Collection[str]) -> set[str]:
    """Return the names that a text lists, separated by commas."""
    wanted = {name.strip() for name in text.split(",")} - {""}
    for name in sorted(wanted):
        if name not in known:
            raise NotFound(f"There is no {name!r}{nearest(name, known)}.", target=option, hint="Leave it out for all resources.")
    return wanted


def narrowed(catalog: Catalog, names: Collection[str]) -> Catalog:
    """Return the catalog with these resources only; relations to others are not told."""
    kept = {name: resource for name, resource in catalog.resources.items() if name in names}
    return replace(catalog, resources=kept, fingerprint=f"{catalog.fingerprint}:{','.join(sorted(kept))}")
