"""Values of a previewed table as its page shows them: cut, marked, binary as hex."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connections.contract.table import NUMBERS, Column, Table

LONGEST_TEXT = 120
LONGEST_BINARY = 16


@dataclass(frozen=True, slots=True)
class Cell:
    """One value. `length` is that of the whole value where only a part is shown."""

    text: str
    kind: str = "text"  # text | null | binary
    length: int = 0
    is_right: bool = False  # stands at the right, as numbers do


@dataclass(frozen=True, slots=True)
class Head:
    """One column above its values."""

    column: Column
    is_key: bool
    is_number: bool


def heads(table: Table) -> list[Head]:
    """Return the columns, keys and numbers marked."""
    return [Head(column, column.name in table.primary_key, is_number(column)) for column in table.columns]


def is_number(column: Column) -> bool:
    """Claim that the column's values stand at the right."""
    return column.type in NUMBERS and not column.is_collection


def rows(table: Table, found: Iterable[Iterable[Any]]) -> list[list[Cell]]:
    """Return the rows as cells."""
    return [[cell(value, column) for value, column in zip(row, table.columns, strict=True)] for row in found]


def cell(value: Any, column: Column) -> Cell:
    """Return one value as it is shown."""
    if value is None:
        return Cell("null", "null", is_right=is_number(column))
    if isinstance(value, bytes):
        return Cell(value[:LONGEST_BINARY].hex(), "binary", len(value))
    text = text_of(value)
    if len(text) > LONGEST_TEXT:
        return Cell(text[:LONGEST_TEXT], length=len(text))
    return Cell(text, is_right=is_number(column))


def text_of(value: Any) -> str:
    """Return a value in words."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").replace("+00:00", "Z")
    if isinstance(value, list):
        return json.dumps(value, default=text_of, ensure_ascii=False)
    return str(value)
