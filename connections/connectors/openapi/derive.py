"""Document -> manifest: tables, columns, keys, filters, paging, writes, each with how sure it is and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connections.connectors.openapi.access import Access, find_access
from connections.connectors.openapi.columns import ColumnDraft, columns_of
from connections.connectors.openapi.document import Document, Operation, Parameter, text_of
from connections.connectors.openapi.filters import Query, find_query
from connections.connectors.openapi.keys import find_key, guesses
from connections.connectors.openapi.names import plain
from connections.connectors.openapi.paging import Paging, find_paging
from connections.connectors.openapi.paths import parameter_columns, parts_of, with_columns
from connections.connectors.openapi.reading import DocumentError
from connections.connectors.openapi.schema import Shapes
from connections.connectors.openapi.tables import TableDraft, find_tables, listed_shapes, subject
from connections.connectors.openapi.writes import Index, Writes, find_writes, sent_column

LABEL_LENGTH = 80
MESSAGES = ["error.message", "message", "error_description", "detail", "errors.0.message", "errors.0.detail", "error", "title"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One decision about a table."""

    about: str  # rows | name | key | paging | writes | parameters
    text: str
    confidence: str = "sure"  # sure | likely | guess


@dataclass
class Derived:
    """What a document gives."""

    manifest: dict[str, Any]
    findings: dict[str, tuple[Finding, ...]]  # table -> decisions
    notes: list[str]
    access: Access
    title: str = ""
    version: str = ""


@dataclass
class Parts:
    """What is known of one table while its manifest is written."""

    draft: TableDraft
    paging: Paging
    query: Query
    writes: Writes
    defaults: Mapping[str, str]
    columns: dict[str, Any] = field(default_factory=dict)


def derive(root: dict[str, Any], *, parameters: Mapping[str, str] | None = None, origin: str = "") -> Derived:
    """Return the manifest of a document; `parameters` are values for path parameters and server variables."""
    document = Document(root)
    shapes = Shapes(document)
    operations = document.operations()
    given = dict(parameters or {})
    access = find_access(document, given, origin)
    tables = find_tables(shapes, operations)
    info = root.get("info") if isinstance(root.get("info"), dict) else {}
    version = text_of((info or {}).get("version"))
    complete(shapes, tables)
    derived = Derived({}, {}, document.notes, access, text_of((info or {}).get("title")), version)
    defaults = {plain(name): value for name, value in given.items()}
    described = described_tables(shapes, tables, operations, version, defaults)
    for parts in described:
        derived.findings[parts.draft.name] = findings_of(parts)
    if not described:
        raise DocumentError("No table can be derived from the document.", hint="It has no GET operation whose answer is described.")
    add_parents({parts.draft.name: manifest_table(parts) for parts in described}, described, derived)
    return derived


def complete(shapes: Shapes, tables: list[TableDraft]) -> None:
    """Give the tables their columns and keys."""
    is_listed = listed_shapes(tables)
    for draft in tables:
        draft.columns = columns_of(shapes, draft.rows.shape, lambda shape, own=draft.rows.shape: shape is not own and is_listed(shape))
        draft.given = given_columns(draft)
        item = draft.item or (draft.operation if draft.kind == "item" else None)
        draft.key = None if draft.kind == "one" else find_key(address_of(item), draft.columns, subject(draft))


def address_of(item: Operation | None) -> Parameter | None:
    """Return the last path parameter of the address of one row."""
    names = parts_of(item.path).names[-1:] if item is not None else ()
    if item is None or not names:
        return None
    told = [param for param in item.of("path") if param.name == names[0]]
    return told[0] if told else Parameter(names[0], "path", True, {})


def given_columns(draft: TableDraft) -> dict[str, str]:
    """Return path parameter -> column; a single row's own parameter is its key."""
    named = parameter_columns(draft.parts)
    names = draft.parts.names[:-1] if draft.kind == "item" else draft.parts.names
    return {name: named[name] for name in names}


def described_tables(
    shapes: Shapes, tables: Iterable[TableDraft], operations: list[Operation], version: str, defaults: Mapping[str, str]
) -> list[Parts]:
    """Return the tables that have columns, with paging, filters and writes."""
    index = Index(operations)
    found: list[Parts] = []
    for draft in tables:
        if not draft.columns or (draft.kind == "item" and (draft.key is None or not draft.key.is_address)):
            continue
        paging = paging_of(shapes, draft)
        query = find_query(shapes, draft.operation, draft.columns, taken(paging), version) if draft.kind == "list" else Query()
        parts = Parts(draft, paging, query, find_writes(shapes, draft, index), defaults)
        parts.columns = manifest_columns(parts)
        found.append(parts)
    return found


def paging_of(shapes: Shapes, draft: TableDraft) -> Paging:
    """Return how a table is paged; an address with one row is not."""
    if draft.kind != "list":
        return Paging("none", reason="the answer is one row")
    if draft.rows.is_map:
        return Paging("none", {}, "guess", "a map of rows has no pages")
    key = key_column(draft)
    return find_paging(shapes, draft.operation, draft.rows, key.path if key else ())


def key_column(draft: TableDraft) -> ColumnDraft | None:
    """Return the column of the key."""
    return next((column for column in draft.columns if draft.key and column.name == draft.key.column), None)


def taken(paging: Paging) -> set[str]:
    """Return the query parameters that paging uses."""
    size = paging.settings.get("size") or {}
    return {str(name) for name in (paging.settings.get("param"), size.get("param")) if name}


def manifest_columns(parts: Parts) -> dict[str, Any]:
    """Return the columns as the manifest has them: what must be given first."""
    draft = parts.draft
    by_name = {column.name.lower(): column for column in draft.columns}
    found: dict[str, Any] = {}
    for parameter, name in draft.given.items():
        own = by_name.get(name.lower())
        entry: dict[str, Any] = {"given": True, **({"type": own.type} if own and own.is_scalar else {})}
        if plain(parameter) in parts.defaults:
            entry["default"] = parts.defaults[plain(parameter)]
        found[own.name if own else name] = entry
    for name, param in parts.query.demanded.items():
        own = by_name.get(name.lower())
        found[name] = {"given": True, **({"path": list(own.path), "type": own.type} if own else {})}
        if plain(param.name) in parts.defaults:
            found[name]["default"] = parts.defaults[plain(param.name)]
    if draft.rows.is_map and "key" not in by_name:
        found["Key"] = {"path": "$key"}
    for column in draft.columns:
        found.setdefault(column.name, column_entry(parts, column))
    for name, path, shape in parts.writes.sent_only:
        found.setdefault(name, sent_column(path, shape))
    return found


def column_entry(parts: Parts, column: ColumnDraft) -> dict[str, Any]:
    """Return one column."""
    prefix = ["$value"] if parts.draft.rows.is_map else []
    entry: dict[str, Any] = {"path": [*prefix, *column.path]}
    for key, value in (("type", column.type if column.type != "string" else ""), ("format", column.format), ("max_length", column.max_length)):
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
    if column.name in parts.query.filters:
        entry["filter"] = parts.query.filters[column.name]
    if column.name in parts.query.sorted_columns:
        entry["sort"] = parts.query.sorted_columns[column.name]
    entry |= written(parts, column)
    return entry


def written(parts: Parts, column: ColumnDraft) -> dict[str, Any]:
    """Return what a column's entry says of writing."""
    paths = parts.writes.paths.get(column.name, {})
    if not paths:
        return {"generated": True} if parts.draft.key and column.name == parts.draft.key.column and "insert" in parts.writes.changes else {}
    entry: dict[str, Any] = {"write": sorted(paths)}
    path = next(iter(paths.values()))
    if path != column.path:
        entry["write_path"] = list(path)
    if column.name in parts.writes.required:
        entry["required"] = True
    return entry


def manifest_table(parts: Parts) -> dict[str, Any]:
    """Return one table as the manifest has it."""
    draft = parts.draft
    table: dict[str, Any] = {"kind": "table" if parts.writes.changes else "view"}
    if draft.operation.summary.strip(". "):
        table["description"] = draft.operation.summary.strip(". ").split(". ")[0][:300]
    key = key_of(parts)
    if key:
        table["key"] = key
    table["read"] = reads_of(parts)
    table["columns"] = parts.columns
    if parts.writes.changes:
        table["write"] = {kind: change_entry(parts, kind) for kind in parts.writes.changes}
    return table


def key_of(parts: Parts) -> list[str]:
    """Return the key: what the row lies below, then its own; what the connection gives once for all is no part of it."""
    draft = parts.draft
    if draft.rows.is_map and "Key" in parts.columns and parts.columns["Key"].get("path") == "$key":
        return [*above(parts), "Key"]
    if draft.key is None:
        return []
    return list(dict.fromkeys([*above(parts), draft.key.column]))


def above(parts: Parts) -> list[str]:
    """Return the columns of the path that have no fixed value."""
    names = {name.lower(): name for name in parts.columns}
    found = [names[name.lower()] for name in parts.draft.given.values()]
    return [name for name in found if "default" not in parts.columns[name]]


def path_columns(parts: Parts, operation: Operation) -> dict[str, str]:
    """Return path parameter -> column for an operation of a table: those of the listing, then the key."""
    names = parts_of(operation.path).names
    known = {name.lower(): name for name in parts.columns}
    own = [known[name.lower()] for name in parts.draft.given.values()]
    if parts.draft.key is not None:
        own.append(parts.draft.key.column)
    return dict(zip(names, own, strict=False))


def reads_of(parts: Parts) -> list[dict[str, Any]]:
    """Return the access paths: the listing and the address of one row."""
    draft = parts.draft
    if draft.kind != "list":
        read: dict[str, Any] = {"path": with_columns(draft.operation.path, path_columns(parts, draft.operation)), "single": True}
        return [{**read, **({"row": list(draft.rows.path)} if draft.rows.path else {})}]
    listing: dict[str, Any] = {"path": with_columns(draft.operation.path, path_columns(parts, draft.operation))}
    rows = list(draft.rows.path)
    listing["rows"] = {"path": rows, "of": "map"} if draft.rows.is_map else rows
    if draft.rows.wrapped:
        listing["row"] = list(draft.rows.wrapped)
    listing["paging"] = {"type": parts.paging.type, **parts.paging.settings}
    if parts.paging.type == "unknown":
        listing["paging"]["reason"] = parts.paging.reason
    if parts.paging.total and parts.paging.type != "unknown":
        listing["total"] = list(parts.paging.total)
    listing |= query_entry(parts)
    single = single_read(parts)
    return [listing, single] if single else [listing]


def query_entry(parts: Parts) -> dict[str, Any]:
    """Return what a listing's read says of its parameters."""
    query = parts.query
    entry: dict[str, Any] = {}
    params = {**query.constants, **{param.name: f"{{{name}}}" for name, param in query.demanded.items()}}
    if params:
        entry["params"] = params
    if query.demanded:
        entry["needs"] = list(query.demanded)
    if query.headers:
        entry["headers"] = query.headers
    if query.sort:
        entry["sort"] = query.sort
    return entry


def single_read(parts: Parts) -> dict[str, Any] | None:
    """Return the address of one row, where it answers with the same columns as the listing."""
    draft = parts.draft
    if draft.item is None or draft.item_rows is None or draft.key is None or not draft.key.is_address or not same_row(draft):
        return None
    if len(parts_of(draft.item.path).names) != len(draft.given) + 1 or any(item.is_required for item in draft.item.of("query")):
        return None
    if draft.rows.wrapped or draft.rows.is_map or parts.query.demanded:
        return None
    read: dict[str, Any] = {"path": with_columns(draft.item.path, path_columns(parts, draft.item)), "single": True}
    return {**read, **({"row": list(draft.item_rows.path)} if draft.item_rows.path else {})}


def same_row(draft: TableDraft) -> bool:
    """Claim that the address of one row has every property that the listing has."""
    item = draft.item_rows
    if item is None or draft.key is None:
        return False
    if item.shape.name and item.shape.name == draft.rows.shape.name:
        return True
    return set(draft.rows.shape.properties) <= set(item.shape.properties)


def change_entry(parts: Parts, kind: str) -> dict[str, Any]:
    """Return one kind of write."""
    change = parts.writes.changes[kind]
    entry: dict[str, Any] = {"path": with_columns(change.operation.path, path_columns(parts, change.operation)), "method": change.operation.method}
    if change.operation.is_form:
        entry["encoding"] = "form"
    if change.wrap:
        entry["wrap"] = list(change.wrap)
    if change.is_whole:
        entry["whole"] = True
    row = parts.draft.item_rows.path if parts.draft.item_rows else change.wrap
    if row and kind != "delete":
        entry["row"] = list(row)
    return entry


def add_parents(tables: dict[str, dict[str, Any]], described: list[Parts], derived: Derived) -> None:
    """Tell each table below rows of another where its parameters come from, and put the manifest together."""
    by_item = {item_shape(parts): parts for parts in described if parts.draft.kind == "list" and parts.draft.key}
    for parts in described:
        draft = parts.draft
        if draft.kind == "item" or not draft.given:
            continue
        parent = parent_of(parts, by_item)
        if parent is not None:
            tables[draft.name]["read"][0]["parent"] = parent
    derived.manifest.update(
        {
            "manifest": 1,
            "key": "openapi",
            "label": (derived.title.strip() or "OpenAPI")[:LABEL_LENGTH],
            **({"base_url": derived.access.url} if derived.access.url.startswith(("http://", "https://")) else {}),
            "auth": {"default": derived.access.default, "schemes": derived.access.schemes},
            **({"oauth": derived.access.oauth} if derived.access.oauth else {}),
            "error_message": MESSAGES,
            "tables": tables,
        }
    )


def item_shape(parts: Parts) -> str:
    """Return the path of one row of a listing."""
    return parts_of(parts.draft.item.path).shape if parts.draft.item else f"{parts.draft.parts.shape}/{{}}"


def parent_of(parts: Parts, by_item: Mapping[str, Parts]) -> dict[str, Any] | None:
    """Return the table whose rows give the path's last parameter."""
    segments = parts.draft.parts.shape.split("/")
    for end in range(len(segments) - 1, 0, -1):
        if "{}" not in segments[end - 1]:
            continue
        parent = by_item.get("/".join(segments[:end]))
        if parent is None or parent is parts or parent.draft.key is None or parent.query.demanded:
            return None
        here = list(parts.draft.given.values())
        there = [*parent.draft.given.values(), parent.draft.key.column]
        if len(there) != len(here):
            return None
        known = {name.lower(): name for name in parts.columns}
        above_known = {name.lower(): name for name in parent.columns}
        binds = {known[own.lower()]: above_known[other.lower()] for own, other in zip(here, there, strict=True)}
        return {"table": parent.draft.name, "binds": binds}
    return None


def findings_of(parts: Parts) -> tuple[Finding, ...]:
    """Return what was decided about a table, with the reasons."""
    draft = parts.draft
    found = [Finding("rows", f"{draft.operation.method} {draft.operation.path}: {draft.rows.reason}", draft.rows.confidence)]
    if draft.key is not None:
        found.append(Finding("key", f"{draft.key.column}: {draft.key.reason}", draft.key.confidence))
    elif draft.kind == "list" and not draft.rows.is_map:
        named = guesses(draft.columns)
        text = f"none is sure; it may be {' or '.join(named)}" if named else "no column looks like a key"
        found.append(Finding("key", text, "guess"))
    if draft.kind == "list":
        found.append(Finding("paging", f"{parts.paging.type}: {parts.paging.reason}", parts.paging.confidence))
    for name, param in parts.query.demanded.items():
        found.append(Finding("parameters", f"{name} must be given: the service demands {param.name}"))
    found.extend(Finding("parameters", note, "likely") for note in parts.query.notes)
    found.extend(Finding("writes", f"{kind}: {change.reason}", change.confidence) for kind, change in parts.writes.changes.items())
    found.extend(Finding("writes", note) for note in parts.writes.notes)
    return tuple(found)
