"""Parts of a table, each with a source of its own: the files of a folder. A part takes the place of its rows in one transaction."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from apiserver.jobs.moving import loading_of, look, opened
from apiserver.jobs.moving_names import distinct
from apiserver.jobs.moving_order import Moved, Order, Watch
from apiserver.jobs.moving_reading import Piece, Rows
from apiserver.jobs.moving_state import State
from apiserver.jobs.moving_swap import change_table
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_writing import Writer
from connections.contract.loading import Merged
from connections.contract.table import Column, Type

APPEND = "append"
PART = Column("FileName", Type.STRING, is_nullable=False)
NOTE = "Rows of files that are gone stay; a file that changed is loaded anew."


def move_part(order: Order, watch: Watch, *, part: str, version: str) -> Moved:
    """Put the rows of a part in the place of those it has in the table; return what was done. Raises as `moving.move` does."""
    moved = Moved(mode=APPEND, note=NOTE)
    with opened(order, watch, moved) as task:
        moved.note = NOTE
        name = with_part(task)
        task.take()
        look(task)
        make(task)
        load(task, name, part, version)
        task.loading.finish(task.target)
    return moved


def with_part(task: Task) -> str:
    """Let rows have the name of their part behind them, and be told apart by it; return the column's name."""
    task.reading = replace(task.reading, columns=(*task.reading.columns, PART), hidden=())
    names = distinct((column.name for column in task.reading.columns), task.loading.longest_name, trims=task.loading.trims_names)
    key = [names[task.reading.places[name]] for name in task.reading.key]
    task.key = (names[-1], *key) if key else ()
    return names[-1]


def make(task: Task) -> None:
    """Make the table, or let it follow the part's columns."""
    if task.loading.describe(task.target) is None:
        task.loading.create(task.target, task.table.columns, task.key)
    else:
        change_table(task)


def load(task: Task, name: str, part: str, version: str) -> None:
    """Load the rows, all of them or none."""
    writer = Writer(task, task.target, merges=False)
    rows = repaired = 0
    with task.transaction():
        gone = task.loading.remove(task.target, name, part)
        for chunk in task.chunks(named(task, part)):
            filled, mended = writer.filled([writer.shaper.rows(page) for page in chunk])
            rows, repaired = rows + filled.inserted, repaired + mended
        task.state = State(
            shape=task.shape, columns=task.signatures(), part=version, swept_at=time.time(), is_loaded=True, table=str(task.target)
        )
        task.pending = {"inserted": rows, "deleted": gone, "repaired": repaired}
        task.save()
    task.wrote(Merged(rows, 0), deleted=gone, repaired=repaired)


def named(task: Task, part: str) -> Iterator[Rows]:
    """Give the pages with the name of the part behind each row."""
    for page in task.pages(Piece()):
        yield [(*row, part) for row in page]


def loaded(destination: int, keys: Collection[str], *, seconds: int) -> Mapping[str, str]:
    """Return the versions of the parts that the destination has, by the keys of their checkpoints."""
    loading = loading_of(destination, seconds)
    try:
        return {key: State.of(loading.peek(key)).part for key in keys}
    finally:
        loading.close()
