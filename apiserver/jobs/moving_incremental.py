"""What is new since the last run: rows at or above the last value of a check column, less an overlap, written by key.

Rows that were committed later than their check column says are found where the source tells which transaction wrote a row.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from apiserver.jobs.moving_order import INCREMENTAL, JobError
from apiserver.jobs.moving_reading import Piece
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import text_of, value_of
from apiserver.jobs.moving_writing import Writer
from connections.contract.table import INTEGERS, Type

OVERLAP, OVERLAP_OF_COMMITS = 600, 30  # seconds
OVERLAP_OF_NUMBERS = 1000  # values
SMALL = 100_000  # rows of a table whose transactions are compared in each run
SHARE = 20  # a comparison takes at most one of so many parts of the time


def bring(task: Task) -> None:
    """Bring what is new; the marks follow when all of it is there."""
    task.moved.mode, task.moved.note = INCREMENTAL, window(task)
    state = task.state
    begun, running = time.time(), task.reading.running()
    is_another = running is not None and state.horizon is not None and running < state.horizon
    if is_another:
        raise JobError("The source is another database, or an older state of it.", hint="Reset the task: it reads everything anew.")
    low = lows(task)
    marks = dict(state.marks)
    write(task, task.piece(low=low, has_nulls=task.reading.is_sql, high=lag_of(task)), marks)
    if state.horizon is not None and running is not None and is_due(task, begun):
        write(task, task.piece(low=low, is_old=True, since=state.horizon), {})
        state.horizon, state.late_at, state.late_cost = running, begun, time.time() - begun
    state.marks = marks if task.reading.is_sql else bounded_later(task, marks, begun)
    state.columns = task.signatures()
    with task.transaction():
        task.save()


def write(task: Task, piece: Piece, marks: dict[str, str]) -> None:
    """Write the rows of a piece; raise the marks to what was seen."""
    writer = Writer(task, task.target, merges=True)
    for chunk in task.chunks(task.pages(piece)):
        for page in chunk:
            task.largest(marks, page)
        writer.write(chunk, task.save)


def window(task: Task) -> str:
    """Return in which window rows that are committed late are still found, as people read it."""
    name, seconds, is_told = task.checks[0], overlap_of(task), task.reading.commits is not None
    if task.reading.column(name).type in INTEGERS:
        count = OVERLAP_OF_NUMBERS if seconds else 1
        if is_told:
            return f"The last {count} values of {name} are read again, and rows of transactions that ended late whatever they hold."
        return f"The last {count} values of {name} are read again; rows that come later are found by comparing keys."
    if is_told:
        return f"Rows up to {seconds} s older than the newest are read again, and rows of transactions that ended late whatever they hold."
    return f"Rows up to {seconds} s older than the newest are read again; rows that come later are found by comparing keys."


def lows(task: Task) -> tuple[tuple[str, Any], ...]:
    """Return from which values on is read: an overlap below the largest that were seen."""
    found = []
    for name in task.checks:
        if name not in task.state.marks:
            return ()
        column = task.reading.column(name)
        found.append((name, lowered(value_of(column, task.state.marks[name]), overlap_of(task))))
    return tuple(found)


def overlap_of(task: Task) -> int:
    """Return the seconds of the overlap."""
    if task.settings.overlap_seconds is not None:
        return task.settings.overlap_seconds
    return OVERLAP if task.reading.commits is None else OVERLAP_OF_COMMITS


def lowered(value: Any, seconds: int) -> Any:
    """Return a value an overlap before; numbers have one of their own, texts none."""
    try:
        if isinstance(value, datetime):
            return value - timedelta(seconds=seconds)
        if isinstance(value, date):
            return value - timedelta(days=1 + seconds // 86_400)
    except OverflowError:
        return value
    if isinstance(value, int) and seconds:
        return max(value - OVERLAP_OF_NUMBERS, -(2**63)) if value > OVERLAP_OF_NUMBERS else min(value, 0)
    return value


def lag_of(task: Task) -> tuple[str, Any] | None:
    """Return below which value is read, where the newest rows are to wait."""
    if not task.settings.lag_seconds or not task.checks or task.reading.column(task.checks[0]).type != Type.TIMESTAMP:
        return None
    return (task.checks[0], datetime.fromtimestamp(task.now - task.settings.lag_seconds, UTC))


def is_due(task: Task, now: float) -> bool:
    """Claim that it is time to compare transactions: always in small tables, else as often as it costs little."""
    state = task.state
    since = now - state.late_at
    if since < 0 or state.late_cost * SHARE <= since:
        return True
    return task.loading.count(task.target) <= SMALL


def bounded_later(task: Task, marks: dict[str, str], begun: float) -> dict[str, str]:
    """Return the marks, none of a time later than the beginning: what changed while pages came was perhaps read before."""
    limit = datetime.fromtimestamp(begun, UTC)
    found = dict(marks)
    for name, text in marks.items():
        column = task.reading.column(name)
        if column.type == Type.TIMESTAMP and value_of(column, text) > limit:
            before = task.state.marks.get(name)
            found[name] = max(text_of(limit), before, key=lambda one: value_of(column, one)) if before else text_of(limit)
    return found


def shows_order(kind: Type) -> bool:
    """Claim that values of a type can show newness."""
    return kind in INTEGERS or kind in (Type.TIMESTAMP, Type.DATE, Type.DECIMAL, Type.STRING, Type.DOUBLE)
