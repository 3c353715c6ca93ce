"""A schema at one level: kind, format, properties; allOf, oneOf, anyOf, null types and examples are levelled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from connections.connectors.openapi.document import Document, text_of

SCALARS = frozenset({"string", "integer", "number", "boolean"})
MOST_MEMBERS = 100
MOST_DEPTH = 24
MOST_ENUM = 200


@dataclass(frozen=True, slots=True)
class Shape:
    """What values of a schema look like."""

    kind: str = "any"  # object | array | string | integer | number | boolean | any
    format: str = ""
    properties: dict[str, Any] = field(default_factory=dict)  # name -> raw schema
    items: Any = None  # raw schema of an array's items
    values: Any = None  # raw schema of a map's values; None = no map
    required: frozenset[str] = frozenset()
    enum: tuple[str, ...] = ()
    default: Any = None
    maximum: int | None = None
    minimum: int | None = None
    max_length: int | None = None
    description: str = ""
    name: str = ""  # of the component that it comes from
    id_of: Any = None  # raw schema of the object that stands here instead of its id, where it may
    is_read_only: bool = False
    is_write_only: bool = False
    is_nullable: bool = False
    example: Any = None

    @property
    def is_scalar(self) -> bool:
        """Claim that a value is one text, number or boolean."""
        return self.kind in SCALARS


EMPTY = Shape()


class Shapes:
    """Shapes by schema; each node of the document is looked at once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._known: dict[int, tuple[Any, Shape]] = {}
        self._open: set[int] = set()

    def of(self, raw: Any, depth: int = 0) -> Shape:
        """Return the shape of a raw schema; one that holds itself is empty inside."""
        node, name = self.document.resolve(raw)
        if not isinstance(node, dict) or depth > MOST_DEPTH:
            return EMPTY
        known = self._known.get(id(node))
        if known is not None:
            shape = known[1]
        elif id(node) in self._open:
            return EMPTY
        else:
            self._open.add(id(node))
            try:
                shape = self.made(node, depth)
            finally:
                self._open.discard(id(node))
            # The node is kept with its shape: an id is only its own while it lives.
            self._known[id(node)] = (node, shape)
        return replace(shape, name=name) if name and not shape.name else shape

    def made(self, node: dict[str, Any], depth: int) -> Shape:
        """Return the shape of a node that stands for itself."""
        self.document.spend(1 + len(node))
        shape = self.own(node)
        members = node.get("allOf")
        if isinstance(members, list) and members:
            shape = self.all_of(shape, members[:MOST_MEMBERS], depth)
        for word in ("oneOf", "anyOf"):
            variants = node.get(word)
            if isinstance(variants, list) and variants:
                shape = self.one_of(shape, variants[:MOST_MEMBERS], depth)
        if shape.kind == "any" and not shape.enum and shape.example is not None:
            shape = replace(self.of(schema_of_example(shape.example), depth + 1), description=shape.description)
        return shape

    def own(self, node: dict[str, Any]) -> Shape:
        """Return what the node says itself."""
        kinds, is_nullable = kinds_of(node)
        properties = node.get("properties")
        properties = {key: value for key, value in properties.items() if isinstance(key, str)} if isinstance(properties, dict) else {}
        more = node.get("additionalProperties")
        enum = tuple(value for value in node.get("enum") or () if isinstance(value, str | int | bool)) if is_list(node.get("enum")) else ()
        enum = enum[:MOST_ENUM]
        kind = kind_of(kinds, properties, node, enum)
        return Shape(
            kind=kind,
            format=text_of(node.get("format")).lower(),
            properties=properties,
            items=node.get("items") if kind == "array" else None,
            values=(more if isinstance(more, dict) else {}) if kind == "object" and not properties and more not in (None, False) else None,
            required=frozenset(item for item in node["required"] if isinstance(item, str))
            if is_list(node.get("required"))
            else frozenset(),
            enum=tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in enum),
            default=node.get("default"),
            maximum=whole(node.get("maximum")),
            minimum=whole(node.get("minimum")),
            max_length=whole(node.get("maxLength")),
            description=text_of(node.get("description"))[:1000],
            is_read_only=node.get("readOnly") is True,
            is_write_only=node.get("writeOnly") is True,
            is_nullable=is_nullable,
            example=example_of(node),
        )

    def all_of(self, own: Shape, members: list[Any], depth: int) -> Shape:
        """Return the shape that meets every member: properties of all, the first kind that one tells."""
        shapes = [*(self.of(member, depth + 1) for member in members), own]
        self.document.spend(sum(len(shape.properties) for shape in shapes))
        properties: dict[str, Any] = {}
        for shape in shapes:
            properties |= shape.properties
        told = [shape for shape in shapes if shape.kind != "any"]
        first = told[0] if told else own
        return replace(
            own,
            kind="object" if properties else first.kind,
            format=next((shape.format for shape in shapes if shape.format), ""),
            properties=properties,
            items=next((shape.items for shape in shapes if shape.items is not None), None),
            values=None if properties else next((shape.values for shape in shapes if shape.values is not None), None),
            required=frozenset().union(*(shape.required for shape in shapes)),
            enum=next((shape.enum for shape in shapes if shape.enum), ()),
            name=next((shape.name for shape in shapes if shape.name), "") if len(members) == 1 and not own.properties else "",
            id_of=next((shape.id_of for shape in shapes if shape.id_of is not None), None),
            description=own.description or next((shape.description for shape in shapes if shape.description), ""),
        )

    def one_of(self, own: Shape, variants: list[Any], depth: int) -> Shape:
        """Return the shape that every variant fits: objects give all their properties, text or object is an id."""
        shapes = [self.of(variant, depth + 1) for variant in variants]
        known = [(shape, raw) for shape, raw in zip(shapes, variants, strict=True) if shape.kind != "any" or shape.enum]
        if own.kind == "object" and own.properties and all(not shape.properties for shape, _ in known):
            return own  # `anyOf: [{required: [a]}, {required: [b]}]` says nothing about the kind
        if not known:
            return own
        objects = [(shape, raw) for shape, raw in known if shape.kind == "object"]
        scalars = [shape for shape, _ in known if shape.is_scalar]
        self.document.spend(sum(len(shape.properties) for shape in shapes))
        if objects and scalars:
            with_id = next((raw for shape, raw in objects if "id" in shape.properties), None)
            members = {} if with_id is not None else objects[0][0].properties  # `created` is a number or {gt, gte, lt, lte}
            return replace(scalars[0], id_of=with_id, description=own.description, properties=members, is_nullable=True)
        if scalars and len(scalars) == len(known):
            return replace(common(scalars), description=own.description or scalars[0].description)
        if objects and len(objects) == len(known):
            properties = dict(own.properties)
            for shape, _ in objects:
                for key, raw in shape.properties.items():
                    properties.setdefault(key, raw)
            values = next((shape.values for shape, _ in objects if shape.values is not None), None)
            name = objects[0][0].name if len(objects) == 1 else ""
            return replace(own, kind="object", properties=properties, values=None if properties else values, name=name)
        arrays = [shape for shape, _ in known if shape.kind == "array"]
        if len(arrays) == len(known):
            return replace(own, kind="array", items={"oneOf": [shape.items for shape in arrays]} if len(arrays) > 1 else arrays[0].items)
        return replace(own, kind="any")


def is_list(value: Any) -> bool:
    """Claim that the value is a list."""
    return isinstance(value, list)


def kinds_of(node: dict[str, Any]) -> tuple[list[str], bool]:
    """Return the types that a node names and whether null is one of its values (three spellings in three versions)."""
    told = node.get("type")
    named = [item for item in told if isinstance(item, str)] if isinstance(told, list) else [told] if isinstance(told, str) else []
    is_nullable = "null" in named or node.get("nullable") is True or node.get("x-nullable") is True
    return [item.lower() for item in named if item != "null"], is_nullable


def kind_of(kinds: list[str], properties: dict[str, Any], node: dict[str, Any], enum: tuple[Any, ...]) -> str:
    """Return the one kind of a node; where a document names none, its other words tell."""
    known = [kind for kind in kinds if kind in SCALARS or kind in ("object", "array")]
    if len(known) == 1:
        return known[0] if known[0] != "string" or not properties else "object"
    if len(known) > 1:
        return "number" if set(known) == {"integer", "number"} else "string" if set(known) <= SCALARS else "any"
    if kinds and kinds[0] in ("int", "long", "float", "double", "date", "datetime", "uuid", "file"):
        return {"int": "integer", "long": "integer", "float": "number", "double": "number"}.get(kinds[0], "string")
    if properties:
        return "object"
    if "items" in node:
        return "array"
    if isinstance(node.get("additionalProperties"), dict):
        return "object"
    if enum:
        return "boolean" if all(isinstance(v, bool) for v in enum) else "integer" if all(isinstance(v, int) for v in enum) else "string"
    return "string" if text_of(node.get("format")) in ("date-time", "uuid", "date") else "any"


def common(shapes: list[Shape]) -> Shape:
    """Return one shape for scalars of several kinds or formats."""
    first = shapes[0]
    kinds = {shape.kind for shape in shapes}
    kind = first.kind if len(kinds) == 1 else "number" if kinds == {"integer", "number"} else "string"
    formats = {shape.format for shape in shapes}
    enum = tuple(dict.fromkeys(value for shape in shapes for value in shape.enum)) if all(shape.enum for shape in shapes) else ()
    return replace(first, kind=kind, format=first.format if len(formats) == 1 and len(kinds) == 1 else "", enum=enum)


def whole(value: Any) -> int | None:
    """Return a bound where it is a whole number of ordinary size."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53 or value != int(value):
        return None
    return int(value)


def example_of(node: dict[str, Any]) -> Any:
    """Return the example of a node, under any of its three names."""
    if node.get("example") is not None:
        return node["example"]
    examples = node.get("examples")
    return examples[0] if isinstance(examples, list) and examples else None


def schema_of_example(value: Any, depth: int = 0) -> dict[str, Any]:
    """Return a schema that the example fits; of an array the first items tell."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer"}
    if isinstance(value, float):
        return {"type": "number"}
    if isinstance(value, str):
        return {"type": "string"}
    if depth > 8:
        return {}
    if isinstance(value, dict):
        known = [(str(key), item) for key, item in list(value.items())[:500]]
        return {"type": "object", "properties": {key: schema_of_example(item, depth + 1) for key, item in known}}
    if isinstance(value, list):
        inside = [schema_of_example(item, depth + 1) for item in value[:100] if item is not None]
        return {"type": "array", "items": {"anyOf": inside} if len(inside) > 1 else inside[0] if inside else {}}
    return {}
