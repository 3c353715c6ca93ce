"""PostgreSQL's types in the contract's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connections.contract.table import Column, Type

TYPES: dict[str, Type] = {
    "bool": Type.BOOLEAN,
    "int2": Type.INT16,
    "int4": Type.INT32,
    "int8": Type.INT64,
    "oid": Type.INT64,
    "numeric": Type.DECIMAL,
    "float4": Type.SINGLE,
    "float8": Type.DOUBLE,
    "uuid": Type.GUID,
    "date": Type.DATE,
    "time": Type.TIME,
    "timestamp": Type.TIMESTAMP,
    "timestamptz": Type.TIMESTAMP,
    "bytea": Type.BINARY,
}
# What reads and compares as it is; every other type is read as text.
PLAIN = frozenset(TYPES) | {"text", "varchar"}
ARRAY_ITEMS = frozenset(TYPES) - {"bytea", "oid"} | {"text", "varchar"}
HEADER = 4  # a type modifier counts the length word


def column_of(row: Sequence[Any]) -> Column:
    """Return the column of one catalog row."""
    (
        number,
        name,
        is_not_null,
        _typname,
        _,
        formatted,
        _,
        base,
        _,
        item,
        item_kind,
        modifier,
        has_default,
        identity,
        generated,
        _default,
        comment,
        labels,
    ) = row
    is_array = bool(item) and item in ARRAY_ITEMS and item_kind != "e"
    native = item if is_array else base
    kind = Type.DURATION if is_day_interval(formatted) else TYPES.get(native, Type.STRING)
    length, precision, scale = facets(native, modifier)
    return Column(
        name=name,
        type=kind,
        is_nullable=not is_not_null,
        max_length=length,
        precision=precision,
        scale=scale,
        is_collection=is_array,
        is_json=base in ("json", "jsonb"),
        has_zone=native == "timestamptz",
        is_generated=identity == "a" or bool(generated),
        has_default=bool(has_default) or bool(identity),
        native_type=formatted if not is_array else f"{native}[]",
        comment=comment,
        allowed_values=tuple(labels or ()),
        ordinal=number,
    )


def is_day_interval(formatted: str) -> bool:
    """Claim that an interval column can hold no months: only then it is an exact duration."""
    return formatted.startswith("interval ") and not any(word in formatted for word in ("year", "month"))


def facets(native: str, modifier: int) -> tuple[int | None, int | None, int | None]:
    """Return max length, precision and scale from a type modifier."""
    if native in ("varchar", "bpchar"):
        return (modifier - HEADER if modifier >= HEADER else None), None, None
    if native == "numeric":
        if modifier < HEADER:
            return None, None, None
        scale = (modifier - HEADER) & 0x7FF
        return None, ((modifier - HEADER) >> 16) & 0xFFFF, scale - 2048 if scale > 1000 else scale
    if native in ("time", "timestamp", "timestamptz"):
        return None, (modifier if modifier >= 0 else 6), None
    return None, None, None
