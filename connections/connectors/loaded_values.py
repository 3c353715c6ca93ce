"""Values on their way into a destination: batches of contract values become batches of the driver's, a column at a time."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from connections.connectors.exact_json import DECODER, ENCODER
from connections.contract.loading import Rows, Unfit
from connections.contract.table import Column, Type
from connections.contract.unsayable import UNREADABLE, Unsayable

Change = Callable[[Sequence[Any]], Sequence[Any]]  # the values of one column in a batch


class Driven:
    """Batches as a driver takes them; counts the rows whose texts lost NUL characters.

    `encode` gives how a column's values become the driver's; `repairs` claims that a column can't hold NUL characters.
    """

    def __init__(
        self,
        batches: Iterable[Rows],
        columns: Sequence[Column],
        encode: Callable[[Column], Callable[[Any], Any] | None],
        repairs: Callable[[Column], bool],
    ) -> None:
        self._batches = iter(batches)
        self._changes: list[tuple[int, Change]] = []
        self._repaired: set[int] = set()
        self.repaired = 0
        for place, column in enumerate(columns):
            change = self._change(column, encode, repairs)
            if change is not None:
                self._changes.append((place, change))

    def __iter__(self) -> Driven:
        return self

    def __next__(self) -> Rows:
        batch = next(self._batches)
        if not self._changes or not batch:
            return batch
        fields: list[Sequence[Any]] = list(zip(*batch, strict=True))
        self._repaired.clear()
        for place, change in self._changes:
            fields[place] = change(fields[place])
        self.repaired += len(self._repaired)
        return list(zip(*fields, strict=True))

    def _change(self, column: Column, encode: Callable[[Column], Callable[[Any], Any] | None], repairs: Callable[[Column], bool]) -> Any:
        if column.is_collection or column.native_type.endswith("[]"):
            return documents if column.native_type.startswith("json") else arrays
        if column.type == Type.STRING:
            nul = (JSON_NUL if column.is_json else NUL) if repairs(column) else None
            return self._texts(None if nul else encode(column), nul)
        one = encode(column)
        return None if one is None else encoded(column, one)

    def _texts(self, encode: Callable[[Any], Any] | None, nul: re.Pattern[str] | None) -> Change:
        def run(values: Sequence[Any]) -> Sequence[Any]:
            if {*map(type, values)} - TEXT:
                values = [written(value) for value in values]
            if nul is not None and nul.search("\n".join(filter(None, values))):
                values = [value and self._without_nul(nul, place, value) for place, value in enumerate(values)]
            return values if encode is None else [None if value is None else encode(value) for value in values]

        return run

    def _without_nul(self, nul: re.Pattern[str], place: int, value: str) -> str:
        found, count = nul.subn(r"\1", value)
        if count:
            self._repaired.add(place)
        return found


TEXT = {str, type(None)}
NUL = re.compile("()\0")
JSON_NUL = re.compile(r"((?<!\\)(?:\\\\)*)(?:\\u0000|\0)")  # as JSON writes it, and as it is


def encoded(column: Column, one: Callable[[Any], Any]) -> Change:
    """Return the change of a column whose values are encoded one by one; a text among them is for the database to read."""

    def run(values: Sequence[Any]) -> Sequence[Any]:
        try:
            return [None if value is None else one(value) for value in values]
        except UNREADABLE:
            return [fitting(column, one, value) for value in values]

    return run


def fitting(column: Column, one: Callable[[Any], Any], value: Any) -> Any:
    """Return the driver's value; raise Unfit for one that the column can't hold."""
    if value is None or isinstance(value, str):
        return value
    try:
        return one(value)
    except UNREADABLE as error:
        raise Unfit(column.name) from error


def written(value: Any) -> str | None:
    """Return a value as text: exact, and such that PostgreSQL reads it again."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return duration(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    return json_text(value) if isinstance(value, list | tuple | dict) else str(value)


def duration(value: timedelta) -> str:
    """Return ISO 8601 with the sign at each part, which is what PostgreSQL reads: P-1DT-2.5S."""
    sign, rest = ("-", -value) if value < timedelta() else ("", value)
    fraction = f".{rest.microseconds:06d}".rstrip("0") if rest.microseconds else ""
    return f"P{sign}{rest.days}DT{sign}{rest.seconds}{fraction}S"


def json_text(value: Any) -> str:
    """Return a list or object as JSON, numbers in all their digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{ENCODER.encode(str(name))}: {json_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(json_text(item) for item in value) + "]"
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value)
    if value is None or isinstance(value, bool):
        return ENCODER.encode(value)
    return str(written(value)) if is_number else ENCODER.encode(written(value))


def arrays(values: Sequence[Any]) -> Sequence[Any]:
    """Return the values of an array column: the text of a JSON array as PostgreSQL writes an array."""
    return [literal(value, lambda text: json.loads(text, parse_float=str, parse_int=str, parse_constant=str)) for value in values]


def documents(values: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a column of arrays of JSON documents: each item of the outer array is one."""
    return [literal(value, lambda text: [Document(json_text(item)) for item in DECODER.decode(text)]) for value in values]


class Document(str):
    """The text of a JSON document in an array."""

    __slots__ = ()


def literal(value: Any, read: Callable[[str], Any]) -> Any:
    """Return a list for the driver; the text of a JSON array as an array's literal, other text as it is."""
    if isinstance(value, Unsayable):
        return value.text
    return array_literal(read(value)) if isinstance(value, str) and value.startswith("[") else value


def array_literal(value: Any) -> str:
    """Return an array as PostgreSQL writes one (documentation 8.15.6): {"a",NULL,{...}}."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "{" + ",".join(array_literal(item) for item in value) + "}"
    text = json_text(value) if isinstance(value, dict) else str(written(value))
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
