"""Asks a service for everything that a manifest can ask of one table, and tells what the service refused."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connections.connectors.http.columns import ManifestColumn
from connections.connectors.http.connector import ManifestConnector
from connections.connectors.http.manifest import Manifest
from connections.connectors.http.session import HttpSession
from connections.connectors.http.tables import ManifestTable, kinds_of
from connections.contract.context import Call, Context
from connections.contract.errors import ConnectorError
from connections.contract.scan import Compare, Order, Scan
from connections.contract.table import Table, TableRef
from tests.connectors.saas.agreement import in_body
from tests.connectors.saas.documents import Document

OPERATORS = ("eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "contains_ci", "startswith", "endswith", "is_null", "is_not_null")
MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
SIMPLE: dict[str, Any] = {"int64": 1, "int32": 1, "double": 1.5, "decimal": Decimal("1.5"), "boolean": True, "timestamp": MOMENT}


class Driver:
    """One session whose calls are kept."""

    def __init__(self, manifest: Manifest, values: dict[str, Any], url: str, document: Document) -> None:
        unhurried = Manifest(
            {**{name: part for name, part in manifest.content.items() if name != "rate"}, "error_message": ["validation.0.message"]}
        )
        connector = ManifestConnector(unhurried)
        self.calls: list[Call] = []
        context = Context(outgoing=(url.removeprefix("http://"),), heard=self.calls.append)
        self.session: HttpSession = connector.open(connector.clean({**values, "URL": url, "MaxRetries": 0}), context=context)
        self.document = document

    def drive(self, name: str) -> Iterator[str]:
        """Give what goes wrong with a table, a line each."""
        manifest = self.session.manifest
        ref = TableRef(kinds_of(manifest, name)[0], name)
        found = self.session.table(ref)
        table = found.contract(ref)
        rows: list[tuple[Any, ...]] = []
        for what, scan in scans(found, table):
            if what == "key":
                key = key_of(table, scan, rows)
                if None in key.values():
                    continue  # the document doesn't describe the row
                scan = replace(scan, where=(*scan.where, *(Compare(column, "eq", value) for column, value in key.items())))
            try:
                offer = self.session.offer(scan)
                if what not in ("list", "key") and not (offer.takes_order or offer.grades[-1]):
                    continue
                rows = [row for batch in self.session.read(offer) for row in batch.rows]
            except ConnectorError as error:
                yield f"{name} {what}: {error.message} ({self.calls[-1].address if self.calls else ''})"
                continue
            if what in ("list", "key") and len(rows) != 1:
                yield f"{name} {what}: {len(rows)} rows"
        yield from self.writes(found, table)

    def writes(self, found: ManifestTable, table: Table) -> Iterator[str]:
        """Give what goes wrong with the writes of a table."""
        key = {name: value_of(found.columns[name]) for name in table.primary_key}
        name = table.ref.name
        given = {column.name: value_of(column) for column in found.columns.values() if column.is_given}
        for verb in sorted(table.writes):
            for columns in sets_of(found, verb):
                values = self.body(found, verb, columns)
                try:
                    if verb == "insert":
                        self.session.insert(table, {**given, **self.path_values(found), **values}, idempotency="k")
                    elif verb == "update":
                        self.session.update(table, key, values, idempotency="k")
                    else:
                        self.session.delete(table, key, idempotency="k")
                except ConnectorError as error:
                    yield f"{name} {verb} of {len(values)} columns: {error.message}"

    def path_values(self, table: ManifestTable) -> dict[str, Any]:
        """Return the values that stand in the path of an insert."""
        path = table.spec["write"]["insert"]["path"]
        return {name: value_of(column) for name, column in table.columns.items() if f"{{{name}}}" in path}

    def body(self, table: ManifestTable, verb: str, columns: list[ManifestColumn]) -> dict[str, Any]:
        """Return values that the published body takes."""
        spec = table.spec["write"][verb]
        method = spec.get("method") or ("POST" if verb == "insert" else self.session.manifest.part("defaults")["update_method"])
        body = self.document.body(spec["path"], method)
        return {column.name: self.written(column, in_body(self.document, body, column.write_steps)) for column in columns}

    def written(self, column: ManifestColumn, node: Any) -> Any:
        """Return a value for a column whose schema in a body is known, or not."""
        if column.column.allowed_values:
            return column.column.allowed_values[0]
        sample = self.document.sample(node) if node else None
        if column.kind == "json":
            return json.dumps(sample if sample is not None else ["text"])
        return sample if column.kind == "string" and isinstance(sample, str) else value_of(column)


def key_of(table: Table, scan: Scan, rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return the key of the row that was read before, null where it has none."""
    row = dict(zip(scan.columns, rows[0], strict=True)) if rows else {}
    return {name: row.get(name) for name in table.primary_key}


def value_of(column: ManifestColumn) -> Any:
    """Return a value of the column's type."""
    return column.column.allowed_values[0] if column.column.allowed_values else SIMPLE.get(column.kind, "text")


def sets_of(table: ManifestTable, verb: str) -> Iterator[list[ManifestColumn]]:
    """Give the columns written at once: those demanded, then all."""
    if verb == "delete":
        yield []
        return
    columns = [column for column in table.columns.values() if verb in column.write and not column.minor_units_of]
    least = [column for column in columns if verb == "insert" and column.is_required]
    if least:
        yield least
    yield columns


def scans(found: ManifestTable, table: Table) -> Iterator[tuple[str, Scan]]:
    """Give the scans of a table: list, key, every condition and order that is sent."""
    names = tuple(column.name for column in table.columns if not column.is_costly)
    lists = next((access for access in found.accesses if not access.is_single), found.accesses[0])
    needed = tuple(Compare(name, "eq", value_of(found.columns[name])) for name in lists.needs if name in found.columns)
    yield "list", Scan(table, names, needed)
    if table.primary_key and not lists.is_single:
        yield "key", Scan(table, names, tuple(item for item in needed if item.column not in table.primary_key))
    fixed = {item.column for item in needed}
    for column in found.columns.values():
        if column.name in fixed:
            continue
        for operator in OPERATORS if column.name in lists.filters else ():
            for value in values_for(column, operator, lists.filters[column.name]):
                yield f"{column.name} {operator} {value}", Scan(table, names, (*needed, Compare(column.name, operator, value)))
        for is_descending in (False, True) if column.sort else ():
            yield f"order {column.name}", Scan(table, names, needed, (Order(column.name, is_descending),))


def values_for(column: ManifestColumn, operator: str, filters: Any) -> Iterator[Any]:
    """Give values to compare with: those that the manifest names, else one."""
    named = filters.get("eq", {}) if isinstance(filters, dict) else {}
    values = list(named.get("values", {})) if isinstance(named, dict) else []
    values = values or list(column.column.allowed_values) or [value_of(column)]
    if operator == "in":
        yield tuple(values)
    elif operator.startswith("is_"):
        yield None
    else:
        yield from values if operator == "eq" else values[:1]
