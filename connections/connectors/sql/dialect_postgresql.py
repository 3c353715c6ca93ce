"""PostgreSQL as tables of data: names, binds, how values are read exactly."""

from __future__ import annotations

import functools
import re
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

from connections.connectors.sql.errors_postgresql import OUT_OF_CALENDAR
from connections.connectors.sql.functions_postgresql import CASTS, FUNCTIONS, instant
from connections.connectors.sql.meanings import made
from connections.connectors.sql.values import instant_reader, instant_writer, nearest_single, quoted, zone_of
from connections.contract.dialect import Commits, Dialect, RowJson, Template, Wire
from connections.contract.errors import BadValue
from connections.contract.table import Column, Type
from connections.contract.unsayable import OTHER_TYPE

ISO_DAY, ISO_SECONDS = len("2024-01-31"), len("12:00:00")
# Stands in a row's JSON for what OData can't say; no row can hold it by chance or design.
UNSAYABLE = f"\x7f{secrets.token_hex(12)}"  # a byte that texts hardly have, and JSON leaves as it is, then what nobody can guess
MAX_NAME = 63  # bytes of an identifier
# Binds carry their type: inside functions an untyped one is ambiguous.
BINDS: dict[Type, str] = {
    Type.BOOLEAN: "CAST({0} AS boolean)",
    Type.DECIMAL: "CAST({0} AS numeric)",
    Type.SINGLE: "CAST({0} AS float8)",
    Type.DOUBLE: "CAST({0} AS float8)",
    Type.STRING: "CAST({0} AS text)",
    Type.GUID: "CAST({0} AS uuid)",
    Type.DATE: "CAST({0} AS date)",
    Type.TIME: "CAST({0} AS time)",
    Type.DURATION: "CAST({0} AS interval)",
    Type.BINARY: "CAST({0} AS bytea)",
}

ARRAY_TEXT = "CAST(to_json({0}) AS text)"
# NULL is no array, and an array of nothing is none either.
STORED_ARRAY = (
    "(SELECT CASE WHEN given.items IS NOT NULL THEN CAST(ARRAY(SELECT item FROM json_array_elements_text(given.items)"
    " WITH ORDINALITY AS each(item, place) ORDER BY place) AS {1}) END FROM (SELECT CAST({0} AS json) AS items) AS given)"
)

# The oldest transaction of this database that still runs: a server's snapshot also holds those of its other databases.
HORIZON = (
    "(SELECT coalesce(min(own.number), txid_snapshot_xmax(txid_current_snapshot()))"
    " FROM txid_snapshot_xip(txid_current_snapshot()) AS own(number) WHERE NOT EXISTS (SELECT 1 FROM pg_locks AS held"
    " JOIN pg_stat_activity AS holder ON holder.pid = held.pid WHERE held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock'"
    " AND held.granted AND CAST(CAST(held.transactionid AS text) AS bigint) = mod(own.number, 4294967296)"
    " AND holder.datname <> current_database()))"
)
# A row's transaction is known by the lower half of its number, so that the distance to the horizon is counted within that; 2: long frozen.
BEFORE = (
    "(mod(mod({1}, 4294967296) - CAST(CAST({0} AS text) AS bigint) + 4294967296, 4294967296)"
    " BETWEEN 1 AND 2147483647 OR CAST({0} AS text) = '2')"
)
# The same of a number that is given: `age` costs a tenth of counting with texts. It is negative for what is too far away to tell.
GIVEN = "age(CAST(CAST(mod({1}, 4294967296) AS text) AS xid))"
EARLIER = f"({GIVEN} >= 0 AND age({{0}}) > {GIVEN})"
COMMITS = Commits(
    column="xmin",
    version="CAST({0} AS text)",
    settled=BEFORE.replace("{1}", HORIZON),
    before=EARLIER,
    running=HORIZON,
    next="txid_snapshot_xmax(txid_current_snapshot())",
)


def is_foreign_text(column: Column) -> bool:
    """Claim that the column is of a type that we treat as text and PostgreSQL does not: enum, json, inet, char(n) ..."""
    if column.type != Type.STRING or column.is_collection or not column.native_type:
        return False
    return column.native_type != "text" and not column.native_type.startswith("character varying")


def is_array_text(column: Column) -> bool:
    """Claim that the column is an array which is published as the text of a JSON array."""
    return column.is_json and column.native_type.endswith("[]")


def bind(column: Column) -> str:
    """Return the SQL of a bound value of this column's type."""
    if column.is_collection:
        return f"CAST({{0}} AS {column.native_type})"
    if is_foreign_text(column):
        return "{0}"  # of unknown type: text next to text, an enum's label when stored in an enum
    if column.type == Type.TIMESTAMP:
        return "CAST({0} AS timestamptz)" if column.has_zone else "CAST({0} AS timestamp)"
    return BINDS.get(column.type, "{0}")


def stored(column: Column) -> str | None:
    """Return the SQL of a bound value as the column keeps it, where that is not `bind`: the JSON array as an array."""
    return STORED_ARRAY.replace("{1}", column.native_type) if is_array_text(column) else None


def select(column: Column) -> str:
    """Return the SQL that reads a column exactly."""
    if is_array_text(column):
        return ARRAY_TEXT
    if is_foreign_text(column):
        return "CAST({0} AS text)"
    return "CAST({0} AS bigint)" if column.native_type == "oid" else "{0}"


def encode(zone: tzinfo, column: Column) -> Callable[[Any], Any] | None:
    """Return how a value becomes the driver's."""
    one: Callable[[Any], Any] | None = ENCODERS.get(column.type)
    if column.type == Type.TIMESTAMP and not column.has_zone:
        target = zone if column.native_type else UTC  # a value that belongs to no column is an instant
        one = instant_writer(target)
    elif column.native_type.startswith("character(") and not column.is_collection:
        one = unpadded  # blanks at the end mean nothing to the column, so that a key finds the row that it made
    return one if one is None or not column.is_collection else each(one)


def check_text(value: Any) -> Any:
    """Return the text; PostgreSQL can't store NUL."""
    if isinstance(value, str) and "\0" in value:
        raise BadValue("PostgreSQL text can't hold a NUL character.")
    return value


def unpadded(value: Any) -> Any:
    """Return text of char(n) as it is read: without the blanks that fill it up."""
    return check_text(value).rstrip(" ")


ENCODERS: dict[Type, Callable[[Any], Any]] = {Type.STRING: check_text, Type.SINGLE: nearest_single}


def decode(zone: tzinfo, column: Column) -> Callable[[Any], Any] | None:
    """Return how the driver's value becomes the contract's."""
    one: Callable[[Any], Any] | None = None
    if column.type == Type.TIMESTAMP:
        one = from_calendar(from_instant if column.has_zone else instant_reader(zone))
    elif column.type in CLOCKS:
        one = from_calendar(CLOCKS[column.type])
    return each(one) if column.is_collection else one


def exactly(kind: type) -> Callable[[Any], Any]:
    """Return what refuses values of another type: a date-time is a date to Python."""

    def run(value: Any) -> Any:
        if type(value) is not kind:
            raise BadValue(OTHER_TYPE)
        return value

    return run


CLOCKS: dict[Type, Callable[[Any], Any]] = {Type.DATE: exactly(date), Type.TIME: exactly(time)}


def from_calendar(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the reader of dates or times; one that Python has no value for arrives as text."""

    def run(value: Any) -> Any:
        if isinstance(value, str):
            raise made(OUT_OF_CALENDAR)
        return read(value)

    return run


def from_instant(value: datetime) -> datetime:
    """Return the instant as UTC; the session's zone is UTC."""
    return value if value.tzinfo is UTC else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def each(one: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Return the function over lists; null items stay null, lists of lists are no collection."""

    def run(items: Any) -> Any:
        if any(isinstance(item, list) for item in items):
            raise BadValue("An array column holds an array of arrays.")
        return items if one is None else [None if item is None else one(item) for item in items]

    return run


# The cast inside costs nothing while the column has its type, and refuses what is none once it has not.
WIRE_CASTS: dict[Type, str] = {Type.DECIMAL: "numeric", Type.GUID: "uuid"}


def wire(zone: tzinfo, column: Column) -> Wire | None:
    """Return how a column travels as text; the session's settings make it ISO dates in UTC."""
    if column.is_collection:
        return None
    if column.type == Type.TIMESTAMP:
        return Wire("CAST({0} AS text)", instant_text) if column.has_zone or zone is UTC else None
    if column.type == Type.DATE:
        return Wire("CAST({0} AS text)", date_text)
    inner = WIRE_CASTS.get(column.type)
    return Wire(f"CAST(CAST({{0}} AS {inner}) AS text)") if inner else None


def instant_text(text: str) -> str:
    """Return `2024-01-31T12:00:00.5Z` of `2024-01-31 12:00:00.5+00` or of the same without zone."""
    day, _, clock = text.removesuffix("+00").partition(" ")
    if len(day) != ISO_DAY or len(clock) < ISO_SECONDS or clock[-1] == "C":
        raise made(OUT_OF_CALENDAR)
    return f"{day}T{clock}Z"


def json_column(zone: tzinfo, column: Column) -> str | None:
    """Return the SQL whose JSON is the one that the column's values have elsewhere; the mark where OData has no form.

    The casts do nothing while the column has the type that it was published with.
    """
    kind = PRECISION.sub("", column.native_type)
    if column.is_collection or (column.type == Type.TIMESTAMP and not column.has_zone and zone is not UTC):
        return None
    if kind == "numeric" and kind == column.native_type:
        return None  # of no precision: it may hold infinity
    if column.type == Type.STRING:
        return ARRAY_TEXT if is_array_text(column) else "CAST({0} AS text)"
    return JSON_OF.get(kind)


def unless(unsayable: str, text: str) -> str:
    """Return the text, the mark where the condition holds."""
    return f"CASE WHEN {unsayable} THEN '{UNSAYABLE}' ELSE {text} END"


def typed(kind: str, template: str = "{0}") -> str:
    """Return the template over a value of the type."""
    return template.replace("{0}", f"CAST({{0}} AS {kind})")


PRECISION = re.compile(r"\(\d+(,\d+)?\)")
INSTANT = "replace(CAST({0} AS text), ' ', 'T')"
UTC_INSTANT = "replace(CAST(CAST({0} AS timestamp) AS text), ' ', 'T') || 'Z'"  # sessions are in UTC; cutting +00 off costs more
DOUBLE = "CASE {0} WHEN 'Infinity' THEN CAST('\"INF\"' AS json) WHEN '-Infinity' THEN CAST('\"-INF\"' AS json) ELSE to_json({0}) END"
# By the name of the type, without its precision.
JSON_OF = {kind: typed(kind) for kind in ("boolean", "smallint", "integer", "bigint", "uuid", "numeric")} | {
    kind: typed(kind, template)
    for kind, template in {
        "real": DOUBLE,
        "double precision": DOUBLE,
        "date": unless("{0} NOT BETWEEN '0001-01-01' AND '9999-12-31'", "CAST({0} AS text)"),
        "time without time zone": unless("{0} = '24:00:00'", "CAST({0} AS text)"),
        "timestamp without time zone": unless("{0} < '0001-01-01' OR {0} >= '10000-01-01'", f"{INSTANT} || 'Z'"),
        "timestamp with time zone": unless("{0} < '0001-01-01+00' OR {0} >= '10000-01-01+00'", UTC_INSTANT),
    }.items()
}


def date_text(text: str) -> str:
    """Return the date."""
    if len(text) != ISO_DAY:
        raise made(OUT_OF_CALENDAR)
    return text


JSON: dict[str, Template] = {
    "row_json": "CAST(row_to_json({0}) AS text)",
    "joined_rows": "COALESCE(string_agg({0}, ','), '')",
    "bounded_text": "CASE WHEN octet_length({0}) <= {1} THEN {0} END",
}


@functools.cache
def dialect(zone: str, *, builds_json: bool = False) -> Dialect:
    """Return PostgreSQL's dialect for a connection with this TimeZone, whose rows the database makes JSON of or not."""
    found = zone_of(zone)
    return Dialect(
        name="postgresql",
        sqlglot="postgres",
        bind_mark="%s",
        doubles_percent=True,
        quote=functools.partial(quoted, '"'),
        functions={**FUNCTIONS, **instant(zone), **JSON},
        casts=CASTS,
        bind=bind,
        select=select,
        encode=functools.partial(encode, found),
        decode=functools.partial(decode, found),
        has_returning=True,
        wire=functools.partial(wire, found),
        stored=stored,
        row_json=RowJson(functools.partial(json_column, found), UNSAYABLE, MAX_NAME) if builds_json else None,
        commits=COMMITS,
    )
