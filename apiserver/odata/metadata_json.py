"""$metadata as CSDL JSON (OData CSDL JSON 4.01)."""

from __future__ import annotations

from typing import Any

import orjson

from apiserver.odata import edm, vocabularies
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedResource


def metadata_json(catalog: Catalog) -> bytes:
    """Return the document; it says the same as the XML."""
    schema: dict[str, Any] = {}
    for resource in catalog.resources.values():
        name = resource.name if resource.key else f"{resource.name}_row"
        schema[name] = type_of(catalog, resource)
    for resource in edm.keyless(catalog):
        returned = {"$Type": f"{edm.NAMESPACE}.{resource.name}_row", "$Collection": True}
        schema[resource.name] = [{"$Kind": "Function", "$IsComposable": True, "$ReturnType": returned}]
    schema[edm.CONTAINER] = container_of(catalog)
    document = {
        "$Version": "4.01",
        "$EntityContainer": f"{edm.NAMESPACE}.{edm.CONTAINER}",
        "$Reference": {
            uri: {"$Include": [{"$Namespace": f"Org.OData.{alias}.V1", "$Alias": alias}]} for alias, uri in vocabularies.REFERENCES.items()
        },
        edm.NAMESPACE: schema,
    }
    return orjson.dumps(document)


def type_of(catalog: Catalog, resource: PublishedResource) -> dict[str, Any]:
    """Return an entity type, or the complex type of a resource without key."""
    found: dict[str, Any] = {"$Kind": "EntityType", "$Key": list(resource.key)} if resource.key else {"$Kind": "ComplexType"}
    for item, facets in edm.properties(resource):
        found[item.name] = property_of(facets) | annotated(vocabularies.of_property(item))
    for navigation in edm.navigations(catalog, resource):
        found[navigation.name] = navigation_of(catalog, resource, navigation)
    return found


def property_of(facets: edm.Facets) -> dict[str, Any]:
    """Return a property; Edm.String is the default type, Nullable false the default."""
    found: dict[str, Any] = {}
    name = facets.type.removeprefix("Collection(").rstrip(")")
    if facets.type.startswith("Collection("):
        found["$Collection"] = True
    if name != "Edm.String":
        found["$Type"] = name
    if facets.is_nullable:
        found["$Nullable"] = True
    for key, value in (("$MaxLength", facets.max_length), ("$Precision", facets.precision), ("$Scale", facets.scale)):
        if value is not None:
            found[key] = value
    return found


def navigation_of(catalog: Catalog, resource: PublishedResource, navigation: PublishedNavigation) -> dict[str, Any]:
    """Return a navigation property."""
    found: dict[str, Any] = {"$Kind": "NavigationProperty", "$Type": f"{edm.NAMESPACE}.{navigation.target}"}
    if navigation.is_collection:
        found["$Collection"] = True
    elif navigation.is_nullable:
        found["$Nullable"] = True
    back = edm.partner(catalog, navigation)
    if back:
        found["$Partner"] = back
    pairs = edm.constraint(catalog, resource, navigation)
    if pairs:
        found["$ReferentialConstraint"] = dict(pairs)
    return found


def container_of(catalog: Catalog) -> dict[str, Any]:
    """Return the entity container."""
    found: dict[str, Any] = {"$Kind": "EntityContainer"}
    for resource in edm.entity_sets(catalog):
        entry: dict[str, Any] = {"$Collection": True, "$Type": f"{edm.NAMESPACE}.{resource.name}"}
        bound = {n.name: n.target for n in edm.navigations(catalog, resource)}
        if bound:
            entry["$NavigationPropertyBinding"] = bound
        found[resource.name] = entry | annotated(vocabularies.of_set(catalog, resource))
    for resource in edm.keyless(catalog):
        found[resource.name] = {"$Function": f"{edm.NAMESPACE}.{resource.name}", "$IncludeInServiceDocument": True}
    return found | annotated(vocabularies.of_container(catalog))


def annotated(found: vocabularies.Annotations) -> dict[str, Any]:
    """Return annotations as members."""
    return {f"@{term}": value for term, value in found}
