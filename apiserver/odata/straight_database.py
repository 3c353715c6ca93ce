"""Pages whose rows the source itself writes as JSON objects: for sources that say they can, and are asked to by their connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson
from sqlglot import exp

from apiserver.odata.binder_state import BinderState, Slot
from apiserver.resources.catalog import PublishedProperty
from connections.contract.dialect import RowJson
from connections.contract.errors import BadValue
from connections.contract.table import Column, Type
from connections.engine.nodes import Read, fn, select

ROW, PAGE = "a row", "a page"  # no property has such a name, for which a bare one would be taken

FIRST = itemgetter(0)


class NotWritten(BadValue):
    """A row holds a value that OData has no form for; read in another way, its key and column can be named."""


@dataclass(frozen=True, slots=True)
class DatabaseJson:
    """How rows are asked for as JSON: the properties to show and the SQL that reads each."""

    items: tuple[PublishedProperty, ...]
    templates: tuple[str, ...]
    mark: str
    is_whole: bool = False  # the page comes as one text

    def text(self, rows: Sequence[Sequence[Any]]) -> tuple[int, bytes]:
        """Return the number of rows and their JSON objects, commas between them, of a page that comes whole."""
        ((count, text),) = rows
        if text is None or self.is_marked(text):
            raise not_written()
        return int(count), text

    def joined(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """Return the JSON objects of rows that came one by one, commas between them."""
        text = b",".join(map(FIRST, rows))
        if self.is_marked(text):
            raise not_written()
        return text

    def is_marked(self, text: bytes) -> bool:
        """Claim that a value stands there that OData has no form for."""
        mark = self.mark.encode()
        return mark[:1] in text and mark in text  # the first byte, which texts hardly have, is looked for ten times as fast

    def objects(self, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Return one JSON object a row."""
        texts = [row[0] for row in rows]
        if any(self.mark in text for text in texts):
            raise not_written()
        return [orjson.Fragment(text) for text in texts]

    def query(self, binder: BinderState, inner: exp.Select, keys: int) -> exp.Select:
        """Return the statement around `inner`, which reads the items and then the keys: the JSON of each row, then the keys.

        Around it, so that only rows of the page are written, whatever had to be sorted for it.
        """
        for place, part in enumerate(inner.expressions):
            part.replace(exp.alias_(part.copy(), f"c{place}", quoted=True))
        shown = [
            exp.Alias(
                this=Read(table=PAGE, column=f"c{place}", template=binder.percent(template)),
                alias=exp.to_identifier(item.name, quoted=True),
            )
            for place, (item, template) in enumerate(zip(self.items, self.templates, strict=True))
        ]
        page = exp.Subquery(this=inner, alias=named(PAGE))
        json = fn("row_json", exp.column(ROW, quoted=True))
        if not keys:  # one query within the other: a tenth less work than a query for each row
            rows = exp.Subquery(this=select(shown, page), alias=named(ROW))
            return whole(binder, select([fn("count_rows"), fn("joined_rows", json)], rows)) if self.is_whole else select([json], rows)
        row = exp.Subquery(this=exp.Select(expressions=shown), alias=named(ROW))
        width = len(self.items)
        last = [Read(table=PAGE, column=f"c{place}", template="{0}") for place in range(width, width + keys)]
        return select([exp.Subquery(this=select([json], row)), *last], page)


def whole(binder: BinderState, inner: exp.Select) -> exp.Select:
    """Return the statement around `inner`, which reads a number and a text: null in place of a text that is longer than `$most`."""
    for place, part in enumerate(inner.expressions):
        part.replace(exp.alias_(part.copy(), f"c{place}", quoted=True))
    count, text = (Read(table=PAGE, column=f"c{place}", template="{0}") for place in range(2))
    most = binder.bind(Slot(Column("", Type.INT64), name="$most"))
    return select([count, fn("bounded_text", text, most)], exp.Subquery(this=inner, alias=named(PAGE)))


def not_written() -> NotWritten:
    """Return the error of a page with such a value."""
    return NotWritten("A value has no form in OData.", hint="Leave its column out with $select.")


def named(alias: str) -> exp.TableAlias:
    """Return a table's alias."""
    return exp.TableAlias(this=exp.to_identifier(alias, quoted=True))


def database_json(source: RowJson, items: Sequence[PublishedProperty], names: Sequence[str], *, is_whole: bool) -> DatabaseJson | None:
    """Return how the source writes the properties `names`; None where it can't."""
    by_name = {item.name: item for item in items}
    shown = tuple(by_name[name] for name in names)
    templates = tuple(template for template in (source.column(item.column) for item in shown) if template is not None)
    fits = all(len(name.encode()) <= source.max_name for name in names)
    return DatabaseJson(shown, templates, source.mark, is_whole) if shown and fits and len(templates) == len(shown) else None
