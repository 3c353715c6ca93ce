"""Expressions of OData to the engine's tree, over one user's catalog, with OData's own null logic.

OData 4.01 URL Conventions, 5.1.1: comparisons never give null (eq and ne treat null as a value, gt, ge, lt, le with null are
false); everything else passes null on. `boolean(node, is_positive=True)` may take null for false, which keeps plain predicates
that indexes serve; under `not` and as a value the two-valued forms are printed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from sqlglot import exp

from apiserver.odata import nodes
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_values import beside, column_for, driver_value, is_comparable, own_column, value_for
from apiserver.odata.parser import parse_filter
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource
from connections.contract.dialect import Dialect
from connections.contract.errors import NotSupported
from connections.contract.table import FLOATS, NUMBERS, Column, Type
from connections.engine.nodes import FALSE, TRUE, Bind, Derived, Read, all_of, fn, select, table
from connections.engine.view_sql import checked_select

# An expression of 200 chained operators is allowed; printing takes a few frames for each.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 6000))

COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
MAX_COMPUTED = 200  # uses of computed properties in one statement: each is its whole expression again
MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}


@dataclass(frozen=True, slots=True)
class Value:
    """A bound expression and what is known of it. `type` None is the literal null; `literal` waits for its type."""

    tree: exp.Expression
    type: Type | None
    is_nullable: bool = True
    column: Column | None = None
    literal: nodes.Literal | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """How one bound value is found at execution: from the request's literal, or fixed (row filters, scopes)."""

    column: Column
    literal: nodes.Literal | None = None
    index: int | None = None  # place among the request's literals
    value: Any = None  # contract value, when there is no literal
    name: str = ""  # a value given at each execution: top, skip, a key


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose properties names mean: a resource under an alias; `is_whole` sees hidden columns (row filters)."""

    resource: PublishedResource
    alias: str
    is_whole: bool = False
    is_nested: bool = False  # within $expand, where $it is the row at the head of the request
    variables: Mapping[str, Scope] = field(default_factory=dict)
    computed: Mapping[str, nodes.Node] = field(default_factory=dict)  # what $compute names, in its order

    def property(self, name: str) -> PublishedProperty | None:
        """Return a property; row filters may also use the source's column names."""
        if not self.is_whole:
            return self.resource.by_name.get(name)
        every = self.resource.all_properties
        return next((p for p in every if p.name == name), None) or next((p for p in every if p.column.name == name), None)


class Binder:
    """Binds the expressions of one statement; collects its slots."""

    def __init__(self, catalog: Catalog, dialect: Dialect, literals: Sequence[nodes.Literal], aliases: Mapping[str, nodes.Node]) -> None:
        self.catalog = catalog
        self.dialect = dialect
        self.aliases = aliases
        self.slots: list[Slot] = []
        self.is_cacheable = True
        self._index = {id(literal): number for number, literal in enumerate(literals)}
        self._aliases_used = 0
        self._computed_used = 0
        self._resolving: set[str] = set()

    # ---- building blocks ----

    def alias(self) -> str:
        """Return a fresh table alias."""
        self._aliases_used += 1
        return f"t{self._aliases_used}"

    def source(self, resource: PublishedResource, alias: str) -> exp.Expression:
        """Return the table, or the derived view, that the resource reads."""
        if resource.sql:
            return Derived(text=checked_select(resource.sql, self.dialect.name), alias=alias)
        return table(resource.ref.schema, resource.ref.name, alias)

    def read(self, column: Column, alias: str) -> Read:
        """Return a column as it is read."""
        return Read(table=alias, column=column.name, template=self._percent(self.dialect.select(column)))

    def bind(self, slot: Slot) -> Bind:
        """Return a bind mark for the slot."""
        self.slots.append(slot)
        return Bind(slot=len(self.slots) - 1, template=self.dialect.bind(slot.column))

    def _percent(self, template: str) -> str:
        return template.replace("%", "%%") if self.dialect.doubles_percent else template

    def bind_literal(self, literal: nodes.Literal, column: Column) -> Bind:
        """Return the literal bound in the column's type; checks the value now, so that a wrong one is a 400 at once."""
        driver_value(value_for(literal, column), column, self.dialect)
        return self.bind(Slot(column, literal, self._index.get(id(literal))))

    def typed(self, value: Value) -> Value:
        """Return the value with a literal bound in its own type."""
        if value.literal is None or value.literal.type is None:
            return value
        column = own_column(value.literal)
        return Value(self.bind_literal(value.literal, column), column.type, False, column)

    def row_filters(self, resource: PublishedResource, alias: str) -> list[exp.Expression]:
        """Return the user's row filters over a table; they apply wherever its rows are touched."""
        scope = Scope(resource, alias, is_whole=True)
        return [self.boolean(row_filter(item.text), scope) for item in resource.row_filters]

    def related(self, navigation: PublishedNavigation, scope: Scope) -> tuple[Scope, list[exp.Expression]]:
        """Return the scope of a relation's other end and the conditions that tie it to this one."""
        target = self.catalog.resources.get(navigation.target)
        if target is None:
            raise BindError(f"{scope.resource.name} has no property {navigation.name}.")
        inner = Scope(target, self.alias(), variables=scope.variables)
        here = {p.column.name: p.column for p in scope.resource.all_properties}
        there = {p.column.name: p.column for p in target.all_properties}
        ties: list[exp.Expression] = [
            fn("eq", self.read(there[b], inner.alias), self.read(here[a], scope.alias)) for a, b in navigation.pairs
        ]
        return inner, ties + self.row_filters(target, inner.alias)

    # ---- booleans ----

    def boolean(self, node: nodes.Node, scope: Scope, *, is_positive: bool = True) -> exp.Expression:
        """Return a condition; with `is_positive` null may stand for false."""
        if isinstance(node, nodes.Binary) and node.operator in ("and", "or"):
            parts = [self.boolean(part, scope, is_positive=is_positive) for part in flat(node)]
            return fn(node.operator, *parts)
        if isinstance(node, nodes.Unary) and node.operator == "not":
            return fn("not", self.boolean(node.operand, scope, is_positive=False))
        if isinstance(node, nodes.Binary) and node.operator in COMPARISONS:
            return self.comparison(node, scope, is_positive=is_positive)
        if isinstance(node, nodes.In):
            return self.membership(node, scope, is_positive=is_positive)
        value = self.value(node, scope)
        if value.literal is not None and value.literal.type == Type.BOOLEAN:
            value = self.typed(value)
        if value.type is None:
            return FALSE.copy() if is_positive else exp.Null()
        if value.type != Type.BOOLEAN:
            raise BindError(f"The expression is of type {value.type}, not true or false.", node.at, hint="Compare it: eq, ne, gt ...")
        return value.tree

    def comparison(self, node: nodes.Binary, scope: Scope, *, is_positive: bool) -> exp.Expression:
        """Return a comparison by OData's null logic."""
        relation = self.relation_to_null(node, scope)
        if relation is not None:
            return relation
        return self.compare(node.operator, self.value(node.left, scope), self.value(node.right, scope), node.at, is_positive=is_positive)

    def relation_to_null(self, node: nodes.Binary, scope: Scope) -> exp.Expression | None:
        """Return `Nav eq null` as a question for the related row (URL Conventions 4.01, 5.1.1.1.1)."""
        for side, other in ((node.left, node.right), (node.right, node.left)):
            exists = self.relation_exists(side, scope) if is_null(self.resolved(other)) else None
            if exists is None:
                continue
            if node.operator not in ("eq", "ne"):
                raise BindError("A relation can only be compared by eq and ne with null.", node.at)
            return fn("not", exists) if node.operator == "eq" else exists
        return None

    def compare(self, operator: str, left: Value, right: Value, at: int, *, is_positive: bool) -> exp.Expression:
        """Return `left operator right`, two-valued unless null may stand for false."""
        if left.literal is not None and right.literal is None:
            return self.compare(MIRRORED[operator], right, left, at, is_positive=is_positive)
        if left.type is None or right.type is None:
            return self._with_null(operator, left, right)
        if self.dialect.name == "sqlite" and right.literal is not None and left.type in NUMBERS - FLOATS:
            side = beside(right.literal.value)
            if side and operator in ("eq", "ne"):
                return (TRUE if operator == "ne" else FALSE).copy()
            if side:  # no stored number equals the literal: those that equal its double lie on that side of it
                operator = ("ge" if side > 0 else "gt") if operator in ("gt", "ge") else ("lt" if side > 0 else "le")
        left, right, is_nan = self._paired(left, right, at)
        if is_nan:
            return (TRUE if operator == "ne" else FALSE).copy()
        kind = left.type
        if operator in ("gt", "ge", "lt", "le") and kind in (Type.BOOLEAN, Type.BINARY):
            raise BindError(f"Values of type {kind} have no order.", at, hint="Use eq or ne.")
        suffix = "_text" if kind == Type.STRING else ""
        if {kind, right.type} & FLOATS and f"{operator}_float" in self.dialect.functions:
            suffix = "_float"
        return self._two_valued(operator, suffix, left, right, is_positive=is_positive)

    def _two_valued(self, operator: str, suffix: str, left: Value, right: Value, *, is_positive: bool) -> exp.Expression:
        plain = fn(operator + suffix, left.tree, right.tree)
        nullable = [side for side in (left, right) if side.is_nullable]
        if not nullable:
            return plain
        if operator in ("eq", "ne") and len(nullable) == 2:
            same = fn("same" + suffix, left.tree, right.tree)
            return same if operator == "eq" else fn("not", same)
        if operator == "ne":
            return fn("or", plain, fn("is_null", nullable[0].tree.copy()))
        return plain if is_positive else fn("or_false", plain)

    def _with_null(self, operator: str, left: Value, right: Value) -> exp.Expression:
        """Return a comparison with the literal null."""
        if operator not in ("eq", "ne"):
            return FALSE.copy()
        other = left if right.type is None else right
        if other.type is None:
            return (TRUE if operator == "eq" else FALSE).copy()
        other = self.typed(other)
        return fn("is_null" if operator == "eq" else "is_not_null", other.tree)

    def _paired(self, left: Value, right: Value, at: int) -> tuple[Value, Value, bool]:
        """Return both sides in types that compare; whether one is NaN, which equals nothing."""
        if left.literal is not None:
            left = self.typed(left)
        if right.literal is not None:
            literal, column = right.literal, left.column or Column("", left.type or Type.STRING)
            if isinstance(literal.value, float) and math.isnan(literal.value):
                return left, right, True
            chosen = column_for(literal, column)
            if left.type == Type.DATE and chosen.type == Type.TIMESTAMP:
                left = self.midnight(left)
            return left, Value(self.bind_literal(literal, chosen), left.type, False, chosen), False
        if left.type is None or right.type is None or not is_comparable(left.type, right.type):
            raise BindError(f"A value of type {left.type} can't be compared with one of type {right.type}.", at)
        if is_naive(left) and is_naive(right):
            return left, right, False
        if left.type != right.type and Type.TIMESTAMP in (left.type, right.type):
            left, right = self.midnight(left), self.midnight(right)
        return self.instant(left), self.instant(right), False

    def midnight(self, value: Value) -> Value:
        """Return a date as the instant at which it begins in UTC."""
        if value.type != Type.DATE:
            return value
        return Value(fn("date_to_timestamp", value.tree), Type.TIMESTAMP, value.is_nullable, Column("", Type.TIMESTAMP))

    def instant(self, value: Value) -> Value:
        """Return a date-time without zone as the instant that the connection's TimeZone makes of it."""
        if not is_naive(value) or "instant" not in self.dialect.functions:
            return value
        return Value(fn("instant", value.tree), Type.TIMESTAMP, value.is_nullable, Column("", Type.TIMESTAMP))

    def membership(self, node: nodes.In, scope: Scope, *, is_positive: bool) -> exp.Expression:
        """Return `left in (...)`: equal to one of the items, null included."""
        items = node.items
        if node.right is not None:
            found = self.resolved(node.right)
            if not isinstance(found, nodes.JsonLiteral) or not isinstance(found.value, list):
                if is_many(found, scope):
                    raise NotSupported("`in` over a collection of rows is not supported.", hint="Use a list, or any().")
                items = (found,)
            else:
                items = found.items
        if not items:
            return FALSE.copy()
        left = self.value(node.left, scope)
        parts = [self.compare("eq", left, self.value(item, scope), item.at, is_positive=is_positive) for item in items]
        return fn("or", *parts) if len(parts) > 1 else parts[0]

    # ---- values ----

    def resolved(self, node: nodes.Node) -> nodes.Node:
        """Return what a parameter alias stands for; an alias without value is null (URL Conventions 4.01, 5.3)."""
        if not isinstance(node, nodes.Alias):
            return node
        found = self.aliases.get(node.name, self.aliases.get(f"@{node.name}", self.aliases.get(node.name.lstrip("@"))))
        if found is None:
            return nodes.Literal(None, None, "null", at=node.at)
        if node.name in self._resolving:
            raise BindError(f"{node.name} refers to itself.", node.at)
        self._resolving.add(node.name)
        try:
            return self.resolved(found)
        finally:
            self._resolving.discard(node.name)

    def value(self, node: nodes.Node, scope: Scope) -> Value:
        """Return an expression bound; literals wait for the type of the other side."""
        node = self.resolved(node)
        if isinstance(node, nodes.Literal):
            if node.kind:
                raise NotSupported(f"{node.kind.title()} literals are not supported.", hint="No published column has such a type.")
            return Value(exp.Null(), node.type, node.type is None, literal=node if node.type is not None else None)
        if isinstance(node, nodes.Path):
            return self.path(node, scope)
        if isinstance(node, nodes.Call):
            from apiserver.odata.binder_functions import call  # it binds its arguments by this class

            return call(self, node, scope)
        if isinstance(node, nodes.Unary) and node.operator == "-":
            return self.negative(node, scope)
        if isinstance(node, nodes.Binary) and node.operator in ("add", "sub", "mul", "div", "divby", "mod"):
            from apiserver.odata.binder_functions import arithmetic

            return arithmetic(self, node, scope)
        if isinstance(node, nodes.Binary | nodes.In | nodes.Unary) and getattr(node, "operator", "in") != "has":
            return Value(self.boolean(node, scope, is_positive=False), Type.BOOLEAN, is_nullable=True)
        raise self.refused(node)

    def refused(self, node: nodes.Node) -> Exception:
        """Return the error of what is parsed and not served, or is no expression at all."""
        if isinstance(node, nodes.Bound):
            return BindError(f"{node.name} is no function of this service.", node.at, hint="Check its name.")
        if isinstance(node, nodes.TypeName):
            return BindError("A type name stands where a value belongs.", node.at)
        return NotSupported(f"{type(node).__name__} expressions are not supported here.", hint="Compare properties with literals.")

    def negative(self, node: nodes.Unary, scope: Scope) -> Value:
        """Return -x; a negated literal is a literal."""
        operand = self.resolved(node.operand)
        if isinstance(operand, nodes.Literal) and operand.type in NUMBERS:
            self.is_cacheable = False
            return self.value(replace(operand, value=-operand.value, text=f"-{operand.text}"), scope)
        value = self.typed(self.value(operand, scope))
        if value.type is None:
            return value
        if value.type not in NUMBERS:
            raise BindError(f"A value of type {value.type} can't be negated.", node.at)
        is_float = value.type in (Type.SINGLE, Type.DOUBLE)
        if self.dialect.name == "sqlite" and not is_float:
            is_float = True
        kind = value.type if value.type in (Type.SINGLE, Type.DOUBLE, Type.DECIMAL) else Type.INT64
        return Value(fn("neg_float" if is_float else "neg", value.tree), kind, value.is_nullable)

    # ---- paths ----

    def path(self, node: nodes.Path, scope: Scope) -> Value:
        """Return the value at the end of a path: a property, /$count, any or all."""
        start, segments = self.start(node, scope)
        return self.walk(start, segments, node.at, scope)

    def start(self, node: nodes.Path, scope: Scope) -> tuple[Scope, Sequence[nodes.Node]]:
        """Return where a path begins."""
        if node.root is None:
            return scope, node.segments
        name = node.root.name
        if name in scope.variables:
            return scope.variables[name], node.segments
        if name == "$it" and not scope.is_nested:
            return scope, node.segments
        raise NotSupported(f"{name} is not supported here.", hint="Name the property itself.")

    def walk(self, scope: Scope, segments: Sequence[nodes.Node], at: int, whole: Scope) -> Value:
        """Return the value that the rest of a path means, seen from `scope`; lambda bodies on it see what `whole` sees."""
        if not segments:
            raise BindError("An entity stands where a value belongs.", at, hint="Add a property.")
        first, rest = segments[0], segments[1:]
        if not isinstance(first, nodes.Name):
            raise self.refused(first)
        item = scope.property(first.name)
        if item is not None:
            if rest:
                return self.below_property(item, rest, first.at or at)
            return self.property_value(item, scope, at)
        if first.name in scope.computed and not rest:
            return self.computed(first.name, scope)
        navigation = scope.resource.navigation_by_name.get(first.name)
        if navigation is None or navigation.target not in self.catalog.resources:
            raise unknown(scope.resource, first.name, first.at or at)
        if navigation.is_collection:
            return self.collection(navigation, scope, rest, at, whole)
        if not rest:
            raise BindError(f"{first.name} is a relation, not a value.", at, hint=f"Name a property of it: {first.name}/...")
        inner, ties = self.related(navigation, scope)
        value = self.walk(inner, rest, at, whole)
        if value.type == Type.BOOLEAN and isinstance(rest[-1], nodes.Lambda):
            return Value(fn("exists", self.subselect(inner, [*ties, value.tree])), Type.BOOLEAN, is_nullable=False)
        query = select([value.tree], self.source(inner.resource, inner.alias)).where(all_of(ties), copy=False)
        return replace(value, tree=exp.Subquery(this=query), is_nullable=True)

    def computed(self, name: str, scope: Scope) -> Value:
        """Return a computed property: its expression in place, which may use those defined before it."""
        self._computed_used += 1
        if self._computed_used > MAX_COMPUTED:
            raise BindError(f"Computed properties are used more than {MAX_COMPUTED} times.", hint="Build fewer of them on each other.")
        before = dict(scope.computed)
        expression = before.pop(name)
        for later in list(before)[list(scope.computed).index(name) :]:
            del before[later]
        return self.value(expression, replace(scope, computed=before))

    def property_value(self, item: PublishedProperty, scope: Scope, at: int) -> Value:
        """Return a column of the scope."""
        if item.column.is_collection:
            raise NotSupported(f"{item.name} is a collection; filters over it are not supported.", hint="Filter on the client.")
        return Value(self.read(item.column, scope.alias), item.column.type, item.column.is_nullable, item.column)

    def property_value_any(self, item: PublishedProperty, scope: Scope, *, is_wire: bool = False) -> Read:
        """Return a column to show, collections included; `is_wire` as the text that goes out."""
        wire = self.dialect.wire(item.column) if is_wire else None
        if wire is None:
            return self.read(item.column, scope.alias)
        return Read(table=scope.alias, column=item.column.name, template=self._percent(wire.select))

    def below_property(self, item: PublishedProperty, rest: Sequence[nodes.Node], at: int) -> Value:
        """Refuse what follows a primitive property."""
        if item.column.is_collection:
            raise NotSupported(f"{item.name} is a collection; filters over it are not supported.", hint="Filter on the client.")
        name = getattr(rest[0], "name", "") or type(rest[0]).__name__
        raise BindError(f"{item.name} has no property {name}.", at, hint="It is a primitive value.")

    def collection(self, navigation: PublishedNavigation, scope: Scope, rest: Sequence[nodes.Node], at: int, whole: Scope) -> Value:
        """Return Nav/$count, Nav/any(...) or Nav/all(...)."""
        last = rest[0] if len(rest) == 1 else None
        if isinstance(last, nodes.Name) and last.name == "$count":
            last = nodes.CountSegment()
        if isinstance(last, nodes.CountSegment):
            inner, ties = self.related(navigation, scope)
            outer = {} if whole.is_nested else {"$it": whole}
            inner = replace(inner, is_nested=whole.is_nested, variables={**outer, **whole.variables})
            ties += [self.boolean(last.filter, inner)] if last.filter is not None else []
            if last.search is not None:
                ties.append(self.search(last.search, inner))
            query = select([fn("count_rows")], self.source(inner.resource, inner.alias)).where(all_of(ties), copy=False)
            return Value(exp.Subquery(this=query), Type.INT64, is_nullable=False)
        if isinstance(last, nodes.Lambda):
            return Value(self.quantified(navigation, scope, last, whole), Type.BOOLEAN, is_nullable=False)
        raise BindError(f"{navigation.name} holds many rows.", at, hint=f"Use {navigation.name}/any(x:...) or {navigation.name}/$count.")

    def quantified(self, navigation: PublishedNavigation, scope: Scope, node: nodes.Lambda, whole: Scope) -> exp.Expression:
        """Return any / all as EXISTS; `all` asks that no row fails (URL Conventions 4.01, 5.1.1.13)."""
        inner, conditions = self.related(navigation, scope)
        if node.body is None:
            return fn("exists", self.subselect(inner, conditions))
        body_scope = replace(whole, variables={**whole.variables, str(node.variable): inner})
        if node.operator == "any":
            conditions.append(self.boolean(node.body, body_scope))
            return fn("exists", self.subselect(inner, conditions))
        conditions.append(fn("not", fn("or_false", self.boolean(node.body, body_scope, is_positive=False))))
        return fn("not", fn("exists", self.subselect(inner, conditions)))

    def subselect(self, scope: Scope, conditions: Sequence[exp.Expression]) -> exp.Select:
        """Return SELECT 1 over a scope."""
        return select([fn("one")], self.source(scope.resource, scope.alias)).where(all_of(conditions), copy=False)

    def relation_exists(self, node: nodes.Node, scope: Scope) -> exp.Expression | None:
        """Return whether a related row exists where a path ends in a single relation; None where it does not."""
        if not isinstance(node, nodes.Path) or not all(isinstance(segment, nodes.Name) for segment in node.segments):
            return None
        start, segments = self.start(node, scope)
        return self.related_exists(start, [getattr(segment, "name", "") for segment in segments])

    def related_exists(self, scope: Scope, names: Sequence[str]) -> exp.Expression | None:
        """Return whether single relations, one after the other, lead to a row."""
        navigation = scope.resource.navigation_by_name.get(names[0]) if names else None
        if navigation is None or navigation.is_collection or navigation.target not in self.catalog.resources:
            return None
        inner, ties = self.related(navigation, scope)
        further = self.related_exists(inner, names[1:]) if len(names) > 1 else None
        if len(names) > 1 and further is None:
            return None
        return fn("exists", self.subselect(inner, ties if further is None else [*ties, further]))

    # ---- $search ----

    def search(self, node: nodes.Node, scope: Scope) -> exp.Expression:
        """Return $search: each term a case-insensitive, literal contains in some text of the row."""
        if isinstance(node, nodes.SearchBoolean):
            return fn(node.operator, self.search(node.left, scope), self.search(node.right, scope))
        if isinstance(node, nodes.SearchNot):
            return fn("not", fn("or_false", self.search(node.operand, scope)))
        if not isinstance(node, nodes.SearchTerm):
            raise self.refused(node)
        names = scope.resource.search or tuple(p.name for p in scope.resource.properties)
        items = [scope.resource.by_name[name] for name in names if name in scope.resource.by_name]
        texts = [item.column for item in items if item.column.type == Type.STRING and not item.column.is_collection]
        if not texts:
            return FALSE.copy()
        slot = Slot(Column("", Type.STRING), value=node.text)
        parts = [fn("or_false", fn("contains_ci", self.read(column, scope.alias), self.bind(slot))) for column in texts]
        return fn("or", *parts) if len(parts) > 1 else parts[0]


def flat(node: nodes.Binary) -> list[nodes.Node]:
    """Return the operands of a chain of the same operator, without recursion."""
    found: list[nodes.Node] = []
    current: nodes.Node = node
    while isinstance(current, nodes.Binary) and current.operator == node.operator:
        found.append(current.right)
        current = current.left
    return [current, *reversed(found)]


def is_many(node: nodes.Node, scope: Scope) -> bool:
    """Claim that a path begins with a relation to many rows."""
    first = node.segments[0] if isinstance(node, nodes.Path) and node.segments else None
    navigation = scope.resource.navigation_by_name.get(getattr(first, "name", ""))
    return navigation is not None and navigation.is_collection


def is_naive(value: Value) -> bool:
    """Claim that the value is a stored wall clock, which the connection's TimeZone makes an instant of."""
    column = value.column
    return value.type == Type.TIMESTAMP and column is not None and bool(column.native_type) and not column.has_zone


def is_null(node: nodes.Node) -> bool:
    """Claim that the node is the literal null."""
    return isinstance(node, nodes.Literal) and node.type is None


def unknown(resource: PublishedResource, name: str, at: int) -> BindError:
    """Return the error of a name that this user's resource does not have."""
    return BindError(f"{resource.name} has no property {name}.", at, hint="$metadata lists the properties.")


@lru_cache(maxsize=512)
def row_filter(text: str) -> nodes.Node:
    """Return a stored row filter, parsed."""
    return parse_filter(text)
