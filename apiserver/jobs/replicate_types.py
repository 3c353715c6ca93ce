"""Types in REPLICATE statements: SQL's names to the product's types, and back."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from connections.contract.table import Column, Type
from connections.engine.sql_reader import ProductSql

KINDS = exp.DataType.Type
TYPES: dict[Any, Type] = {
    **dict.fromkeys(
        (
            KINDS.VARCHAR,
            KINDS.NVARCHAR,
            KINDS.TEXT,
            KINDS.CHAR,
            KINDS.NCHAR,
            KINDS.MEDIUMTEXT,
            KINDS.LONGTEXT,
            KINDS.TINYTEXT,
            KINDS.JSON,
            KINDS.JSONB,
            KINDS.XML,
        ),
        Type.STRING,
    ),
    **dict.fromkeys((KINDS.TINYINT, KINDS.SMALLINT, KINDS.UTINYINT), Type.INT16),
    **dict.fromkeys((KINDS.INT, KINDS.MEDIUMINT), Type.INT32),
    KINDS.BIGINT: Type.INT64,
    **dict.fromkeys((KINDS.DECIMAL, KINDS.MONEY, KINDS.SMALLMONEY), Type.DECIMAL),
    KINDS.FLOAT: Type.SINGLE,
    KINDS.DOUBLE: Type.DOUBLE,
    **dict.fromkeys(
        (
            KINDS.DATETIME,
            KINDS.DATETIME2,
            KINDS.SMALLDATETIME,
            KINDS.TIMESTAMP,
            KINDS.TIMESTAMPTZ,
            KINDS.TIMESTAMPLTZ,
            KINDS.TIMESTAMPNTZ,
            KINDS.ROWVERSION,
        ),
        Type.TIMESTAMP,
    ),
    **dict.fromkeys((KINDS.BIT, KINDS.BOOLEAN), Type.BOOLEAN),
    KINDS.DATE: Type.DATE,
    KINDS.TIME: Type.TIME,
    KINDS.UUID: Type.GUID,
    **dict.fromkeys((KINDS.BINARY, KINDS.VARBINARY, KINDS.BLOB, KINDS.MEDIUMBLOB, KINDS.LONGBLOB, KINDS.IMAGE), Type.BINARY),
}
ZONED = (KINDS.TIMESTAMPTZ, KINDS.TIMESTAMPLTZ, KINDS.TIMESTAMP, KINDS.ROWVERSION)
DOCUMENTS = (KINDS.JSON, KINDS.JSONB)
WRITTEN: dict[Type, str] = {
    Type.BOOLEAN: "BIT",
    Type.BYTE: "SMALLINT",
    Type.SBYTE: "SMALLINT",
    Type.INT16: "SMALLINT",
    Type.INT32: "INT",
    Type.INT64: "BIGINT",
    Type.SINGLE: "REAL",
    Type.DOUBLE: "DOUBLE",
    Type.GUID: "UUID",
    Type.DATE: "DATE",
    Type.TIME: "TIME",
    Type.DURATION: "VARCHAR(64)",
}
LONGEST, MOST_DIGITS = 2**31 - 1, 1000


def column_of(name: str, text: str) -> Column | None:
    """Return the column that a type's text describes; None for a text that is no type."""
    try:
        found = exp.DataType.build(text, dialect=ProductSql)
    except (SqlglotError, ValueError):
        return None
    kind = TYPES.get(found.this)
    sizes = [item.name for item in found.expressions]
    if kind is None or found.args.get("nested") or "[" in text or not all(size.isdecimal() or size.upper() == "MAX" for size in sizes):
        return None
    numbers = [int(size) for size in sizes if size.isdecimal()]
    if kind == Type.DECIMAL:
        return decimal(name, numbers)
    if kind in (Type.STRING, Type.BINARY):
        length = numbers[0] if numbers else None
        return Column(name, kind, max_length=length, is_json=found.this in DOCUMENTS) if length is None or 0 < length <= LONGEST else None
    if kind == Type.SINGLE and ((not numbers and "real" not in text.lower()) or (numbers and numbers[0] > 24)):
        kind = Type.DOUBLE  # FLOAT is one of 53 bits (ISO 9075-2, 6.1: FLOAT(p) by its precision)
    precision = numbers[0] if numbers and kind in (Type.TIME, Type.TIMESTAMP) else None
    return Column(name, kind, precision=precision, has_zone=found.this in ZONED)


def decimal(name: str, numbers: list[int]) -> Column | None:
    """Return a decimal column; without digits it is one of any."""
    precision, scale = (*numbers, 0)[:2] if numbers else (None, None)
    is_sane = precision is None or (0 < precision <= MOST_DIGITS and scale is not None and scale <= precision)
    return Column(name, Type.DECIMAL, precision=precision, scale=scale) if is_sane else None


def type_text(column: Column) -> str:
    """Return the type of a column as a REPLICATE statement writes it."""
    if column.type == Type.STRING:
        return "JSON" if column.is_json else f"VARCHAR({column.max_length})" if column.max_length else "TEXT"
    if column.type == Type.BINARY:
        return f"VARBINARY({column.max_length})" if column.max_length else "VARBINARY(MAX)"
    if column.type == Type.DECIMAL:
        return f"DECIMAL({column.precision}, {column.scale or 0})" if column.precision else "DECIMAL"
    if column.type == Type.TIMESTAMP:
        digits = "" if column.precision is None else f"({column.precision})"
        return f"TIMESTAMPTZ{digits}" if column.has_zone else f"DATETIME2{digits}"
    if column.type == Type.TIME and column.precision is not None:
        return f"TIME({column.precision})"
    return WRITTEN[column.type]
