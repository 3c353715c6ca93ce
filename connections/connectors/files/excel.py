"""Excel workbooks by calamine: values only (formulas as last computed), after a look that nothing in them grows beyond measure."""

from __future__ import annotations

import io
import math
import pickle
import re
import struct
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from xml.parsers import expat

import python_calamine

from connections.connectors.files import values
from connections.connectors.files.formats import Ask, Numbered, Options, Row, Source, in_batches, positions, unique_names
from connections.connectors.sql.values import instant_reader
from connections.contract.table import FLOATS, INTEGERS, Column, Type

MOST_FILE_BYTES = 256 * 2**20
MOST_BYTES = 512 * 2**20
MOST_ENTRIES = 5000
# Cells of a sheet from its first to its last, empty ones too.
MOST_CELLS = 5_000_000
MOST_CACHED_CELLS = 5_000_000
CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
PIECE = 16 * 1024
MOST_PIECE = 1024 * 1024
BLANKS = b" \t\r\n\xef\xbb\xbf\xff\xfe\x00"
LOCAL_HEADER = struct.Struct("<4s22xHH")

CHUNK = 2000  # rows that are packed together: few enough to be opened for a page


class Sheet:
    """The used rows of a sheet, packed: as Python values they take ten times as much memory."""

    def __init__(self, rows: Iterator[list[Any]]) -> None:
        self._packed: list[bytes] = []
        self._opened: tuple[int, list[list[Any]]] = (-1, [])
        self.length = self.width = 0
        chunk: list[list[Any]] = []
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK:
                self._pack(chunk)
        self._pack(chunk)

    def _pack(self, chunk: list[list[Any]]) -> None:
        if chunk:
            self._packed.append(zlib.compress(pickle.dumps(chunk, pickle.HIGHEST_PROTOCOL), 1))
            self.length, self.width = self.length + len(chunk), len(chunk[0])
            chunk.clear()

    def rows(self, first: int, last: int) -> Iterator[list[Any]]:
        """Give the rows from `first` to the one before `last`."""
        for number in range(first // CHUNK, -(-min(last, self.length) // CHUNK)):
            start = number * CHUNK
            yield from self._chunk(number)[max(0, first - start) : max(0, last - start)]

    def _chunk(self, number: int) -> list[list[Any]]:
        """Return a chunk; the one opened last is kept: pages follow each other."""
        known, rows = self._opened
        if known != number:
            rows = pickle.loads(zlib.decompress(self._packed[number]))  # noqa: S301 - packed above, never stored
            self._opened = (number, rows)
        return rows


class Excel:
    """The format of .xlsx and .xlsm."""

    def columns(self, source: Source, options: Options) -> list[Column]:
        """Return the first row's names, each with the type of the values below."""
        sheet = self._sheet(source)
        names = self._names(source, options)
        last = min(sheet.length, first_row(options) + options.scan_depth) if options.scan_depth else sheet.length
        kinds: list[set[Any]] = [set() for _ in names]
        for row in sheet.rows(first_row(options), last):
            for found, value in zip(kinds, row, strict=False):
                found.add(kind_of(value))
        return [column_of(name, found, options) for name, found in zip(names, kinds, strict=True)]

    def batches(self, source: Source, options: Options, ask: Ask) -> Iterator[Numbered]:
        """Give the rows that are asked for."""
        names = self._names(source, options)
        places = positions(source, names, ask.columns)
        takers = [(place, column.name, taker(column, options)) for place, column in zip(places, ask.columns, strict=True)]
        return in_batches(self._values(source, options, takers, ask), ask.start)

    def count(self, source: Source, options: Options) -> int:
        """Return the number of rows."""
        return max(self._sheet(source).length - first_row(options), 0)

    def _values(self, source: Source, options: Options, takers: list[tuple[int, str, Any]], ask: Ask) -> Iterator[Row]:
        sheet, before = self._sheet(source), first_row(options) - 1
        last = min(sheet.length - first_row(options), ask.stop)
        for number, row in enumerate(sheet.rows(ask.start + before, last + before + 1), ask.start):
            found = []
            for place, name, take in takers:
                value = row[place]
                try:
                    found.append(None if value == "" or value in options.nulls else take(value))
                except (ValueError, TypeError, ArithmeticError) as error:
                    raise source.misfit(name, number) from error
            yield tuple(found)

    def _names(self, source: Source, options: Options) -> list[str]:
        first = next(self._sheet(source).rows(0, 1), [])
        return unique_names(source, [shown(value) if options.has_header else "" for value in first])

    def _sheet(self, source: Source) -> Sheet:
        """Return the used rows of the sheet."""
        return CACHE.get(source)


class Cache:
    """The sheets read last, by version of their file: a page after another reads the workbook once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sheets: OrderedDict[Any, Sheet] = OrderedDict()

    def get(self, source: Source) -> Sheet:
        """Return the rows of a sheet."""
        key = (source.found.version, source.sheet)
        with self._lock:
            if key not in self._sheets:
                self._sheets[key] = load(source)
                while len(self._sheets) > 1 and sum(map(cells, self._sheets.values())) > MOST_CACHED_CELLS:
                    self._sheets.popitem(last=False)
            self._sheets.move_to_end(key)
            return self._sheets[key]


CACHE = Cache()


def cells(sheet: Sheet) -> int:
    """Return the number of cells, empty ones too."""
    return sheet.length * sheet.width


def sheets_of(source: Source) -> list[str]:
    """Return the names of the workbook's sheets."""
    with workbook(source) as book:
        return [item.name for item in book.sheets_metadata if item.typ == python_calamine.SheetTypeEnum.WorkSheet]


def load(source: Source) -> Sheet:
    """Read a sheet."""
    with workbook(source) as book:
        try:
            sheet = book.get_sheet_by_name(source.sheet)
            return Sheet(row for row in sheet.iter_rows() if any(value != "" for value in row))
        except (python_calamine.CalamineError, ValueError, OSError) as error:
            raise source.broken("can't be read.", hint="Save the workbook again as .xlsx.") from error


def workbook(source: Source) -> python_calamine.CalamineWorkbook:
    """Return the open workbook, which was looked at before."""
    with source.open() as file:
        if source.found.size > MOST_FILE_BYTES:
            raise source.broken(f"is larger than {MOST_FILE_BYTES // 2**20} MiB.", hint="Save it as CSV or Parquet.")
        content = file.read(MOST_FILE_BYTES)
        source.check(file)
    try:
        inspect(source, content)
        return python_calamine.load_workbook(io.BytesIO(content))
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, struct.error, python_calamine.CalamineError, ValueError, OSError) as error:
        raise source.broken("is no readable Excel workbook.", hint="It may be cut off, encrypted or of another kind.") from error


def inspect(source: Source, content: bytes) -> None:
    """Raise for a workbook that would grow beyond measure when opened, whatever its table of contents says."""
    left = MOST_BYTES
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise source.broken(f"has more than {MOST_ENTRIES} parts.")
    for entry in entries:
        look: Look | None = None
        for number, piece in enumerate(filter(None, inflated(content, entry))):
            left -= len(piece)
            if left < 0:
                raise source.broken(f"holds more than {MOST_BYTES // 2**20} MiB when it is opened.", hint="Save it as CSV or Parquet.")
            # A sheet may have any name; of what is XML only drawings of the old kind are not well-formed.
            if not number and piece.lstrip(BLANKS).startswith(b"<") and not entry.filename.lower().endswith(".vml"):
                look = Look(source)
            elif not number and entry.filename.lower().endswith((".xml", ".rels")):
                raise zipfile.BadZipFile(entry.filename)
            if look is not None:
                look.see(piece)
            if entry.filename.lower().endswith("workbook.xml.rels") and b".vml" in piece.lower():
                raise zipfile.BadZipFile(entry.filename)


def inflated(content: bytes, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Give what is stored of an entry, opened bit by bit."""
    mark, name_length, extra_length = LOCAL_HEADER.unpack_from(content, entry.header_offset)
    if mark != b"PK\x03\x04" or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(entry.filename)
    first = entry.header_offset + LOCAL_HEADER.size + name_length + extra_length
    data = memoryview(content)[first : first + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        yield bytes(data)
        return
    opening = zlib.decompressobj(-zlib.MAX_WBITS)
    for place in range(0, len(data), PIECE):
        rest: bytes | memoryview = data[place : place + PIECE]
        while rest and not opening.eof:
            yield opening.decompress(rest, MOST_PIECE)
            rest = opening.unconsumed_tail
        if opening.eof:
            return


class Look:
    """A look at one part: no document type (entities), no sheet with cells too far apart."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._element
        self._rows = self._columns = self._at_row = self._at_column = 0

    def see(self, piece: bytes) -> None:
        """Look at the next bytes."""
        self._parser.Parse(piece, False)

    def _doctype(self, *_: Any) -> None:
        raise self._source.broken("declares a document type, which no workbook does.")

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        if name.endswith(" row"):
            self._at_row = int(attributes.get("r") or self._at_row + 1)
            self._at_column = 0
        elif name.endswith(" c"):
            found = CELL.fullmatch(attributes.get("r") or "")
            self._at_column = number_of(found[1]) if found else self._at_column + 1
            self._rows = max(self._rows, int(found[2]) if found else self._at_row)
            self._columns = max(self._columns, self._at_column)
            if self._rows * self._columns > MOST_CELLS:
                hint = "Delete far-off cells, or save the sheet as CSV."
                raise self._source.broken(f"has a sheet of {self._rows} rows by {self._columns} columns.", hint=hint)


def number_of(letters: str) -> int:
    """Return the number of a column."""
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - 64
    return found


def first_row(options: Options) -> int:
    """Return the index of the first row of values."""
    return int(options.has_header)


def shown(value: Any) -> str:
    """Return a cell as text."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value if isinstance(value, str) else value.isoformat() if isinstance(value, date | time) else str(value)


def kind_of(value: Any) -> Any:
    """Return what sort of value a cell holds."""
    if isinstance(value, float):
        return int if value.is_integer() and abs(value) < 2**53 else float
    return None if value == "" else type(value)


KINDS: tuple[tuple[set[Any], Type], ...] = (
    ({bool}, Type.BOOLEAN),
    ({int}, Type.INT64),
    ({int, float}, Type.DOUBLE),
    ({date}, Type.DATE),
    ({date, datetime}, Type.TIMESTAMP),
    ({time}, Type.TIME),
    ({time, timedelta}, Type.DURATION),
)


def column_of(name: str, kinds: set[Any], options: Options) -> Column:
    """Return the column that holds these kinds of cells."""
    found = kinds - {None}
    type_ = next((type_ for fitting, type_ in KINDS if found and found <= fitting), Type.STRING) if options.is_typed else Type.STRING
    return Column(name, type_, native_type="cell")


def taker(column: Column, options: Options) -> Any:
    """Return how a cell becomes the column's value."""
    instant = instant_reader(options.zone)
    texts = values.reader_of(column, values.readers(options.zone))

    def take(value: Any) -> Any:
        if column.type == Type.STRING:
            return shown(value)
        if isinstance(value, str):
            return texts(value)
        if isinstance(value, bool) or column.type == Type.BOOLEAN:
            return value if isinstance(value, bool) and column.type == Type.BOOLEAN else misread(value)
        return of_cell(value, column.type, instant)

    return take


def of_cell(value: Any, type_: Type, instant: Any) -> Any:
    """Return a number or time of a cell in the column's type."""
    if isinstance(value, float | int) and math.isfinite(value):
        if type_ in FLOATS:
            return float(value)
        if type_ == Type.DECIMAL:
            return Decimal(repr(value)) if not float(value).is_integer() else Decimal(int(value))
        return int(value) if type_ in INTEGERS and float(value).is_integer() else misread(value)
    if isinstance(value, datetime) and type_ == Type.TIMESTAMP:
        return instant(value)
    if isinstance(value, date) and type_ in (Type.DATE, Type.TIMESTAMP) and not isinstance(value, datetime):
        return value if type_ == Type.DATE else instant(datetime.combine(value, time()))
    if isinstance(value, time) and type_ in (Type.TIME, Type.DURATION):
        return value if type_ == Type.TIME else timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
    return value if isinstance(value, timedelta) and type_ == Type.DURATION else misread(value)


def misread(value: Any) -> Any:
    """Refuse a value of another kind."""
    raise ValueError(value)
