"""Rows to OData JSON at three metadata levels (OData JSON Format 4.01). Control information keeps the `@odata.` prefix in every version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from apiserver.odata.binder_errors import BindError
from apiserver.odata.edm import navigations
from apiserver.odata.etag import Tagger, has_etag
from apiserver.odata.format import Format
from apiserver.odata.levels import with_levels
from apiserver.odata.nodes import ExpandItem, Options, SelectItem
from apiserver.odata.payload_context import entity_id, shown_value, type_name
from apiserver.odata.payload_values import Encode, edm_of_value, encoder_for_value, json_encoder
from apiserver.resources.catalog import Catalog, PublishedResource
from connections.contract.table import Column, Type

CHUNK_ROWS = 500
# What a JSON reader infers by itself; everything else is annotated at metadata=full (JSON Format 4.01, 4.6.3).
_INFERRED = frozenset({Type.STRING, Type.BOOLEAN, Type.DOUBLE})
EMPTY = Options()

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Shown:
    """One property of an answer."""

    name: str
    encode: Encode | None
    type_name: str = ""  # of the annotation at metadata=full


@dataclass(slots=True)
class Shape:
    """What one resource's rows look like in one answer."""

    resource: PublishedResource
    shown: list[_Shown]
    computed: list[str] = field(default_factory=list)
    expanded: list[tuple[str, ExpandItem, Shape]] = field(default_factory=list)
    reference_only: bool = False
    tagger: Tagger | None = None


class PayloadWriter:
    """Writes the rows of one request."""

    def __init__(self, catalog: Catalog, root: str, chosen: Format) -> None:
        self.catalog = catalog
        self.root = root
        self.format = chosen
        self.is_full = chosen.level == "full"
        self.has_control = chosen.level != "none"

    def context(self, fragment: str) -> dict[str, Any]:
        """Return the context annotation, or nothing at metadata=none."""
        return {"@odata.context": f"{self.root}/$metadata#{fragment}"} if self.has_control else {}

    def shape(self, resource: PublishedResource, options: Options | None, suffix: str = "") -> Shape:
        """Return how rows of the resource appear under these options."""
        options = options or EMPTY
        shown = [self._shown(resource, name) for name in selected_names(resource, options)]
        shape = Shape(resource, shown, reference_only=suffix == "$ref", tagger=Tagger(resource) if has_etag(resource) else None)
        names = {path for item in options.select or () for path in item.path}
        shape.computed = [item.name for item in options.compute or () if options.select is None or item.name in names or "*" in names]
        for name, item in expanded_items(resource, options):
            navigation = resource.navigation_by_name.get(name)
            target = self.catalog.resources.get(navigation.target) if navigation else None
            if navigation is not None and target is not None:
                shape.expanded.append(
                    (name, item, self.shape(target, with_levels(resource, navigation, item, self.catalog.expand_levels), item.suffix))
                )
        return shape

    def _shown(self, resource: PublishedResource, name: str) -> _Shown:
        column = resource.by_name[name].column
        encode = json_encoder(column, is_ieee754=self.format.is_ieee754)
        return _Shown(name, encode, declared_type(column) if self.is_full and not is_inferred(column) else "")

    def entity(self, shape: Shape, row: Row) -> dict[str, Any]:
        """Return one row as a JSON object."""
        if shape.reference_only:
            return self.reference(shape.resource, row)
        found = self._control(shape, row) if self.has_control else {}
        for shown in shape.shown:
            value = shown_value(shape.resource, row, shown.name)
            if shown.type_name and value is not None:
                found[f"{shown.name}@odata.type"] = shown.type_name
            found[shown.name] = value if value is None or shown.encode is None else shown.encode(value)
        for name in shape.computed:
            self._computed(found, name, row.get(name))
        for name, item, inner in shape.expanded:
            self._expanded(found, name, item, inner, row.get(name))
        if self.is_full and has_address(shape.resource, row):
            self._links(found, shape, row)
        return found

    def reference(self, resource: PublishedResource, row: Row) -> dict[str, Any]:
        """Return an entity reference (JSON Format 4.01, 14)."""
        return {"@odata.id": f"{self.root}/{entity_id(resource, row)}"}

    def _control(self, shape: Shape, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {}
        resource = shape.resource
        is_addressed = self.is_full and has_address(resource, row)
        if self.is_full:
            found["@odata.type"] = f"#{type_name(resource)}"
            if is_addressed:
                found["@odata.id"] = f"{self.root}/{entity_id(resource, row)}"
        if shape.tagger and row.keys() >= shape.tagger.needed:
            found["@odata.etag"] = shape.tagger.of(row)
        if is_addressed and resource.methods & {"PATCH", "PUT", "DELETE"}:
            found["@odata.editLink"] = found["@odata.id"]
        return found

    def _computed(self, found: dict[str, Any], name: str, value: Any) -> None:
        if value is not None and self.is_full and edm_of_value(value) not in _INFERRED:
            found[f"{name}@odata.type"] = f"#{edm_of_value(value)}"
        found[name] = encoder_for_value(value, is_ieee754=self.format.is_ieee754)

    def _expanded(self, found: dict[str, Any], name: str, item: ExpandItem, inner: Shape, value: Any) -> None:
        rows, count, link = _related(value)
        if count is not None:
            found[f"{name}@odata.count"] = str(count) if self.format.is_ieee754 else count
        if item.suffix == "$count":
            return
        if isinstance(rows, list):
            found[name] = [self.entity(inner, row) for row in rows]
        else:
            found[name] = None if rows is None else self.entity(inner, rows)
        if link:
            found[f"{name}@odata.nextLink"] = link

    def _links(self, found: dict[str, Any], shape: Shape, row: Row) -> None:
        base = f"{self.root}/{entity_id(shape.resource, row)}"
        for navigation in navigations(self.catalog, shape.resource):
            found[f"{navigation.name}@odata.associationLink"] = f"{base}/{navigation.name}/$ref"
            found[f"{navigation.name}@odata.navigationLink"] = f"{base}/{navigation.name}"

    def collection(self, head: Mapping[str, Any], objects: Iterable[Any], tail: Callable[[], Mapping[str, Any]]) -> Iterator[bytes]:
        """Write `{head, "value": [...], tail}` in chunks; the tail (next link) is known when the rows are through."""
        yield opening(head)
        iterator = iter(objects)
        separator = b""
        while chunk := list(islice(iterator, CHUNK_ROWS)):
            yield separator + dumps(chunk)[1:-1]
            separator = b","
        end = dict(tail())
        yield b"]" + (b"," + orjson.dumps(end)[1:] if end else b"}")


def opening(head: Mapping[str, Any]) -> bytes:
    """Return what stands before the rows."""
    return orjson.dumps(dict(head))[:-1] + (b"," if head else b"") + b'"value":['


def joined_page(head: Mapping[str, Any], texts: Iterable[bytes]) -> Iterator[bytes]:
    """Write a page in chunks whose rows are JSON objects already, commas between them."""
    yield opening(head)
    separator = b""
    for text in texts:
        yield separator + text
        separator = b","
    yield b"]}"


def whole_page(head: Mapping[str, Any], objects: bytes) -> bytes:
    """Return a page whose rows are JSON objects already, commas between them."""
    return b"".join((opening(head), objects, b"]}"))


def is_inferred(column: Column) -> bool:
    """Claim that a JSON reader needs no word of the column's type."""
    return column.type in _INFERRED and not column.is_collection


def declared_type(column: Column) -> str:
    """Return the type annotation of a column's values."""
    return f"#Collection({column.type})" if column.is_collection else f"#{column.type}"


def has_address(resource: PublishedResource, row: Row) -> bool:
    """Claim that the row's key is known; an expanded row with a narrow $select may lack it."""
    return bool(resource.key) and all(name in row for name in resource.key)


def dumps(value: Any) -> bytes:
    """Return JSON. Text that no Unicode encoding holds (half a pair, from SQLite) is shown with replacement marks."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_repaired(value))


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _repaired(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    return value


def selected_names(resource: PublishedResource, options: Options) -> list[str]:
    """Return the properties that $select asks for, in the resource's order; without it all that cost the source no further call.

    Raise BindError for what is none.
    """
    if options.select is None:
        return [item.name for item in resource.properties if not item.column.is_costly]
    computed = {item.name for item in options.compute or ()}
    for item in options.select:
        _check_selected(resource, item, computed)
    wanted = {item.path[0] for item in options.select}
    if "*" in wanted:
        return [item.name for item in resource.properties if not item.column.is_costly or item.name in wanted]
    return [item.name for item in resource.properties if item.name in wanted]


def _check_selected(resource: PublishedResource, item: SelectItem, computed: set[str]) -> None:
    name = item.path[0]
    if name == "*" or name.endswith(".*") or name in computed:
        return
    if name in resource.by_name:
        if len(item.path) > 1 or item.options is not None:
            raise BindError(f"{name} is a primitive value: nothing is below it.", item.at, "$select")
    elif name not in resource.navigation_by_name:
        raise BindError(f"{resource.name} has no property {name}.", item.at, "$select", "$metadata lists the properties.")
    elif len(item.path) > 1 or item.options is not None:
        raise BindError(f"{name} is a relation.", item.at, "$select", f"Write $expand={name}($select=...).")


def expanded_items(resource: PublishedResource, options: Options) -> list[tuple[str, ExpandItem]]:
    """Return the navigation properties that $expand asks for; `*` gives way to an item of its own."""
    found: dict[str, ExpandItem] = {}
    for item in options.expand or ():
        if not item.path:
            raise BindError(f"{resource.name} has no media stream.", item.at, "$expand")
        if item.path[-1] == "*":
            for navigation in resource.navigations:
                found.setdefault(navigation.name, item)
    named: set[str] = set()
    for item in options.expand or ():
        name = item.path[-1]
        if name in named:
            raise BindError(f"{name} is expanded twice.", item.at, "$expand")
        if name != "*":
            named.add(name)
            found[name] = item
    return list(found.items())


def _related(value: Any) -> tuple[Any, int | None, str]:
    """Return rows, count and next link of what the reader puts under a navigation property."""
    if value is None or isinstance(value, dict):
        return value, None, ""
    if isinstance(value, list | tuple):
        return list(value), None, ""
    return list(value.rows), value.count, value.next or ""
