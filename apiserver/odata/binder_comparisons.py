"""Conditions: comparisons, `in`, and, or, not, by OData's own null logic.

OData 4.01 URL Conventions, 5.1.1: comparisons never give null (eq and ne treat null as a value, gt, ge, lt, le with null are
false); everything else passes null on. `boolean(node, is_positive=True)` may take null for false, which keeps plain predicates
that indexes serve; under `not` and as a value the two-valued forms are printed.
"""

from __future__ import annotations

import math

from sqlglot import exp

from apiserver.odata import nodes
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_state import BinderState, Scope, Value, is_naive
from apiserver.odata.binder_values import beside, column_for, is_comparable
from connections.contract.errors import NotSupported
from connections.contract.table import FLOATS, NUMBERS, Column, Type
from connections.engine.nodes import FALSE, TRUE, fn

COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}


class Comparisons(BinderState):
    """Binds what is true or false."""

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


def is_null(node: nodes.Node) -> bool:
    """Claim that the node is the literal null."""
    return isinstance(node, nodes.Literal) and node.type is None
