"""PostgreSQL's types in the contract's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

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
# Arrays of these are collections; other arrays are read as PostgreSQL writes them: {a,b}.
ARRAY_ITEMS = frozenset(TYPES) - {"bytea", "oid"} | {"text", "varchar"}
HEADER = 4  # a type modifier counts the length word


def column_of(
    number: int,
    name: str,
    is_not_null: bool,
    formatted: str,
    modifier: int,
    native: str,
    item: str,
    has_default: bool,
    identity: str,
    generated: str,
    comment: str,
    labels: Sequence[str] | None,
) -> Column:
    """Return the column of one catalog row."""
    is_collection = item in ARRAY_ITEMS
    base = item if is_collection else native
    length, precision, scale = facets(base, modifier)
    return Column(
        name=name,
        type=Type.DURATION if is_day_interval(native, formatted) else TYPES.get(base, Type.STRING),
        is_nullable=not is_not_null,
        max_length=length,
        precision=precision,
        scale=scale,
        is_collection=is_collection,
        is_json=native in ("json", "jsonb"),
        has_zone=base == "timestamptz",
        is_generated=identity == "a" or bool(generated),
        has_default=bool(has_default) or bool(identity),
        native_type=f"{item}[]" if is_collection else formatted,
        comment=comment,
        allowed_values=tuple(labels or ()),
        ordinal=number,
    )


def is_day_interval(native: str, formatted: str) -> bool:
    """Claim that an interval column is declared without years and months: only then it is an exact duration."""
    return native == "interval" and formatted.startswith("interval ") and not any(word in formatted for word in ("year", "month"))


def facets(native: str, modifier: int) -> tuple[int | None, int | None, int | None]:
    """Return max length, precision and scale from a type modifier."""
    if native in ("varchar", "bpchar"):
        return (modifier - HEADER if modifier >= HEADER else None), None, None
    if native == "numeric":
        if modifier < HEADER:
            return None, None, None
        scale = (modifier - HEADER) & 0x7FF
        # Since version 15 the scale may be negative: numeric(3,-2) keeps hundreds.
        return None, ((modifier - HEADER) >> 16) & 0xFFFF, scale - 2048 if scale > 1000 else scale
    if native in ("time", "timestamp", "timestamptz"):
        return None, (modifier if modifier >= 0 else 6), None
    return None, None, None


# The catalog's names of types that the contract knows, by what format_type calls them.
CATALOG_NAMES = {
    "boolean": "bool",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "character varying": "varchar",
    "character": "bpchar",
    "time without time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}
FORMATTED = re.compile(r"([^(]+?)(?:\((\d+)(?:,(-?\d+))?\))?( with(?:out)? time zone)?(\[\])?")


def column_wished(column: Column, formatted: str) -> Column:
    """Return the column with the type that format_type writes so."""
    found = FORMATTED.fullmatch(formatted)
    name, first, second, zone, brackets = found.groups("") if found else (formatted, "", "", "", "")
    native = "interval" if name.startswith("interval") else CATALOG_NAMES.get(name + zone, name + zone)
    digits, item = modifier(native, first, second), native if brackets else ""
    made = column_of(
        column.ordinal, column.name, False, formatted, digits, f"_{native}" if brackets else native, item, False, "", "", "", None
    )
    return replace(made, is_nullable=column.is_nullable, comment=column.comment)


def modifier(native: str, first: str, second: str) -> int:
    """Return the type modifier of the digits that stand behind a type."""
    if not first:
        return -1
    if native == "numeric":
        return ((int(first) << 16) | (int(second or 0) & 0x7FF)) + HEADER
    return int(first) + (HEADER if native in ("varchar", "bpchar") else 0)
