"""Types of MySQL and MariaDB in the contract's words."""

from __future__ import annotations

import re
from typing import Any

from pymysql.constants import FIELD_TYPE, FLAG

from connections.contract.table import Column, Type

TYPES: dict[str, Type] = {
    "tinyint": Type.SBYTE,
    "smallint": Type.INT16,
    "mediumint": Type.INT32,
    "int": Type.INT32,
    "bigint": Type.INT64,
    "year": Type.INT16,
    "decimal": Type.DECIMAL,
    "float": Type.SINGLE,
    "double": Type.DOUBLE,
    "uuid": Type.GUID,
    "date": Type.DATE,
    "time": Type.TIME,
    "datetime": Type.TIMESTAMP,
    "timestamp": Type.TIMESTAMP,
    "binary": Type.BINARY,
    "varbinary": Type.BINARY,
    "tinyblob": Type.BINARY,
    "blob": Type.BINARY,
    "mediumblob": Type.BINARY,
    "longblob": Type.BINARY,
}
# Without a sign the next wider type holds every value.
UNSIGNED: dict[str, Type] = {
    "tinyint": Type.BYTE,
    "smallint": Type.INT32,
    "mediumint": Type.INT32,
    "int": Type.INT64,
    "bigint": Type.DECIMAL,
}
# Read as text (well-known text), never written.
SHAPES = frozenset(
    {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection"}
)
# Their length is a number of characters or bytes; that of text and blob depends on the character set.
SIZED = frozenset({"char", "varchar", "binary", "varbinary"})


def text(value: Any) -> str:
    """Return text of the information schema, which may arrive as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value or "")


def column_of(
    number: Any,
    name: Any,
    data_type: Any,
    column_type: Any,
    is_nullable: str,
    length: Any,
    precision: Any,
    scale: Any,
    fraction: Any,
    default: Any,
    extra: Any,
    comment: Any,
    charset: Any,
    *,
    is_json: bool,
) -> Column:
    """Return the column of one row of the information schema."""
    data_type, declared, extra = text(data_type).lower(), text(column_type), text(extra).lower()
    kind = type_of(data_type, declared)
    digits = decimal_facets(kind, data_type, precision, scale)
    is_foreign = charset is not None and text(charset) != "utf8mb4" and data_type != "json"
    return Column(
        name=text(name),
        type=kind,
        is_nullable=is_nullable == "YES",
        max_length=int(length) if data_type in SIZED else None,
        precision=int(fraction or 0) if kind in (Type.TIME, Type.TIMESTAMP) else digits[0],
        scale=digits[1],
        is_json=is_json or data_type == "json",
        has_zone=data_type == "timestamp",
        is_generated=data_type in SHAPES or ("generated" in extra and "default_generated" not in extra),
        has_default=(default is not None and text(default) != "NULL") or "auto_increment" in extra,
        native_type=f"{declared} CHARACTER SET {text(charset)}" if is_foreign else declared,
        comment=text(comment),
        allowed_values=enum_values(declared) if data_type == "enum" else (),
        ordinal=int(number),
    )


def decimal_facets(kind: Type, data_type: str, precision: Any, scale: Any) -> tuple[int | None, int | None]:
    """Return precision and scale of a decimal."""
    if kind != Type.DECIMAL:
        return None, None
    return (int(precision), int(scale or 0)) if data_type == "decimal" else (20, 0)


def enum_values(declared: str) -> tuple[str, ...]:
    """Return the labels of enum('a','it''s')."""
    return tuple(part.replace("''", "'") for part in re.findall(r"'((?:[^']|'')*)'", declared))


def type_of(data_type: str, declared: str) -> Type:
    """Return the contract's type: tinyint(1) and bit(1) are booleans by custom."""
    if declared.startswith(("tinyint(1)", "bit(1)")):
        return Type.BOOLEAN
    if data_type == "bit":
        return Type.DECIMAL if declared == "bit(64)" else Type.INT64
    if "unsigned" in declared and data_type in UNSIGNED:
        return UNSIGNED[data_type]
    return TYPES.get(data_type, Type.STRING)


FIELDS: dict[int, str] = {
    FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONG: "int",
    FIELD_TYPE.LONGLONG: "bigint",
    FIELD_TYPE.YEAR: "year",
    FIELD_TYPE.DECIMAL: "decimal",
    FIELD_TYPE.NEWDECIMAL: "decimal",
    FIELD_TYPE.FLOAT: "float",
    FIELD_TYPE.DOUBLE: "double",
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date",
    FIELD_TYPE.TIME: "time",
    FIELD_TYPE.DATETIME: "datetime",
    FIELD_TYPE.TIMESTAMP: "timestamp",
    FIELD_TYPE.BIT: "bit",
    FIELD_TYPE.JSON: "json",
    FIELD_TYPE.GEOMETRY: "geometry",
}
BLOBS = frozenset({FIELD_TYPE.TINY_BLOB, FIELD_TYPE.BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB})
BINARY_CHARSET = 63
WIDEST = 4  # bytes a character may take in utf8mb4, which every text of a result arrives in
MOST_FRACTION = 6


def result_column(number: int, field: Any) -> Column:
    """Return the column of one field of a result (PyMySQL's FieldDescriptorPacket)."""
    data_type = field_type(field)
    length = field.length if field.charsetnr == BINARY_CHARSET else field.length // WIDEST
    precision = field.length - (field.scale > 0) - (not field.flags & FLAG.UNSIGNED)
    return column_of(
        number,
        field.name,
        data_type,
        declared_type(data_type, field, length, precision),
        "YES",
        length if data_type in SIZED else None,
        precision,
        field.scale,
        min(field.scale, MOST_FRACTION),
        None,
        "",
        "",
        None,
        is_json=False,
    )


def field_type(field: Any) -> str:
    """Return the type's name as the information schema would."""
    if field.type_code in FIELDS:
        return FIELDS[field.type_code]
    is_binary = field.charsetnr == BINARY_CHARSET and not field.flags & (FLAG.ENUM | FLAG.SET)
    if field.type_code in BLOBS:
        return "longblob" if is_binary else "longtext"
    return "varbinary" if is_binary else "varchar"


def declared_type(data_type: str, field: Any, length: int, precision: int) -> str:
    """Return the type as a column would declare it."""
    sign = " unsigned" if field.flags & FLAG.UNSIGNED else ""
    if data_type in SIZED or data_type == "bit" or (data_type == "tinyint" and field.length == 1):
        return f"{data_type}({length}){sign if data_type == 'tinyint' else ''}"
    if data_type == "decimal":
        return f"decimal({precision},{field.scale}){sign}"
    if data_type in ("time", "datetime", "timestamp"):
        return f"{data_type}({min(field.scale, MOST_FRACTION)})" if field.scale else data_type
    return data_type + (sign if data_type in UNSIGNED else "")
