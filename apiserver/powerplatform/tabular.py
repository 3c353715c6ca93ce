"""The tabular protocol of Power Apps ("enhanced connector"): tables whose filters, orders and pages are done by their sources.

Source: microsoft/Power-Fx, docs/enhanced-connectors.md. Its addresses lie below `$tabular`, and below the service root, where the
published protocol has them; there a resource called `datasets` keeps its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from django.http import HttpResponseBase

from apiserver.odata.errors import NotFound
from apiserver.odata.service import Exchange, addressed
from apiserver.powerplatform import rows
from apiserver.powerplatform.documents import address_of, only_read, served
from apiserver.powerplatform.row_ids import decoded, key_of
from apiserver.powerplatform.tabular_definition import definition
from apiserver.powerplatform.tabular_metadata import table_metadata
from apiserver.powerplatform.tabular_names import ALL, Dataset, Tabular, logical, tabular
from apiserver.resources.catalog import PublishedResource
from apiserver.server.errors import Problem
from apiserver.server.responses import ApiResponse

BASE = "$tabular"
METADATA = {
    "tabular": {
        "source": "mru",
        "displayName": "connection",
        "urlEncoding": "double",
        "tableDisplayName": "table",
        "tablePluralName": "tables",
    }
}
DRESS = rows.Dress(None, has_context=False)
Route = Callable[[Exchange, Tabular, list[str]], HttpResponseBase]


def answer(exchange: Exchange, path: str) -> HttpResponseBase | None:
    """Answer what lies below `$tabular`, `$metadata.json` and `datasets`; None leaves `datasets` to the resource of that name."""
    parts = path.split("/")
    if parts[0] == "datasets" and "datasets" in exchange.catalog.resources:
        exchange.target = addressed(exchange, path)
        return None
    found = tabular(exchange.catalog)
    if parts[0] == BASE:
        parts = parts[1:]
    if parts == ["$oas"]:
        only_read(exchange)
        return served(exchange, definition(exchange.catalog, address_of(exchange, BASE)))
    route = route_of(parts)
    exchange.context = replace(exchange.context, catalog=found.catalog)
    return route(exchange, found, [decoded(part) for part in parts])


def route_of(parts: list[str]) -> Route:
    """Return what answers an address."""
    match parts:
        case ["$metadata.json", "datasets"]:
            return about
        case ["$metadata.json", "datasets", _, "tables", _]:
            return table
        case ["datasets"]:
            return datasets
        case ["datasets", _, "tables"]:
            return tables
        case ["datasets", _, "tables", _, "items", *_]:
            return items
    hint = "The protocol begins with $metadata.json/datasets and datasets."
    raise NotFound("Nothing of the tabular protocol is at this address.", hint=hint)


def refusal(problem: Problem, body: bytes) -> bytes:
    """Return an error as clients of the protocol read it, with OData's beside it."""
    return orjson.dumps({"statusCode": problem.status, "message": problem.message} | orjson.loads(body))


# ---- what is there ----


def told(exchange: Exchange, body: Any) -> HttpResponseBase:
    """Answer a description."""
    only_read(exchange)
    return ApiResponse(orjson.dumps(body), content_type="application/json")


def about(exchange: Exchange, found: Tabular, parts: list[str]) -> HttpResponseBase:
    """Answer how names are written and what datasets and tables are called."""
    return told(exchange, METADATA)


def datasets(exchange: Exchange, found: Tabular, parts: list[str]) -> HttpResponseBase:
    """Answer the connections that have a table for this user."""
    listed = [item for item in found.datasets.values() if any(map(is_readable, item.tables.values()))]
    return told(exchange, {"value": [{"Name": item.name, "DisplayName": item.title} for item in listed]})


def tables(exchange: Exchange, found: Tabular, parts: list[str]) -> HttpResponseBase:
    """Answer the tables of a dataset that this user may read."""
    chosen = dataset_of(found, parts[1])
    listed = [name for name, resource in chosen.tables.items() if is_readable(resource)]
    return told(exchange, {"value": [{"Name": name, "DisplayName": chosen.titles[name]} for name in listed]})


def table(exchange: Exchange, found: Tabular, parts: list[str]) -> HttpResponseBase:
    """Answer columns, rights and capabilities of a table."""
    chosen = dataset_of(found, parts[2])
    resource = table_of(chosen, parts[4])
    exchange.context.log["resource"] = resource.name
    return told(exchange, table_metadata(resource, chosen.titles[resource.name]))


def is_readable(resource: PublishedResource) -> bool:
    """Claim that the user may read the table's rows."""
    return "GET" in resource.methods


def dataset_of(found: Tabular, name: str) -> Dataset:
    """Return a dataset by its name; `default` has every table where no connection is called so."""
    chosen = found.datasets.get(name) or found.datasets.get(logical(name)) or (found.everything if name == ALL else None)
    if chosen is None:
        raise NotFound(f"There is no dataset {name[:80]}.", target="dataset", hint="GET datasets lists them.")
    return chosen


def table_of(chosen: Dataset, name: str) -> PublishedResource:
    """Return a table by its logical name, or by the name of its resource."""
    resource = chosen.tables.get(name) or chosen.tables.get(logical(name))
    if resource is None:
        hint = f"GET datasets/{chosen.name}/tables lists them."
        raise NotFound(f"There is no table {name[:80]} in {chosen.name}.", target="table", hint=hint)
    return resource


# ---- rows ----


def items(exchange: Exchange, found: Tabular, parts: list[str]) -> HttpResponseBase:
    """Answer `items`, and `items/{id}`: all that follows is the id, for an encoded slash arrives as a slash."""
    resource = table_of(dataset_of(found, parts[1]), parts[3])
    raw = exchange.path.lstrip("/").removeprefix(f"{BASE}/").split("/", 5)[5:]
    key = key_of(resource, decoded(raw[0])) if raw and raw[0] else None
    return rows.answer(exchange, resource, key, DRESS)
