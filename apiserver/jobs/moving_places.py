"""How a load of a source that gives rows goes on behind what it committed: by the source's own pages where no row shifts them,
by the check column where the source sorts by it.

Pages that a service counts shift while rows change. So each page is asked for anew, from the last value on, and is the first one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import orjson

from apiserver.jobs.moving_reading import Piece, Rows
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import sample, text_of, value_of
from connections.contract.errors import ConnectorError
from connections.contract.table import INTEGERS, Type
from connections.contract.unsayable import Unsayable

CHECK, PLACE, ANEW = "check", "place", ""  # ways to go on
SORTED = INTEGERS | {Type.TIMESTAMP, Type.DATE, Type.DECIMAL}
BEGINS_ANEW = "A first load that breaks off begins again: the source has no place to go on from."


class OutOfOrder(Exception):
    """The service does not keep to the order that it takes."""


def way_of(task: Task) -> str:
    """Return how a load of a service goes on behind a page; nothing is asked. Of a database it goes on by its key."""
    reading = task.reading
    if reading.is_sql or not task.is_incremental:
        return ANEW
    found = reading.foreseen(task.piece(place=""))
    if found is not None and found.is_steady:
        return PLACE
    return CHECK if sorts(task) else ANEW


def sorts(task: Task) -> bool:
    """Claim that the service gives rows in the order of the first check column, from a value on too."""
    name = task.checks[0]
    column = task.reading.column(name)
    if column.type not in SORTED or task.reading.is_sql:
        return False
    low = ((name, sample(column)),)
    found = [task.reading.foreseen(piece) for piece in (task.piece(sorted_by=name), task.piece(sorted_by=name, low=low))]
    return all(item is not None and item.is_ordered for item in found)


def in_order(task: Task, piece: Piece, last: Any = None) -> Iterator[Rows]:
    """Give the pages of a piece in the order of the first check column, from the value `last` on; no row comes twice.

    What changes while pages come is not run after: rows later than the beginning are read in one go, and again by the next run.
    Raises OutOfOrder.
    """
    name = task.checks[0]
    place, keys = task.reading.place(name), [task.reading.place(name) for name in task.reading.key]
    held: set[tuple[Any, ...]] = set()  # keys of the rows that have the last value
    foreseen = task.reading.foreseen(replace(piece, sorted_by=name))
    is_snapshot = foreseen is not None and foreseen.is_snapshot
    is_more = True
    while is_more:
        is_more = False
        asked = replace(piece, sorted_by=name, low=((name, last),) if last is not None else piece.low)
        found = task.pages(asked, is_counted=False)
        try:
            for page in found:
                check_order(page, place, last, name)
                fresh = [row for row in page if row[place] != last or tuple(row[at] for at in keys) not in held]
                top = page[-1][place] if page else None
                is_ahead = top is not None and top != last
                if is_ahead:
                    last, held = top, set()
                held |= {tuple(row[at] for at in keys) for row in page if row[place] == last}
                if fresh:
                    task.came(fresh)
                    yield fresh
                if is_ahead and not is_snapshot and not is_late(task, last):
                    is_more = True
                    break
        finally:
            found.close()  # type: ignore[attr-defined]


def is_late(task: Task, value: Any) -> bool:
    """Claim that a value is a time later than the beginning of the move."""
    return isinstance(value, datetime) and value.timestamp() > task.now


def check_order(page: Rows, place: int, last: Any, name: str) -> None:
    """Raise OutOfOrder for a page that is not sorted, or begins before the last value."""
    values = [row[place] for row in page if row[place] is not None]
    before = [last, *values] if last is not None else values
    if any(isinstance(value, Unsayable) for value in values) or any(one > other for one, other in pairwise(before)):
        raise OutOfOrder(name)


def unsorted(task: Task) -> str:
    """Return what is said of a service that does not keep to the order."""
    return f"The source does not sort by {task.checks[0]}: rows are read as they come."


def placed(task: Task, place: str) -> Iterator[Rows]:
    """Give the pages behind a place in the service's own order, each row with its place; from the start where it is gone."""
    found = task.pages(task.piece(place=place))
    try:
        first = next(found, None)
    except ConnectorError as error:
        if not place:
            raise
        found = task.pages(task.piece(place=""))
        first = next(found, None)  # raises where the service is away: the place is kept
        task.watch.says("warning", f"The place to go on from is gone: everything is read again. {error.message}")
    try:
        if first is not None:
            yield first
            yield from found
    finally:
        found.close()  # type: ignore[attr-defined]


def page_of(text: str) -> str:
    """Return the place of the page in which a row stands: rows of it that are gone meanwhile let none be passed over."""
    step, token, _ = orjson.loads(text)
    return orjson.dumps([step, token, 0]).decode()


def behind_key(task: Task) -> Piece:
    """Return the rows behind the last key that a load committed, in the order of keys."""
    load, reading = task.state.load, task.reading
    texts = load.after or () if load else ()
    after = tuple(value_of(reading.column(name), text) for name, text in zip(reading.key, texts, strict=False))
    return task.piece(by_key=True, after=after)


def started(task: Task) -> Any:
    """Return the value of the check column from which on a load goes on."""
    load = task.state.load
    return value_of(task.reading.column(task.checks[0]), load.check) if load and load.check else None


def noted(task: Task, way: str, chunk: Sequence[Rows]) -> None:
    """Keep how far a load has come in its checkpoint."""
    load, last = task.state.load, chunk[-1][-1]
    assert load is not None
    if way == CHECK:
        value = last[task.reading.place(task.checks[0])]
        load.check = load.check if value is None else text_of(value)
    elif way == PLACE:
        load.place = page_of(last[-1])
