"""`$metadata` of an OData V4 service (OData CSDL XML 4.0 and 4.01) as tables: entity sets, flat columns, keys, relations, restrictions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connections.connectors import markup
from connections.connectors.markup import Fault, MarkupError, Node
from connections.contract.errors import BadAnswer, TableGone
from connections.contract.table import WRITES, Column, ForeignKey, Table, TableRef, Type

# Complex values within complex values are flattened down to this depth; deeper ones are JSON text.
MOST_LEVELS = 5
MOST_ELEMENTS, DEEPEST = 500_000, 100
# Types without a value in JSON.
STREAMS = ("Edm.Stream",)
DIGITS = re.compile("[0-9]{1,9}")
MOST_COLUMNS = 5000
BROKEN = "The service's $metadata can't be read."
NO_SERVICE = "Check URL: it must be the service's root, whose $metadata is XML."
HINTS = {
    Fault.TOO_LARGE: "It is larger or nested deeper than any that is read.",
    Fault.DOCUMENT_TYPE: "It declares a document type, which no $metadata does.",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column and where its value is in a row's JSON."""

    column: Column
    path: tuple[str, ...]
    enum: str = ""  # qualified name, where the type is one
    is_exact: bool = True  # times have microseconds at the finest


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One entity set: its table, and what it can't be asked."""

    table: Table
    fields: Mapping[str, Field]
    unfilterable: frozenset[str] = frozenset()  # paths
    unsortable: frozenset[str] = frozenset()
    can_filter: bool = True
    can_sort: bool = True
    can_count: bool = True
    can_top: bool = True
    can_skip: bool = True


Model = dict[str, EntitySet]


def parse(text: bytes) -> Node:
    """Return the document; one with a document type or without end is refused."""
    try:
        return markup.parse(text, most=MOST_ELEMENTS, deepest=DEEPEST, has_namespaces=True)
    except MarkupError as error:
        raise BadAnswer(BROKEN, hint=HINTS.get(error.fault, NO_SERVICE)) from error


def model_of(text: bytes) -> Model:
    """Return the entity sets of a `$metadata` document."""
    return Reading(parse(text)).model()


class Reading:
    """One document while it is read: types by qualified name, aliases resolved."""

    def __init__(self, root: Node) -> None:
        edmx = next(root.all("Edmx"), None)
        services = next(edmx.all("DataServices"), None) if edmx else None
        if edmx is None or services is None or not edmx.get("Version").startswith("4"):
            raise BadAnswer(BROKEN, hint="Only OData V4 services are read. Check URL.")
        self._schemas = list(services.all("Schema"))
        self._aliases = {schema.get("Alias"): schema.get("Namespace") for schema in self._schemas if schema.get("Alias")}
        self._types: dict[str, Node] = {}
        self._containers: dict[str, Node] = {}
        self._annotations: dict[str, list[Node]] = {}
        for schema in self._schemas:
            self._collect(schema)

    def _collect(self, schema: Node) -> None:
        namespace = schema.get("Namespace")
        for node in schema.all("EntityType", "ComplexType", "EnumType", "TypeDefinition"):
            self._types[f"{namespace}.{node.get('Name')}"] = node
        for node in schema.all("EntityContainer"):
            self._containers[f"{namespace}.{node.get('Name')}"] = node
        for node in schema.all("Annotations"):
            target, _, rest = node.get("Target").partition("/")
            self._annotations.setdefault(f"{self._whole(target)}/{rest}", []).extend(node.all("Annotation"))

    def _whole(self, name: str) -> str:
        """Return a qualified name with its namespace in the place of an alias."""
        before, _, last = name.rpartition(".")
        return f"{self._aliases.get(before, before)}.{last}" if before else last

    def model(self) -> Model:
        """Return the entity sets."""
        found: Model = {}
        for container, node in self._containers.items():
            for entity_set in node.all("EntitySet"):
                found[entity_set.get("Name")] = self._set(container, node, entity_set)
        return found

    def _set(self, container: str, node: Node, entity_set: Node) -> EntitySet:
        name, type_name = entity_set.get("Name"), self._whole(entity_set.get("EntityType"))
        fields = {item.column.name: item for item in self._unique(self._fields(type_name, (), 0))}
        notes = Notes([*self._annotations.get(f"{container}/{name}", []), *entity_set.all("Annotation")])
        general = Notes([*self._annotations.get(f"{container}/", []), *node.all("Annotation")])
        key = self._key(type_name, fields)
        table = Table(
            TableRef("", name),
            columns=tuple(replace(item.column, ordinal=place) for place, item in enumerate(fields.values())),
            primary_key=key,
            foreign_keys=tuple(self._foreign_keys(type_name, entity_set, fields)),
            comment=Notes([*self._annotations.get(f"{type_name}/", []), *entity_set.all("Annotation")]).text("Description"),
            writes=frozenset(verb for verb, term, flag in WRITING if notes.flag(term, flag)) & WRITES if key else frozenset(),
        )
        return EntitySet(
            table,
            fields,
            unfilterable=notes.paths("FilterRestrictions", "NonFilterableProperties"),
            unsortable=notes.paths("SortRestrictions", "NonSortableProperties"),
            can_filter=notes.flag("FilterRestrictions", "Filterable"),
            can_sort=notes.flag("SortRestrictions", "Sortable"),
            can_count=notes.flag("CountRestrictions", "Countable"),
            can_top=notes.plain("TopSupported") and general.plain("TopSupported"),
            can_skip=notes.plain("SkipSupported") and general.plain("SkipSupported"),
        )

    def _bases(self, type_name: str) -> list[tuple[str, Node]]:
        """Return a structured type and those that it is derived from, the first ancestor first."""
        found: list[tuple[str, Node]] = []
        while type_name in self._types and all(name != type_name for name, _ in found):
            found.append((type_name, self._types[type_name]))
            type_name = self._whole(found[-1][1].get("BaseType"))
        return found[::-1]

    def _fields(self, type_name: str, path: tuple[str, ...], level: int, *, is_nullable: bool = False) -> Iterator[Field]:
        for owner, node in self._bases(type_name):
            for item in node.all("Property"):
                here = (*path, item.get("Name"))
                kind = self._whole(item.get("Type", "Edm.String"))
                inner = self._types.get(kind)
                may_be_null = is_nullable or item.get("Nullable", "true") != "false"
                if inner is not None and inner.name == "ComplexType" and level < MOST_LEVELS and not any(True for _ in inner.all("Key")):
                    yield from self._fields(kind, here, level + 1, is_nullable=may_be_null)
                elif kind not in STREAMS:
                    yield self._field(owner, item, kind, here, may_be_null)

    def _field(self, owner: str, item: Node, kind: str, path: tuple[str, ...], is_nullable: bool) -> Field:
        notes = Notes([*self._annotations.get(f"{owner}/{item.get('Name')}", []), *item.all("Annotation")])
        node = self._types.get(kind)
        facets = item
        if node is not None and node.name == "TypeDefinition":
            kind, facets = self._whole(node.get("UnderlyingType")), Node("", {**node.attributes, **item.attributes})
            node = None
        type_ = PRIMITIVE.get(kind)
        is_enum = node is not None and node.name == "EnumType"
        is_json = type_ is None and not is_enum
        is_collection = kind.startswith("Collection(")
        is_made = notes.has("Computed") or notes.text("Permissions", "EnumMember").endswith("/Read")
        scale = facets.get("Scale", "0" if facets.get("Precision") else "variable")
        column = Column(
            "_".join(path) + ("Aggregate" if is_collection else ""),
            type_ or Type.STRING,
            is_nullable=is_nullable and not is_collection,
            max_length=whole(facets.get("MaxLength")) if type_ in (Type.STRING, Type.BINARY) else None,
            precision=whole(facets.get("Precision")) if type_ == Type.DECIMAL else None,
            scale=whole(scale) if type_ == Type.DECIMAL else None,
            is_json=is_json,
            has_zone=type_ == Type.TIMESTAMP,
            is_generated=is_made,
            has_default=bool(facets.get("DefaultValue")),
            native_type=kind,
            comment=notes.text("Description"),
            allowed_values=tuple(member.get("Name") for member in node.all("Member")) if is_enum and node else (),
        )
        is_flags = is_enum and node is not None and node.get("IsFlags") == "true"
        return Field(
            replace(column, allowed_values=()) if is_flags else column,
            path,
            enum=kind if is_enum and not is_flags else "",
            is_exact=(whole(facets.get("Precision")) or 0) <= 6,
        )

    def _unique(self, fields: Iterator[Field]) -> Iterator[Field]:
        """Give the fields, each column under a name of its own."""
        taken: set[str] = set()
        for item in fields:
            if len(taken) >= MOST_COLUMNS:
                raise BadAnswer(BROKEN, hint=f"One of its types has more than {MOST_COLUMNS:,} columns.")
            name, number = item.column.name, 2
            while name.lower() in taken:
                name, number = f"{item.column.name}_{number}", number + 1
            taken.add(name.lower())
            yield replace(item, column=replace(item.column, name=name))

    def _key(self, type_name: str, fields: Mapping[str, Field]) -> tuple[str, ...]:
        by_path = {"/".join(item.path): name for name, item in fields.items()}
        for _, node in self._bases(type_name):
            for key in node.all("Key"):
                found = [by_path.get(part.get("Name"), "") for part in key.all("PropertyRef")]
                return tuple(found) if all(found) else ()
        return ()

    def _foreign_keys(self, type_name: str, entity_set: Node, fields: Mapping[str, Field]) -> Iterator[ForeignKey]:
        by_path = {"/".join(item.path): name for name, item in fields.items()}
        targets = {item.get("Path"): item.get("Target").rpartition("/")[2] for item in entity_set.all("NavigationPropertyBinding")}
        for _, node in self._bases(type_name):
            for item in node.all("NavigationProperty"):
                name = item.get("Name")
                pairs = [
                    (by_path.get(pair.get("Property"), ""), pair.get("ReferencedProperty")) for pair in item.all("ReferentialConstraint")
                ]
                if pairs and all(here for here, _ in pairs) and name in targets and not item.get("Type").startswith("Collection("):
                    yield ForeignKey(name, tuple(here for here, _ in pairs), "", targets[name], tuple(there for _, there in pairs))


class Notes:
    """The annotations of one thing, by the last part of their terms."""

    def __init__(self, found: list[Node]) -> None:
        self._by_term = {node.get("Term").rpartition(".")[2]: node for node in found if not node.get("Qualifier")}

    def has(self, term: str) -> bool:
        """Claim that a tagging term is set."""
        node = self._by_term.get(term)
        return node is not None and value_of(node, "Bool") != "false"

    def text(self, term: str, kind: str = "String") -> str:
        """Return a term's constant."""
        return value_of(self._by_term.get(term), kind)

    def plain(self, term: str) -> bool:
        """Claim a term that counts as true unless it says false."""
        return value_of(self._by_term.get(term), "Bool") != "false"

    def flag(self, term: str, name: str) -> bool:
        """Claim a property of a record that counts as true unless it says false."""
        return value_of(self._property(term, name), "Bool") != "false"

    def paths(self, term: str, name: str) -> frozenset[str]:
        """Return the property paths that a record lists."""
        node = self._property(term, name)
        lists = node.all("Collection") if node else ()
        return frozenset(item.text.strip() for found in lists for item in found.children)

    def _property(self, term: str, name: str) -> Node | None:
        node = self._by_term.get(term)
        records = node.all("Record") if node else ()
        return next((item for record in records for item in record.all("PropertyValue") if item.get("Property") == name), None)


def value_of(node: Node | None, kind: str) -> str:
    """Return a constant, given as attribute or as element."""
    if node is None:
        return ""
    return node.get(kind) or next((child.text.strip() for child in node.all(kind)), "")


def whole(text: str) -> int | None:
    """Return a facet's number; None for none, `max`, `variable`."""
    return int(text) if DIGITS.fullmatch(text) else None


def entity_set(model: Model, ref: TableRef) -> EntitySet:
    """Return an entity set; raise TableGone for a missing one."""
    if ref.schema or ref.name not in model:
        raise TableGone(f"The service has no entity set {ref} any more.", hint="Reload the list of tables, or repoint the resource.")
    return model[ref.name]


PRIMITIVE = {f"Edm.{item.value}": item for item in Type}
WRITING = (
    ("insert", "InsertRestrictions", "Insertable"),
    ("update", "UpdateRestrictions", "Updatable"),
    ("delete", "DeleteRestrictions", "Deletable"),
)
