"""$metadata as CSDL XML (OData CSDL XML 4.01)."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from apiserver.odata import edm, vocabularies
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource

EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
EDM = "http://docs.oasis-open.org/odata/ns/edm"


def metadata_xml(catalog: Catalog) -> bytes:
    """Return the document; equal catalogs give equal bytes."""
    root = Element("edmx:Edmx", {"xmlns:edmx": EDMX, "Version": "4.0"})
    for alias, uri in vocabularies.REFERENCES.items():
        reference = SubElement(root, "edmx:Reference", {"Uri": uri})
        SubElement(reference, "edmx:Include", {"Namespace": f"Org.OData.{alias}.V1", "Alias": alias})
    schema = SubElement(SubElement(root, "edmx:DataServices"), "Schema", {"xmlns": EDM, "Namespace": edm.NAMESPACE})
    for resource in catalog.resources.values():
        write_type(schema, catalog, resource)
    for resource in edm.keyless(catalog):
        function = SubElement(schema, "Function", {"Name": resource.name, "IsComposable": "true"})
        SubElement(function, "ReturnType", {"Type": f"Collection({edm.NAMESPACE}.{resource.name}_row)", "Nullable": "false"})
    write_container(schema, catalog)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="utf-8", xml_declaration=False)


def write_type(schema: Element, catalog: Catalog, resource: PublishedResource) -> None:
    """Write an entity type, or the complex type of a resource without key."""
    if resource.key:
        found = SubElement(schema, "EntityType", {"Name": resource.name})
        key = SubElement(found, "Key")
        for name in resource.key:
            SubElement(key, "PropertyRef", {"Name": name})
    else:
        found = SubElement(schema, "ComplexType", {"Name": f"{resource.name}_row"})
    for item, facets in edm.properties(resource):
        write_property(found, item, facets)
    for navigation in edm.navigations(catalog, resource):
        write_navigation(found, catalog, resource, navigation)


def write_property(parent: Element, item: PublishedProperty, facets: edm.Facets) -> None:
    """Write a property with its facets."""
    values = {"Name": item.name, "Type": facets.type}
    if not facets.is_nullable:
        values["Nullable"] = "false"
    for name, value in (("MaxLength", facets.max_length), ("Precision", facets.precision), ("Scale", facets.scale)):
        if value is not None:
            values[name] = str(value)
    annotate(SubElement(parent, "Property", values), vocabularies.of_property(item))


def write_navigation(parent: Element, catalog: Catalog, resource: PublishedResource, navigation: PublishedNavigation) -> None:
    """Write a navigation property with partner and constraint."""
    target = f"{edm.NAMESPACE}.{navigation.target}"
    values = {"Name": navigation.name, "Type": f"Collection({target})" if navigation.is_collection else target}
    if not navigation.is_collection and not navigation.is_nullable:
        values["Nullable"] = "false"
    back = edm.partner(catalog, navigation)
    if back:
        values["Partner"] = back
    found = SubElement(parent, "NavigationProperty", values)
    for here, there in edm.constraint(catalog, resource, navigation):
        SubElement(found, "ReferentialConstraint", {"Property": here, "ReferencedProperty": there})


def write_container(schema: Element, catalog: Catalog) -> None:
    """Write the entity container: sets with bindings, functions of resources without key."""
    container = SubElement(schema, "EntityContainer", {"Name": edm.CONTAINER})
    for resource in edm.entity_sets(catalog):
        found = SubElement(container, "EntitySet", {"Name": resource.name, "EntityType": f"{edm.NAMESPACE}.{resource.name}"})
        for navigation in edm.navigations(catalog, resource):
            SubElement(found, "NavigationPropertyBinding", {"Path": navigation.name, "Target": navigation.target})
        annotate(found, vocabularies.of_set(catalog, resource))
    for resource in edm.keyless(catalog):
        values = {"Name": resource.name, "Function": f"{edm.NAMESPACE}.{resource.name}", "IncludeInServiceDocument": "true"}
        SubElement(container, "FunctionImport", values)
    annotate(container, vocabularies.of_container(catalog))


def annotate(parent: Element, found: vocabularies.Annotations) -> None:
    """Write annotations inline."""
    for term, value in found:
        write_value(SubElement(parent, "Annotation", {"Term": term}), value)


def write_value(parent: Element, value: Any) -> None:
    """Write an annotation's value: constants as attributes, records and collections as elements."""
    if isinstance(value, bool):
        parent.set("Bool", "true" if value else "false")
    elif isinstance(value, str):
        parent.set("String", value)
    elif isinstance(value, dict):
        record = SubElement(parent, "Record")
        for name, item in value.items():
            write_value(SubElement(record, "PropertyValue", {"Property": name}), item)
    else:
        collection = SubElement(parent, "Collection")
        for item in value:
            if isinstance(item, str):
                SubElement(collection, "String").text = item
            else:
                write_value(collection, item)
