"""The syntax tree of OData URLs: what the parser makes and the binder reads. Values only, no behaviour.

OData 4.01 URL Conventions; ABNF Construction Rules 4.01. `at` is the position (characters) in the decoded option value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connections.contract.table import Type

# ---- expressions (5.1.1) ----


@dataclass(frozen=True, slots=True)
class Node:
    """Anything in an expression."""

    at: int = field(kw_only=True, default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A primitive literal; `type` None is null. Values as contract.table.Column says; STRING literals are unquoted.

    `text` is the literal as written. Enum and geo literals have `kind` "enum" | "geography" | "geometry" and value = text.
    """

    type: Type | None
    value: Any
    text: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class JsonLiteral(Node):
    """An array or object literal (4.01): `value` is the parsed JSON; `items` the nodes of an array that holds expressions."""

    value: Any
    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias(Node):
    """@name, a parameter alias (5.3)."""

    name: str


@dataclass(frozen=True, slots=True)
class Root(Node):
    """$it, $this, $root, $these or a lambda variable at the head of a path; `name` includes the `$`."""

    name: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A member path: `segments` of Name / Cast / KeySegment / CountSegment / Lambda / Bound. `root` None = the entity in hand."""

    segments: tuple[Node, ...]
    root: Root | None = None


@dataclass(frozen=True, slots=True)
class Name(Node):
    """One identifier of a path (property, navigation property, annotation with `@`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """A qualified type name as path segment (Ns.Type)."""

    name: str


@dataclass(frozen=True, slots=True)
class KeySegment(Node):
    """A key in parentheses. One unnamed value: names == ("",)."""

    names: tuple[str, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class CountSegment(Node):
    """/$count, perhaps with ($filter=...;$search=...)."""

    filter: Node | None = None
    search: Node | None = None


@dataclass(frozen=True, slots=True)
class Lambda(Node):
    """any / all; `variable` and `body` are None for any()."""

    operator: str  # any | all
    variable: str | None = None
    body: Node | None = None


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A canonical function in lower case: contains, year, cast, isof, case ... case has arguments cond, value, cond, value."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Bound(Node):
    """A call of a service-defined function (Ns.Func or Func) with named parameters."""

    name: str
    names: tuple[str, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class TypeName(Node):
    """A type name as argument of cast and isof: Edm.String, Collection(Edm.Int32), Ns.Type."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """not and unary minus; `operator` is "not" or "-"."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """eq ne gt ge lt le has and or add sub mul div divby mod."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class In(Node):
    """`left in (items)`; `right` is set instead when the right side is a path or alias."""

    left: Node
    items: tuple[Node, ...] = ()
    right: Node | None = None


# ---- $search (5.1.7) ----


@dataclass(frozen=True, slots=True)
class SearchTerm(Node):
    """A word or a phrase."""

    text: str
    is_phrase: bool = False


@dataclass(frozen=True, slots=True)
class SearchNot(Node):
    """NOT term."""

    operand: Node


@dataclass(frozen=True, slots=True)
class SearchBoolean(Node):
    """AND / OR of two search expressions; operator is "and" or "or"."""

    operator: str
    left: Node
    right: Node


# ---- $apply (Data Aggregation 4.0) ----


@dataclass(frozen=True, slots=True)
class AggregateFrom(Node):
    """`from paths with method`: the values are first aggregated within each group of `paths`."""

    paths: tuple[Node, ...]
    method: str = ""


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """`expression with method from ... as alias`; also a path segment, then without alias. No method: $count, custom aggregate."""

    expression: Node
    method: str = ""
    levels: tuple[AggregateFrom, ...] = ()
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Rollup(Node):
    """An item of groupby: `name` is rollup (paths) or rolluprecursive (nodes, Name of the hierarchy, path, perhaps ApplySequence)."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Grouping(Node):
    """The first argument of groupby: Path and Rollup items."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ApplyStep(Node):
    """One transformation, name in lower case. `arguments` in order as written: expressions, Grouping, Aggregate, ComputeItem, OrderItem,
    Name (of a hierarchy, `preorder`, `keep start`), ApplySequence, NamedSequence. A custom one is a Bound in `arguments`."""

    name: str
    arguments: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplySequence(Node):
    """Transformations, one after the other."""

    steps: tuple[ApplyStep, ...]


@dataclass(frozen=True, slots=True)
class NamedSequence(Node):
    """`sequence as alias`, in addnested, nest; of join and outerjoin `path as alias`."""

    sequence: Node
    alias: str


# ---- other options ----


@dataclass(frozen=True, slots=True)
class OrderItem(Node):
    """One key of $orderby."""

    expression: Node
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class ComputeItem(Node):
    """`expression as name`."""

    expression: Node
    name: str


@dataclass(frozen=True, slots=True)
class Options:
    """System query options of a resource or of one $expand / $select item; None = not given.

    `given` maps the option's lower-case name without `$` to its raw decoded text.
    """

    filter: Node | None = None
    search: Node | None = None
    orderby: tuple[OrderItem, ...] | None = None
    select: tuple[SelectItem, ...] | None = None
    expand: tuple[ExpandItem, ...] | None = None
    compute: tuple[ComputeItem, ...] | None = None
    top: int | None = None
    skip: int | None = None
    count: bool | None = None
    levels: int | str | None = None  # n or "max"
    format: str | None = None
    skiptoken: str | None = None
    deltatoken: str | None = None
    apply: ApplySequence | None = None
    index: int | None = None
    schemaversion: str | None = None
    id: str | None = None
    aliases: dict[str, Node] = field(default_factory=dict)
    custom: tuple[tuple[str, str], ...] = ()  # query names that are not system options
    given: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelectItem(Node):
    """One item of $select. `path` of names ("*" for all; Ns.* for operations); `options` of `Prop($select=...)`;
    `parameters` choose an overload of a function: `Func(P1,P2)`."""

    path: tuple[str, ...]
    options: Options | None = None
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpandItem(Node):
    """One item of $expand. `path` ends in the navigation property or "*"; `suffix` is "", "$ref", "$count" or "$value"."""

    path: tuple[str, ...]
    suffix: str = ""
    options: Options | None = None


# ---- resource path (4) ----


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """The path below the service root. `segments`: Name, KeySegment, Cast, Bound and Name("$count" | "$value" | "$ref" |
    "$metadata" | "$batch" | "$all" | "$crossjoin" | "$entity" | "$each" | "$filter" | "$query" ...), first one included.

    Segments that may be keys (key-as-segment, 4.3.6) stay Name; the service decides by the model.
    """

    segments: tuple[Node, ...]
