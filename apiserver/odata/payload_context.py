"""Context URLs (OData Protocol 4.01, 10) and the addresses of entities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from apiserver.odata.edm import NAMESPACE
from apiserver.odata.errors import InvalidValue
from apiserver.odata.nodes import ExpandItem, Options
from apiserver.odata.payload_values import key_literal
from apiserver.resources.catalog import Catalog, PublishedResource
from apiserver.resources.remembered import remembered
from connections.contract.errors import BadValue
from connections.contract.unsayable import Unsayable


def key_predicate(resource: PublishedResource, row: Mapping[str, Any]) -> str:
    """Return `(1)` or `(A=1,B='x')` of a row."""
    parts = [(name, key_literal(resource.by_name[name].column, row[name])) for name in resource.key]
    if len(parts) == 1:
        return f"({parts[0][1]})"
    return "(" + ",".join(f"{name}={text}" for name, text in parts) + ")"


def shown_value(resource: PublishedResource, row: Mapping[str, Any], name: str) -> Any:
    """Return a value to show; raise for one that OData can't say."""
    value = row[name]
    if not isinstance(value, Unsayable):
        return value
    key = ", ".join(str(row[part]) for part in resource.key) if row.keys() >= set(resource.key) else ""
    raise not_shown(resource, key, name, value.reason) from value.reason


def entity_id(resource: PublishedResource, row: Mapping[str, Any]) -> str:
    """Return the entity's address below the service root."""
    return quote(resource.name) + key_predicate(resource, row)


def not_shown(resource: PublishedResource, key: str, name: str, reason: BadValue) -> InvalidValue:
    """Return the error of a stored value that OData can't say: whose it is, and what works."""
    row = f"{resource.name}({key})" if key else f"A row of {resource.name}"
    hint = f"Leave {name} out with $select, or the row with $filter."
    return InvalidValue(f"{row} can't be shown: {name}. {reason.message}", target=name, hint=hint)


def type_name(resource: PublishedResource) -> str:
    """Return the qualified type of a row, as both CSDL writers declare it."""
    return f"{NAMESPACE}.{resource.name}" + ("" if resource.key else "_row")


@remembered
def entity_context(catalog: Catalog, resource: PublishedResource, options: Options, is_single: bool) -> str:
    """Return the fragment after `$metadata#` of a set or one entity (Protocol 4.01, 10.3 to 10.9)."""
    listed = select_list(catalog, resource, options)
    if not resource.key:  # a composable function over a complex type: entity sets need a key
        return f"Collection(API.{quote(resource.name)}_row)" + (f"({listed})" if listed else "")
    return quote(resource.name) + (f"({listed})" if listed else "") + ("/$entity" if is_single else "")


def select_list(catalog: Catalog, resource: PublishedResource, options: Options) -> str:
    """Return the select list: selected properties, then expanded navigations with their own lists."""
    names: list[str] = []
    for item in options.select or ():
        if "*" in item.path:
            names = ["*"]
            break
        name = "/".join(item.path)
        if name not in names:
            names.append(name)
    names += [item.name for item in options.compute or () if not options.select and item.name not in names]
    if options.select is not None and not names:
        names = list(resource.key)
    if options.select is None and names:
        names.insert(0, "*")
    for expand in options.expand or ():
        names += _expanded(catalog, resource, expand)
    return ",".join(names)


def _expanded(catalog: Catalog, resource: PublishedResource, item: ExpandItem) -> list[str]:
    paths = [n.name for n in resource.navigations] if item.path[-1] == "*" else [item.path[-1]]
    found = []
    for name in paths:
        navigation = resource.navigation_by_name.get(name)
        target = catalog.resources.get(navigation.target) if navigation else None
        if target is None or item.suffix == "$count":
            continue
        if item.suffix == "$ref":
            found.append(f"{name}/$ref")
        else:
            again = "+" if item.options and item.options.levels else ""  # 10.9: a recursive expansion
            found.append(f"{name}{again}({select_list(catalog, target, item.options or Options())})")
    return found
