"""Rows as the destination's columns take them; what does not fit is named: column, key and reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from apiserver.jobs.moving_order import JobError
from apiserver.jobs.moving_reading import Rows
from apiserver.jobs.moving_types import converter
from connections.contract.exact_types import wished
from connections.contract.loading import Unfit
from connections.contract.table import INTEGER_RANGE, Column, Type
from connections.contract.unsayable import Unsayable

LONGEST_SHOWN = 60


class Shaper:
    """Turns pages of a source's columns into rows for a destination's; what is read behind the columns is left out."""

    def __init__(
        self, sources: Sequence[Column], kept: Sequence[Column], key: Sequence[str], *, cuts_texts: bool = False, reads_texts: bool = False
    ) -> None:
        self.kept = kept
        # PostgreSQL's own texts, which such a destination reads itself.
        self.texts = [reads_texts and bool(wished(source)) for source in sources]
        self.width = len(kept)
        self.key = [place for place, column in enumerate(kept) if column.name in key]
        found = [
            (place, None if self.texts[place] and one.type == Type.STRING else converter(one, other))
            for place, (one, other) in enumerate(zip(sources, kept, strict=True))
        ]
        self.converters = [(place, convert) for place, convert in found if convert is not None]
        self.cuts = [(place, column.max_length) for place, column in enumerate(kept) if cuts_texts and is_bounded_text(column)]

    def rows(self, page: Rows) -> Rows:
        """Return the rows of a page; raise JobError for a value that its column can't take."""
        if page and len(page[0]) != self.width:
            page = [row[: self.width] for row in page]
        self.check_sayable(page)
        if not self.converters and not self.cuts:
            return page
        rows = [list(row) for row in page]
        for place, convert in self.converters:
            self.convert(rows, place, convert)
        for place, most in self.cuts:
            for row in rows:
                if row[place] is not None:
                    row[place] = row[place][:most]
        return rows

    def convert(self, rows: list[list[Any]], place: int, convert: Callable[[Any], Any]) -> None:
        """Convert one column in place; what is text already stays."""
        is_text = self.kept[place].type == Type.STRING
        for row in rows:
            value = row[place]
            if value is None or (is_text and isinstance(value, str)):
                continue
            try:
                row[place] = convert(value)
            except (ValueError, ArithmeticError, LookupError, TypeError) as error:
                raise self.problem(row, place, f"is no {self.kept[place].type}") from error

    def check_sayable(self, page: Rows) -> None:
        """Let values that no type can say be texts where the column is one; raise Unfit for others."""
        for number, row in enumerate(page):
            if Unsayable not in map(type, row):
                continue
            said = list(row)
            for place, value in enumerate(row):
                if not isinstance(value, Unsayable):
                    continue
                if not self.texts[place] and (self.kept[place].type != Type.STRING or self.kept[place].is_json):
                    problem = self.problem(row, place, f"can't be kept: {value.reason.message.rstrip('.')}")
                    raise Unfit(self.kept[place].name) from problem
                said[place] = value.text
            page[number] = said  # type: ignore[index]

    def problem(self, row: Sequence[Any], place: int, what: str) -> JobError:
        """Return what is wrong with a value, and of which row."""
        names = ", ".join(f"{self.kept[at].name} = {shown(row[at])}" for at in self.key)
        where = f" (row {names})" if names else ""
        return JobError(
            f"A value of the column {self.kept[place].name}{where} {what}: {shown(row[place])}.",
            hint="Give the column another type in the task, leave it out, or correct the row at the source.",
        )

    def misfit(self, rows: Rows) -> tuple[int, Column, Sequence[Any]] | None:
        """Return the first value that its column can't hold: its place, the column that could, and the row."""
        for place, column in enumerate(self.kept):
            for row in rows:
                wide = None if row[place] is None else needed(column, row[place])
                if wide is not None:
                    return place, wide, row
        return None


def is_bounded_text(column: Column) -> bool:
    """Claim that a column holds texts up to a length."""
    return column.type == Type.STRING and not column.is_collection and column.max_length is not None


def needed(column: Column, value: Any) -> Column | None:
    """Return the column that a value needs, None where the column holds it."""
    if column.is_collection:
        return None
    if column.type in (Type.STRING, Type.BINARY):
        return replace(column, max_length=None) if column.max_length is not None and len(value) > column.max_length else None
    if column.type in INTEGER_RANGE:
        low, high = INTEGER_RANGE[column.type]
        return None if low <= value <= high else replace(column, type=Type.INT64 if -(2**63) <= value < 2**63 else Type.DECIMAL)
    if column.type == Type.GUID:
        return replace(column, type=Type.STRING, max_length=36) if is_odd(value) else None
    if column.type == Type.DECIMAL and isinstance(value, Decimal) and column.precision is not None and column.scale is not None:
        return None if fits(column, value) else replace(column, precision=None, scale=None)
    return None


def is_odd(value: Any) -> bool:
    """Claim that MariaDB's type has no place for a UUID: one of a version from 8 on whose variant is not RFC 9562's (measured, 10.11)."""
    return isinstance(value, UUID) and value.hex[12] in "89abcdef" and value.hex[16] in "12345678"


def fits(column: Column, value: Decimal) -> bool:
    """Claim that a decimal has no more digits than the column."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return False
    behind = max(0, -exponent)
    return behind <= (column.scale or 0) and max(0, len(digits) + exponent) <= (column.precision or 0) - (column.scale or 0)


def shown(value: Any) -> str:
    """Return a value for a message, cut."""
    text = str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
