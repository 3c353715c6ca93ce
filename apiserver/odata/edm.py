"""One model of what a user sees, from the catalog: every document ($metadata, $oas, $openapi) is written from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource
from connections.contract.table import Column, Type

NAMESPACE = "API"
CONTAINER = "Container"
UNBOUNDED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Facets:
    """The type of a property with its facets (CSDL 4.01, 7.2)."""

    type: str  # Edm.Int32, Collection(Edm.String)
    is_nullable: bool
    max_length: int | None = None
    precision: int | None = None
    scale: int | str | None = None  # Decimal: a number or "variable"


def facets(column: Column) -> Facets:
    """Return the facets of a column."""
    name = f"Edm.{column.type}"
    scale: int | str | None = None
    if column.type is Type.DECIMAL:
        scale = (
            "variable" if column.scale is None or column.precision is None or not 0 <= column.scale <= column.precision else column.scale
        )
    is_long = column.max_length is None or column.max_length >= UNBOUNDED
    return Facets(
        type=f"Collection({name})" if column.is_collection else name,
        is_nullable=column.is_nullable,
        max_length=None if is_long or column.type not in (Type.STRING, Type.BINARY) else column.max_length,
        precision=min(column.precision, 12) if column.precision is not None and column.type in TIMED else decimal_precision(column, scale),
        scale=scale,
    )


TIMED = frozenset({Type.TIMESTAMP, Type.TIME, Type.DURATION})


def decimal_precision(column: Column, scale: int | str | None) -> int | None:
    """Return the digits of a decimal, where they are bounded."""
    return column.precision if column.type is Type.DECIMAL and scale != "variable" else None


def entity_sets(catalog: Catalog) -> list[PublishedResource]:
    """Return what is an entity set: resources with a key."""
    return [resource for resource in catalog.resources.values() if resource.key]


def keyless(catalog: Catalog) -> list[PublishedResource]:
    """Return resources without a key. CSDL 4.01, 6.5 and 13.2: an entity set needs one, so they are composable functions
    without parameters that give a collection of a complex type; their address is the same."""
    return [resource for resource in catalog.resources.values() if not resource.key]


def navigations(catalog: Catalog, resource: PublishedResource) -> list[PublishedNavigation]:
    """Return the relations between entity sets."""
    return [n for n in resource.navigations if resource.key and n.target in catalog.resources and catalog.resources[n.target].key]


def constraint(catalog: Catalog, resource: PublishedResource, navigation: PublishedNavigation) -> list[tuple[str, str]]:
    """Return the referential constraint: only over the target's whole key, in the same types (CSDL 4.01, 8.5)."""
    if navigation.is_collection:
        return []
    target = catalog.resources[navigation.target]
    pairs = [(resource.by_column[here], target.by_column[there]) for here, there in navigation.pairs]
    covers_key = {there.name for _, there in pairs} == set(target.key)
    same_types = all(here.column.type == there.column.type for here, there in pairs)
    return [(here.name, there.name) for here, there in pairs] if covers_key and same_types else []


def partner(catalog: Catalog, navigation: PublishedNavigation) -> str:
    """Return the partner, where it is a relation of the document."""
    target = catalog.resources[navigation.target]
    return navigation.partner if navigation.partner in {n.name for n in navigations(catalog, target)} else ""


def properties(resource: PublishedResource) -> Iterator[tuple[PublishedProperty, Facets]]:
    """Give the visible properties with their facets; key properties are never nullable."""
    for item in resource.properties:
        found = facets(item.column)
        if item.name in resource.key and found.is_nullable:
            found = Facets(found.type, False, found.max_length, found.precision, found.scale)
        yield item, found
