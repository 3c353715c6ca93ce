"""Vocabulary terms that are true of this service, by target: (term, value). Written by both CSDL writers."""

from __future__ import annotations

from typing import Any

from apiserver.odata.edm import navigations
from apiserver.resources.catalog import Catalog, PublishedProperty, PublishedResource

REFERENCES = {
    "Core": "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Core.V1.xml",
    "Capabilities": "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Capabilities.V1.xml",
    "Validation": "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Validation.V1.xml",
}
STRING_FUNCTIONS = ["contains", "endswith", "startswith", "length", "indexof", "substring", "tolower", "toupper", "trim", "concat"]
DATE_FUNCTIONS = ["year", "month", "day", "hour", "minute", "second", "fractionalseconds", "date", "time", "totaloffsetminutes", "now"]
OTHER_FUNCTIONS = ["mindatetime", "maxdatetime", "round", "floor", "ceiling", "cast", "isof"]
FILTER_FUNCTIONS = STRING_FUNCTIONS + DATE_FUNCTIONS + OTHER_FUNCTIONS
# A value is a bool, a text, a list of texts, or a mapping (record); lists of mappings are collections of records.
Annotations = list[tuple[str, Any]]


def of_container(catalog: Catalog) -> Annotations:
    """Return what holds for the whole service."""
    found: Annotations = [
        ("Core.ODataVersions", "4.0 4.01"),
        ("Capabilities.FilterFunctions", FILTER_FUNCTIONS),
        ("Capabilities.SupportedFormats", ["application/json;odata.metadata=minimal;IEEE754Compatible=false"]),
        ("Capabilities.KeyAsSegmentSupported", True),
        ("Capabilities.BatchSupported", False),
        ("Capabilities.CrossJoinSupported", False),
        ("Capabilities.AsynchronousRequestsSupported", catalog.answers_later),
    ]
    if catalog.description:
        found.append(("Core.Description", catalog.description))
    return found


def of_set(catalog: Catalog, resource: PublishedResource) -> Annotations:
    """Return what this user may do with an entity set."""
    methods = resource.methods
    restricted: Annotations = [
        ("Capabilities.InsertRestrictions", {"Insertable": "POST" in methods}),
        ("Capabilities.UpdateRestrictions", {"Updatable": bool(methods & {"PATCH", "PUT"})}),
        ("Capabilities.DeleteRestrictions", {"Deletable": "DELETE" in methods}),
        ("Capabilities.FilterRestrictions", {"Filterable": True}),
        ("Capabilities.SortRestrictions", {"Sortable": True}),
        ("Capabilities.CountRestrictions", {"Countable": True}),
        ("Capabilities.SearchRestrictions", {"Searchable": True}),
        ("Capabilities.ExpandRestrictions", {"Expandable": bool(navigations(catalog, resource))}),
        ("Capabilities.TopSupported", True),
        ("Capabilities.SkipSupported", True),
    ]
    if resource.description:
        restricted.append(("Core.Description", resource.description))
    return restricted


def of_property(item: PublishedProperty) -> Annotations:
    """Return what is known of a property."""
    found: Annotations = []
    if item.is_read_only or item.column.is_generated:
        found.append(("Core.Computed", True))
    if item.description:
        found.append(("Core.Description", item.description))
    if item.name != item.column.name:
        found.append(("Core.LongDescription", f"Source column: {item.column.name}"))
    if item.column.allowed_values:
        found.append(("Validation.AllowedValues", [{"Value": value} for value in item.column.allowed_values]))
    return found
