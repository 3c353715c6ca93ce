"""Functions of people's SQL that SQLite lacks: exact sums, LIKE that knows case, dates moved and counted. None for None."""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connections.connectors.sql.sqlite_functions import EXACT, number, stored, write_timestamp

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - date-times are UTC without zone here


@functools.lru_cache(maxsize=256)
def pattern_of(text: str) -> re.Pattern[str]:
    """Return a LIKE pattern, escaped by !, as a regular expression."""
    found = re.findall(r"!.|.", text, re.DOTALL)
    signs = {"%": ".*", "_": "."}
    return re.compile("".join(signs.get(item) or re.escape(item[-1]) for item in found), re.DOTALL)


def like(value: Any, pattern: Any) -> bool | None:
    """Return whether the text fits the pattern."""
    return None if value is None or pattern is None else pattern_of(str(pattern)).fullmatch(str(value)) is not None


def moment(value: Any) -> dt.datetime | None:
    """Return a stored date-time."""
    return None if value is None else dt.datetime.fromisoformat(value)


def add_seconds(value: Any, seconds: int) -> str | None:
    """Return a moment moved."""
    found = moment(value)
    return None if found is None else write_timestamp(found + dt.timedelta(seconds=seconds))


def add_months(value: Any, months: int) -> str | None:
    """Return a moment moved; the last day of a shorter month stands for those that it lacks."""
    found = moment(value)
    if found is None:
        return None
    year, month = divmod(found.year * 12 + found.month - 1 + months, 12)
    return write_timestamp(found.replace(year=year, month=month + 1, day=min(found.day, calendar.monthrange(year, month + 1)[1])))


def units_since(value: Any, seconds: int) -> int | None:
    """Return how many units of that many seconds passed since 1970."""
    found = moment(value)
    return None if found is None else int((found - EPOCH).total_seconds() // seconds)


class Sum:
    """A sum done in decimals on stored numbers, over a window too; None of nothing."""

    def __init__(self) -> None:
        self.total, self.count = Decimal(0), 0

    def step(self, value: Any) -> None:
        """Take a number."""
        found = number(value)
        if found is not None:
            self.total, self.count = EXACT.add(self.total, found), self.count + 1

    def inverse(self, value: Any) -> None:
        """Give a number back."""
        found = number(value)
        if found is not None:
            self.total, self.count = EXACT.subtract(self.total, found), self.count - 1

    def value(self) -> int | float | None:
        """Return the sum so far."""
        return stored(self.total) if self.count else None

    finalize = value


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "api_like": (2, like),
    "api_add_seconds": (2, add_seconds),
    "api_add_months": (2, add_months),
    "api_units_since": (2, units_since),
}
