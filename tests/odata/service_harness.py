"""A service in this process over a real database: a catalog made by reflection, requests without a web server."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit

from django.test import RequestFactory

from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits
from apiserver.odata.service import ServiceContext, run
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource, RowFilter
from connections.connectors.registry import get_connector
from connections.contract.table import Table, TableRef
from tests.answers import Answer
from tests.databases import Database

ROOT = "http://testserver/api.rsc"
ALL = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})

NUMBERS = itertools.count()  # of catalogs: what is remembered of one holds for no other


@dataclass
class Service:
    """The service as one user sees it."""

    session: Any
    catalog: Catalog
    log: dict[str, Any] = field(default_factory=dict)
    limits: Limits = DEFAULT_LIMITS

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; header names are written with `_` for `-`."""
        parts = urlsplit(path)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = sent.pop("Content-Type", "application/json")
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = RequestFactory().generic(
            method,
            "/api.rsc/" + quote(parts.path, safe="/%"),
            data,
            content_type=content_type,
            headers=sent,
            QUERY_STRING=quote(parts.query, safe="/?&=$@%(),;:!*'+-._~"),
        )
        self.log = {}
        context = ServiceContext(self.catalog, lambda _: self.session, ROOT, self.log)
        response = run(request, request.path_info.removeprefix("/api.rsc"), lambda _: context, self.limits)
        content = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
        return Answer(response.status_code, response.headers, content)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def follow(self, link: str, **headers: str) -> Answer:
        assert link.startswith(ROOT + "/")
        return self.get(link.removeprefix(ROOT + "/"), **headers)

    def pages(self, path: str, **headers: str) -> list[list[dict[str, Any]]]:
        """Return the rows of each page up to the last one."""
        pages = []
        reply = self.get(path, **headers)
        for _ in range(30):
            pages.append(reply.rows)
            link = reply.json.get("@odata.nextLink")
            if link is None:
                return pages
            assert "authtoken" not in link
            reply = self.follow(link, **headers)
        raise AssertionError("next links do not end")

    def seen_with(self, name: str = "", row_filter: str = "", methods: frozenset[str] = ALL, **catalog: Any) -> Service:
        """Return the service as a user with fewer rights sees it."""
        resources = dict(self.catalog.resources)
        if name:
            filters = (RowFilter(row_filter),) if row_filter else ()
            resources[name] = replace(resources[name], methods=methods, row_filters=filters)
        fingerprint = f"{self.catalog.fingerprint}|{name}|{row_filter}|{sorted(methods)}|{catalog}"
        return Service(self.session, replace(self.catalog, resources=resources, fingerprint=fingerprint, **catalog))


def open_service(database: Database, tables: tuple[str, ...], wrap: Callable[[Any], Any] | None = None) -> Service:
    """Publish these tables of the database; `wrap` makes another session of its own."""
    connector = get_connector(database.connection["connector"])
    session = connector.open(connector.clean(database.connection["properties"]))
    session = wrap(session) if wrap else session
    found = {info.ref.name: info.ref for info in session.list_tables()}
    described = session.describe([found[name] for name in tables])
    resources = {table.ref.name: published(table, described, session.dialect.name) for table in described}
    return Service(session, Catalog(dict(sorted(resources.items())), f"{database.kind}:{next(NUMBERS)}", page_size=100, max_page_size=500))


def published(table: Table, others: list[Table], dialect: str) -> PublishedResource:
    properties = tuple(PublishedProperty(column.name, column, is_key=column.name in table.primary_key) for column in table.columns)
    return PublishedResource(
        id=table.ref.name,
        name=table.ref.name,
        connection_id=1,
        connection_name="shop",
        dialect=dialect,
        ref=table.ref,
        all_properties=properties,
        properties=properties,
        key=table.primary_key,
        navigations=(*_parents(table), *_children(table, others)),
        methods=ALL if table.primary_key else frozenset({"GET"}),
    )


def _parents(table: Table) -> list[PublishedNavigation]:
    nullable = {column.name: column.is_nullable for column in table.columns}
    return [
        PublishedNavigation(
            name=key.columns[0].removesuffix("_id"),
            target=key.target_table,
            is_collection=False,
            pairs=tuple(zip(key.columns, key.target_columns, strict=True)),
            is_nullable=all(nullable[name] for name in key.columns),
            partner=table.ref.name,
        )
        for key in table.foreign_keys
    ]


def _children(table: Table, others: list[Table]) -> list[PublishedNavigation]:
    return [
        PublishedNavigation(
            name=other.ref.name,
            target=other.ref.name,
            is_collection=True,
            pairs=tuple(zip(key.target_columns, key.columns, strict=True)),
            partner=key.columns[0].removesuffix("_id"),
        )
        for other in others
        for key in other.foreign_keys
        if TableRef(key.target_schema, key.target_table).name == table.ref.name
    ]
