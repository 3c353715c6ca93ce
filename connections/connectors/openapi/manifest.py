"""A derived table -> its part of the manifest (docs/connectors/manifest.md): columns, key, access paths, writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connections.connectors.openapi.asking import put
from connections.connectors.openapi.columns import ColumnDraft
from connections.connectors.openapi.document import Operation, Parameter
from connections.connectors.openapi.filters import Query
from connections.connectors.openapi.keys import find_key, key_of_parameter
from connections.connectors.openapi.names import plain
from connections.connectors.openapi.paging import Paging
from connections.connectors.openapi.paths import parts_of, with_columns
from connections.connectors.openapi.rows import Rows
from connections.connectors.openapi.tables import TableDraft, subject
from connections.connectors.openapi.writes import Writes, sent_column

DEMANDS = "The service demands"


@dataclass
class Described:
    """What is known of one table while its manifest is written."""

    draft: TableDraft
    paging: Paging
    query: Query
    writes: Writes
    defaults: Mapping[str, str]
    columns: dict[str, Any] = field(default_factory=dict)


def manifest_columns(described: Described) -> dict[str, Any]:
    """Return the columns as the manifest has them: what must be given first."""
    draft = described.draft
    by_name = {column.name.lower(): column for column in draft.columns}
    found: dict[str, Any] = {}
    for parameter, name in draft.given.items():
        own = by_name.get(name.lower())
        entry: dict[str, Any] = {"given": True, **({"type": own.type} if own and own.is_scalar else {})}
        if plain(parameter) in described.defaults:
            entry["default"] = described.defaults[plain(parameter)]
        found[own.name if own else name] = entry
    for name, param in described.query.demanded.items():
        own = by_name.get(name.lower())
        found[name] = {"given": True, **({"path": list(own.path), "type": own.type} if own else {})}
        if plain(param.name) in described.defaults:
            found[name]["default"] = described.defaults[plain(param.name)]
    if draft.rows.is_map and "key" not in by_name:
        found["Key"] = {"path": "$key"}
    for column in draft.columns:
        found.setdefault(column.name, column_entry(described, column))
    for name, path, shape in described.writes.sent_only:
        found.setdefault(name, sent_column(path, shape))
    return found


def column_entry(described: Described, column: ColumnDraft) -> dict[str, Any]:
    """Return one column."""
    prefix = ["$value"] if described.draft.rows.is_map else []
    entry: dict[str, Any] = {"path": [*prefix, *column.path]}
    for key, value in (
        ("type", column.type if column.type != "string" else ""),
        ("format", column.format),
        ("max_length", column.max_length),
    ):
        if value:
            entry[key] = value
    if column.format == "iso":
        del entry["format"]
    if column.id_of:
        entry["id_of"] = list(column.id_of)
    if column.values:
        entry["values"] = list(column.values)
    if column.description:
        entry["description"] = column.description
    if column.name in described.query.filters:
        entry["filter"] = described.query.filters[column.name]
    if column.name in described.query.sorted_columns:
        entry["sort"] = described.query.sorted_columns[column.name]
    entry |= written(described, column)
    return entry


def written(described: Described, column: ColumnDraft) -> dict[str, Any]:
    """Return what a column's entry says of writing."""
    paths = described.writes.paths.get(column.name, {})
    if not paths:
        return (
            {"generated": True}
            if described.draft.key and column.name == described.draft.key.column and "insert" in described.writes.changes
            else {}
        )
    entry: dict[str, Any] = {"write": sorted(paths)}
    path = next(iter(paths.values()))
    if path != column.path:
        entry["write_path"] = list(path)
    if column.name in described.writes.required:
        entry["required"] = True
    return entry


def manifest_table(described: Described) -> dict[str, Any]:
    """Return one table as the manifest has it."""
    draft = described.draft
    table: dict[str, Any] = {"kind": "table" if described.writes.changes else "view"}
    if draft.operation.summary.strip(". "):
        table["description"] = draft.operation.summary.strip(". ").split(". ")[0][:300]
    key = key_of(described)
    if key:
        table["key"] = key
    partial = partial_of(described)
    if partial:
        table["partial"] = partial
    table["read"] = reads_of(described)
    table["columns"] = described.columns
    if described.writes.changes:
        table["write"] = {kind: change_entry(described, kind) for kind in described.writes.changes}
    return table


def partial_of(described: Described) -> str:
    """Return why reading may give no whole table, where that is not known for sure."""
    if described.draft.kind != "list":
        return ""
    if not described.draft.rows.shape.properties and not described.draft.rows.is_map:
        return "The document does not describe the rows; probe the table or describe it in the overlay."
    if described.query.lacking:
        return f"{DEMANDS} {', '.join(described.query.lacking)} in the body: give it in the overlay."
    if described.paging.type == "unknown":
        return f"Page two can't be found: {described.paging.reason}."
    if described.paging.confidence == "guess":
        return f"How page two is asked for is a guess: {described.paging.reason}."
    return ""


def key_of(described: Described) -> list[str]:
    """Return the key: what the row lies below, then its own; what the connection gives once for all is no part of it."""
    draft = described.draft
    if draft.rows.is_map and "Key" in described.columns and described.columns["Key"].get("path") == "$key":
        return [*above(described), "Key"]
    if draft.key is None:
        return []
    return list(dict.fromkeys([*above(described), draft.key.column]))


def above(described: Described) -> list[str]:
    """Return the columns of the path that have no fixed value."""
    names = {name.lower(): name for name in described.columns}
    found = [names[name.lower()] for name in described.draft.given.values()]
    return [name for name in found if "default" not in described.columns[name]]


def path_columns(described: Described, operation: Operation) -> dict[str, str]:
    """Return path parameter -> column for an operation of a table: those of the listing, then the key."""
    names = parts_of(operation.path).names
    known = {name.lower(): name for name in described.columns}
    own = [known[name.lower()] for name in described.draft.given.values()]
    if described.draft.key is not None:
        own.append(described.draft.key.column)
    return dict(zip(names, own, strict=False))


def reads_of(described: Described) -> list[dict[str, Any]]:
    """Return the access paths: the listing and the address of one row."""
    draft = described.draft
    if draft.kind != "list":
        read: dict[str, Any] = {"path": with_columns(draft.operation.path, path_columns(described, draft.operation)), "single": True}
        return [{**read, **({"row": list(draft.rows.path)} if draft.rows.path else {}), **query_entry(described)}]
    listing: dict[str, Any] = {"path": with_columns(draft.operation.path, path_columns(described, draft.operation))}
    rows = list(draft.rows.path)
    listing["rows"] = {"path": rows, "of": "map"} if draft.rows.is_map else rows
    if draft.rows.wrapped:
        listing["row"] = list(draft.rows.wrapped)
    listing["paging"] = {"type": described.paging.type, **described.paging.settings}
    if described.paging.type == "unknown":
        listing["paging"]["reason"] = described.paging.reason
    if described.paging.total and described.paging.type != "unknown":
        listing["total"] = list(described.paging.total)
    elif described.paging.total_header and described.paging.type != "unknown":
        listing["total"] = {"header": described.paging.total_header}
    listing |= query_entry(described)
    single = single_read(described)
    return [listing, *([single] if single else []), *lookup_reads(described)]


def query_entry(described: Described) -> dict[str, Any]:
    """Return what a listing's read says of its parameters."""
    query = described.query
    entry: dict[str, Any] = {}
    params = {**query.constants, **{param.name: f"{{{name}}}" for name, param in query.demanded.items() if param.place != "body"}}
    if params:
        entry["params"] = params
    if described.draft.operation.method == "POST":
        entry |= {"method": "POST", "body": body_of(query)}
    if query.demanded:
        entry["needs"] = list(query.demanded)
    if query.headers:
        entry["headers"] = query.headers
    if query.sort:
        entry["sort"] = query.sort
    return entry


def body_of(query: Query) -> dict[str, Any]:
    """Return the body of a list that is asked for by POST, without its page and filters."""
    found: dict[str, Any] = {}
    for name, value in query.body.items():
        put(found, name, value)
    for name, param in query.demanded.items():
        if param.place == "body":
            put(found, param.name, f"{{{name}}}")
    return found


def single_read(described: Described) -> dict[str, Any] | None:
    """Return the address of one row, where it answers with the same columns as the listing."""
    draft = described.draft
    if draft.item is None or draft.item_rows is None or draft.key is None or not draft.key.is_address:
        return None
    return row_read(described, draft.item, draft.item_rows, draft.key.column)


def lookup_reads(described: Described) -> list[dict[str, Any]]:
    """Return the further addresses of one row: each by another column that its last parameter surely means."""
    draft, found = described.draft, dict[str, dict[str, Any]]()
    own = draft.key.column if draft.key and draft.key.is_address else ""
    for operation, rows in draft.lookups:
        key = key_of_parameter(parts_of(operation.path).names[-1], draft.columns, subject(draft))
        if key is None or key.confidence != "sure" or key.column in (own, *found, *draft.given.values()):
            continue
        read = row_read(described, operation, rows, key.column)
        if read is not None:
            found[key.column] = read
    return list(found.values())


def row_read(described: Described, operation: Operation, rows: Rows, column: str) -> dict[str, Any] | None:
    """Return an address of one row, found by a column; None where it gives less than the listing or asks for more."""
    draft, names = described.draft, parts_of(operation.path).names
    if len(names) != len(draft.given) + 1 or any(item.is_required for item in operation.of("query")) or not same_row(draft, rows):
        return None
    if draft.rows.wrapped or draft.rows.is_map or described.query.demanded:
        return None
    columns = {**path_columns(described, operation), names[-1]: column}
    read: dict[str, Any] = {"path": with_columns(operation.path, columns), "single": True}
    return {**read, **({"row": list(rows.path)} if rows.path else {})}


def same_row(draft: TableDraft, rows: Rows) -> bool:
    """Claim that the address of one row has every property that the listing has."""
    if rows.shape.name and rows.shape.name == draft.rows.shape.name:
        return True
    return set(draft.rows.shape.properties) <= set(rows.shape.properties)


def change_entry(described: Described, kind: str) -> dict[str, Any]:
    """Return one kind of write."""
    change = described.writes.changes[kind]
    entry: dict[str, Any] = {
        "path": with_columns(change.operation.path, path_columns(described, change.operation)),
        "method": change.operation.method,
    }
    if change.operation.is_form:
        entry["encoding"] = "form"
    if change.wrap:
        entry["wrap"] = list(change.wrap)
    if change.is_whole:
        entry["whole"] = True
    row = described.draft.item_rows.path if described.draft.item_rows else change.wrap
    if row and kind != "delete":
        entry["row"] = list(row)
    return entry


def item_shape(described: Described) -> str:
    """Return the path of one row of a listing."""
    return parts_of(described.draft.item.path).shape if described.draft.item else f"{described.draft.parts.shape}/{{}}"


def parent_of(described: Described, by_item: Mapping[str, Described]) -> dict[str, Any] | None:
    """Return the table whose rows give the path's last parameter."""
    segments = described.draft.parts.shape.split("/")
    for end in range(len(segments) - 1, 0, -1):
        if "{}" in segments[end - 1]:
            parent = by_item.get("/".join(segments[:end]))
            return bound(described, parent) if parent is not None and parent is not described else None
    return None


def bound(described: Described, parent: Described) -> dict[str, Any] | None:
    """Return which columns of the parent give this table's parameters, where each has one."""
    names = described.draft.parts.names
    asked = Parameter(names[-1], "path", True, {})
    key = find_key(asked, parent.draft.columns, subject(parent.draft))
    here = list(described.draft.given.values())
    if key is None or not key.is_address or parent.query.demanded or len(here) != len(parent.draft.given) + 1:
        return None
    known = {name.lower(): name for name in described.columns}
    above_known = {name.lower(): name for name in parent.columns}
    there = [*parent.draft.given.values(), key.column]
    binds = {known[own.lower()]: above_known[other.lower()] for own, other in zip(here, there, strict=True)}
    return {"table": parent.draft.name, "binds": binds}
