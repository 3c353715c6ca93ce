"""A reflected table as JSON and back: what a resource keeps, so that the catalog needs no source."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from connections.contract.table import WRITES, Column, ForeignKey, Table, TableRef, Type

TYPES = {str(item): item for item in Type}
COLUMN_DEFAULTS = {item.name: item.default for item in fields(Column)}


def to_json(table: Table) -> dict[str, Any]:
    """Return the table as plain values; defaults are left out."""
    found = {
        "schema": table.ref.schema,
        "name": table.ref.name,
        "kind": table.kind,
        "comment": table.comment,
        "columns": [column_to_json(column) for column in table.columns],
        "primary_key": list(table.primary_key),
        "unique_keys": [list(key) for key in table.unique_keys],
        "foreign_keys": [[k.name, list(k.columns), k.target_schema, k.target_table, list(k.target_columns)] for k in table.foreign_keys],
    }
    if table.writes != WRITES:
        found["writes"] = sorted(table.writes)
    return found | {name: value for name in ("check_column", "partial") if (value := getattr(table, name))}


def column_to_json(column: Column) -> dict[str, Any]:
    """Return the values of a column that differ from the defaults."""
    found = {name: getattr(column, name) for name in COLUMN_DEFAULTS}
    found = {name: value for name, value in found.items() if name in ("name", "type") or value != COLUMN_DEFAULTS[name]}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def from_json(data: dict[str, Any]) -> Table:
    """Return the table of `to_json`."""
    return Table(
        ref=TableRef(data["schema"], data["name"]),
        kind=data["kind"],
        comment=data["comment"],
        columns=tuple(column_from_json(item) for item in data["columns"]),
        primary_key=tuple(data["primary_key"]),
        unique_keys=tuple(tuple(key) for key in data["unique_keys"]),
        foreign_keys=tuple(ForeignKey(n, tuple(c), s, t, tuple(o)) for n, c, s, t, o in data["foreign_keys"]),
        writes=frozenset(data.get("writes", WRITES)),
        check_column=data.get("check_column", ""),
        partial=data.get("partial", ""),
    )


def column_from_json(data: dict[str, Any]) -> Column:
    """Return the column of `column_to_json`."""
    if "allowed_values" in data:
        data = {**data, "allowed_values": tuple(data["allowed_values"])}
    return Column(**{**data, "type": TYPES[data["type"]]})
