"""What each part of the binder builds on: values, slots, scopes, and the state of one statement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlglot import exp

from apiserver.odata import nodes
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_values import driver_value, own_column, value_for
from apiserver.odata.drift import rights_outdated
from apiserver.odata.parser import parse_filter
from apiserver.odata.parser_errors import ODataSyntaxError
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource
from connections.contract.dialect import Dialect
from connections.contract.errors import NotSupported
from connections.contract.table import Column, Type
from connections.engine.nodes import Bind, Derived, Read, fn, table
from connections.engine.view_sql import checked_select


@dataclass(frozen=True, slots=True)
class Value:
    """A bound expression and what is known of it. `type` None is the literal null; `literal` waits for its type."""

    tree: exp.Expression
    type: Type | None
    is_nullable: bool = True
    column: Column | None = None
    literal: nodes.Literal | None = None
    is_whole: bool = False  # a Decimal that whole numbers gave, which div and mod take for one of them


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


class BinderState(ABC):
    """The catalog, dialect and aliases of one statement, and the slots that it has so far."""

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
        return Read(table=alias, column=column.name, template=self.percent(self.dialect.select(column)))

    def bind(self, slot: Slot) -> Bind:
        """Return a bind mark for the slot."""
        self.slots.append(slot)
        return Bind(slot=len(self.slots) - 1, template=self.dialect.bind(slot.column))

    def percent(self, template: str) -> str:
        """Return a template as the driver takes it."""
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
        try:
            return [self.boolean(row_filter(item.text), scope) for item in resource.row_filters]
        except (BindError, ODataSyntaxError, NotSupported) as error:
            raise rights_outdated(resource) from error

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

    def refused(self, node: nodes.Node) -> Exception:
        """Return the error of what is parsed and not served, or is no expression at all."""
        if isinstance(node, nodes.Bound):
            return BindError(f"{node.name} is no function of this service.", node.at, hint="Check its name.")
        if isinstance(node, nodes.TypeName):
            return BindError("A type name stands where a value belongs.", node.at)
        return NotSupported(f"{type(node).__name__} expressions are not supported here.", hint="Compare properties with literals.")

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

    # ---- what the parts ask of each other ----

    @abstractmethod
    def value(self, node: nodes.Node, scope: Scope) -> Value:
        """Return an expression bound; literals wait for the type of the other side."""

    @abstractmethod
    def boolean(self, node: nodes.Node, scope: Scope, *, is_positive: bool = True) -> exp.Expression:
        """Return a condition; with `is_positive` null may stand for false."""

    @abstractmethod
    def relation_exists(self, node: nodes.Node, scope: Scope) -> exp.Expression | None:
        """Return whether a related row exists where a path ends in a single relation; None where it does not."""


def is_naive(value: Value) -> bool:
    """Claim that the value is a stored wall clock, which the connection's TimeZone makes an instant of."""
    column = value.column
    return value.type == Type.TIMESTAMP and column is not None and bool(column.native_type) and not column.has_zone


@lru_cache(maxsize=512)
def row_filter(text: str) -> nodes.Node:
    """Return a stored row filter, parsed."""
    return parse_filter(text)
