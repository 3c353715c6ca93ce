"""Writes: one row a call, values put where the service wants them, the answer read back as a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson

from connections.connectors.http.calls import Target, json_body
from connections.connectors.http.columns import ManifestColumn
from connections.connectors.http.paths import find, put, steps_of
from connections.connectors.http.plan import plan
from connections.connectors.http.reading import Reading
from connections.connectors.http.replies import Asked, NoRows
from connections.connectors.http.tables import ManifestTable
from connections.connectors.http.templates import Missing, fill_path, fill_tree, fill_values
from connections.connectors.http.values import Inexact, Unfit, as_text, currency_units
from connections.contract.errors import NotSupported, SourceRejected
from connections.contract.scan import Compare, Scan
from connections.contract.table import Table, TableRef

if TYPE_CHECKING:
    from connections.connectors.http.session import HttpSession

METHODS = {"insert": "POST", "delete": "DELETE"}


class Changes:
    """Makes the writes of a session."""

    def __init__(self, session: HttpSession) -> None:
        self.session = session

    def insert(self, ref: TableRef, values: Mapping[str, Any], idempotency: str) -> Mapping[str, Any]:
        """Create a row; return the columns that the service told of it."""
        table, spec = self._spec(ref, "insert")
        lacking = [
            c.name for c in table.columns.values() if (c.is_required or c.name in spec.get("required", ())) and values.get(c.name) is None
        ]
        if lacking:
            raise SourceRejected(f"{table.name} asks for a value of {', '.join(lacking)}.")
        given = self._given(table, ref, values)
        document = self._call(table, spec, "insert", given, self._body(table, spec, "insert", values), idempotency, is_single=False)
        return {**{name: value for name, value in given.items() if table.columns[name].is_given}, **self._row(table, spec, document, given)}

    def update(self, ref: TableRef, key: Mapping[str, Any], values: Mapping[str, Any], idempotency: str) -> Mapping[str, Any] | None:
        """Change columns of a row; None when there is none."""
        table, spec = self._spec(ref, "update")
        given = self._given(table, ref, key)
        body = self._body(table, spec, "update", values)
        if spec.get("whole"):
            stored = self._stored(table, ref, key)
            if stored is None:
                return None
            body = merged(stored, body)
        try:
            document = self._call(table, spec, "update", given, body, idempotency, is_single=True)
        except NoRows:
            return None
        return {**key, **self._row(table, spec, document, given)}

    def delete(self, ref: TableRef, key: Mapping[str, Any], idempotency: str) -> bool:
        """Remove a row; False when there was none."""
        table, spec = self._spec(ref, "delete")
        try:
            self._call(table, spec, "delete", self._given(table, ref, key), None, idempotency, is_single=True)
        except NoRows:
            return False
        return True

    def _spec(self, ref: TableRef, verb: str) -> tuple[ManifestTable, Mapping[str, Any]]:
        table = self.session.table(ref)
        spec = (table.spec.get("write") or {}).get(verb)
        if spec is None:
            raise NotSupported(f"{self.session.service.label} has no {verb} for {table.name}.")
        if self.session.read_only:
            raise SourceRejected("The connection only reads.", hint="Switch off read-only in the connection.")
        return table, spec

    def _given(self, table: ManifestTable, ref: TableRef, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values for `{Name}`: those of the row, the schema's, the defaults."""
        texts = self.session.texts
        found = {
            name: value
            for name, value in values.items()
            if value is not None and name in table.columns and not (table.columns[name].is_pinned and texts.get(name))
        }
        if table.bound:
            found[table.bound] = ref.schema
        return found

    def _body(self, table: ManifestTable, spec: Mapping[str, Any], verb: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values under the service's names; raise SourceRejected for a column that can't be written."""
        body: dict[str, Any] = {}
        written = form_value if self._encoding(spec) == "form" else json_value
        for name, value in values.items():
            if value is None and verb == "insert":
                continue  # what is left out is null; Stripe takes an empty text for an attempt to unset a value
            column = table.columns.get(name)
            if column is None or verb not in column.write:
                if column is not None and (column.is_given or (verb == "update" and name in table.key)):
                    continue
                raise SourceRejected(f"{table.name}.{name} can't be written by {verb}.")
            put(
                body,
                (*steps_of(spec.get("wrap")), *column.write_steps),
                written(column, in_minor_units(table, column, values) if column.minor_units_of and value is not None else value),
            )
        return body

    def _encoding(self, spec: Mapping[str, Any]) -> str:
        return str(spec.get("encoding") or self.session.manifest.part("defaults").get("encoding", "json"))

    def _call(
        self,
        table: ManifestTable,
        spec: Mapping[str, Any],
        verb: str,
        given: Mapping[str, Any],
        body: dict[str, Any] | None,
        idempotency: str,
        *,
        is_single: bool,
    ) -> Any:
        session = self.session
        defaults = session.manifest.part("defaults")
        method = spec.get("method") or METHODS.get(verb) or defaults.get("update_method", "PATCH")
        texts = {**session.texts, **{name: table.columns[name].as_text(value) for name, value in given.items()}}
        try:
            target = self._target(spec, method, texts, idempotency)
        except Missing as error:
            raise SourceRejected(f"{table.name} can't be written without a value of {error.args[0]}.") from None
        constants = fill_tree(spec.get("body", {}), texts.get, {})
        whole = merged(constants, body) if body is not None else constants
        if body is not None or constants:
            target = form_body(target, whole) if self._encoding(spec) == "form" else json_body(target, whole)
        asked: Asked = session.asked(table)
        asked = replace(asked, is_single=is_single, is_insert=verb == "insert", errors=errors_of(verb, asked.errors))
        document, _, _ = session.caller.call(target, asked, rows=lambda _: 1)
        return document

    def _target(self, spec: Mapping[str, Any], method: str, texts: Mapping[str, str], idempotency: str) -> Target:
        """Return where a call goes, without its body; raise Missing for a place that nothing fills."""
        defaults = self.session.manifest.part("defaults")
        filled = fill_values({**defaults.get("headers", {}), **spec.get("headers", {})}, texts.get)
        headers = {name: items[0] for name, items in filled.items()}
        keeping = self.session.manifest.part("idempotency")
        has_key = bool(keeping) and method in keeping.get("methods", ("POST",))
        if has_key:
            headers[keeping["header"]] = idempotency
        return Target(
            fill_path(spec["path"], texts.get),
            method=method,
            params=fill_values({**defaults.get("params", {}), **spec.get("params", {})}, texts.get),
            headers=headers,
            adds=method == "POST" and spec.get("idempotent") is not True,
            is_repeatable=has_key or bool(spec.get("idempotent", method in ("PUT", "DELETE"))),
        )

    def _row(self, table: ManifestTable, spec: Mapping[str, Any], document: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns of the row in an answer; none where it holds no row."""
        path = spec.get("row", self.session.manifest.part("defaults").get("row"))
        row = find(document, steps_of(path))
        if not isinstance(row, dict):
            return {}
        found = {}
        for name, column in table.columns.items():
            if column.lookup or (column.steps and find(row, column.steps[:1]) is None and column.steps[0] not in row):
                continue
            try:
                value = column.read([row], given)[0]
            except Inexact:
                value = column.read([exact(row)], given)[0]
            if value is not None or column.steps:
                found[name] = value
        return found

    def _stored(self, table: ManifestTable, ref: TableRef, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row as the service has it, in the service's own form, less what can't be written."""
        where = tuple(Compare(name, "eq", value) for name, value in key.items())
        scan = Scan(Table(ref), table.key, where)
        reading = Reading(self.session, plan(scan, table, self.session.settings), scan)
        given = next(iter(reading.variants()), None)
        if given is None:
            return None
        try:
            rows = reading.page(given, {}, None)[0].rows
        except NoRows:
            return None
        if not rows:
            return None
        body: dict[str, Any] = {}
        for column in table.columns.values():
            value = find(rows[0], column.steps) if column.steps else None
            if "update" in column.write and value is not None:
                put(body, column.write_steps, value)
        return body


def errors_of(verb: str, entries: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return the entries as they hold for a write.

    A field that isn't known, or an object that the values name and that isn't there, is a value refused. What a deletion answers may be
    just what tells, in a read, that the row is gone.
    """
    found: list[Mapping[str, Any]] = []
    for entry in entries:
        if entry["is"] == "unknown_field" or (verb == "delete" and 200 in entry.get("status", ())):
            continue
        if entry["is"] == "no_rows":
            if verb == "insert" or 404 not in entry.get("status", (404,)):
                continue
            entry = {**entry, "status": [404]}
        found.append(entry)
    return tuple(found)


def json_value(column: ManifestColumn, value: Any) -> Any:
    """Return a value for a JSON body; a JSON column's text becomes the node it says."""
    if column.kind == "json" and isinstance(value, str):
        return node_of(column, value)
    return column.sent(value)


def form_value(column: ManifestColumn, value: Any) -> Any:
    """Return a value for a form: text, an empty one for null; a JSON column's text becomes fields."""
    if value is None:
        return ""
    if column.kind == "json":
        return node_of(column, value)
    return as_text(value, column.form)


def in_minor_units(table: ManifestTable, column: ManifestColumn, values: Mapping[str, Any]) -> int:
    """Return an amount as the service counts it; its currency must be written with it."""
    try:
        found: Decimal = values[column.name].scaleb(currency_units(values.get(column.minor_units_of)))
    except Unfit:
        raise SourceRejected(f"{table.name}.{column.name} can only be written together with {column.minor_units_of}.") from None
    if found != int(found):
        raise SourceRejected(f"{table.name}.{column.name} has more decimal places than its currency.")
    return int(found)


def node_of(column: ManifestColumn, text: str) -> Any:
    """Return the node that a JSON text says."""
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise SourceRejected(f"{column.name} must hold JSON.") from error


def exact(row: Any) -> Any:
    """Return a row with doubles as exact decimals, as far as they were written so."""
    if isinstance(row, dict):
        return {name: exact(value) for name, value in row.items()}
    if isinstance(row, list):
        return [exact(item) for item in row]
    return Decimal(repr(row)) if isinstance(row, float) else row


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return one tree laid over another."""
    found = dict(base)
    for name, value in over.items():
        below = found.get(name)
        found[name] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found


def form_body(target: Target, tree: Mapping[str, Any]) -> Target:
    """Return the call with a form: `address[line1]=...`, `items[0][price]=...`."""
    text = urlencode(list(form_pairs("", tree)), quote_via=quote)
    return replace(target, body=text.encode(), content_type="application/x-www-form-urlencoded")


def form_pairs(prefix: str, node: Any) -> list[tuple[str, str]]:
    """Return the fields of a tree."""
    if isinstance(node, Mapping):
        return [pair for name, item in node.items() for pair in form_pairs(f"{prefix}[{name}]" if prefix else str(name), item)]
    if isinstance(node, list):
        return [pair for number, item in enumerate(node) for pair in form_pairs(f"{prefix}[{number}]", item)]
    return [(prefix, "" if node is None else as_text(node, "text"))]
