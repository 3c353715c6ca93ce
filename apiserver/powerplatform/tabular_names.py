"""Names of the tabular protocol: what stands in addresses and queries (logical), and what makers read (display).

Logical names match `^[a-zA-Z0-9_\\-\\\\/.:\\[\\]{}]{2,72}$` (Power Fx, validator of enhanced connectors) and are identifiers of OData too.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from apiserver.powerplatform.rows import MOST_ROWS
from apiserver.resources.catalog import Catalog, PublishedProperty, PublishedResource
from apiserver.resources.remembered import remembered

LONGEST = 72
DIGEST = 16  # letters
UNSAID = re.compile(r"_x(?=[0-9A-F]{4,6}_)|[^A-Za-z0-9_]")  # what looks like a code already is written as one too
WITHOUT_CONNECTION = "views"  # of views over several connections
ALL = "default"  # every table, whatever its connection
STRUCTURE = re.compile(r"[.\[\]{}\s]+")  # clients take a display name apart at these


@dataclass(frozen=True, slots=True)
class Dataset:
    """The tables of one connection: by logical name, as this user sees them, and their display names."""

    name: str
    title: str
    tables: Mapping[str, PublishedResource]
    titles: Mapping[str, str]  # by logical name


@dataclass(frozen=True, slots=True)
class Tabular:
    """What one user sees: datasets by logical name, and the catalog that reads them, named logically throughout."""

    datasets: Mapping[str, Dataset]
    everything: Dataset
    catalog: Catalog


def logical(name: str) -> str:
    """Return the logical name: the name itself, or with what may not stand in one as `_xHHHH_`. Different names stay different."""
    found = column_name(name)
    if len(found) < 2:
        found = code(name[:1] or "_") + found[1:]
    return found


def column_name(name: str) -> str:
    """Return the logical name of a column, which may be one letter."""
    found = UNSAID.sub(lambda part: code(part[0][0]) + part[0][1:], name)
    if found[:1].isdigit():
        found = code(found[0]) + found[1:]
    if len(found) > LONGEST:
        found = f"{found[: LONGEST - DIGEST - 2]}_h{hashlib.sha256(name.encode()).hexdigest()[:DIGEST]}"
    return found


def code(character: str) -> str:
    """Return what stands for a character."""
    return f"_x{ord(character):04X}_"


def displayed(names: Mapping[str, str]) -> dict[str, str]:
    """Return logical name -> display name, no two alike. `names` = logical name -> (label or name)."""
    plain = {name: STRUCTURE.sub(" ", label).strip() or name for name, label in names.items()}
    times = Counter([*plain.values(), *names])
    found: dict[str, str] = {}
    for name, label in plain.items():
        is_own = label == name or times[label] == 1
        found[name] = label if is_own and label not in found.values() else f"{label} ({name})"
    return found


@remembered
def tabular(catalog: Catalog) -> Tabular:
    """Return what a user's catalog is to clients of the protocol."""
    resources = {found.name: found for found in map(named, catalog.resources.values())}
    size = min(catalog.page_size or MOST_ROWS, MOST_ROWS)
    own = replace(catalog, resources=resources, fingerprint=f"{catalog.fingerprint}:tabular", page_size=size, max_page_size=MOST_ROWS)
    tables: dict[str, dict[str, PublishedResource]] = {}
    for resource in resources.values():
        tables.setdefault(resource.connection_name or WITHOUT_CONNECTION, {})[resource.name] = resource
    titles = displayed({logical(name): name for name in tables})
    datasets = {logical(name): dataset(logical(name), titles[logical(name)], found) for name, found in sorted(tables.items())}
    return Tabular(datasets, dataset(ALL, "All tables", resources), own)


def dataset(name: str, title: str, tables: Mapping[str, PublishedResource]) -> Dataset:
    """Return a dataset."""
    return Dataset(name, title, tables, displayed({key: table.title or table.name for key, table in tables.items()}))


def named(resource: PublishedResource) -> PublishedResource:
    """Return the resource with logical names. Relations are no part of the protocol; row filters use `all_properties`."""
    names = {item.name: column_name(item.name) for item in resource.properties}
    return replace(
        resource,
        name=logical(resource.name),
        title=resource.title or resource.name,
        properties=tuple(renamed(item, names) for item in resource.properties),
        key=tuple(names[name] for name in resource.key),
        search=tuple(names[name] for name in resource.search),
        etag=names.get(resource.etag, resource.etag),
        navigations=(),
    )


def renamed(item: PublishedProperty, names: Mapping[str, str]) -> PublishedProperty:
    """Return the property under its logical name."""
    return replace(item, name=names[item.name], label=item.label or item.name)


def titles_of(resource: PublishedResource) -> dict[str, str]:
    """Return the display names of a table's columns by their logical names."""
    return displayed({item.name: item.label or item.name for item in resource.properties})
