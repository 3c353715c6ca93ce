"""How many bytes of rows an answer may hold: a page ends early there, with a next link; what can't end there is refused by name.

The reader and the expander weigh the rows as they come. Streamed answers hold a few rows at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from apiserver.odata.errors import BadRequest
from apiserver.odata.parser_errors import DEFAULT_LIMITS, raised_by
from connections.contract.table import Column, Type

BATCH_ROWS = 100  # weighed at a time: so many are held beyond the limit at most
MEMBER_BYTES = 8  # punctuation around a value
NUMBER_BYTES = 24  # a number, a date, a GUID
TEXTS = frozenset({Type.STRING, Type.BINARY})

Rows = Sequence[Sequence[Any]]


class Running(threading.local):
    """The request of this thread."""

    most = DEFAULT_LIMITS.page_bytes
    held = 0


RUNNING = Running()


class TooMuch(BadRequest):
    """What a row expands to is beyond the limit."""

    def __init__(self) -> None:
        hint = f"Ask for fewer of them ($top within $expand) or follow the relation by itself. {raised_by('page_bytes')}"
        super().__init__(f"A row expands to more than the limit of {RUNNING.most} bytes.", hint=hint)


@dataclass(frozen=True, slots=True)
class Weight:
    """What a row of a plan weighs: texts by their length (`places`), the rest alike."""

    places: tuple[int, ...] = ()
    rest: int = 0

    def of(self, rows: Rows) -> int:
        """Return the bytes of these rows, about."""
        return self.rest * len(rows) + sum(lengths(list(map(itemgetter(place), rows))) for place in self.places)

    def may_exceed(self, count: int) -> bool:
        """Claim that so many rows can be beyond the limit; no length is trusted, which some sources do not keep."""
        return count > BATCH_ROWS and (bool(self.places) or self.rest * count > RUNNING.most)


def lengths(values: Sequence[Any]) -> int:
    """Return the length of all texts; nulls count like short ones, and SQLite keeps numbers among them."""
    try:
        return sum(map(len, values))
    except TypeError:
        return sum(len(value) if hasattr(value, "__len__") else NUMBER_BYTES for value in values)


UNWEIGHED = Weight()


def weight_of(names: Sequence[str], columns: Sequence[Column]) -> Weight:
    """Return the weight of rows of these columns, shown under these names."""
    places = tuple(place for place, column in enumerate(columns) if column.is_collection or column.type in TEXTS)
    return Weight(places, sum(len(name) + MEMBER_BYTES for name in names) + NUMBER_BYTES * (len(columns) - len(places)))


def begin(most: int) -> None:
    """Start the count of this thread's request."""
    RUNNING.most, RUNNING.held = most, 0


def empty(held: int = 0) -> None:
    """Forget rows that are no longer held."""
    RUNNING.held = held


def is_full() -> bool:
    """Claim that the limit is reached."""
    return RUNNING.held >= RUNNING.most


def add(weight: Weight, rows: Rows) -> None:
    """Count rows that belong to others and so must all be held; raise TooMuch."""
    RUNNING.held += weight.of(rows)
    if RUNNING.held > RUNNING.most:
        raise TooMuch


def fitting(weight: Weight, rows: Rows, *, is_first: bool) -> Rows:
    """Count rows of a page; return those that still fit, one at least of the first."""
    more = weight.of(rows)
    if RUNNING.held + more <= RUNNING.most:
        RUNNING.held += more
        return rows
    for count, row in enumerate(rows):
        RUNNING.held += weight.of((row,))
        if RUNNING.held > RUNNING.most and (count or not is_first):
            return rows[:count]
    return rows
