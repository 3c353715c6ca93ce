"""Files as tables: which there are, what their columns are, their rows. Everything found out about a file counts for one version of it."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connections.connectors.files import excel, paths
from connections.connectors.files.csvs import Csv
from connections.connectors.files.formats import Ask, Format, Options, Source, unique_names
from connections.connectors.files.guard import Guard
from connections.connectors.files.json_rows import JsonRows
from connections.connectors.files.parquet import EXACT_STATISTICS, OUTSIDE, Parquet
from connections.contract.errors import BadAnswer, ConnectorError, NotSupported, TableGone
from connections.contract.scan import Batch, Compare, Grade, Offer, Predicate, Scan
from connections.contract.table import Column, Table, TableInfo, TableRef, Type

ROW_NUMBER = "RowNumber"
NUMBER = Column(
    ROW_NUMBER, Type.INT64, is_nullable=False, is_generated=True, native_type="row number", comment="Number of the row in its file, from 1"
)
BOUNDS = {
    "eq": lambda value: (value, value),
    "gt": lambda value: (value + 1, sys.maxsize),
    "ge": lambda value: (value, sys.maxsize),
    "lt": lambda value: (1, value - 1),
    "le": lambda value: (1, value),
    "in": lambda value: (min(value, default=1), max(value, default=0)),
}
READ_ONLY = NotSupported("Files are only read.", hint="Write to a database instead.")
MOST_SOURCES = 512
WORKBOOKS = ("XLSX", "XLSM")
FORMATS: dict[str, Format] = {
    **dict.fromkeys(("JSON", "NDJSON", "JSONL"), JsonRows()),
    **dict.fromkeys(WORKBOOKS, excel.Excel()),
    "PARQUET": Parquet(),
}
TEXT = Csv()


class FilesSession:
    """The files of one connection."""

    dialect: None = None

    def __init__(
        self, guard: Guard, wanted: paths.Wanted, options: Options, sheets: Sequence[str], types: Mapping[tuple[str, str], Type]
    ) -> None:
        self._guard, self._wanted, self._options = guard, wanted, options
        self._sheets, self._types = frozenset(sheets), types
        self._lock = threading.Lock()
        self._index: dict[TableRef, tuple[paths.Place, str]] = {}
        self._sources: OrderedDict[Any, Source] = OrderedDict()

    # ---- tables ----

    def list_tables(self) -> list[TableInfo]:
        """Return every file and sheet; a workbook that can't be read is told as one table."""
        found: dict[TableRef, tuple[paths.Place, str]] = {}
        comments: dict[TableRef, str] = {}
        for place in paths.files_of(self._guard, self._wanted):
            for ref, sheet, comment in self._tables_of(place):
                found[ref] = (place, sheet)
                comments[ref] = comment
        if not found and self._wanted.uri:
            raise paths.nothing(self._wanted.uri)
        self._index = found
        return [TableInfo(ref, "table", comments[ref]) for ref in sorted(found, key=lambda ref: (ref.schema, ref.name))]

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables as their files are now."""
        return [self._table(ref) for ref in refs]

    def _tables_of(self, place: paths.Place) -> Iterator[tuple[TableRef, str, str]]:
        name = place.parts[-1] if place.parts else place.root.name
        if paths.ending(name) not in WORKBOOKS:
            yield TableRef(place.schema, name), "", ""
            return
        schema = "" if place.is_alone else "/".join(part for part in (place.schema, name) if part)
        try:
            sheets = self._sheets_of(self._source(place, ""))
        except ConnectorError as error:
            yield TableRef(schema, name), "", error.message
            return
        for sheet in sheets:
            if not self._sheets or sheet in self._sheets:
                yield TableRef(schema, sheet), sheet, ""

    def _sheets_of(self, source: Source) -> list[str]:
        """Return the sheets of a workbook; one that was refused is not opened again."""
        if "refused" in source.notes:
            raise BadAnswer(source.notes["refused"].message, hint=source.notes["refused"].hint)
        try:
            if "sheets" not in source.notes:
                source.notes["sheets"] = excel.sheets_of(source)
            return list(source.notes["sheets"])
        except BadAnswer as error:
            source.notes["refused"] = error
            raise

    def _table(self, ref: TableRef) -> Table:
        source = self._source_of(ref)
        if "table" not in source.notes:
            columns = self._format(source).columns(source, self._options)
            number = replace(NUMBER, name=unique_names(source, [*(column.name for column in columns), ROW_NUMBER])[-1])
            typed = [self._typed(ref, column) for column in columns]
            all_columns = tuple(replace(column, ordinal=place) for place, column in enumerate((number, *typed)))
            source.notes["table"] = Table(ref, columns=all_columns, primary_key=(number.name,), writes=frozenset())
        return replace(source.notes["table"], ref=ref)

    def _typed(self, ref: TableRef, column: Column) -> Column:
        """Return the column with the type that the connection names for it."""
        if paths.ending(ref.name) == "PARQUET":
            return column
        type_ = self._types.get((ref.name, column.name), self._types.get(("", column.name)))
        return column if type_ is None else replace(column, type=type_, is_json=False, has_zone=False)

    def version_of(self, ref: TableRef) -> str:
        """Return what differs once the file was changed."""
        found = self._source_of(ref).found
        return f"{found.size} {found.modified}"

    # ---- sources ----

    def _source_of(self, ref: TableRef) -> Source:
        """Return the file of a table; the list of files is read again when it is not there."""
        if ref in self._index:
            try:
                return self._source(*self._index[ref])
            except ConnectorError:
                self._index = {}
        self.list_tables()
        if ref not in self._index:
            raise TableGone(f"There is no file or sheet {ref} any more.", hint="Put it back, or repoint the resource.")
        return self._source(*self._index[ref])

    def _source(self, place: paths.Place, sheet: str) -> Source:
        found = self._guard.find(place.root, place.parts)
        key = (found.version, found.parts, sheet)
        with self._lock:
            source = self._sources.setdefault(key, Source(self._guard, found, sheet))
            self._sources.move_to_end(key)
            while len(self._sources) > MOST_SOURCES:
                self._sources.popitem(last=False)
        return source

    def _format(self, source: Source) -> Format:
        if paths.ending(source.found.name) in WORKBOOKS and not source.sheet:
            self._sheets_of(source)
        return FORMATS.get(paths.ending(source.found.name), TEXT)

    # ---- rows ----

    def offer(self, scan: Scan) -> Offer:
        """Return what would be done: bounds of row numbers exactly, row groups of Parquet passed over, the file's own order."""
        key = key_of(scan.table)
        place = self._index.get(scan.table.ref)
        is_parquet = paths.ending(place[0].parts[-1] if place else scan.table.ref.name) == "PARQUET"
        grades = tuple(grade(item, key, scan.table, is_parquet) for item in scan.where)
        is_exact = all(item == Grade.EXACT for item in grades)
        takes_order = not scan.order or (scan.order[0].column == key and not scan.order[0].is_descending)
        low, high = bounds(scan.where, key)
        line = f"read {scan.table.ref}" + (
            f", rows {low} to {'the last' if high == sys.maxsize else high}" if (low, high) != (1, sys.maxsize) else ""
        )
        return Offer(
            scan, grades, takes_order=takes_order, takes_limit=is_exact and takes_order, takes_count=is_exact, calls=0, explain=(line,)
        )

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows in the file's order."""
        scan = offer.scan
        key = key_of(scan.table)
        start, stop = bounds(scan.where, key)
        if offer.takes_limit:
            start += scan.offset
            stop = min(stop, start + scan.limit - 1) if scan.limit is not None else stop
        start = max(start, int(resume or 1))
        if start > stop:
            return
        source = self._source_of(scan.table.ref)
        columns = tuple(column_named(scan.table, name) for name in scan.columns if name != key)
        places = [place for place, name in enumerate(scan.columns) if name == key]
        for first, rows in self._format(source).batches(source, self._options, Ask(columns, start, stop, scan.where)):
            yield Batch(numbered(first, rows, places), str(first + len(rows)))

    def count(self, offer: Offer) -> int:
        """Return the number of rows within the bounds."""
        source = self._source_of(offer.scan.table.ref)
        low, high = bounds(offer.scan.where, key_of(offer.scan.table))
        return max(min(high, self._format(source).count(source, self._options)) - low + 1, 0)

    # ---- what files can't do ----

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Refuse: files are only read."""
        raise READ_ONLY

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        """Refuse: files are only read."""
        raise READ_ONLY

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        """Refuse: files are only read."""
        raise READ_ONLY

    def close(self) -> None:
        """Hold nothing open: files are closed after each read."""


def key_of(table: Table) -> str:
    """Return the name of the column of row numbers."""
    return next((column.name for column in table.columns if column.native_type == NUMBER.native_type), ROW_NUMBER)


def column_named(table: Table, name: str) -> Column:
    """Return a column of the published table."""
    if name not in table.by_name:
        raise TableGone(f"{table.ref} has no column {name}.", hint="Refresh the resource.")
    return table.by_name[name]


def grade(item: Predicate, key: str, table: Table, is_parquet: bool) -> Grade:
    """Return what is done of a conjunct."""
    if not isinstance(item, Compare):
        return Grade.NO
    if item.column == key and item.operator in BOUNDS:
        return Grade.SUPERSET if item.operator == "in" else Grade.EXACT
    column = table.by_name.get(item.column)
    is_pruned = is_parquet and column is not None and column.type in EXACT_STATISTICS and item.operator in OUTSIDE
    return Grade.SUPERSET if is_pruned else Grade.NO


def bounds(where: Sequence[Predicate], key: str) -> tuple[int, int]:
    """Return the first and last row number that the conjuncts allow."""
    low, high = 1, sys.maxsize
    for item in where:
        if isinstance(item, Compare) and item.column == key and item.operator in BOUNDS:
            least, most = BOUNDS[item.operator](item.value)
            low, high = max(low, least), min(high, most)
    return low, high


def numbered(first: int, rows: list[tuple[Any, ...]], places: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return the rows with their numbers at these places."""
    if not places:
        return rows
    if tuple(places) == (0,):
        return [(number, *row) for number, row in enumerate(rows, first)]
    found = []
    for number, row in enumerate(rows, first):
        whole = list(row)
        for place in places:
            whole.insert(place, number)
        found.append(tuple(whole))
    return found
