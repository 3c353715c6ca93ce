"""Pages without expansions: values go from the driver into JSON column by column, many as the text that the source makes of them.

Row by row, value by value, costs about five times as much. What a page looks like is the same either way: tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson

from apiserver.odata.etag import etag_names, has_etag, tag
from apiserver.odata.nodes import Options
from apiserver.odata.payload import selected_names
from apiserver.odata.payload_context import not_shown
from apiserver.odata.payload_values import Encode, json_encoder, special_number
from apiserver.odata.straight_database import DatabaseJson, database_json
from apiserver.resources.catalog import PublishedProperty, PublishedResource
from connections.contract.dialect import Dialect
from connections.contract.table import Column, Type
from connections.contract.unsayable import UNREADABLE, reason_of, sayable
from connections.engine.prepared import gives_rows

Cells = Sequence[Any]


def is_straight(options: Options, level: str, *, is_ieee754: bool, suffix: str) -> bool:
    """Claim that the page is rows of plain properties."""
    return not (options.expand or options.compute or options.apply or suffix or is_ieee754 or level == "full")


def decimal_json(text: str) -> Any:
    """Return the JSON number of a decimal's text."""
    return orjson.Fragment(text) if text[-1].isdigit() else special_number(float(text))


def encoder(column: Column, dialect: Dialect) -> Encode | None:
    """Return what makes JSON of the driver's value."""
    wire = dialect.wire(column)
    if wire is not None:
        steps = [wire.text, decimal_json if column.type is Type.DECIMAL else None]
    else:
        # A source that gives rows may hold what OData can't say in any column.
        steps = [sayable if gives_rows(dialect) else dialect.decode(column), json_encoder(column, is_ieee754=False)]
    first, second = steps
    if first is None or second is None:
        return first or second
    return lambda value: None if (found := first(value)) is None else second(found)  # MySQL's zero dates are null


def lenient(encode: Encode) -> Encode:
    """Return the encoder of a column that only the ETag is made of: a value that OData can't say is taken as the source writes it."""

    def run(value: Any) -> Any:
        try:
            return encode(value)
        except UNREADABLE:
            return str(value)

    return run


@dataclass(frozen=True, slots=True)
class Straight:
    """How the rows of one plan become JSON objects."""

    resource: PublishedResource
    names: tuple[str, ...]
    read: tuple[str, ...]  # the properties in the order of the row
    encoders: tuple[tuple[int, Encode], ...]  # by place in the row
    shown: Callable[[Sequence[Cells]], Sequence[Cells]]  # the columns that appear
    tagged: Callable[[Sequence[Cells]], Sequence[Cells]] | None  # the columns that the ETag is made of

    def objects(self, rows: Sequence[Cells]) -> list[dict[str, Any]]:
        """Return one JSON object a row."""
        if not rows:
            return []
        if len(rows) == 1:
            return [self.object(rows[0])]
        columns: list[Cells] = list(zip(*rows, strict=True))
        for place, encode in self.encoders:
            try:
                columns[place] = [None if value is None else encode(value) for value in columns[place]]
            except UNREADABLE as error:
                raise self.not_shown(rows, place, encode) from error
        names, shown = self.names, list(self.shown(columns))
        if self.tagged is not None:
            names = ("@odata.etag", *names)
            shown.insert(0, [tag(values) for values in zip(*self.tagged(columns), strict=True)])
        if not names:  # $select of relations alone
            return [{} for _ in rows]
        return [dict(zip(names, values, strict=True)) for values in zip(*shown, strict=True)]

    def object(self, row: Cells) -> dict[str, Any]:
        """Return the JSON object of one row."""
        cells = list(row)
        for place, encode in self.encoders:
            if cells[place] is not None:
                try:
                    cells[place] = encode(cells[place])
                except UNREADABLE as error:
                    raise self.not_shown([row], place, encode) from error
        found: dict[str, Any] = {"@odata.etag": tag(self.tagged(cells))} if self.tagged is not None else {}
        found.update(zip(self.names, self.shown(cells), strict=True))
        return found

    def not_shown(self, rows: Sequence[Cells], place: int, encode: Encode) -> Exception:
        """Return the error of the first row whose value OData can't say."""
        for row in rows:
            try:
                None if row[place] is None else encode(row[place])
            except UNREADABLE as error:
                key = ", ".join(str(row[self.read.index(name)]) for name in self.resource.key)
                return not_shown(self.resource, key, self.read[place], reason_of(error))
        raise AssertionError("one of the rows failed")


@dataclass(frozen=True, slots=True)
class StraightMaker:
    """What shapes a Straight besides the columns that are read; `has_control` = with ETags."""

    resource: PublishedResource
    options: Options
    dialect: Dialect
    has_control: bool
    is_by_database: bool = True  # where the source can and may

    def make(self, items: Sequence[PublishedProperty], *, is_page: bool, is_whole: bool) -> Straight | DatabaseJson:
        """Return how rows that hold `items` are shown; `is_whole`: nobody asks for them one by one."""
        names = tuple(selected_names(self.resource, self.options))
        tags = etag_names(self.resource) if self.has_control and has_etag(self.resource) else ()
        source = self.dialect.row_json if self.is_by_database and is_page and not tags else None
        by_database = database_json(source, items, names, is_whole=is_whole) if source is not None else None
        return by_database or self.straight(items, names, tags)

    def straight(self, items: Sequence[PublishedProperty], names: tuple[str, ...], tags: Sequence[str]) -> Straight:
        """Return how JSON is made of them here."""
        places = {item.name: place for place, item in enumerate(items)}
        encoders = [(place, encoder(item.column, self.dialect), item.name in names) for place, item in enumerate(items)]
        return Straight(
            self.resource,
            names,
            tuple(places),
            tuple((place, encode if is_shown else lenient(encode)) for place, encode, is_shown in encoders if encode is not None),
            chosen([places[name] for name in names]),
            chosen([places[name] for name in tags]) if tags else None,
        )


def chosen(places: Sequence[int]) -> Callable[[Sequence[Cells]], Sequence[Cells]]:
    """Return what picks the columns."""
    if len(places) == 1:
        return lambda columns: (columns[places[0]],)
    return itemgetter(*places) if places else lambda _: ()
