"""Paths: properties, computed properties, relations to one row or many, any, all, /$count, and $search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from apiserver.odata import nodes
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_state import BinderState, Scope, Slot, Value
from apiserver.resources.catalog import PublishedNavigation, PublishedProperty, PublishedResource
from connections.contract.errors import NotSupported
from connections.contract.table import Column, Type
from connections.engine.nodes import FALSE, Read, all_of, fn, select

MAX_COMPUTED = 200  # uses of computed properties in one statement: each is its whole expression again


class Paths(BinderState):
    """Binds what a path leads to."""

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
        return Read(table=scope.alias, column=item.column.name, template=self.percent(wire.select))

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


def unknown(resource: PublishedResource, name: str, at: int) -> BindError:
    """Return the error of a name that this user's resource does not have."""
    return BindError(f"{resource.name} has no property {name}.", at, hint="$metadata lists the properties.")
