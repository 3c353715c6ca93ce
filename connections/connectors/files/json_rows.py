"""JSON (an array of objects, or an object with one such array) and NDJSON (an object a line) as rows of flat columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from connections.connectors.exact_json import DECODER, bounded, json_text
from connections.connectors.files import values
from connections.connectors.files.formats import BATCH_ROWS, MOST_COLUMNS, Ask, Numbered, Options, Row, Source, in_batches
from connections.connectors.files.json_text import Reader
from connections.connectors.files.text import Lines, encoding_of
from connections.contract.errors import BadValue
from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type

# Objects within objects become columns (address.city) down to this depth; deeper ones are JSON text.
MOST_LEVELS = 8
MARK_ROWS = 10_000
# Exponents beyond which a number is a double rather than a decimal.
MOST_EXPONENT = 38


class JsonRows:
    """The format of .json, .ndjson and .jsonl."""

    def columns(self, source: Source, options: Options) -> list[Column]:
        """Return a column for each name of the objects, with the narrowest type of its values."""
        found: dict[str, Seen] = {}
        known = values.readers(options.zone) if options.is_typed else {}
        for number, row in self._rows(source, options, Ask(()), is_checking=True):
            for name, value in flat(row):
                if name not in found:
                    found[name] = Seen(known)
                    if len(found) > MOST_COLUMNS:
                        raise source.broken(
                            f"has more than {MOST_COLUMNS} columns.", hint="Objects with many different names make no table."
                        )
                found[name].see(value)
            if options.scan_depth and number >= options.scan_depth:
                break
        parents = {name for name, seen in found.items() if any(other.startswith(f"{name}.") for other in found)}
        return [seen.column(name) for name, seen in found.items() if name not in parents or seen.kinds - {"null"}]

    def batches(self, source: Source, options: Options, ask: Ask) -> Iterator[Numbered]:
        """Give the rows that are asked for."""
        return in_batches(self._values(source, options, ask), ask.start)

    def count(self, source: Source, options: Options) -> int:
        """Return the number of rows."""
        if "count" not in source.notes:
            source.notes["count"] = sum(1 for _ in self._rows(source, options, Ask(())))
        return int(source.notes["count"])

    def _values(self, source: Source, options: Options, ask: Ask) -> Iterator[Row]:
        known = values.readers(options.zone)
        takers = [(column.name, tuple(column.name.split(".")), taker(column, known)) for column in ask.columns]
        for number, row in self._rows(source, options, ask):
            found = []
            for name, path, take in takers:
                value = row[name] if name in row else reached(row, path)
                try:
                    found.append(None if value is None else take(value))
                except (ValueError, TypeError, ArithmeticError, BadValue) as error:
                    raise source.misfit(name, number) from error
            yield tuple(found)

    def _rows(self, source: Source, options: Options, ask: Ask, *, is_checking: bool = False) -> Iterator[tuple[int, Mapping[str, Any]]]:
        is_lines = source.found.name.lower().endswith((".ndjson", ".jsonl"))
        rows = self._lines(source, options, ask) if is_lines else self._array(source, options, ask, is_checking)
        for number, row in rows:
            if not isinstance(row, dict):
                raise source.broken(f"holds, in row {number}, something that is no object.", hint="Rows must be JSON objects.")
            if number >= ask.start:
                yield number, row

    def _lines(self, source: Source, options: Options, ask: Ask) -> Iterator[tuple[int, Any]]:
        marks: dict[int, int] = source.notes.setdefault("marks", {})
        number = max((row for row in marks if row <= ask.start), default=0)
        with source.open() as file:
            lines = Lines(source, file, encoding_of(source, options.encoding), marks.get(number, 0))
            number = number or 1
            for line in lines:
                lines.read = 0
                if not line.strip():
                    continue
                yield number, self._line(source, line, number)
                number += 1
                if number % MARK_ROWS == 0 and lines.place >= 0:
                    marks[number] = lines.place
                if number % BATCH_ROWS == 0:
                    source.check(file)
                if number > ask.stop:
                    break
            source.check(file)

    def _line(self, source: Source, line: str, number: int) -> Any:
        try:
            return DECODER.decode(line)
        except RecursionError as error:
            raise source.broken(f"is nested too deep in row {number}.") from error
        except ValueError as error:
            raise source.broken(f"is no JSON in row {number}.", hint="Each line must be one JSON object.") from error

    def _array(self, source: Source, options: Options, ask: Ask, is_checking: bool) -> Iterator[tuple[int, Any]]:
        with source.open() as file:
            reader = Reader(source, file, encoding_of(source, options.encoding))
            rows = named(reader, options.json_path) if options.json_path else only(reader, is_checking)
            for number, row in enumerate(rows, 1):
                yield number, row
                if number % BATCH_ROWS == 0:
                    source.check(file)
                if number >= ask.stop:
                    break
            source.check(file)


def named(reader: Reader, path: tuple[str, ...]) -> Iterator[Any]:
    """Give the elements of the array at a path of names."""
    if not path:
        yield from reader.elements()
        return
    for name in reader.members():
        if name == path[0]:
            yield from named(reader, path[1:])
            return
        reader.value()
    raise reader.broken(f"has no {path[0]!r} where JSONPath looks for it")


def only(reader: Reader, is_checking: bool) -> Iterator[Any]:
    """Give the elements of the array that the text is, or of its one member that is an array of objects."""
    if reader.peek() == "[":
        yield from reader.elements()
        reader.end()
        return
    taken = ""
    for name in reader.members():
        if reader.peek() != "[":
            reader.value()
            continue
        elements = reader.elements()
        first = next(elements, None)
        if not isinstance(first, dict):
            any(False for _ in elements)
        elif taken:
            raise reader.broken(f"holds several arrays of objects, {taken} and {name}: name one in JSONPath")
        else:
            taken = name
            yield first
            yield from elements
            if not is_checking:
                return
    if not taken:
        raise reader.broken("holds no array of objects")


def flat(row: Mapping[str, Any], before: str = "", level: int = 1) -> Iterator[tuple[str, Any]]:
    """Give name and value of each column of an object."""
    for name, value in row.items():
        if isinstance(value, dict) and value and level < MOST_LEVELS:
            yield from flat(value, f"{before}{name}.", level + 1)
        else:
            yield before + name, value


def reached(row: Mapping[str, Any], path: Iterable[str]) -> Any:
    """Return the value at a path of names; None where there is none."""
    value: Any = row
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


class Seen:
    """The kinds of values that one column was seen with."""

    def __init__(self, known: Mapping[tuple[Type, bool], values.Read]) -> None:
        self.kinds: set[str] = set()
        self._texts = values.Fitting({key: read for key, read in known.items() if key[0] not in (*NUMBERS, Type.BOOLEAN)})

    def see(self, value: Any) -> None:
        """Take note of a value."""
        kind = json_kind(value)
        self.kinds.add(kind)
        if kind == "text":
            self._texts.see((value,))

    def column(self, name: str) -> Column:
        """Return the column that holds all of them."""
        kinds = self.kinds - {"null"}
        if kinds & {"json"}:
            return Column(name, Type.STRING, is_json=True, native_type="json")
        if kinds == {"text"}:
            return self._texts.column(name)
        types = (({"boolean"}, Type.BOOLEAN), ({"integer"}, Type.INT64), ({"integer", "big", "decimal"}, Type.DECIMAL))
        numeric = next((type_ for fitting, type_ in types if kinds and kinds <= fitting), None)
        if numeric is None and kinds and kinds <= {"integer", "double", "decimal"}:
            numeric = Type.DOUBLE
        return Column(name, numeric or Type.STRING, native_type="number" if numeric in NUMBERS else "text")


def json_kind(value: Any) -> str:
    """Return what sort of value JSON has here."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -(2**63) <= value < 2**63 else "big"
    if isinstance(value, Decimal):
        digits = len(value.as_tuple().digits)
        return "decimal" if abs(value.adjusted()) <= MOST_EXPONENT and digits <= values.MOST_DIGITS else "double"
    return "text" if isinstance(value, str) else "json"


def taker(column: Column, known: Mapping[tuple[Type, bool], values.Read]) -> Any:
    """Return how a JSON value becomes the column's."""
    if column.is_json:
        return lambda value: whole(json_text(value))
    if column.type == Type.STRING:
        return lambda value: whole(value if isinstance(value, str) else json_text(value))
    if column.type == Type.BOOLEAN:
        return lambda value: value if isinstance(value, bool) else values.read_boolean(value)
    if column.type in INTEGERS:
        read = values.ranged(column.type)
        return lambda value: read(str(value)) if not isinstance(value, bool) else misread(value)
    if column.type == Type.DECIMAL:
        return lambda value: (
            bounded(Decimal(value)) if isinstance(value, Decimal | int) and not isinstance(value, bool) else values.read_decimal(value)
        )
    if column.type in FLOATS:
        return lambda value: values.read_double(value) if isinstance(value, str) else values.finite(float(value))
    read_text = values.reader_of(column, known)
    return lambda value: read_text(value) if isinstance(value, str) else misread(value)


def whole(text: str) -> str:
    """Return the text; half of a character, which JSON can escape, makes none."""
    text.encode()
    return text


def misread(value: Any) -> Any:
    """Refuse a value of another kind."""
    raise ValueError(value)
