"""The shape of options: what a statement's text depends on, apart from the values that are bound (key of the plan cache)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import isfinite
from typing import Any

from apiserver.odata import nodes
from apiserver.odata.binder_values import beside
from apiserver.resources.remembered import remembered
from connections.contract.table import NUMBERS

# Values that do not shape a statement, or only by their presence.
_IGNORED = frozenset({"given", "custom", "format", "index", "schemaversion"})
_BY_PRESENCE = frozenset({"top", "skip", "skiptoken", "deltatoken", "id"})
_OPTION_FIELDS = tuple(name for name in nodes.Options.__slots__ if name not in _IGNORED)


@remembered
def shape(options: nodes.Options) -> tuple[Hashable, Sequence[nodes.Literal]]:
    """Return a key in which literals are only their types, and the literals in the order of the walk.

    INF, NaN and zero are told apart: the first two compare like nothing else, the last divides nothing. So are
    decimals that no double holds.

    Kept in the key: names, operators, lengths of lists, words of $search, numbers of $levels, presence of $top and $skip.
    """
    literals: list[nodes.Literal] = []
    return _options(options, literals), tuple(literals)


def _options(options: nodes.Options, literals: list[nodes.Literal]) -> Hashable:
    parts: list[Hashable] = []
    for name in _OPTION_FIELDS:
        value = getattr(options, name)
        if value is None or value == {}:
            continue
        parts.append((name, True if name in _BY_PRESENCE else _value(value, literals)))
    return tuple(parts)


def _value(value: Any, literals: list[nodes.Literal]) -> Hashable:
    walk = _WALKS.get(type(value))
    if walk is not None:
        return walk(value, literals)
    fields = _FIELDS.get(type(value))
    if fields is None:
        return value
    return (type(value).__name__, *[_value(getattr(value, name), literals) for name in fields])


def _literal(node: nodes.Literal, literals: list[nodes.Literal]) -> Hashable:
    literals.append(node)
    value = node.value
    if isinstance(value, float) and not isfinite(value):
        return ("?", node.type, str(value))
    if node.type in NUMBERS:
        return ("?", node.type, "zero" if value == 0 else beside(value))
    return ("?", node.type, node.kind)


def _json(node: nodes.JsonLiteral, literals: list[nodes.Literal]) -> Hashable:
    names = tuple(node.value) if isinstance(node.value, dict) else None
    return ("Json", names, tuple(_value(item, literals) for item in node.items))


def _tuple(items: tuple[Any, ...], literals: list[nodes.Literal]) -> Hashable:
    return tuple([_value(item, literals) for item in items])


def _dict(members: dict[str, Any], literals: list[nodes.Literal]) -> Hashable:
    return tuple([(name, _value(members[name], literals)) for name in sorted(members)])


_WALKS: dict[type, Callable[[Any, list[nodes.Literal]], Hashable]] = {
    nodes.Literal: _literal,
    nodes.JsonLiteral: _json,
    nodes.Options: _options,
    tuple: _tuple,
    dict: _dict,
}
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name in kind.__dataclass_fields__ if name != "at")
    for kind in vars(nodes).values()
    if isinstance(kind, type) and issubclass(kind, nodes.Node) and kind not in _WALKS
}
