"""What is new since the last run: rows at or above the last value of a check column, less an overlap, written by key.

Rows that were committed later than their check column says are found where the source tells which transaction wrote a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from apiserver.jobs.moving_ahead import Ahead, Beside
from apiserver.jobs.moving_order import INCREMENTAL, JobError
from apiserver.jobs.moving_pipe import Blocks, Pipe, pipe_of
from apiserver.jobs.moving_places import OutOfOrder, in_order, sorts, unsorted
from apiserver.jobs.moving_reading import Piece
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import text_of, value_of
from apiserver.jobs.moving_writing import Writer, merged_from
from connections.contract.errors import BadValue, ConnectorError, NotSupported, SourceRejected
from connections.contract.loading import Merged
from connections.contract.table import INTEGERS, Type

OVERLAP, OVERLAP_OF_COMMITS = 600, 30  # seconds
OVERLAP_OF_NUMBERS = 1000  # values
MOST_TRANSACTIONS = 2**31  # between two comparisons: rows tell only the lower half of a transaction's number
SMALL = 100_000  # rows of a table whose transactions are compared in each run
WAITED = 1.0  # seconds that a commit waits for a count
MERGED = ("inserted", "updated", "unchanged")
SHARE = 20  # a comparison takes at most one of so many parts of the time


def bring(task: Task) -> None:
    """Bring what is new; the marks follow when all of it is there."""
    task.moved.mode = INCREMENTAL
    state = task.state
    begun, running = time.time(), running_since(task, state.horizon)
    low, high = lows(task), lag_of(task)
    marks = dict(state.marks)
    is_compared = state.horizon is not None and running is not None and is_due(task, begun)
    pieces = [task.piece(low=low, has_nulls=task.reading.is_sql, high=high)]
    if is_compared:
        is_near = running - state.horizon < MOST_TRANSACTIONS  # type: ignore[operator]
        pieces.append(task.piece(low=low, is_old=True, since=state.horizon) if is_near else task.piece())

    def done(seen: Mapping[str, str]) -> None:
        now = task.state
        if is_compared:
            now.horizon, now.late_at, now.late_cost = running, begun, time.time() - begun
        now.marks = bounded_later(task, seen, begun)
        now.columns = task.signatures()
        task.save()

    if has_piped(task, pieces, marks, done):
        return
    if not has_come_in_order(task, pieces[0], marks, begun):
        write(task, pieces, marks)
    with task.transaction():
        done(marks)


def running_since(task: Task, since: int | None) -> int | None:
    """Return the source's oldest transaction that runs, None where it tells none; raise JobError where it is older than one before.

    It is asked twice: a transaction of the server's other databases that ends at this very moment passes for one of this database.
    """
    for _ in range(2):
        running = task.reading.running()
        if running is None or since is None or running >= since:
            return running
    raise JobError("The source is another database, or an older state of it.", hint="Reset the task: it reads everything anew.")


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


def write(task: Task, pieces: Sequence[Piece], marks: dict[str, str]) -> None:
    """Write the rows of pieces; raise the marks to what was seen in the first one."""
    writer = Writer(task, task.target, merges=True)
    for number, piece in enumerate(pieces):
        for chunk in task.chunks(task.pages(piece)):
            for page in chunk if number == 0 else ():
                task.largest(marks, page)
            writer.write(chunk, task.save)


def has_piped(task: Task, pieces: Sequence[Piece], marks: Mapping[str, str], done: Callable[[Mapping[str, str]], None]) -> bool:
    """Write the rows of pieces the fast way, `done` with the marks in their transaction; return False where rows have to be looked at."""
    has_own_key = task.reading.table is not None and set(task.reading.key) == set(task.reading.table.primary_key)
    pipe = pipe_of(task, task.target) if has_own_key and not task.reading.hidden else None
    if pipe is None:
        return False
    seen, before = dict(marks), replace(task.state)
    try:
        with task.counted_anew(), task.transaction():
            there = task.count_target() if task.order.counts_rows else None
            merged = piped(task, pipe, pieces, seen)
            task.pending = {name: sum(getattr(one, name) for one in merged) for name in MERGED}
            counted = counted_with(task, there, merged)
            done(seen)
    except (BadValue, SourceRejected, NotSupported) as error:
        task.state, task.counting = before, None  # more is read
        task.watch.says("info", f"Rows are looked at one by one: {error.message}")
        return False
    for one in merged:
        task.wrote(one)
    task.counted = counted
    return True


def counted_with(task: Task, there: Beside[int] | None, merged: Sequence[Merged]) -> int | None:
    """Return how many rows there are once the transaction at hand has ended; None where they are to be counted then."""
    try:
        return None if there is None else there.result(WAITED) + sum(one.inserted for one in merged)
    except ConnectorError as error:
        task.watch.says("info", f"The destination is counted later: {error.message}")
        return None
    except TimeoutError:  # a large table: nothing stays uncommitted for it, it is counted afterwards
        return None


def piped(task: Task, pipe: Pipe, pieces: Sequence[Piece], marks: dict[str, str]) -> list[Merged]:
    """Write pieces in the transaction at hand. While the destination merges one, the source gives the next; behind the last it counts."""
    found = []
    sources = [pipe.blocks(piece) for piece in pieces]
    if task.order.counts_rows:
        sources[-1] = followed(sources[-1], task.count_source)
    with ExitStack() as reading:
        blocks: Any = sources[0]
        for number in range(len(pieces)):
            stage = task.loading.stage(task.target, pipe.columns)
            count = pipe.put(stage, blocks)
            if number + 1 < len(pieces):
                blocks = reading.enter_context(closing(Ahead(sources[number + 1])))
            if number == 0:
                pipe.largest(marks, stage)
            if count:
                found.append(merged_from(task, stage, task.target, pipe.columns))
    return found


def followed(blocks: Blocks, then: Callable[[], None]) -> Blocks:
    """Give blocks, then do something: by then the source's connection is free."""
    with closing(blocks):
        yield from blocks
    then()


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
    if state.rows <= SMALL:
        state.rows = task.loading.count(task.target, most=SMALL + 1)
    return state.rows <= SMALL


def bounded_later(task: Task, marks: Mapping[str, str], begun: float) -> dict[str, str]:
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
