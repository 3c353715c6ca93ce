"""Rows of a SQLite table as lines of PostgreSQL's COPY, written by SQLite itself: one value a row reaches Python, and one for each double.

SQLite keeps values of any type in any column. A row with a value that is not plainly of its column's type has no line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connections.connectors.sql.values import quoted
from connections.contract.errors import BadValue
from connections.contract.table import FLOATS, INTEGERS, Column, Type

NULL = r"WHEN {0} IS NULL THEN '\N'"
SPECIAL = "'*[\\' || char(9, 10, 13) || ']*'"
ESCAPED = r"replace(replace(replace(replace({0}, '\', '\\'), char(9), '\t'), char(10), '\n'), char(13), '\r')"  # COPY, "Text Format"
TEXT = f"CASE typeof({{0}}) WHEN 'text' THEN CASE WHEN {{0}} GLOB {SPECIAL} THEN {ESCAPED} ELSE {{0}} END WHEN 'null' THEN '\\N' END"
DAY = "[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]"
CLOCK = "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
FRACTION = "substr({0}, {1}, 1) = '.' AND length({0}) BETWEEN {1} + 1 AND {1} + 6 AND rtrim(substr({0}, {1} + 1), '0123456789') = ''"
INSTANT = (
    f"CASE {NULL} WHEN typeof({{0}}) = 'text' AND substr({{0}}, 1, 19) GLOB '{DAY}[ T]{CLOCK}' AND substr({{0}}, 12, 2) < '24'"
    f" AND (length({{0}}) = 19 OR ({FRACTION.replace('{1}', '20')})) THEN {{0}} END"
)
TIME = (
    f"CASE {NULL} WHEN typeof({{0}}) = 'text' AND substr({{0}}, 1, 8) GLOB '{CLOCK}' AND substr({{0}}, 1, 2) < '24'"
    f" AND (length({{0}}) = 8 OR ({FRACTION.replace('{1}', '9')})) THEN {{0}} END"
)
HEX = "-".join("[0-9a-fA-F]" * size for size in (8, 4, 4, 4, 12))
LINES: dict[Type, str] = {
    **dict.fromkeys(INTEGERS, "CASE typeof({0}) WHEN 'integer' THEN {0} WHEN 'null' THEN '\\N' END"),
    Type.BOOLEAN: f"CASE {NULL} WHEN typeof({{0}}) = 'integer' AND {{0}} IN (0, 1) THEN {{0}} END",
    Type.STRING: TEXT,
    Type.DATE: f"CASE {NULL} WHEN typeof({{0}}) = 'text' AND {{0}} GLOB '{DAY}' THEN {{0}} END",
    Type.TIME: TIME,
    Type.TIMESTAMP: INSTANT,
    Type.GUID: f"CASE {NULL} WHEN typeof({{0}}) = 'text' AND {{0}} GLOB '{HEX}' THEN {{0}} END",
    Type.BINARY: f"CASE {NULL} WHEN typeof({{0}}) = 'blob' THEN '\\\\x' || hex({{0}}) END",
}
DOUBLES = FLOATS | {Type.DECIMAL}
NUMBERS = {int, float, type(None)}


@dataclass(frozen=True, slots=True)
class Lines:
    """How a table's rows are read as lines. `places`: the columns in the order in which a line has them."""

    reads: tuple[tuple[int | None, str], ...]  # (column, SQL over {0}); the first gives the line of all but the doubles
    places: tuple[int, ...]

    def block(self, batch: Sequence[Sequence[object]]) -> bytes:
        """Return the lines of rows; raise BadValue where one has none, or a text has a NUL character."""
        fields = list(zip(*batch, strict=True))
        if None in fields[0]:
            raise BadValue("A row has a value that is not of its column's type.")
        numbers = [written(values) for values in fields[1:]]
        lines = map(b"\t".join, zip(fields[0], *numbers, strict=True)) if numbers else fields[0]  # type: ignore[arg-type]
        found = b"\n".join(lines) + b"\n"  # type: ignore[arg-type]
        if b"\0" in found:
            raise BadValue("A text has a NUL character.")
        return found


def written(values: Sequence[object]) -> list[bytes]:
    """Return numbers in their shortest exact form."""
    if not {*map(type, values)} <= NUMBERS:
        raise BadValue("A row has a value that is no number.")
    return [b"\\N" if value is None else repr(value).encode() for value in values]


def lines_of(sources: Sequence[Column], kept: Sequence[Column], alias: str) -> Lines | None:
    """Return how columns are read as lines for others; None where there is a column that can't be, or none that is no double."""
    plain = [place for place, column in enumerate(sources) if column.type not in DOUBLES]
    doubles = [place for place, column in enumerate(sources) if column.type in DOUBLES]
    is_known = all(sources[place].type in LINES for place in plain)
    if (
        not plain
        or not is_known
        or any(one.type == Type.DECIMAL and other.type in FLOATS for one, other in zip(sources, kept, strict=True))
    ):
        return None
    parts = [LINES[sources[place].type].replace("{0}", named(alias, sources[place].name)) for place in plain]
    line = f"CAST({' || char(9) || '.join(parts)} AS BLOB)"
    return Lines(((None, line), *((place, "{0}") for place in doubles)), (*plain, *doubles))


def named(alias: str, name: str) -> str:
    """Return a column as it stands in a template."""
    return ".".join(quoted('"', part) for part in (alias, name)).replace("{", "{{").replace("}", "}}")
