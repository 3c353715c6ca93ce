"""What differs between SQL databases, as tables of data. Declared by connectors/sql, read by the engine's printer and the writers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connections.contract.table import Column, Type

# A function entry: a template over its printed arguments ("lower({0})") or a callable for what a template can't say.
Template = str | Callable[..., str]
Decode = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Wire:
    """How a column travels as OData's own text, no value being made on the way: `select` as in Dialect, then `text`."""

    select: str
    text: Callable[[str], str] | None = None  # None = it arrives so; raises BadValue for what OData can't say


@dataclass(frozen=True, slots=True)
class RowJson:
    """How the database writes a row as a JSON object in OData's forms; its functions have `row_json`."""

    column: Callable[[Column], str | None]  # SQL over "{0}", the column, whose JSON is OData's; None = there is none
    mark: str  # stands in the object where OData has no form for the value
    max_name: int  # bytes of a property's name


@dataclass(frozen=True, slots=True)
class Commits:
    """How one statement tells which rows' transactions are settled: those with no older one still running. Texts of SQL."""

    column: str  # the hidden column that names the transaction which wrote a row's present version
    version: str  # over "{0}", that column: the transaction as text
    settled: str  # over "{0}": true of rows whose transaction no older one that still runs precedes
    before: str  # over "{0}" and "{1}", a transaction's number: true of rows whose transaction is an earlier one
    running: str  # the oldest transaction that still runs, a growing number
    next: str  # the first transaction that has not begun, a growing number


@dataclass(frozen=True, slots=True)
class Dialect:
    """One SQL dialect. A function or cast without an entry raises NotSupported when printed."""

    name: str  # postgresql | mysql | sqlite
    sqlglot: str  # sqlglot's name of the printer it starts from
    bind_mark: str  # the driver's own: "%s" or "?"
    doubles_percent: bool  # `%` in SQL text must be written `%%`
    quote: Callable[[str], str]  # the one way an identifier becomes SQL text
    functions: Mapping[str, Template]  # our function name (engine.nodes.FUNCTIONS) -> SQL
    casts: Mapping[Type, Template]  # cast(value, Edm.X)
    bind: Callable[[Column], str]  # SQL for a bind of this column's type, "{0}" is the mark: "CAST({0} AS numeric)"
    select: Callable[[Column], str]  # SQL to read a column so that its value arrives exact; "{0}" is the column
    encode: Callable[[Column], Callable[[Any], Any] | None]  # contract value -> driver value; None = as it is
    decode: Callable[[Column], Decode | None]  # driver value -> contract value; None = as it is
    has_returning: bool
    is_typed: bool = True  # all values of a column have its type
    wire: Callable[[Column], Wire | None] = lambda _: None  # None = read as `select` and `decode` say
    stored: Callable[[Column], str | None] = lambda _: None  # as `bind`, where a column keeps another form than it shows
    row_json: RowJson | None = None  # None = rows become JSON here
    commits: Commits | None = None  # None = rows do not tell in which transaction they came
