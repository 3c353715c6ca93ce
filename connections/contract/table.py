"""Tables and columns as a source describes them: what reflection returns and the catalog keeps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

# The connection property of connectors that have array columns, and its value under which they are published as text.
ARRAYS_AS, ARRAYS_AS_TEXT = "Arrays", "Text"


class Type(StrEnum):
    """The product's one list of value types. Values are the Edm names (OData CSDL 4.01, 3.3 Primitive Types), less the prefix."""

    BOOLEAN = "Boolean"
    BYTE = "Byte"
    SBYTE = "SByte"
    INT16 = "Int16"
    INT32 = "Int32"
    INT64 = "Int64"
    DECIMAL = "Decimal"
    SINGLE = "Single"
    DOUBLE = "Double"
    STRING = "String"
    GUID = "Guid"
    DATE = "Date"
    TIME = "TimeOfDay"
    TIMESTAMP = "DateTimeOffset"
    DURATION = "Duration"
    BINARY = "Binary"


INTEGERS = frozenset({Type.BYTE, Type.SBYTE, Type.INT16, Type.INT32, Type.INT64})
FLOATS = frozenset({Type.SINGLE, Type.DOUBLE})
NUMBERS = INTEGERS | FLOATS | {Type.DECIMAL}
# OData CSDL 4.01, 6.5: what a key property may be.
KEY_TYPES = frozenset(Type) - FLOATS - {Type.BINARY}

# Inclusive bounds of the integer types.
INTEGER_RANGE: dict[Type, tuple[int, int]] = {
    Type.BYTE: (0, 255),
    Type.SBYTE: (-128, 127),
    Type.INT16: (-(2**15), 2**15 - 1),
    Type.INT32: (-(2**31), 2**31 - 1),
    Type.INT64: (-(2**63), 2**63 - 1),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column. Python values of its rows: bool, int, Decimal, float, str, UUID, date, time,
    aware datetime (UTC), timedelta, bytes; a list of these when `is_collection`; None for null."""

    name: str
    type: Type = Type.STRING
    is_nullable: bool = True
    max_length: int | None = None  # characters (String) or bytes (Binary)
    precision: int | None = None  # digits (Decimal) or fractional-second digits (times)
    scale: int | None = None  # Decimal: digits after the point; None = variable
    is_collection: bool = False
    is_json: bool = False  # a String that holds a JSON document
    has_zone: bool = False  # TIMESTAMP: the source keeps an instant; otherwise naive, read in the connection's TimeZone
    is_generated: bool = False  # identity, auto-increment, computed: never written by clients
    has_default: bool = False
    native_type: str = ""  # as the source spells it
    comment: str = ""
    allowed_values: tuple[str, ...] = ()
    ordinal: int = 0
    is_demanded: bool = False  # the source reads the table only where this column has a value (path parameters)
    is_costly: bool = False  # takes further calls a row: read only when asked for by name

    def as_text(self) -> Column:
        """Return the column, an array as the text of a JSON array."""
        is_array = self.is_collection or self.native_type.endswith("[]")
        facets: dict[str, Any] = {"max_length": None, "precision": None, "scale": None, "has_zone": False}
        return replace(self, type=Type.STRING, is_collection=False, is_json=True, **facets) if is_array else self


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`columns` here point to `target_columns` of `target_schema`.`target_table`, pairwise."""

    name: str
    columns: tuple[str, ...]
    target_schema: str
    target_table: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableRef:
    """The name of a table at its source. `schema` is empty where the source has none."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One line of the table picker."""

    ref: TableRef
    kind: str = "table"  # table | view
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Deletions:
    """Another table of the source, in whose rows stands which rows of this one were deleted, and when."""

    ref: TableRef
    key: tuple[tuple[str, str], ...]  # column of this table's key -> column there
    moment: str  # a time there
    where: tuple[tuple[str, str], ...] = ()  # column there -> the text that it has in such rows
    days: int = 0  # for which the source keeps them; 0 = for good


WRITES = frozenset({"insert", "update", "delete"})


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view, whole."""

    ref: TableRef
    kind: str = "table"
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()  # each over columns that are not nullable
    foreign_keys: tuple[ForeignKey, ...] = ()
    comment: str = ""
    writes: frozenset[str] = WRITES  # which of insert, update, delete the source has for it
    check_column: str = ""  # shows newness, where the source has such a column: preset of jobs and triggers
    deletions: Deletions | None = None  # where the source tells what was deleted
    partial: str = ""  # why reading gives no whole table ("page two can't be found"); '' = it does
    by_name: dict[str, Column] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})
