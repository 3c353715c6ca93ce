"""What differs between databases that are read scan by scan, as tables of data: SQL, types, catalog. Declared by one class each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connections.contract.table import FLOATS, Column, Type

COLLATED = " collate"
# Stands for the place of a value until the statement is whole; U+E000 and U+E001 are private-use characters.
MARK = "\ue000{0}\ue001"


def as_it_is(column: Column) -> str:
    """Return the template of a column or value that needs nothing around it."""
    return "{0}"


def anything(column: Column, value: Any) -> bool:
    """Claim that the value can be sent."""
    return True


def is_collated(column: Column) -> bool:
    """Claim that the column has a collation of its own, which the catalog's query tells behind the type."""
    return column.native_type.lower().endswith(COLLATED)


def clock_text(value: dt.datetime) -> str:
    """Return a date-time as text; with a zone it is an instant, in UTC."""
    return value.replace(tzinfo=None).isoformat(sep=" ")


# Encoders of drivers that take dates and times as text.
CLOCK_TEXTS: dict[Type, Callable[[Any], Any]] = {
    Type.DATE: lambda value: value.isoformat(),
    Type.TIME: lambda value: value.isoformat(),
    Type.TIMESTAMP: clock_text,
}


def by_type(templates: Mapping[Type, str]) -> Callable[[Column], str]:
    """Return what stands around the mark of a value of a column: by the column's type."""
    return lambda column: templates.get(column.type, "{0}")


@dataclass(frozen=True, slots=True)
class Text:
    """How text is compared. A template holds {0}, the column, and {1}, the value; '' = the database does it otherwise than OData."""

    equal: str = "{0} = {1}"
    differs: str = "{0} <> {1}"
    ordered: str = "{0}"  # the form in which < and ORDER BY go by code points
    contains: str = ""
    startswith: str = ""
    endswith: str = ""
    is_foreign: Callable[[Column], bool] = is_collated  # of a type or collation of its own: compared here


@dataclass(frozen=True, slots=True)
class Rules:
    """One database's SQL."""

    sqlglot: str  # sqlglot's name of the printer
    mark: Callable[[int], str]  # the driver's own mark of the value in this place, from 1
    types: Mapping[str, Type]  # base name of a native type, in small letters; what is missing is read as text
    doubles_percent: bool = False
    zoned: frozenset[str] = frozenset()  # native types that hold an instant
    narrow: frozenset[str] = frozenset()  # native types that are whole numbers where they have no digits behind the point
    json: frozenset[str] = frozenset()
    as_text: Callable[[str], str] = lambda native: "CAST({0} AS VARCHAR)"  # reads a type that we do not know
    read: Callable[[Column], str] = as_it_is  # so that the value arrives exact, and compares as it arrives
    bind: Callable[[Column], str] = as_it_is  # around the mark of a value
    encode: Mapping[Type, Callable[[Any], Any]] = field(default_factory=dict)
    can_bind: Callable[[Column, Any], bool] = anything
    text: Text = field(default_factory=Text)
    unordered: frozenset[Type] = frozenset({Type.BINARY, Type.DURATION, Type.SINGLE})  # neither < nor ORDER BY
    unequal: frozenset[Type] = frozenset({Type.BINARY, Type.DURATION, Type.SINGLE})  # no = either
    is_nan_greatest: bool = False  # in comparisons, as in DuckDB; IEEE compares it with nothing
    has_infinity: bool = False  # of date-times, which the driver gives as the ends of the calendar
    nan: str = ""  # condition that tells NaN, where ORDER BY has it elsewhere than behind the greatest number
    escapes_names: bool = False  # a backslash in a quoted name means something
    keys_hold: bool = True  # no two rows have one key; else keys are only declared
    returning: str = ""  # behind INSERT: {0} is the list of the key's columns
    declared: Callable[[Column], str] | None = None  # the key that the database made goes through a table of these types (T-SQL)
    counted: str = "{0}"  # around UPDATE and DELETE, so that the number of changed rows is told as a row
    inserts_by_select: bool = False  # VALUES takes no functions of some types
    default_row: str = "DEFAULT VALUES"  # {0} is a column
    writes: frozenset[str] = frozenset({"insert", "update", "delete"})

    def can_order(self, column: Column) -> bool:
        """Claim that the database orders the column as OData does."""
        if column.is_collection or column.type in self.unordered:
            return False
        return column.type is not Type.STRING or (bool(self.text.ordered) and not self.is_foreign(column))

    def is_unknown(self, column: Column) -> bool:
        """Claim that the column is of a type that we read as text."""
        return column.type is Type.STRING and base_of(column.native_type) not in self.types

    def is_foreign(self, column: Column) -> bool:
        """Claim that the database compares this text in a way of its own."""
        return self.is_unknown(column) or (column.type is Type.STRING and self.text.is_foreign(column))

    def is_float(self, column: Column) -> bool:
        """Claim that the column may hold NaN."""
        return column.type in FLOATS


@dataclass(frozen=True, slots=True)
class Catalog:
    """Queries of the database's own catalog. {catalog} is the quoted database, {refs} the condition that names tables."""

    tables: str  # schema, name, kind, comment
    columns: str  # schema, table, name, native type, nullable, length, precision, scale, default, generated, comment; in order
    schema: str = "table_schema"  # of `columns` and `keys`, as conditions name it
    table: str = "table_name"
    keys: str = ""  # schema, table, p | u | f, constraint, column, target's schema, table, column; in order
    key_schema: str = ""  # '' = as `schema`
    key_table: str = ""


WRAPPERS = ("nullable(", "lowcardinality(")


def base_of(native: str) -> str:
    """Return the name of a native type without sizes: `timestamp with time zone` of `timestamp(3) with time zone`."""
    text = unwrapped(native).removesuffix(COLLATED)
    first, bracket, rest = text.partition("(")
    if "<" in text:
        return text.partition("<")[0]
    tail = rest.rpartition(")")[2] if bracket else ""
    return " ".join(f"{first}{tail}".split())


def unwrapped(native: str) -> str:
    """Return the type inside of ClickHouse's wrappers."""
    text = native.strip().lower()
    for wrapper in WRAPPERS:
        if text.startswith(wrapper):
            return unwrapped(text[len(wrapper) : -1])
    return text
