"""$compute: names for expressions over a row, usable in $select, $filter and $orderby beside it (URL Conventions 4.01, 5.1.3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import partial
from typing import Any

from sqlglot import exp

from apiserver.odata import nodes
from apiserver.odata.binder import Binder
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_state import Scope
from apiserver.resources.catalog import PublishedResource
from connections.contract.table import Column, Type

EXACT = Context(prec=140)  # more than any source computes


@dataclass(frozen=True, slots=True)
class Computed:
    """The computed properties of one statement, in the order of their definition."""

    names: tuple[str, ...]
    trees: list[exp.Expression]
    decoders: tuple[Callable[[Any], Any] | None, ...]
    columns: tuple[Column, ...]


def definitions(resource: PublishedResource, options: nodes.Options) -> Mapping[str, nodes.Node]:
    """Return the expressions by name; raise BindError where a name is taken."""
    found: dict[str, nodes.Node] = {}
    for item in options.compute or ():
        if item.name in resource.by_name or item.name in resource.navigation_by_name or item.name in found:
            raise BindError(f"{item.name} is a name of {resource.name} already.", item.at, "$compute", "Choose another name.")
        found[item.name] = item.expression
    return found


def scope_of(binder: Binder, resource: PublishedResource, options: nodes.Options, *, is_nested: bool = False) -> Scope:
    """Return the scope of a statement's rows with the names that $compute adds."""
    return Scope(resource, binder.alias(), is_nested=is_nested, computed=definitions(resource, options))


def shown(binder: Binder, scope: Scope) -> Computed:
    """Return the computed properties as columns of the statement."""
    trees: list[exp.Expression] = []
    decoders: list[Callable[[Any], Any] | None] = []
    columns: list[Column] = []
    for name in scope.computed:
        try:
            value = binder.typed(binder.computed(name, scope))
        except BindError as error:
            error.option = "$compute"
            raise
        trees.append(value.tree)
        column = value.column or Column("", value.type or Type.STRING)
        columns.append(column)
        decode = binder.dialect.decode(column)
        is_exact = column.type == Type.DECIMAL and not column.native_type
        decoders.append(partial(scaled, decode, column.scale) if is_exact else decode)
    return Computed(tuple(scope.computed), trees, tuple(decoders), tuple(columns))


def scaled(decode: Callable[[Any], Any] | None, scale: int | None, value: Any) -> Any:
    """Return a computed decimal with the decimals of its type, else with those that it needs: databases add zeros as they like."""
    found = Decimal(value if decode is None else decode(value))
    if not found.is_finite():
        return found
    least = found.normalize(EXACT)
    digits = -int(least.as_tuple().exponent)
    return least.quantize(Decimal(1).scaleb(-max(digits, scale or 0, 0)), context=EXACT)
