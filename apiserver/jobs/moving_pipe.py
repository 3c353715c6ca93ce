"""The fast way of rows: as the source writes them itself, in blocks that the destination takes, without a value being made of them here.

PostgreSQL to PostgreSQL in its binary form, SQLite to PostgreSQL as lines of COPY. What can't go so, or fails, goes row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

from apiserver.jobs.moving_ahead import Ahead
from apiserver.jobs.moving_order import SOURCE, Settings, told_of
from apiserver.jobs.moving_reading import Piece
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import converter, holds, text_of, value_of
from connections.connectors.sql.lines_sqlite import COPY_OPTIONS, Lines, lines_of
from connections.contract.dialect import Dialect
from connections.contract.errors import NotSupported
from connections.contract.exact_types import wished
from connections.contract.table import Column, TableRef, Type
from connections.engine.nodes import Read
from connections.engine.sql_expressions import aliased
from connections.engine.sql_lower import native
from connections.engine.sql_nodes import Output

BATCH = 1000  # rows of one fetch: less waits at the socket than the server takes meanwhile
Block = tuple[int, bytes]
Blocks = Generator[Block, None, None]


class Pipe:
    """Puts pieces of what is read into a table."""

    def __init__(self, task: Task, columns: Sequence[Column], lines: Lines | None) -> None:
        self.task = task
        self.columns = columns
        self._lines = lines

    def blocks(self, piece: Piece) -> Blocks:
        """Give the rows of a piece as the destination takes them, with the number of rows in each block."""
        return self._binary(piece) if self._lines is None else self._texts(self._lines, piece)

    def put(self, ref: TableRef, blocks: Blocks | Ahead[Block], *, is_first: bool = False) -> int:
        """Put rows into a table, in the transaction at hand; return how many. `is_first`: into an empty one of our own."""
        loading: Any = self.task.loading
        columns, form = self.columns, {}
        if self._lines is not None:
            columns, form = [columns[place] for place in self._lines.places], {"options": COPY_OPTIONS}
        with closing(blocks):
            return int(loading.pipe(ref, columns, self._told(blocks), is_first=is_first, **form))

    def _told(self, blocks: Iterator[Block]) -> Iterator[bytes]:
        """Tell the watch of each block; it may stop the move."""
        task = self.task
        with told_of(SOURCE):
            for count, block in blocks:
                task.watch.stop_if_asked()
                task.moved.rows_read += count
                task.moved.pages += 1
                task.moved.bytes += len(block)
                task.watch.read(count, 1, len(block))
                yield block

    def _binary(self, piece: Piece) -> Blocks:
        loading: Any = self.task.loading
        reads = [(name, f"CAST({{0}} AS {loading.pipe_type(column)})") for name, column in zip(self._names(), self.columns, strict=True)]
        statement = self._statement(piece, reads)
        found: Blocks = self.task.reading.session.copy_out(statement.sql, statement.binds)
        return found

    def _texts(self, lines: Lines, piece: Piece) -> Blocks:
        names = self._names()
        statement = self._statement(piece, [(names[place or 0], template) for place, template in lines.reads])
        result = self.task.reading.session.query(statement.sql, statement.binds, batch_size=BATCH, stream=True)
        with closing(result):
            for batch in result.batches:
                yield len(batch), lines.block(batch)

    def _names(self) -> list[str]:
        """Return the columns of the table in the order in which they are shown."""
        by_place = {place: name for name, place in self.task.reading.places.items()}
        return [by_place[place] for place in range(len(self.columns))]

    def _statement(self, piece: Piece, reads: Sequence[tuple[str, str]]) -> Any:
        """Return the statement of a piece that gives these instead of its columns: (column, SQL over {0})."""
        reading = self.task.reading
        bound, dialect = reading.piece(piece), reading.session.dialect
        tree = bound.tree.copy()
        doubled = [template.replace("%", "%%") if dialect.doubles_percent else template for _, template in reads]
        tree.set(
            "expressions",
            [aliased(Read(table=reading.alias, column=reads[at][0], template=doubled[at]), at + 1) for at in range(len(reads))],
        )
        outputs = tuple(Output(f"c{at}", Column(f"c{at}")) for at in range(len(reads)))
        return native(replace(bound, tree=tree, outputs=outputs), dialect)

    # ---- what the destination says of the rows ----

    def last_key(self, ref: TableRef) -> list[str] | None:
        """Return the largest key of a table as texts of a checkpoint."""
        loading: Any = self.task.loading
        columns = [self.columns[self.task.reading.places[name]] for name in self.task.reading.key]
        last = loading.last_key(ref, [column.name for column in columns])
        return [text_of(contract(loading.dialect, column)(value)) for column, value in zip(columns, last, strict=True)] or None

    def largest(self, marks: dict[str, str], ref: TableRef) -> None:
        """Raise the marks to the largest values of the check columns among the rows of a table."""
        loading: Any = self.task.loading
        for name in self.task.checks:
            kept, source = self.columns[self.task.reading.place(name)], self.task.reading.column(name)
            top = loading.largest(ref, kept.name)
            if top is None:
                continue
            value = as_read(contract(loading.dialect, kept)(top), kept, source)
            if name not in marks or value > value_of(source, marks[name]):
                marks[name] = text_of(value)


def as_read(value: Any, kept: Column, source: Column) -> Any:
    """Return a value of the destination's column as the source's type has it; raise NotSupported where it has none such."""
    convert = converter(kept, source)
    try:
        return value if convert is None else convert(value)
    except (ValueError, ArithmeticError, LookupError) as error:
        raise NotSupported(f"The values of {kept.name} are kept as {kept.type}.") from error


def contract(dialect: Dialect, column: Column) -> Callable[[Any], Any]:
    """Return how a value of the driver becomes the contract's."""
    return dialect.decode(column) or (lambda value: value)


def pipe_of(task: Task, ref: TableRef) -> Pipe | None:
    """Return the fast way into a table; None where rows have to be looked at."""
    reading, loading = task.reading, task.loading
    dialect: Any = getattr(reading.session, "dialect", None)
    is_plain = reading.table is not None and set(reading.places.values()) >= set(range(len(reading.columns)))
    # Who wants commits of few rows gets them.
    if task.settings.cuts_texts or task.settings.batch_rows < Settings().batch_rows:
        return None
    if not is_plain or not reading.is_sql or not hasattr(loading, "pipe"):
        return None
    columns = task.filled_columns(task.described(ref))
    if not all(exactly(one, other) for one, other in zip(reading.columns, columns, strict=True)):
        return None
    own: Any = loading
    if not has_one_clock(dialect, own.dialect, reading.columns):
        return None
    if dialect.name == "postgresql":
        return Pipe(task, columns, None) if all(own.pipe_type(column) for column in columns) else None
    if dialect.name != "sqlite":
        return None
    sources = {place: reading.column(name) for name, place in reading.places.items()}
    lines = lines_of([sources[place] for place in range(len(columns))], columns, reading.alias)
    return None if lines is None else Pipe(task, columns, lines)


def exactly(source: Column, kept: Column) -> bool:
    """Claim that a column takes all values of another as they are."""
    return (wished(source) != "" and wished(source) == wished(kept)) or (not source.is_collection and holds(kept, source))


def has_one_clock(one: Dialect, other: Dialect, columns: Sequence[Column]) -> bool:
    """Claim that both ends mean the same by a date-time without a zone."""
    if not any(column.type == Type.TIMESTAMP and not column.has_zone for column in columns):
        return True
    column = Column("", Type.TIMESTAMP, native_type="timestamp")
    naive = [datetime(2024, 1, 1), datetime(2024, 7, 1)]  # noqa: DTZ001 read in each end's zone
    read = [[contract(end, column)(value if end.is_typed else str(value)) for value in naive] for end in (one, other)]
    return read[0] == read[1]
