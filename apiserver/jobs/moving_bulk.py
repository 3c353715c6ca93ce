"""Moves into a warehouse: what a run brings is one load with its checkpoint, everything or what is new by key.

Nothing is asked of the warehouse's own rows, so what the source deleted goes only with a load of everything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from apiserver.jobs.moving_full import FEW, SHRINKS_TO
from apiserver.jobs.moving_incremental import MOST_TRANSACTIONS, SHARE, bounded_later, lag_of, lows, overlap_of, running_since
from apiserver.jobs.moving_order import FREEZE, FULL, INCREMENTAL, NO_DELETES, SOFT, SWAP, JobError
from apiserver.jobs.moving_reading import Piece, Rows
from apiserver.jobs.moving_rows import Shaper
from apiserver.jobs.moving_schema import evolved, frozen
from apiserver.jobs.moving_state import State
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_writing import no_key
from connections.contract.loading import Bulk, Merged, Unfit


def run(task: Task) -> None:
    """Move."""
    refuse(task)
    task.take()
    task.table = evolved(None, task.wanted(), {}, (), schema=task.settings.schema)
    state, changed = task.state, changes(task)
    is_whole = not goes_on(task) or bool(changed)
    if task.is_incremental:
        task.moved.note = why_behind(task)
    task.moved.mode = INCREMENTAL if not is_whole else FULL if task.is_incremental else SWAP
    load(task, State() if is_whole else state, is_whole=is_whole, is_new=bool(changed) or task.settings.always_full == "drop")
    task.moved.source_count = task.reading.count(task.piece())
    task.moved.destination_count = task.loading.count(task.target)


def why_behind(task: Task) -> str:
    """Return what of the source the warehouse has not until everything is read again."""
    if task.reading.commits is not None:
        return "Rows that the source deleted go when everything is read again: sweep_every says how often, in seconds."
    seconds = overlap_of(task)
    return f"Rows that the source deleted, or committed more than {seconds} seconds late, come when all is read again (sweep_every)."


def refuse(task: Task) -> None:
    """Raise JobError for what a warehouse is not loaded with."""
    for is_wished, option in ((task.settings.history, "HistoryMode"), (task.settings.deletes == SOFT, "SoftDelete")):
        if is_wished:
            raise JobError(
                f"{option} is not possible at this destination.",
                hint="Take it out, or choose a database that the job can ask for its rows.",
            )


def goes_on(task: Task) -> bool:
    """Claim that what is new is enough: all that came before is known, and no load of everything is due."""
    state, every = task.state, task.settings.sweep_every
    is_known = state.is_loaded and state.shape == task.shape and task.is_incremental
    is_due = every is not None and not 0 <= time.time() - state.swept_at < every
    return is_known and not is_due


def changes(task: Task) -> list[str]:
    """Return the columns that are new or of another type since the last run; raise JobError where the task may not follow."""
    known, now = task.state.columns if task.state.is_loaded else {}, task.signatures()
    added = [name for name in now if known and name not in known]
    other = [name for name, kind in now.items() if known.get(name, kind) != kind]
    if task.settings.schema == FREEZE and (added or other):
        raise frozen(added, other)
    if added or other:
        task.watch.says("info", f"Everything is read anew, for columns that are new or of another type: {', '.join([*added, *other])}.")
    return [*added, *other]


def load(task: Task, before: State, *, is_whole: bool, is_new: bool) -> None:
    """Bring the rows, with the state that they leave behind."""
    begun, running = time.time(), running_since(task, None if is_whole else before.horizon)
    coming = Coming(task, before, running, begun, is_whole)
    loading: Any = task.loading
    had = task.state.rows
    stays = task.settings.deletes == NO_DELETES and task.key and task.state.is_loaded and not is_new

    def check() -> bool:
        if is_whole and not stays:
            check_shrinking(task, had, coming.count)
        return is_whole or bool(coming.count) or coming.state.marks != before.marks

    bulk = Bulk(task.target, task.table.columns, task.key, coming.pages(), is_whole and not stays, is_new, coming.text, check)
    if loading.load(task.order.key, bulk):
        task.state = coming.state
        task.wrote(Merged(coming.count, 0) if is_whole else Merged(0, coming.count))


class Coming:
    """The rows of one load, and what is known once all of them came."""

    def __init__(self, task: Task, before: State, running: int | None, begun: float, is_whole: bool) -> None:
        self.task, self.before, self.begun, self.is_whole = task, before, begun, is_whole
        self.count = 0
        self.marks = dict(before.marks)
        swept = begun if is_whole else before.swept_at
        self.state = State(task.shape, task.signatures(), horizon=running, late_at=begun, swept_at=swept, is_loaded=True)

    def pages(self) -> Iterator[Rows]:
        """Give the rows as the columns take them."""
        task = self.task
        shaper = Shaper(task.reading.columns, task.table.columns, task.key, cuts_texts=task.settings.cuts_texts)
        key = [place for place, column in enumerate(task.table.columns) if column.name in task.key]
        seen: set[Any] | None = set() if self.is_whole and key and not task.reading.is_sql else None
        for piece in self.pieces():
            for page in task.pages(piece):
                task.largest(self.marks, page)
                try:
                    rows = shaper.rows(page)
                except Unfit as error:
                    raise error.__cause__ or error from error
                rows = fresh(task, rows, key, seen)
                self.count += len(rows)
                yield rows

    def pieces(self) -> Iterator[Piece]:
        """Give what is read: everything, or what is new and what was committed late."""
        task, before = self.task, self.before
        if self.is_whole:
            yield task.piece()
            return
        low = lows(task)
        yield task.piece(low=low, has_nulls=task.reading.is_sql, high=lag_of(task))
        since, running = before.horizon, self.state.horizon
        if since is None or running is None:
            return
        if 0 <= self.begun - before.late_at < before.late_cost * SHARE:
            self.state.horizon, self.state.late_at, self.state.late_cost = since, before.late_at, before.late_cost
            return
        began = time.time()
        yield task.piece(low=low, is_old=True, since=since) if running - since < MOST_TRANSACTIONS else task.piece()
        self.state.late_cost = time.time() - began

    def text(self) -> str:
        """Return the checkpoint of these rows."""
        task = self.task
        self.state.marks = bounded_later(task, self.marks, self.begun) if task.is_incremental else {}
        self.state.rows = self.count if self.is_whole else self.before.rows
        return self.state.text()


def fresh(task: Task, rows: Rows, key: list[int], seen: set[Any] | None) -> Rows:
    """Return the rows that did not come before: services repeat some while their pages shift. Raise JobError for one without a key."""
    if not key:
        return rows
    keys = [tuple(row[place] for place in key) for row in rows]
    if any(None in one for one in keys):
        raise no_key(task)
    if seen is None:
        return rows
    found = {one: row for one, row in zip(keys, rows, strict=True) if one not in seen}
    seen.update(found)
    return list(found.values())


def check_shrinking(task: Task, before: int, count: int) -> None:
    """Raise JobError where most of the rows would vanish and nobody said that they may."""
    is_meant = count and task.state.shape != task.shape  # who wrote another query wants its rows
    is_far_less = (before and not count) or (before >= FEW and count < before * SHRINKS_TO)
    if is_far_less and not is_meant and not task.settings.may_shrink:
        raise JobError(
            f"The source has {count} rows now, the destination {before}: the table was left as it was.",
            hint="If that is right, run the task once with may_shrink; else look at the source and the task's query.",
        )
