"""Columns of a row: nested objects flattened, embedded resources cut down to what identifies them, arrays and maps kept as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from connections.connectors.openapi.names import joined, plain, vocabulary, words
from connections.connectors.openapi.schema import EMPTY, Shape, Shapes

MOST_COLUMNS = 600
MOST_NESTING = 2
ID_LIKE = vocabulary(
    "id uuid guid key slug name number sid gid code login username email title displayname fullname nickname handle accountid hash"
)
TRANSPARENT = frozenset({"attributes", "properties", "fields"})
LINK_WORDS = frozenset({"links", "link", "self", "relationships", "actions", "urls"})
TYPES = {"boolean": "boolean", "integer": "int64", "number": "decimal", "string": "string", "any": "string"}
STRING_FORMATS = {
    "date-time": ("timestamp", "iso"),
    "datetime": ("timestamp", "iso"),
    "date": ("date", ""),
    "full-date": ("date", ""),
    "uuid": ("guid", ""),
    "guid": ("guid", ""),
    "byte": ("binary", "base64"),
    "decimal": ("decimal", ""),
    "int64": ("int64", ""),
    "int32": ("int64", ""),
    "time": ("time", ""),
    "unix-time": ("timestamp", "unix"),
}
NUMBER_FORMATS = {
    "int32": ("int64", ""),
    "int64": ("int64", ""),
    "float": ("double", ""),
    "double": ("double", ""),
    "decimal": ("decimal", ""),
    "unix-time": ("timestamp", "unix"),
    "unixtime": ("timestamp", "unix"),
    "unix-timestamp": ("timestamp", "unix"),
    "timestamp": ("int64", ""),
}


@dataclass(frozen=True, slots=True)
class ColumnDraft:
    """A column as derived."""

    name: str
    path: tuple[str, ...]
    type: str  # of the manifest
    format: str = ""
    max_length: int | None = None
    values: tuple[str, ...] = ()
    description: str = ""
    id_of: tuple[str, ...] = ()  # path to the id where an object may stand here
    is_read_only: bool = False
    shape: Shape = EMPTY

    @property
    def is_scalar(self) -> bool:
        """Claim that the column holds one value, not JSON."""
        return self.type != "json"


def columns_of(shapes: Shapes, row: Shape, is_listed: Callable[[Shape], bool]) -> list[ColumnDraft]:
    """Return the columns of a row, each name once; `is_listed` tells an embedded object that is a table of its own."""
    found: dict[str, ColumnDraft] = {}
    for draft in walk(shapes, row, (), (), is_listed):
        if len(found) >= MOST_COLUMNS:
            shapes.document.remark(f"A table has more than {MOST_COLUMNS} columns; the rest was left out.")
            break
        name, number = draft.name, 2
        while name.lower() in found:
            name, number = f"{draft.name}{number}", number + 1
        found[name.lower()] = replace(draft, name=name)
    return list(found.values())


def walk(
    shapes: Shapes, row: Shape, path: tuple[str, ...], prefix: tuple[str, ...], is_listed: Callable[[Shape], bool], only_ids: bool = False
) -> Iterator[ColumnDraft]:
    """Give the columns of an object below `path`."""
    shapes.document.spend(len(row.properties))
    for key, raw in row.properties.items():
        shape = shapes.of(raw)
        own = words(key) or ("column",)
        if only_ids and not (shape.is_scalar and plain(key) in ID_LIKE):
            continue
        if shape.is_write_only:
            continue
        here = (*path, key)
        if shape.kind == "object" and shape.properties:
            yield from nested(shapes, shape, here, prefix, own, is_listed)
        else:
            yield leaf(shapes, shape, here, (*prefix, *own))


def nested(
    shapes: Shapes, shape: Shape, path: tuple[str, ...], prefix: tuple[str, ...], own: tuple[str, ...], is_listed: Callable[[Shape], bool]
) -> Iterator[ColumnDraft]:
    """Give the columns of an object inside a row, or one column that holds it as JSON."""
    names = (*prefix, *own)
    if is_listed(shape):
        reduced = list(walk(shapes, shape, path, names, is_listed, only_ids=True))
        if reduced:
            yield from reduced
            return
    if len(path) > MOST_NESTING or own[-1] in LINK_WORDS:
        yield aggregate(shape, path, names)
    elif len(path) == 1 and own[0] in TRANSPARENT and len(own) == 1:
        yield from walk(shapes, shape, path, (), is_listed)
    else:
        yield from walk(shapes, shape, path, names, is_listed)


def leaf(shapes: Shapes, shape: Shape, path: tuple[str, ...], names: tuple[str, ...]) -> ColumnDraft:
    """Return the column of a plain value, an array or a map."""
    if shape.kind in ("array", "object"):
        return aggregate(shape, path, names)
    kind, form = type_of(shape)
    return ColumnDraft(
        name=joined(names),
        path=path,
        type=kind,
        format=form,
        max_length=shape.max_length if kind == "string" and shape.max_length and shape.max_length > 0 else None,
        values=shape.enum if kind == "string" else (),
        description=first_sentence(shape.description),
        id_of=("id",) if shape.id_of is not None else (),
        is_read_only=shape.is_read_only,
        shape=shape,
    )


def aggregate(shape: Shape, path: tuple[str, ...], names: tuple[str, ...]) -> ColumnDraft:
    """Return the column that keeps a value as JSON."""
    text = first_sentence(shape.description)
    return ColumnDraft(f"{joined(names)}Aggregate", path, "json", description=text, is_read_only=shape.is_read_only, shape=shape)


def type_of(shape: Shape) -> tuple[str, str]:
    """Return type and format of a plain value."""
    if shape.kind == "string":
        return STRING_FORMATS.get(shape.format, ("string", ""))
    if shape.kind in ("integer", "number"):
        kind, form = NUMBER_FORMATS.get(shape.format, (TYPES[shape.kind], ""))
        return ("decimal", form) if shape.kind == "number" and kind == "int64" else (kind, form)
    return TYPES[shape.kind], ""


def first_sentence(text: str) -> str:
    """Return the beginning of a description, in one line."""
    line = " ".join(text.split())
    head, stop, _ = line.partition(". ")
    return (head + (stop and "."))[:300]


def depth(draft: ColumnDraft) -> tuple[int, bool]:
    """Return how deep in the row a column is; attributes of JSON:API are its own, and a parameter `type` means theirs."""
    is_attribute = len(draft.path) > 1 and draft.path[0] in TRANSPARENT
    return len(draft.path) - is_attribute, not is_attribute


def by_plain(columns: list[ColumnDraft]) -> dict[str, ColumnDraft]:
    """Return the columns by their plain names and by those of their own properties; the shallower goes first."""
    found: dict[str, ColumnDraft] = {}
    for draft in sorted(columns, key=depth):
        if len(draft.path) > 1 and draft.path[0] in TRANSPARENT:
            found.setdefault(plain(draft.path[-1]), draft)
        found.setdefault(plain(draft.name), draft)
        found.setdefault(plain("_".join(draft.path)), draft)
    return found


def value_of(raw: Any) -> str:
    """Return a default of a parameter as text."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw) if isinstance(raw, str | int | float) else ""
