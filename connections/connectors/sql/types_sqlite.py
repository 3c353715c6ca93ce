"""SQLite's types in the contract's words, from declared names (sqlite.org/datatype3.html)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from connections.contract.table import Column, Type

DECLARED: dict[str, Type] = {
    "BOOLEAN": Type.BOOLEAN,
    "BOOL": Type.BOOLEAN,
    "BIT": Type.BOOLEAN,
    "SMALLINT": Type.INT16,
    "INT2": Type.INT16,
    "DECIMAL": Type.DECIMAL,
    "DEC": Type.DECIMAL,
    "NUM": Type.DECIMAL,
    "NUMERIC": Type.DECIMAL,
    "NUMBER": Type.DECIMAL,
    "MONEY": Type.DECIMAL,
    "CURRENCY": Type.DECIMAL,
    "UUID": Type.GUID,
    "GUID": Type.GUID,
    "UNIQUEIDENTIFIER": Type.GUID,
    "DATE": Type.DATE,
    "TIME": Type.TIME,
    "DATETIME": Type.TIMESTAMP,
    "TIMESTAMP": Type.TIMESTAMP,
    "DATETIME2": Type.TIMESTAMP,
    "DATETIMEOFFSET": Type.TIMESTAMP,
    "TIMESTAMPTZ": Type.TIMESTAMP,
    "POINT": Type.STRING,
    "STRING": Type.STRING,
}
# Rules 1 to 4 of SQLite's affinity, by what the declared name contains.
AFFINITIES = (
    (("INT",), Type.INT64),
    (("CHAR", "CLOB", "TEXT", "JSON", "ENUM"), Type.STRING),
    (("BLOB",), Type.BINARY),
    (("REAL", "FLOA", "DOUB"), Type.DOUBLE),
)
DECLARATION = re.compile(r"\s*([A-Za-z][A-Za-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$")


def column_of(row: Sequence[Any], primary: tuple[str, ...], *, has_rowid: bool) -> Column:
    """Return the column of one pragma row."""
    number, name, declared, is_not_null, default, _, hidden = row
    kind, length, precision, scale = type_of(declared)
    is_rowid = has_rowid and primary == (name,) and declared.strip().upper() == "INTEGER"
    return Column(
        name=name,
        type=kind,
        is_nullable=not (is_not_null or name in primary),  # SQLite lets old tables have null in a key; nobody means it
        max_length=length,
        precision=precision,
        scale=scale,
        is_json="JSON" in declared.upper(),
        is_generated=hidden in (2, 3),
        has_default=default is not None or is_rowid,
        native_type=declared,
        ordinal=number,
    )


def type_of(declared: str) -> tuple[Type, int | None, int | None, int | None]:
    """Return type, max length, precision and scale of a declared type."""
    match = DECLARATION.match(declared)
    words, first, second = (match[1].upper(), match[2], match[3]) if match else (declared.upper(), None, None)
    kind = DECLARED.get(words.split(" ")[0])
    if kind is None:
        kind = next((found for parts, found in AFFINITIES if any(part in words for part in parts)), Type.STRING)
    if kind == Type.DECIMAL:
        return kind, None, int(first) if first else None, (int(second) if second else 0) if first else None
    if kind == Type.STRING:
        return kind, int(first) if first else None, None, None
    return kind, None, 6 if kind in (Type.TIME, Type.TIMESTAMP) else None, None
