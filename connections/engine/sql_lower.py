"""A bound statement in one dialect: cells become reads, values become binds, functions the names that the dialect has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from sqlglot import exp

from connections.contract.dialect import Dialect
from connections.contract.errors import BadValue, NotSupported
from connections.contract.table import INTEGER_RANGE, INTEGERS, Column, Type
from connections.engine.nodes import Bind, Fn, Read
from connections.engine.printer import COMMON, print_statement
from connections.engine.sql_nodes import Bound, Cell, Given, Slot

# Endings that say more than a dialect needs where it has no function for them.
PRECISE = ("_float", "_integer", "_text")


# What only some databases run as it is meant; others give their rows instead.
APART: dict[type[exp.Expr], str] = {exp.Lateral: "lateral", exp.With: "with_recursive"}


@dataclass(frozen=True, slots=True)
class Native:
    """A statement as one source takes it."""

    sql: str
    binds: tuple[Any, ...]
    decoders: tuple[Callable[[Any], Any] | None, ...]


def native(bound: Bound, dialect: Dialect) -> Native:
    """Return the whole statement for the one source that has all its tables; raise NotSupported for what its dialect lacks."""
    for kind, name in APART.items():
        if bound.tree.find(kind) is not None and name not in dialect.functions:
            raise NotSupported(f"{name.replace('_', ' ').upper()} is not run by this source.")
    statement = print_statement(lowered(bound.tree, bound.slots, dialect), dialect)
    values = [sent(slot, dialect) for slot in bound.slots]
    return Native(statement.sql, tuple(values[number] for number in statement.slots), decoders(bound, dialect))


def decoders(bound: Bound, dialect: Dialect) -> tuple[Callable[[Any], Any] | None, ...]:
    """Return how the values of each column become the contract's."""
    return tuple(decoder(output.column, dialect) for output in bound.outputs)


def decoder(column: Column, dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return how a column's values become the contract's; computed numbers arrive in whatever type the source counts in."""
    decode = dialect.decode(column)
    if column.native_type:
        return decode
    if column.type in INTEGERS:
        return whole
    return partial(exact, decode) if column.type == Type.DECIMAL else decode


def whole(value: Any) -> int:
    """Return a computed whole number; raise for one beyond 64 bits."""
    found = int(value)
    low, high = INTEGER_RANGE[Type.INT64]
    if not low <= found <= high or found != value:
        raise BadValue(f"A computed whole number is beyond 64 bits: {str(value)[:40]}.", hint="CAST a number to DECIMAL first.")
    return found


def exact(decode: Callable[[Any], Any] | None, value: Any) -> Decimal:
    """Return a computed decimal."""
    return Decimal(value if decode is None or isinstance(value, int) else decode(value))


def sent(slot: Slot, dialect: Dialect) -> Any:
    """Return a value as the driver takes it."""
    if slot.value is None:
        return None
    encode = dialect.encode(slot.column)
    found = slot.value if encode is None else encode(slot.value)
    # SQLite sorts text after every number: the nearest double compares right.
    return float(found) if dialect.name == "sqlite" and slot.column.type == Type.DECIMAL and isinstance(found, str) else found


def lowered(
    tree: exp.Expression, slots: Sequence[Slot], dialect: Dialect, columns: Mapping[str, str] | None = None, *, first: int = 0
) -> exp.Expression:
    """Return a copy of the tree with our nodes for the printer; `first` is the number that its first value has there."""
    copied = tree.copy()
    holder = exp.Paren(this=copied)
    for node in list(copied.walk(bfs=False)):
        if isinstance(node, Fn):
            name_in(node, dialect)
    for node in list(copied.walk(bfs=False)):
        if isinstance(node, Cell):
            node.replace(read_of(node, dialect))
        elif isinstance(node, Given):
            slot = slots[int(node.args["number"])]
            node.replace(Bind(slot=first + int(node.args["number"]), template=dialect.bind(slot.column)))
    found: exp.Expression = holder.this
    return found


def read_of(cell: Cell, dialect: Dialect) -> Read:
    """Return a cell as it is read."""
    column: Column = cell.args["column"]
    template = "{0}" if cell.args.get("is_plain") else dialect.select(replace(column, name=cell.args["name"]))
    return Read(
        table=cell.args["table"], column=cell.args["name"], template=template.replace("%", "%%") if dialect.doubles_percent else template
    )


def name_in(node: Fn, dialect: Dialect) -> None:
    """Give a function the name that the dialect has for it."""
    name = str(node.args["name"])
    if name in dialect.functions or name in COMMON or name.startswith("cast_"):
        return
    if name == "instant" or name == "exact_text":
        node.set("name", "itself")
    elif name == "decimal_text":
        node.set("name", f"cast_{Type.STRING}")
        node.set("expressions", node.expressions[:1])
    else:
        node.set("name", next((name.removesuffix(end) for end in PRECISE if name.endswith(end)), name))
