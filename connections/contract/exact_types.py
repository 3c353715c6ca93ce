"""The type that a PostgreSQL column has, written into the comment of a column elsewhere, so that a way back finds it.

A database of another kind keeps the values of many types as text; the comment ends in `{postgresql: interval}` there.
"""

from __future__ import annotations

import re
from dataclasses import replace

from connections.contract.table import Column, Type

# Types all of whose values others have, too, so that they come back as they are.
PLAIN = frozenset({"boolean", "smallint", "integer", "bigint", "uuid", "jsonb"})
# Types that PostgreSQL always has. Those of extensions, enumerations and composites are text elsewhere and come back as text.
NAMES = (
    'boolean|smallint|integer|bigint|real|double precision|numeric|money|text|character varying|character|"char"|name|bytea|uuid|json'
    "|jsonb|xml|date|time|timestamp|interval|inet|cidr|macaddr|macaddr8|bit|bit varying|point|line|lseg|box|path|polygon|circle|tsvector"
    "|tsquery|(?:int4|int8|num|ts|tstz|date)(?:range|multirange)|oid|pg_lsn|jsonpath|pg_snapshot|txid_snapshot|xid|xid8|cid|tid"
)
SPAN = "(?: (?:year|month|day|hour|minute|second)(?: to (?:month|hour|minute|second))?)?"
TYPE = re.compile(rf"(?:{NAMES}){SPAN}(?:\(\d+(?:,-?\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])?")
MARK = re.compile(r"\s*\{postgresql: ([^{}]*)\}$")


def marked(column: Column) -> Column:
    """Return a column of PostgreSQL as one whose comment tells its type; an array is read as a JSON text, a duration as text."""
    found = told(column).as_text()
    return replace(found, type=Type.STRING, precision=None) if found.type == Type.DURATION else found


def told(column: Column) -> Column:
    """Return a column of PostgreSQL with its type in the comment."""
    kind = kind_of(column)
    if kind in PLAIN or not TYPE.fullmatch(kind):
        return column
    return telling(column, kind)


def telling(column: Column, kind: str) -> Column:
    """Return the column with a comment that tells this type of PostgreSQL."""
    return replace(column, comment=f"{MARK.sub('', column.comment)} {{postgresql: {kind}}}".strip())


def unmarked(column: Column) -> Column:
    """Return the column without a type in its comment."""
    return replace(column, comment=MARK.sub("", column.comment))


def kind_of(column: Column) -> str:
    """Return the type as PostgreSQL's format_type writes it; reflection names the items of an array otherwise."""
    item, is_array = re.subn(r"\[\]$", "", column.native_type)
    if not column.is_collection:
        return column.native_type
    length = f"({column.max_length})" if column.max_length and item in ("varchar", "bpchar") else ""
    if item == "numeric" and column.precision is not None:
        length = f"({column.precision},{column.scale or 0})"
    return ITEMS.get(item, item) + length + "[]" * is_array


# What PostgreSQL calls the types of items in its catalog.
ITEMS = {
    "bool": "boolean",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "varchar": "character varying",
    "bpchar": "character",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


def wished(column: Column) -> str:
    """Return the PostgreSQL type that the column's comment tells, '' where it tells none."""
    found = MARK.search(column.comment)
    return found[1] if found and TYPE.fullmatch(found[1]) else ""
