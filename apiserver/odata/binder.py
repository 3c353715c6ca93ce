"""Expressions of OData to the engine's tree, over one user's catalog."""

from __future__ import annotations

import sys
from dataclasses import replace

from sqlglot import exp

from apiserver.odata import nodes
from apiserver.odata.binder_comparisons import Comparisons
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_functions import arithmetic, call
from apiserver.odata.binder_paths import Paths
from apiserver.odata.binder_state import Scope, Value
from connections.contract.errors import NotSupported
from connections.contract.table import NUMBERS, Type
from connections.engine.nodes import fn

# An expression of 200 chained operators is allowed; printing takes a few frames for each.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 6000))


class Binder(Comparisons, Paths):
    """Binds the expressions of one statement; collects its slots."""

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
            return call(self, node, scope)
        if isinstance(node, nodes.Unary) and node.operator == "-":
            return self.negative(node, scope)
        if isinstance(node, nodes.Binary) and node.operator in ("add", "sub", "mul", "div", "divby", "mod"):
            return arithmetic(self, node, scope)
        if isinstance(node, nodes.Binary | nodes.In | nodes.Unary) and getattr(node, "operator", "in") != "has":
            return Value(self.boolean(node, scope, is_positive=False), Type.BOOLEAN, is_nullable=True)
        raise self.refused(node)

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
        return Value(fn("neg_float" if is_float else "neg", value.tree), kind, value.is_nullable, is_whole=value.is_whole)
