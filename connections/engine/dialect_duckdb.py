"""DuckDB as tables of data; also the dialect of every source that gives rows: its values are the contract's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connections.contract.dialect import Dialect
from connections.contract.table import Column, Type
from connections.engine.functions_duckdb import CASTS, FUNCTIONS
from connections.engine.residual_functions import single

# What a bound value is taken as.
KINDS: dict[Type, str] = {
    Type.BOOLEAN: "BOOLEAN",
    Type.BYTE: "SMALLINT",
    Type.SBYTE: "SMALLINT",
    Type.INT16: "SMALLINT",
    Type.INT32: "INTEGER",
    Type.INT64: "BIGINT",
    Type.SINGLE: "DOUBLE",
    Type.DOUBLE: "DOUBLE",
    Type.STRING: "VARCHAR",
    Type.GUID: "UUID",
    Type.DATE: "DATE",
    Type.TIME: "TIME",
    Type.TIMESTAMP: "TIMESTAMPTZ",
    Type.DURATION: "INTERVAL",
    Type.BINARY: "BLOB",
}


def quote(name: str) -> str:
    """Return an identifier as SQL text."""
    return '"' + name.replace('"', '""') + '"'


def bind(column: Column) -> str:
    """Return the SQL of a bound value; decimals keep their own digits."""
    kind = KINDS.get(column.type)
    return "{0}" if kind is None else f"CAST({{0}} AS {kind})"


def encode(column: Column) -> Callable[[Any], Any] | None:
    """Return how a value is compared: a Single as 32 bits hold it."""
    return single if column.type is Type.SINGLE else None


def as_it_is(column: Column) -> None:
    """Leave values as the contract has them."""


DUCKDB = Dialect(
    name="rows",
    sqlglot="duckdb",
    bind_mark="?",
    doubles_percent=False,
    quote=quote,
    functions=FUNCTIONS,
    casts=CASTS,
    bind=bind,
    select=lambda column: "{0}",
    encode=encode,
    decode=as_it_is,
    has_returning=False,
)
