"""History in windows of its check column: each is written before the next is read, so that a failure costs one window."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from apiserver.jobs.moving_order import JobError
from apiserver.jobs.moving_reading import Piece
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import value_of
from connections.contract.table import Column, Type

MOST = 100_000


def has_windows(task: Task) -> bool:
    """Claim that the first load reads windows."""
    return bool(task.settings.interval and task.is_incremental)


def windows(task: Task, done: str) -> Iterator[tuple[Piece, Any]]:
    """Give the pieces of a first load with the value up to which the table is whole after each; `done`: that of a load before.

    The first of all holds the rows that have no value, the last has no end.
    """
    name = task.checks[0]
    column = task.reading.column(name)
    top = task.state.load.marks.get(name) if task.state.load else None
    if not done and column.is_nullable and task.reading.is_sql and not task.floor:
        yield Piece(nulls_of=name), None
    low = value_of(column, done) if done else task.floor[0][1] if task.floor else smallest(task, name)
    last = value_of(column, top) if top and task.reading.is_sql else end_of(task, column)
    number = 0
    while low is not None and last is not None and (high := after(low, task)) is not None and high <= last:
        number += 1
        if number > MOST:
            raise JobError(f"These are more than {MOST} windows.", hint="Choose a larger interval, or a later start value.")
        yield task.piece(low=((name, low),), high=(name, high)), high
        low = high
    yield task.piece(low=((name, low),) if low is not None else ()), None


def end_of(task: Task, column: Column) -> Any:
    """Return up to where history of a service is read in windows: the load's beginning, None where values are no times."""
    if task.reading.is_sql or task.state.load is None:
        return None
    begun = datetime.fromtimestamp(task.state.load.begun, UTC)
    return {Type.TIMESTAMP: begun, Type.DATE: begun.date()}.get(column.type)


def smallest(task: Task, name: str) -> Any:
    """Return where history begins."""
    if not task.reading.is_sql:
        raise JobError("Windows need a start value here.", hint="Give the date, or number, from which on rows are read.")
    return task.reading.extreme("min", name)


def after(value: Any, task: Task) -> Any:
    """Return where the window that begins at a value ends; None where that is behind the last day of the calendar."""
    count, unit = task.settings.interval, task.settings.interval_unit
    if isinstance(value, int | float | Decimal):
        return value + count
    if not isinstance(value, date):  # a datetime is one
        raise JobError(f"{task.checks[0]} can't be read in windows.", hint="Choose a check column of times or numbers.")
    try:
        if unit in ("months", "years"):
            return months_later(value, count * (12 if unit == "years" else 1))
        step = timedelta(**{unit: count})
        return value + (step if isinstance(value, datetime) else max(step, timedelta(days=1)))
    except (OverflowError, ValueError):
        return None


def months_later(value: Any, count: int) -> Any:
    """Return the same day so many months later, or the last of that month."""
    year, month = divmod(value.year * 12 + value.month - 1 + count, 12)
    return value.replace(year=year, month=month + 1, day=min(value.day, calendar.monthrange(year, month + 1)[1]))
