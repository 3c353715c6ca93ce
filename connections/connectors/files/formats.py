"""What the formats of files have in common: their options, the open file of one version, limits that no file gets past."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import IO, Any, Protocol

from connections.connectors.files.guard import Found, Guard, version_of
from connections.contract.errors import BadAnswer, BadValue, ConnectionFailed, TableGone
from connections.contract.scan import Predicate
from connections.contract.table import Column

BATCH_ROWS = 1000
MOST_COLUMNS = 2000
# Bytes of one row of text or one JSON object.
MOST_ROW_BYTES = 16 * 2**20

Row = tuple[Any, ...]
Numbered = tuple[int, list[Row]]  # the number of the first row, and the rows


@dataclass(frozen=True, slots=True)
class Options:
    """What the connection says of its files."""

    delimiter: str = ""  # '' = found out
    encoding: str = ""  # '' = found out
    has_header: bool = True
    nulls: frozenset[str] = frozenset({""})
    json_path: tuple[str, ...] = ()
    scan_depth: int = 0  # rows that types are found out from; 0 = all
    is_typed: bool = True
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Source:
    """One version of one file (and sheet of it)."""

    guard: Guard
    found: Found
    sheet: str = ""
    notes: dict[str, Any] = field(default_factory=dict, compare=False)  # what a format found out about this version

    @property
    def name(self) -> str:
        """Return how messages call it."""
        return f"{self.found.name} ({self.sheet})" if self.sheet else self.found.name

    def open(self) -> IO[bytes]:
        """Return the open file; raise when it is no longer this version."""
        file = self.guard.open(self.found.root, self.found.parts)
        try:
            self.check(file)
        except BaseException:
            file.close()
            raise
        return file

    def check(self, file: IO[bytes]) -> None:
        """Raise when the open file changed: half of one version and half of another make no table."""
        if version_of(file)[0] != self.found.version:
            raise ConnectionFailed(f"{self.found.name} changed while it was read.", hint="Ask again.")

    def broken(self, what: str, hint: str = "") -> BadAnswer:
        """Return the error of a file that is not what it should be."""
        return BadAnswer(f"{self.name} {what}", hint=hint or "Look at the file.")

    def misfit(self, column: str, row: int) -> BadValue:
        """Return the error of a value that its column's type can't hold."""
        return BadValue(
            f"{self.name} holds, in row {row}, a value of {column} that is not of the column's type.",
            hint="Refresh the resource, or name the column's type in the connection's ColumnTypes.",
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """Values of these columns, from row `start` up to row `stop`."""

    columns: tuple[Column, ...]
    start: int = 1
    stop: int = sys.maxsize
    where: tuple[Predicate, ...] = ()  # conjuncts that may be used to pass over rows


class Format(Protocol):
    """One kind of file. Rows are numbered from 1 and come in the file's order."""

    def columns(self, source: Source, options: Options) -> list[Column]:
        """Return the columns with types that fit every row looked at."""

    def batches(self, source: Source, options: Options, ask: Ask) -> Iterator[Numbered]:
        """Give the rows that are asked for, and perhaps none of those that `where` rules out."""

    def count(self, source: Source, options: Options) -> int:
        """Return the number of rows."""


def unique_names(source: Source, names: Sequence[str]) -> list[str]:
    """Return names of columns: none empty, none twice; raise for too many."""
    if len(names) > MOST_COLUMNS:
        raise source.broken(f"has {len(names)} columns.", hint=f"{MOST_COLUMNS} are the most that are read.")
    found: dict[str, None] = {}
    taken: set[str] = set()
    for index, name in enumerate(names, 1):
        base = name.strip() or f"Column{index}"
        unique, number = base, 2
        while unique.lower() in taken:
            unique, number = f"{base}_{number}", number + 1
        taken.add(unique.lower())
        found[unique] = None
    return list(found)


def in_batches(rows: Iterator[Row], start: int = 1) -> Iterator[Numbered]:
    """Give consecutive rows by the batch."""
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= BATCH_ROWS:
            yield start, batch
            start += len(batch)
            batch = []
    if batch:
        yield start, batch


def positions(source: Source, names: Sequence[str], columns: Sequence[Column]) -> list[int]:
    """Return where each column stands among the names of the file."""
    index = {name: number for number, name in enumerate(names)}
    for column in columns:
        if column.name not in index:
            raise TableGone(f"{source.name} has no column {column.name} any more.", hint="Refresh the resource.")
    return [index[column.name] for column in columns]
