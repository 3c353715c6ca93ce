"""Tables that changed after they were published: rows whose values are no longer of the published types, keys that are none any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import NoneType
from typing import Any

from apiserver.odata.errors import Conflict, Forbidden
from apiserver.resources.catalog import PublishedResource
from connections.contract.dialect import Dialect
from connections.contract.errors import TableGone
from connections.contract.table import FLOATS, INTEGERS, Column, Type
from connections.contract.unsayable import Unsayable

MOST_SEEN = 1000  # of a plan; nulls make many
# Driver's values that columns of a type may hold as they are.
PLAIN: dict[Type, tuple[type, ...]] = {
    **dict.fromkeys(INTEGERS, (int, Decimal)),
    **dict.fromkeys(FLOATS, (float, int, Decimal)),
    Type.STRING: (str,),
    Type.BOOLEAN: (bool,),
}


# The class of nearly all of them.
SIMPLE: dict[Type, type] = {kind: classes[0] for kind, classes in PLAIN.items()}


@dataclass(frozen=True, slots=True)
class Kinds:
    """Columns that nothing else checks, by place, and the classes of values that rows with plain ones have had."""

    columns: tuple[tuple[int, Column], ...] = ()
    seen: set[tuple[type, ...]] = field(default_factory=set)

    def is_simple(self, row: Sequence[Any]) -> bool:
        """Claim that the row's values, where there are any, are of the columns' first classes."""
        classes = tuple(map(type, row))
        if classes in self.seen:
            return True
        if not all(classes[place] in (SIMPLE[column.type], NoneType) for place, column in self.columns):
            return False
        if len(self.seen) < MOST_SEEN:
            self.seen.add(classes)
        return True


NO_KINDS = Kinds()


def kinds_of(columns: Sequence[Column], decoders: Sequence[Callable[[Any], Any] | None], dialect: Dialect) -> Kinds:
    """Return the columns, by place, that nothing else checks: those taken as they come, and integers, which decoding would round to."""
    if not dialect.is_typed:
        return NO_KINDS
    return Kinds(
        tuple(
            (place, column)
            for place, (column, decode) in enumerate(zip(columns, decoders, strict=True))
            if column.type in PLAIN and not column.is_collection and (decode is None or column.type in INTEGERS)
        )
    )


def check(batch: Sequence[Sequence[Any]], kinds: Kinds) -> None:
    """Raise when a column has another type now; all values of a column have one type, so that the first tells."""
    if len(batch) == 1 and kinds.is_simple(batch[0]):
        return
    for place, column in kinds.columns:
        value = next((row[place] for row in batch if row[place] is not None and not isinstance(row[place], Unsayable)), None)
        if value is not None and not is_plain(value, column):
            raise TableGone(
                f"The column {column.name} of the table no longer holds values of the type {column.type}.",
                hint="Refresh the resource on the API page.",
            )


def is_plain(value: Any, column: Column) -> bool:
    """Claim that the value is of the column's type; a whole number may come as a decimal without decimals."""
    if isinstance(value, bool) and column.type != Type.BOOLEAN:
        return False
    if isinstance(value, Decimal) and column.type in INTEGERS and value.as_tuple().exponent != 0:
        return False
    return isinstance(value, PLAIN[column.type])


def rights_outdated(resource: PublishedResource) -> Forbidden:
    """Return the refusal of a user whose row filter names what the resource no longer has: no row may be shown without it."""
    hint = "An administrator has to correct the row filter on Users."
    return Forbidden(f"This user's rights to {resource.name} no longer fit its table.", hint=hint)


def not_unique(resource: PublishedResource) -> Conflict:
    """Return the refusal of a key that several rows have."""
    hint = "Its key is not unique in the database: an administrator has to set another key, or refresh the resource."
    return Conflict(f"Several rows of {resource.name} have this key.", hint=hint)
