"""What is new since the last run: rows at or above the last value of a check column, less an overlap, written by key.

Rows that were committed later than their check column says are found where the source tells which transaction wrote a row.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from apiserver.jobs.moving_order import INCREMENTAL, JobError
from apiserver.jobs.moving_pipe import pipe_of
from apiserver.jobs.moving_places import OutOfOrder, in_order, sorts, unsorted
from apiserver.jobs.moving_reading import Piece
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import text_of, value_of
from apiserver.jobs.moving_writing import Writer, merged_from
from connections.contract.errors import BadValue, NotSupported, SourceRejected
from connections.contract.table import INTEGERS, Type

OVERLAP, OVERLAP_OF_COMMITS = 600, 30  # seconds
OVERLAP_OF_NUMBERS = 1000  # values
MOST_TRANSACTIONS = 2**31  # between two comparisons: rows tell only the lower half of a transaction's number
SMALL = 100_000  # rows of a table whose transactions are compared in each run
SHARE = 20  # a comparison takes at most one of so many parts of the time


def bring(task: Task) -> None:
    """Bring what is new; the marks follow when all of it is there."""
    task.moved.mode = INCREMENTAL
    state = task.state
    begun, running = time.time(), task.reading.running()
    is_another = running is not None and state.horizon is not None and running < state.horizon
    if is_another:
        raise JobError("The source is another database, or an older state of it.", hint="Reset the task: it reads everything anew.")
    low, high = lows(task), lag_of(task)
    marks = dict(state.marks)
    is_compared = state.horizon is not None and running is not None and is_due(task, begun)
    is_near = is_compared and running - state.horizon < MOST_TRANSACTIONS  # type: ignore[operator]
    # Both at once where that means the same: the source goes through its rows for what was written late anyway.
    late = state.horizon if is_near and low and high is None else None
    piece = task.piece(low=low, late=late, has_nulls=task.reading.is_sql, high=high)
    is_last = not is_compared or late is not None
    if not has_come_in_order(task, piece, marks, begun):
        write(task, piece, marks, is_last=is_last)
    if is_compared:
        if not is_last:
            write(task, task.piece(low=low, is_old=True, since=state.horizon) if is_near else task.piece(), {}, is_last=True)
        state.horizon, state.late_at, state.late_cost = running, begun, time.time() - begun
    state.marks = bounded_later(task, marks, begun)
    state.columns = task.signatures()
    with task.transaction():
        task.save()


def has_come_in_order(task: Task, piece: Piece, marks: dict[str, str], begun: float) -> bool:
    """Write the rows of a piece of a service that sorts them, and raise the marks with each commit; return whether all came so."""
    if task.reading.is_sql or len(task.checks) != 1 or not sorts(task):
        return False
    before, seen = dict(task.state.marks), dict(marks)
    writer = Writer(task, task.target, merges=True)

    def save() -> None:
        task.state.marks = bounded_later(task, seen, begun)
        task.save()

    try:
        for chunk in task.chunks(in_order(task, piece)):
            for page in chunk:
                task.largest(seen, page)
            writer.write(chunk, save)
    except (OutOfOrder, SourceRejected) as error:
        if isinstance(error, SourceRejected) and sorts(task):
            raise
        task.state.marks = before
        task.watch.says("warning", unsorted(task))
        return False
    marks.update(seen)
    return True


def write(task: Task, piece: Piece, marks: dict[str, str], *, is_last: bool) -> None:
    """Write the rows of a piece; raise the marks to what was seen. `is_last`: nothing else is read of the source in this move."""
    if has_piped(task, piece, marks, is_last=is_last):
        return
    writer = Writer(task, task.target, merges=True)
    for chunk in task.chunks(task.pages(piece)):
        for page in chunk:
            task.largest(marks, page)
        writer.write(chunk, task.save)


def has_piped(task: Task, piece: Piece, marks: dict[str, str], *, is_last: bool) -> bool:
    """Write the rows of a piece the fast way; return False where they have to be looked at."""
    has_own_key = task.reading.table is not None and set(task.reading.key) == set(task.reading.table.primary_key)
    pipe = pipe_of(task, task.target) if has_own_key and not task.reading.hidden else None
    if pipe is None:
        return False
    seen = dict(marks)
    try:
        with task.counted_anew(), task.transaction():
            stage = task.loading.stage(task.target, pipe.columns)
            pipe.put(stage, piece)
            if is_last and task.order.counts_rows:
                task.count_source()  # while the destination writes
            pipe.largest(seen, stage)
            merged = merged_from(task, stage, task.target, pipe.columns)
            task.save()
    except (BadValue, SourceRejected, NotSupported) as error:
        task.counting = None  # more is read
        task.watch.says("info", f"Rows are looked at one by one: {error.message}")
        return False
    task.wrote(merged)
    marks.update(seen)
    return True


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
    return task.loading.count(task.target, most=SMALL + 1) <= SMALL


def bounded_later(task: Task, marks: dict[str, str], begun: float) -> dict[str, str]:
    """Return the marks, none of a time later than the beginning: what changed while pages came was perhaps read before.

    A row from the future would hide all that come before its time is there.
    """
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
