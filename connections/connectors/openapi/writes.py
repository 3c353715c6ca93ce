"""Inserts, updates and deletes of a table: which operations they are and which columns their bodies take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from connections.connectors.openapi.columns import ColumnDraft, type_of
from connections.connectors.openapi.document import Operation
from connections.connectors.openapi.names import joined, plain, vocabulary, words
from connections.connectors.openapi.paths import parts_of
from connections.connectors.openapi.schema import EMPTY, Shape, Shapes
from connections.connectors.openapi.tables import TableDraft

SEARCHES = vocabulary("search query filter find list lookup export batch bulk validate preview")


@dataclass
class Change:
    """One kind of write."""

    operation: Operation
    wrap: tuple[str, ...] = ()
    is_whole: bool = False
    confidence: str = "sure"
    reason: str = ""


@dataclass
class Writes:
    """The writes of a table."""

    changes: dict[str, Change] = field(default_factory=dict)  # insert | update | delete
    paths: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)  # column -> insert/update -> path in the body
    required: set[str] = field(default_factory=set)  # columns that an insert must name
    sent_only: list[tuple[str, tuple[str, ...], Shape]] = field(default_factory=list)  # columns that are only written
    notes: list[str] = field(default_factory=list)


class Index:
    """Writing operations by method and path, parameters' names aside."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._known: dict[tuple[str, str], Operation] = {}
        for operation in operations:
            if operation.method != "GET":
                self._known.setdefault((operation.method, parts_of(operation.path).shape), operation)

    def find(self, method: str, shape: str) -> Operation | None:
        """Return the operation of a method at a path."""
        return self._known.get((method, shape))


def find_writes(shapes: Shapes, draft: TableDraft, index: Index) -> Writes:
    """Return what can be written of a table."""
    writes = Writes()
    home = draft.parts.shape
    one = parts_of(draft.item.path).shape if draft.item else home if draft.kind == "item" else f"{home}/{{}}"
    if draft.kind == "list" and draft.operation.method == "GET":
        insert = index.find("POST", home)
        if insert is not None and insert.body is not None and not is_search(insert):
            take_body(shapes, writes, "insert", insert, draft)
    if draft.key is not None and draft.kind != "one" and (draft.key.is_address or draft.item is None):
        for method in ("PATCH", "PUT", "POST"):
            update = index.find(method, one)
            if update is not None and update.body is not None and not is_search(update):
                take_body(shapes, writes, "update", update, draft)
                break
        delete = index.find("DELETE", one)
        if delete is not None:
            writes.changes["delete"] = Change(delete, reason=f"DELETE {delete.path}")
    return writes


def is_search(operation: Operation) -> bool:
    """Claim that a POST asks instead of writing."""
    first = words(operation.name)[:1] + words(operation.summary)[:1]
    last = words(parts_of(operation.path).segments[-1])[-1:] if operation.path.strip("/") else ()
    return bool(SEARCHES.intersection((*first, *last)))


def take_body(shapes: Shapes, writes: Writes, kind: str, operation: Operation, draft: TableDraft) -> None:
    """Match the body of a write with the columns; without one column in common it is no write of this table."""
    body, wrap = unwrapped(shapes, shapes.of(operation.body), draft)
    if body.kind != "object":
        return
    matched = {column.name: path for column in draft.columns if (path := body_path(shapes, body, column, operation.is_form)) is not None}
    sent_only: list[tuple[str, tuple[str, ...], Shape]] = []
    if kind == "insert":
        covered = {path[0] for path in matched.values()}
        given = {plain(name) for name in draft.given.values()}
        names = {column.name.lower() for column in draft.columns}
        for name in sorted(body.required - covered):
            shape = shapes.of(body.properties.get(name))
            if plain(name) in given:
                continue
            if not shape.is_scalar or joined(words(name)).lower() in names:
                writes.notes.append(f"rows can't be inserted: the service demands {name}, which no column gives")
                return
            sent_only.append((joined(words(name) or ("column",)), (name,), shape))
    if not matched and not sent_only:
        return
    is_whole = kind == "update" and operation.method == "PUT"
    likely = operation.method == "POST" and kind == "update"
    writes.changes[kind] = Change(
        operation, wrap, is_whole, "likely" if likely or is_whole else "sure", f"{operation.method} {operation.path}"
    )
    for name, path in matched.items():
        writes.paths.setdefault(name, {})[kind] = path
    if kind == "insert":
        writes.required = {name for name, path in matched.items() if len(path) == 1 and path[0] in body.required}
        writes.sent_only = sent_only


def unwrapped(shapes: Shapes, body: Shape, draft: TableDraft) -> tuple[Shape, tuple[str, ...]]:
    """Return the object that has the values, and the path to it: `{"issue": {...}}`."""
    if body.kind == "object" and len(body.properties) == 1:
        name, raw = next(iter(body.properties.items()))
        inner = shapes.of(raw)
        own = {column.path[0] for column in draft.columns}
        if inner.kind == "object" and inner.properties and (name not in own or own.intersection(inner.properties)):
            return inner, (name,)
    return body, ()


def body_path(shapes: Shapes, body: Shape, column: ColumnDraft, is_form: bool) -> tuple[str, ...] | None:
    """Return where a column's value goes in the body: at its own path, else at a property of its name."""
    if not column.path:
        return None
    target = follow(shapes, body, column.path)
    if target is not EMPTY and not target.is_read_only and fits(target, column, is_form):
        return column.path
    flat = "_".join(column.path)
    for name in (flat, column.name[:1].lower() + column.name[1:]):
        if len(column.path) > 1 and name in body.properties and shapes.of(body.properties[name]).is_scalar and column.is_scalar:
            return (name,)
    return None


def follow(shapes: Shapes, shape: Shape, path: tuple[str, ...]) -> Shape:
    """Return the shape at a path, EMPTY where there is none."""
    for part in path:
        if part not in shape.properties:
            return EMPTY
        shape = shapes.of(shape.properties[part])
        if shape is EMPTY:
            return Shape()
    return shape


def fits(target: Shape, column: ColumnDraft, is_form: bool) -> bool:
    """Claim that the body takes what the column holds."""
    if column.is_scalar:
        return target.is_scalar or target.kind == "any"
    return not is_form and target.kind in ("array", "object", "any")


def sent_column(path: tuple[str, ...], shape: Shape) -> dict[str, Any]:
    """Return the manifest's column of a value that is written and never read back."""
    kind, form = type_of(shape)
    entry: dict[str, Any] = {"const": None, "write": ["insert"], "write_path": list(path), "required": True, "type": kind}
    return {**entry, **({"format": form} if form else {})}
