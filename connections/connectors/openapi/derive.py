"""Document -> manifest: tables, columns, keys, filters, paging, writes, each with how sure it is and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connections.connectors.openapi.access import Access, find_access
from connections.connectors.openapi.columns import ColumnDraft, columns_of
from connections.connectors.openapi.document import Document, Operation, Parameter, text_of
from connections.connectors.openapi.filters import Query, find_query
from connections.connectors.openapi.keys import find_key, guesses
from connections.connectors.openapi.manifest import Described, item_shape, manifest_columns, manifest_table, parent_of
from connections.connectors.openapi.names import plain
from connections.connectors.openapi.paging import Paging, find_paging
from connections.connectors.openapi.paging_words import ASKING, word_of
from connections.connectors.openapi.paths import parameter_columns, parts_of
from connections.connectors.openapi.reading import DocumentError
from connections.connectors.openapi.schema import Shape, Shapes
from connections.connectors.openapi.tables import TableDraft, find_tables, listed_shapes, subject
from connections.connectors.openapi.writes import Index, Writes, find_writes

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
    secret = frozenset(str(scheme["name"]) for scheme in access.schemes.values() if scheme["type"] == "query")
    described = described_tables(shapes, tables, operations, version, defaults, secret)
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
        draft.columns = columns_of(shapes, draft.rows.shape, other_than(draft.rows.shape, is_listed))
        if draft.kind == "list" and not draft.columns:
            draft.columns = [ColumnDraft("RowAggregate", (), "json", description="The row as the service gives it.")]
        draft.given = given_columns(draft)
        item = draft.item or (draft.operation if draft.kind == "item" else None)
        draft.key = None if draft.kind == "one" else find_key(address_of(item), draft.columns, subject(draft))


def other_than(row: Shape, is_listed: Callable[[Shape], bool]) -> Callable[[Shape], bool]:
    """Return the claim that an object inside a row is a row of some table, itself left out."""
    return lambda shape: shape is not row and is_listed(shape)


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
    shapes: Shapes,
    tables: Iterable[TableDraft],
    operations: list[Operation],
    version: str,
    defaults: Mapping[str, str],
    secret: frozenset[str],
) -> list[Described]:
    """Return the tables that have columns, with paging, filters and writes."""
    index = Index(operations)
    found: list[Described] = []
    for draft in tables:
        if not draft.columns or (draft.kind == "item" and (draft.key is None or not draft.key.is_address)):
            continue
        paging = paging_of(shapes, draft, secret)
        query = find_query(shapes, draft.operation, draft.columns, taken(draft, paging) | secret, version)
        if draft.kind != "list":
            # One row is not searched for, but a parameter that the service demands has to be given all the same.
            query = Query(demanded=query.demanded, constants=query.constants, headers=query.headers)
        writes = find_writes(shapes, draft, index) if draft.rows.shape.properties else Writes()
        parts = Described(draft, paging, query, writes, defaults)
        parts.columns = manifest_columns(parts)
        found.append(parts)
    return found


def paging_of(shapes: Shapes, draft: TableDraft, secret: frozenset[str]) -> Paging:
    """Return how a table is paged; an address with one row is not."""
    if draft.kind != "list":
        return Paging("none", reason="the answer is one row")
    if draft.rows.is_map:
        return Paging("none", {}, "guess", "a map of rows has no pages")
    key = key_column(draft)
    return find_paging(shapes, draft.operation, draft.rows, key.path if key else (), secret)


def key_column(draft: TableDraft) -> ColumnDraft | None:
    """Return the column of the key."""
    return next((column for column in draft.columns if draft.key and column.name == draft.key.column), None)


def taken(draft: TableDraft, paging: Paging) -> set[str]:
    """Return the query parameters that page, whether this paging uses them or not."""
    size = paging.settings.get("size") or {}
    used = {str(name) for name in (paging.settings.get("param"), size.get("param")) if name}
    return used | {item.name for item in draft.operation.asking if word_of(item.name) in ASKING and not item.is_required}


def add_parents(tables: dict[str, dict[str, Any]], described: list[Described], derived: Derived) -> None:
    """Tell each table below rows of another where its parameters come from, and put the manifest together."""
    by_item = {item_shape(parts): parts for parts in described if parts.draft.kind == "list"}
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


def findings_of(parts: Described) -> tuple[Finding, ...]:
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
