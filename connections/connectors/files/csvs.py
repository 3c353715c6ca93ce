"""CSV and TSV: RFC 4180 with the usual liberties, one row at a time, from near the row that is asked for."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
import sys
from collections.abc import Iterator

from connections.connectors.files import values
from connections.connectors.files.formats import (
    BATCH_ROWS,
    MOST_ROW_BYTES,
    Ask,
    Numbered,
    Options,
    Row,
    Source,
    in_batches,
    positions,
    unique_names,
)
from connections.connectors.files.text import SAMPLE_BYTES, Lines, encoding_of
from connections.contract.errors import ConnectorError
from connections.contract.table import Column

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 20
TELLS = re.compile(r"sep=([^\r\n])\r?\n?", re.IGNORECASE)
# Rows between two places that are remembered, for reading on from the middle of a file.
MARK_ROWS = 10_000

Reads = list[tuple[int, str, values.Read]]  # place in the row, column, how its text is read

csv.field_size_limit(MOST_ROW_BYTES)


class Csv:
    """The format of .csv, .tsv, .tab and .txt."""

    def columns(self, source: Source, options: Options) -> list[Column]:
        """Return the header's names, each with the narrowest type of its values."""
        names = self._names(source, options)
        known = values.readers(options.zone) if options.is_typed else {}
        fitting = [values.Fitting(known) for _ in names]
        for start, batch in in_batches(tuple(row) for _, row in self._rows(source, options, 1, sys.maxsize)):
            for fit, column in zip(fitting, zip(*batch, strict=True), strict=True):
                fit.see(value for value in column if value not in options.nulls)
            if options.scan_depth and start + len(batch) > options.scan_depth:
                break
        return [fit.column(name) for fit, name in zip(fitting, names, strict=True)]

    def batches(self, source: Source, options: Options, ask: Ask) -> Iterator[Numbered]:
        """Give the rows that are asked for."""
        names = self._names(source, options)
        places = positions(source, names, ask.columns)
        known = values.readers(options.zone)
        reads = [(place, column.name, values.reader_of(column, known)) for place, column in zip(places, ask.columns, strict=True)]
        return in_batches(self._values(source, options, reads, ask), ask.start)

    def count(self, source: Source, options: Options) -> int:
        """Return the number of rows."""
        if "count" not in source.notes:
            source.notes["count"] = sum(1 for _ in self._rows(source, options, 1, sys.maxsize))
        return int(source.notes["count"])

    def _values(self, source: Source, options: Options, reads: Reads, ask: Ask) -> Iterator[Row]:
        nulls = options.nulls
        for number, row in self._rows(source, options, ask.start, ask.stop):
            try:
                yield tuple([None if (text := row[place]) in nulls else read(text) for place, _, read in reads])
            except (ValueError, ArithmeticError, ConnectorError) as error:
                name = next(name for place, name, read in reads if row[place] not in nulls and not values.fits(read, row[place]))
                raise source.misfit(name, number) from error

    def _rows(self, source: Source, options: Options, start: int, stop: int) -> Iterator[tuple[int, list[str]]]:
        """Give number and fields of each row; short rows are filled with the first null word, long ones refused."""
        width = len(self._names(source, options))
        marks: dict[int, int] = source.notes.setdefault("marks", {})
        first = max((row for row in marks if row <= start), default=0)
        with source.open() as file:
            lines = Lines(source, file, self._encoding(source, options), marks.get(first, 0))
            rows = self._parsed(source, options, lines, is_start=not first)
            if not first and options.has_header:
                next(rows, None)
            number = max(first, 1)
            for row in rows:
                if number >= start:
                    yield number, self._fitted(source, row, width, number)
                number += 1
                if number % MARK_ROWS == 0 and lines.place >= 0:
                    marks[number] = lines.place
                if number % BATCH_ROWS == 0:
                    source.check(file)
                if number > stop:
                    break
            source.check(file)

    def _fitted(self, source: Source, row: list[str], width: int, number: int) -> list[str]:
        if len(row) == width:
            return row
        if len(row) > width:
            raise source.broken(
                f"has {len(row)} fields in row {number}, and {width} columns.", hint="Look at Delimiter and at quotation marks."
            )
        return [*row, *[""] * (width - len(row))]

    def _parsed(self, source: Source, options: Options, lines: Lines, *, is_start: bool) -> Iterator[list[str]]:
        """Give the fields of each row; blank lines are passed over, and the line that only tells the delimiter."""
        texts = iter(lines)
        if is_start and self._told(source, options):
            next(texts)
        reader = csv.reader(texts, delimiter=self._delimiter(source, options), strict=True)
        try:
            for row in reader:
                lines.read = 0
                if row:
                    yield row
        except csv.Error as error:
            raise source.broken(
                f"can't be read at line {reader.line_num}: {error}.", hint="Look at quotation marks and at Delimiter."
            ) from error

    def _names(self, source: Source, options: Options) -> list[str]:
        if "names" not in source.notes:
            with source.open() as file:
                lines = Lines(source, file, self._encoding(source, options))
                first = next(self._parsed(source, options, lines, is_start=True), [])
            source.notes["names"] = unique_names(source, first if options.has_header else [""] * len(first))
        found: list[str] = source.notes["names"]
        return found

    def _encoding(self, source: Source, options: Options) -> str:
        if "encoding" not in source.notes:
            source.notes["encoding"] = encoding_of(source, options.encoding)
        return str(source.notes["encoding"])

    def _delimiter(self, source: Source, options: Options) -> str:
        """Return the delimiter that is wished, else told by the file, else the one that cuts its first rows into most fields."""
        if options.delimiter or self._told(source, options):
            return options.delimiter or self._told(source, options)
        if "delimiter" not in source.notes:
            is_tabbed = source.found.name.lower().endswith((".tsv", ".tab"))
            source.notes["delimiter"] = "\t" if is_tabbed else max(DELIMITERS, key=lambda mark: self._fields(source, options, mark))
        return str(source.notes["delimiter"])

    def _told(self, source: Source, options: Options) -> str:
        """Return the delimiter of a first line such as `sep=;`, which Excel reads and writes; '' without one."""
        if "told" not in source.notes:
            with source.open() as file:
                found = TELLS.fullmatch(next(iter(Lines(source, file, self._encoding(source, options))), ""))
            source.notes["told"] = found[1] if found else ""
        return str(source.notes["told"])

    def _fields(self, source: Source, options: Options, mark: str) -> int:
        """Return the number of fields that the delimiter gives the first row; 1 where a later one has more."""
        widths: list[int] = []
        with source.open() as file:
            sample = io.BytesIO(file.read(SAMPLE_BYTES))
        with contextlib.suppress(csv.Error):  # the sample may end within quotes
            lines = Lines(source, sample, self._encoding(source, options))
            for row in itertools.islice(csv.reader(iter(lines), delimiter=mark, strict=True), SAMPLE_ROWS):
                lines.read = 0
                widths += [len(row)] if row else []
        return widths[0] if widths and max(widths) == widths[0] else 1
