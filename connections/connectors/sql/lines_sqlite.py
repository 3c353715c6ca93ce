"""Rows of a SQLite table as lines of PostgreSQL's COPY, written by SQLite itself: one value a row reaches Python, and one for each double.

SQLite keeps values of any type in any column. A row with a value that is not plainly of its column's type has no line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from connections.connectors.sql.values import quoted
from connections.contract.errors import BadValue
from connections.contract.table import FLOATS, INTEGERS, Column, Type

# Characters that stand between values and rows, for null and for what is not of its type; a text that has one goes another way.
BETWEEN, END, NULL, ODD = "\x1f", "\x1e", "\x02", "\x03"
COPY_OPTIONS = f"DELIMITER '{BETWEEN}', NULL '{NULL}'"
# What is neither a number nor a blob: those sort before and behind all texts. BETWEEN reads a column once, two comparisons twice.
LAST = "\U0010ffff"
IS_TEXT = f"+{{0}} BETWEEN '' AND '{LAST}'"
BEGINS_WITH_DIGIT = f"+{{0}} BETWEEN '0' AND '9{LAST}'"
FRACTION = "substr({0}, 20, 1) = '.' AND length({0}) BETWEEN 21 AND 26 AND rtrim(substr({0}, 21), '0123456789') = ''"
HEX = "-".join("[0-9a-fA-F]" * size for size in (8, 4, 4, 4, 12))
# When a value is plainly of its column's type. PostgreSQL refuses what is left of no dates.
PLAIN: dict[Type, str] = {
    **dict.fromkeys(INTEGERS, "+{0} < ''"),
    Type.BOOLEAN: "typeof({0}) = 'integer' AND {0} IN (0, 1)",
    Type.STRING: f"{IS_TEXT} AND {{0}} <> '{NULL}' AND instr({{0}}, char(0)) = 0",
    Type.DATE: f"{BEGINS_WITH_DIGIT} AND {{0}} GLOB '???????-??'",
    Type.TIMESTAMP: f"{BEGINS_WITH_DIGIT} AND ({{0}} GLOB '????????????????:??' OR (substr({{0}}, 17, 1) = ':' AND {FRACTION}))",
    Type.TIME: f"{BEGINS_WITH_DIGIT} AND {{0}} GLOB '?????:??'",
    Type.GUID: f"{IS_TEXT} AND {{0}} GLOB '{HEX}'",
}
DOUBLES = FLOATS | {Type.DECIMAL}
NUMBERS = {int, float, type(None)}


@dataclass(frozen=True, slots=True)
class Lines:
    """How a table's rows are read as lines. `places`: the columns in the order in which a line has them."""

    reads: tuple[tuple[int | None, str], ...]  # (column, SQL over {0}); the first gives the line of all but the doubles
    places: tuple[int, ...]

    def block(self, batch: Sequence[Sequence[object]]) -> bytes:
        """Return the lines of rows; raise BadValue where a row has none."""
        fields = list(zip(*batch, strict=True))
        numbers = [written(values) for values in fields[1:]]
        lines = map(BETWEEN.encode().join, zip(fields[0], *numbers, strict=True)) if numbers else fields[0]
        found = END.encode().join(lines) + END.encode()
        is_plain = found.count(BETWEEN.encode()) == len(batch) * (len(self.places) - 1) and found.count(END.encode()) == len(batch)
        if not is_plain or ODD.encode() in found or b"\0" in found:
            raise BadValue("A value is not plainly of its column's type.")
        return found.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r").replace(END.encode(), b"\n")


def written(values: Sequence[object]) -> list[bytes]:
    """Return numbers in their shortest exact form."""
    if not {*map(type, values)} <= NUMBERS:
        raise BadValue("A value is no number.")
    found = orjson.dumps(values)[1:-1]
    if found.count(b"null") != values.count(None):
        raise BadValue("A value is infinite.")
    return found.replace(b"null", NULL.encode()).split(b",")


def lines_of(sources: Sequence[Column], kept: Sequence[Column], alias: str) -> Lines | None:
    """Return how columns are read as lines for others; None where there is a column that can't be, or none that is no double."""
    plain = [place for place, column in enumerate(sources) if column.type not in DOUBLES]
    doubles = [place for place, column in enumerate(sources) if column.type in DOUBLES]
    is_known = all(sources[place].type in PLAIN and not sources[place].is_collection for place in plain)
    is_text = [column.type == Type.STRING and is_typed_text(column) for column in sources]
    if not plain or not is_known or not all(is_text[place] or sources[place].type != Type.STRING for place in plain):
        return None
    if any(one.type == Type.DECIMAL and other.type in FLOATS for one, other in zip(sources, kept, strict=True)):
        return None
    parts = [part(sources[place], alias) for place in plain]
    line = f"CAST(printf('{BETWEEN.join(['%s'] * len(parts))}', {', '.join(parts)}) AS BLOB)"
    return Lines(((None, line), *((place, "{0}") for place in doubles)), (*plain, *doubles))


def is_typed_text(column: Column) -> bool:
    """Claim that SQLite makes a text of each number in the column (sqlite.org/datatype3.html, 3.1)."""
    return any(word in column.native_type.upper() for word in ("CHAR", "CLOB", "TEXT")) and "INT" not in column.native_type.upper()


def part(column: Column, alias: str) -> str:
    """Return the SQL of one value of a line."""
    name = ".".join(quoted('"', item) for item in (alias, column.name)).replace("{", "{{").replace("}", "}}")
    is_plain = PLAIN[column.type].replace("{0}", name)
    return f"CASE WHEN {is_plain} THEN {name} WHEN {name} IS NULL THEN '{NULL}' ELSE '{ODD}' END"
