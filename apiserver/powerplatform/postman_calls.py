"""The requests of a Postman collection, of either version: what $oas describes, with example values in place of schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from apiserver.odata.swagger_info import one_line
from apiserver.odata.swagger_limits import VERBS
from apiserver.powerplatform.examples import condition_of, first_names, needs_condition, new_row_of, row_of, value_of
from apiserver.resources.catalog import Catalog, PublishedResource
from connections.contract.table import Type

KEY = re.compile(r"\{([^{}]+)\}")
NAME = re.compile(r"/([^/(]+)")
EXACT = (Type.INT64, Type.DECIMAL)  # JSON parsers of clients round them
DONE = {200: "OK", 201: "Created", 204: "No Content"}
REFERENCE = "#/definitions/"


@dataclass(frozen=True, slots=True)
class Query:
    """A query option, sent only where `is_sent`."""

    name: str
    value: str
    description: str
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` follows the service root and holds `{key}` where a key stands; `answer` is an example, None without body."""

    id: str
    name: str
    description: str
    method: str
    path: str
    status: int
    keys: tuple[str, ...] = ()
    query: tuple[Query, ...] = ()
    body: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None

    @property
    def is_list(self) -> bool:
        """Claim that rows come back, of which the first shows a key."""
        return self.method == "GET" and not self.keys

    @property
    def phrase(self) -> str:
        """Return the words of the status."""
        return DONE.get(self.status, "")


@dataclass(frozen=True, slots=True)
class Folder:
    """The requests to one resource."""

    resource: PublishedResource
    calls: tuple[Call, ...]

    @property
    def id(self) -> str:
        """Return the resource's immutable id."""
        return self.resource.id

    @property
    def key_examples(self) -> dict[str, Any]:
        """Return the key's properties with example values."""
        return {name: value_of(self.resource.by_name[name].column) for name in self.resource.key}

    @property
    def is_rounded(self) -> bool:
        """Claim that a client would round the key, were it a number in JSON."""
        return any(self.resource.by_name[name].column.type in EXACT for name in self.resource.key)


def pretty(value: dict[str, Any] | None) -> str:
    """Return an example as people read it; "" for none."""
    return "" if value is None else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def folders(catalog: Catalog, document: dict[str, Any]) -> list[Folder]:
    """Return the requests to each resource that $oas describes, in its order; triggers are the platform's own business and left out."""
    paths: dict[str, list[str]] = {}
    for path in document["paths"]:
        found = NAME.match(path)
        if found:
            paths.setdefault(unquote(found[1]), []).append(path)
    return [Folder(item, tuple(calls_of(document, item, paths[name]))) for name, item in catalog.resources.items() if name in paths]


def calls_of(document: dict[str, Any], resource: PublishedResource, paths: list[str]) -> Iterator[Call]:
    """Give the requests of the resource's paths."""
    for path in paths:
        for verb in VERBS:
            operation = document["paths"][path].get(verb)
            if operation is not None:
                yield call_of(document, resource, path, verb.upper(), operation)


def call_of(document: dict[str, Any], resource: PublishedResource, path: str, method: str, operation: dict[str, Any]) -> Call:
    """Return the request of one operation."""
    status = min(int(code) for code in operation["responses"] if code.isdigit())
    schema = operation["responses"][str(status)].get("schema")
    row = row_of(resource, (item.name for item in resource.properties))
    answer = None if schema is None else {"value": [row]} if method == "GET" and not KEY.search(path) else row
    return Call(
        id=operation["operationId"],
        name=operation["summary"],
        description=one_line(operation["description"]),
        method=method,
        path=path,
        status=status,
        keys=tuple(KEY.findall(path)),
        query=tuple(queries(resource, operation)),
        body=body_of(document, resource, operation),
        answer=answer,
    )


def body_of(document: dict[str, Any], resource: PublishedResource, operation: dict[str, Any]) -> dict[str, Any] | None:
    """Return an example of what is sent, None where nothing is."""
    for item in operation["parameters"]:
        if item["in"] == "body":
            definition = document["definitions"][item["schema"]["$ref"].removeprefix(REFERENCE)]
            return new_row_of(resource, definition["properties"])
    return None


def queries(resource: PublishedResource, operation: dict[str, Any]) -> Iterator[Query]:
    """Give the query options with values to start from; a few rows are asked for, and what the source demands."""
    first = first_names(resource.properties[:1])
    values = {
        "$filter": condition_of(resource),
        "$select": first_names(resource.properties),
        "$orderby": f"{first} desc",
        "$top": "10",
        "$skip": "0",
        "$count": "true",
        "$search": "text",
        "$expand": resource.navigations[0].name if resource.navigations else "",
    }
    for item in operation["parameters"]:
        if item["in"] == "query":
            is_sent = item["name"] == "$top" or (item["name"] == "$filter" and needs_condition(resource))
            yield Query(item["name"], values.get(item["name"], ""), item["description"], is_sent)
