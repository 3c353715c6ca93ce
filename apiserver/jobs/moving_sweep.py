"""Rows that the source has no more, found by comparing keys; rows that came too late for the check column, found on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from apiserver.jobs.moving_full import FEW, SHRINKS_TO, count_present, keep_shadow_current
from apiserver.jobs.moving_order import ACTIVE, NO_DELETES, JobError
from apiserver.jobs.moving_reading import Piece, Rows
from apiserver.jobs.moving_rows import Shaper
from apiserver.jobs.moving_swap import remove
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import converter
from apiserver.jobs.moving_writing import Writer
from connections.contract.loading import Merged
from connections.contract.table import Column, TableRef

SMALL = 10_000  # rows of a table whose keys are compared in each run
QUICK = 0.1  # seconds of a comparison that costs too little to be put off
SHARE = 20  # a comparison takes at most one of so many parts of the time
MINUTE, HOUR = 60.0, 3600.0  # between two comparisons of large tables, and of those of which nothing says that they differ
DAY = 86_400.0  # between two comparisons with a service, which costs calls
MOST_LATE, AT_ONCE = 1000, 100  # keys of rows that are read one by one
NOTHING = Merged(0, 0)


def compare(task: Task) -> None:
    """Count both ends, where the job wants it and the source does it itself."""
    if not task.order.counts_rows:
        return
    found = task.loading.describe(task.target)
    if found is not None:
        task.count_source()
        counted, task.counted = task.counted, None
        task.moved.destination_count = count_present(task, found) if counted is None else counted
        task.moved.source_count = task.source_count()


def catch_up(task: Task) -> None:
    """Bring a table of which a part was read by a run before to the source's present state, before it is seen."""
    load = task.state.load
    assert load is not None
    keep_shadow_current(task, task.pages(task.piece(since=load.horizon)))
    keys = key_columns(task, task.shadow)[: len(task.key)]
    with task.transaction():
        stage = task.loading.stage(task.shadow, keys)
        task.loading.fill(stage, keys, key_pages(task, keys))
        task.loading.keep(stage, task.shadow, task.key)
        task.save()


def sweep(task: Task, *, is_needed: bool = False) -> None:
    """Count both ends; compare keys where it is needed or time to. Raises JobError where most rows would go."""
    compare(task)
    if not is_needed and not is_due(task, time.time()):
        return
    begun = time.time()
    keys = key_columns(task, task.target)
    with task.transaction():
        stage = task.loading.stage(task.target, keys)
        task.loading.fill(stage, keys, key_pages(task, keys))
        check = keys[-1].name if len(keys) > len(task.key) else ""
        late = task.loading.missing(stage, task.target, task.key, check=check, active=ACTIVE if task.versions else "", most=MOST_LATE + 1)
        gone = remove(task, stage)
        before = task.moved.destination_count
        before = count_present(task, task.described(task.target)) + gone if gone and before is None else before or 0
        check_shrinking(task, before, gone)
        task.state.swept_at, task.state.sweep_cost = begun, time.time() - begun
        task.pending = {"deleted": gone}
        task.save()
    if gone:
        task.wrote(NOTHING, deleted=gone)
    if late:
        bring_late(task, late, keys)
    if gone or late:
        compare(task)


def is_due(task: Task, now: float) -> bool:
    """Claim that it is time: after what the task says, else always for small tables and as often as it costs little for others."""
    state, every = task.state, task.settings.sweep_every
    since = now - state.swept_at
    if task.settings.deletes == NO_DELETES and every is None and task.reading.commits is not None:
        return False
    if since < 0 or not state.swept_at:
        return True
    if every is not None:
        return since >= every
    if not task.reading.is_sql:
        return since >= max(DAY, state.sweep_cost * SHARE)
    if not task.order.counts_rows:  # the last comparison tells how large the table is
        return state.sweep_cost < QUICK or since >= state.sweep_cost * SHARE + 60
    here, there = task.moved.destination_count or 0, task.moved.source_count or 0
    if here <= SMALL or here > there:
        return True
    # Where no late row is missed, as many rows at both ends are the same ones, but for rows that came just while they were counted.
    is_same = here == there and task.reading.commits is not None
    return since >= state.sweep_cost * SHARE + (HOUR if is_same else MINUTE)


def key_columns(task: Task, ref: TableRef) -> list[Column]:
    """Return a table's columns of the key and, behind them, of the first check column where it is there."""
    table = task.described(ref)
    found = [table.by_name[name] for name in task.key]
    name = next((task.table.names[task.reading.places[name]] for name in task.checks if name in task.reading.places), "")
    return [*found, table.by_name[name]] if name and name not in task.key else found


def source_names(task: Task, columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the columns of the source's table that become these."""
    names = {task.table.names[place]: name for name, place in task.reading.places.items()}
    return tuple(names[column.name] for column in columns)


def key_pages(task: Task, columns: Sequence[Column]) -> Iterator[Rows]:
    """Give the keys of all rows of the source, each once."""
    names = source_names(task, columns)
    shaper = Shaper([task.reading.column(name) for name in names], columns, task.key)
    seen: set[Any] = set()
    for page in task.pages(task.piece(only=names), is_counted=False):
        rows = shaper.rows(page)
        if task.reading.is_sql:
            yield rows
            continue
        fresh = {tuple(row[: len(task.key)]): row for row in rows}
        yield [row for key, row in fresh.items() if key not in seen]
        seen |= fresh.keys()


def check_shrinking(task: Task, before: int, gone: int) -> None:
    """Raise JobError where most rows would go and nobody said that they may."""
    is_far_less = before >= FEW and before - gone < before * SHRINKS_TO
    if (is_far_less or (gone and gone >= before)) and not task.settings.may_shrink:
        raise JobError(
            f"The source lacks {gone} of the destination's {before} rows: none was removed.",
            hint="If that is right, run the task once with may_shrink; else look at the source and the task's query.",
        )


def bring_late(task: Task, late: Sequence[Sequence[Any]], keys: Sequence[Column]) -> None:
    """Bring rows that are missing or differ in their check column: those alone where they are few, else all."""
    task.watch.says(
        "info", f"{'More than ' if len(late) > MOST_LATE else ''}{min(len(late), MOST_LATE)} rows had come late and are read now."
    )
    writer = Writer(task, task.target, merges=True)
    for piece in late_pieces(task, late, keys[: len(task.key)]):
        for chunk in task.chunks(task.pages(piece)):
            writer.write(chunk, task.save)


def late_pieces(task: Task, late: Sequence[Sequence[Any]], keys: Sequence[Column]) -> Iterator[Piece]:
    """Give what is to be read: rows by their keys, where these come back as they went."""
    names = source_names(task, keys)
    is_same = all(converter(task.reading.column(name), column) is None for name, column in zip(names, keys, strict=True))
    in_order = names == task.reading.key
    if len(late) > MOST_LATE or not is_same or not in_order or not task.reading.is_sql:
        yield task.piece()
        return
    decoders = [task.loading.dialect.decode(column) for column in keys]
    values = [tuple(value if decode is None else decode(value) for decode, value in zip(decoders, row, strict=True)) for row in late]
    for begun in range(0, len(values), AT_ONCE):
        yield task.piece(keys=tuple(values[begun : begun + AT_ONCE]))
