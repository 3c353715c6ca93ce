"""How a scan is read in pages: behind the last key where keys hold and no order is asked for, else by one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from connections.connectors.dbapi.rules import Rules
from connections.connectors.dbapi.values import reader
from connections.contract.scan import Offer, Order, Scan
from connections.contract.table import FLOATS, Column, Table, Type
from connections.contract.unsayable import sayable

# Rows of the first page behind a key, and of the longest: a query that stops early costs little, a whole table few statements.
FIRST, GROWTH, LONGEST = 1000, 4, 64_000

Position = dict[str, Any]  # {"behind": {key column: text}} or {"passed": number of rows}


@dataclass(frozen=True, slots=True)
class Page:
    """One statement of a reading."""

    columns: tuple[str, ...]  # of the scan, then those of the key that are missing
    order: tuple[Order, ...]
    behind: dict[str, Any] | None = None
    limit: int | None = None
    offset: int = 0
    passed: int = 0  # rows of the reading before this page
    goes_on: bool = False  # by another statement, when this one gives as many rows as it may


def pages_of(rules: Rules, offer: Offer, resume: Position | None) -> Generator[Page, Position, None]:
    """Give the pages of a scan; takes the position behind each before the next one."""
    scan = offer.scan
    if scan.order and offer.takes_order:
        order = (*scan.order, *(item for item in total_order(rules, scan.table) if item.column not in {key.column for key in scan.order}))
    elif has_held_key(rules, scan) and scan.limit is None:
        yield from behind_keys(scan, (resume or {}).get("behind"))
        return
    else:
        order = total_order(rules, scan.table)
    passed = int((resume or {}).get("passed", 0))
    limit = None if scan.limit is None or not offer.takes_limit else max(0, scan.limit - passed)
    yield Page(scan.columns, order, limit=limit, offset=(scan.offset if offer.takes_limit else 0) + passed, passed=passed)


def behind_keys(scan: Scan, behind: dict[str, str] | None) -> Generator[Page, Position, None]:
    """Give pages that each begin behind the last row of the one before."""
    key = scan.table.primary_key
    columns = (*scan.columns, *(name for name in key if name not in scan.columns))
    limit = FIRST
    while True:
        values = None if behind is None else {name: reader(scan.table.by_name[name], dt.UTC)(text) for name, text in behind.items()}
        told = yield Page(columns, tuple(Order(name) for name in key), values, limit, goes_on=True)
        behind, limit = told["behind"], min(limit * GROWTH, LONGEST)


def has_held_key(rules: Rules, scan: Scan) -> bool:
    """Claim that the rows can be read behind a key: it is unique, and its columns have an order."""
    key = [scan.table.by_name[name] for name in scan.table.primary_key]
    return bool(key) and rules.keys_hold and all(can_page(rules, column) for column in key)


def can_page(rules: Rules, column: Column) -> bool:
    """Claim that the column has an order of its own, whether or not it is OData's."""
    if column.type is Type.STRING:
        return rules.can_order(column)
    return column.type not in FLOATS | {Type.BINARY, Type.DURATION}


def total_order(rules: Rules, table: Table) -> tuple[Order, ...]:
    """Return what makes the order of rows the same each time: the key; without one that holds all columns that can be ordered."""
    names: Sequence[str] = [
        name for name in table.primary_key if rules.can_order(table.by_name[name]) or can_page(rules, table.by_name[name])
    ]
    if rules.keys_hold and names and len(names) == len(table.primary_key):
        return tuple(Order(name) for name in names)
    rest = [column.name for column in table.columns if column.name not in names and rules.can_order(column)]
    return tuple(Order(name) for name in (*names, *rest))


def position(table: Table, page: Page, row: Sequence[Any], count: int) -> Position:
    """Return where the reading stands behind a row."""
    if not page.goes_on:
        return {"passed": page.passed + count}
    return {"behind": {name: as_text(row[page.columns.index(name)]) for name in table.primary_key}}


def as_text(value: Any) -> str:
    """Return a key's value as text that reads back as the same."""
    found = sayable(value)
    return str(found.isoformat()) if isinstance(found, dt.date | dt.time) else str(found)
