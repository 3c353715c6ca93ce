"""The full refresh: all rows go into a table beside the destination's, which then takes its place. Readers see the old rows or the new."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from apiserver.jobs.moving_order import ACTIVE, FULL, NO_DELETES, SWAP, JobError
from apiserver.jobs.moving_pipe import Pipe, pipe_of
from apiserver.jobs.moving_places import (
    ANEW,
    BEGINS_ANEW,
    CHECK,
    PLACE,
    OutOfOrder,
    behind_key,
    in_order,
    noted,
    placed,
    sorts,
    started,
    unsorted,
    way_of,
)
from apiserver.jobs.moving_reading import Piece, Rows
from apiserver.jobs.moving_state import Load
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import text_of, value_of
from apiserver.jobs.moving_windows import has_windows, windows
from apiserver.jobs.moving_writing import Writer, no_key, twice
from connections.contract.errors import BadValue, ConnectorError, NotSupported, Overtaken, SourceRejected
from connections.contract.loading import Merged, TakenOver
from connections.contract.table import Table, Type
from connections.contract.unsayable import Unsayable

FEW = 100  # rows of a table that may lose any number of them
SHRINKS_TO = 0.5
PIECE = 2_000_000  # rows that go the fast way in one transaction


def load(task: Task) -> bool:
    """Fill the table beside the destination's, or the rest of it; return whether rows of a run before were there."""
    task.moved.mode = FULL if task.is_incremental else SWAP
    before = task.state.load
    goes_on = before is not None and can_go_on(task, before)
    if before is not None and goes_on:
        before.resumed += 1
        task.watch.says("info", f"Goes on behind the {before.rows} rows that are there already.")
    else:
        begin(task)
    if task.is_incremental and not (task.reading.is_sql or has_windows(task) or way_of(task)):
        task.moved.note = f"{task.moved.note} {BEGINS_ANEW}".strip()
    if not goes_on or (before and not before.is_whole):
        try:
            if not (goes_on and before and before.is_read):
                read(task)
            complete(task)
        except ConnectorError as error:
            abandon(task, error)
            raise
    return goes_on


def abandon(task: Task, error: ConnectorError) -> None:
    """Take away what was read of a load that can't go on, so that a failed task leaves no table of ours behind."""
    load = task.state.load
    if isinstance(error, TakenOver | Overtaken):
        return
    try:
        if load is None or not can_go_on(task, load):
            if load is not None:
                load.after, load.window = None, ""
            with task.transaction():
                task.save()  # refuses where another run has taken over: the table is that one's then
                task.loading.drop(task.shadow)
    except ConnectorError as problem:
        task.watch.says("info", f"The table {task.shadow} stays until the next run: {problem.message}")


def can_go_on(task: Task, before: Load) -> bool:
    """Claim that reading goes on behind the rows that are there, and that what changed since they were read can be told."""
    shadow = task.loading.describe(task.shadow)
    if task.state.shape != task.shape or shadow is None or not all(name in shadow.by_name for name in task.table.names):
        return False
    is_told = task.is_incremental or (bool(task.key) and task.reading.commits is not None and before.horizon is not None)
    has_place = bool(before.window) if has_windows(task) else has_place_of(task, before)
    return is_told and (before.is_read or before.is_whole or has_place)


def has_place_of(task: Task, before: Load) -> bool:
    """Claim that a load tells behind which row it goes on."""
    if task.reading.is_sql:
        return before.after is not None and task.reading.has_keyset
    return bool({CHECK: before.check, PLACE: before.place}.get(way_of(task)))


def begin(task: Task) -> None:
    """Make the empty table and note what the source holds now."""
    total = task.reading.count(task.piece()) if task.reading.is_sql else None
    if total is not None:
        task.watch.total(total)
    is_other = task.state.shape not in ("", task.shape)
    begun = Load(begun=task.now, horizon=task.reading.running(), total=total)
    begun.is_other = is_other or (task.state.load is not None and task.state.load.is_other)
    if task.is_incremental and task.reading.is_sql:
        tops = {name: task.reading.extreme("max", name) for name in task.checks}
        begun.marks = bounded(task, {name: text_of(value) for name, value in tops.items() if value is not None}, begun.begun)
    if task.target.schema and task.loading.describe(task.target) is None:
        task.loading.make_schema(task.target.schema)
    task.loading.drop(task.shadow)
    task.loading.create(task.shadow, task.table.columns, task.key if has_key_first(task) else ())
    task.state.shape, task.state.load, task.state.is_loaded = task.shape, begun, task.state.is_loaded and not is_other
    task.count_from({})
    with task.transaction():
        task.save()


def has_key_first(task: Task) -> bool:
    """Claim that the table is made with its key: rows may come twice, or it takes none later."""
    return bool(task.key) and (not task.loading.adds_keys or may_repeat(task))


def may_repeat(task: Task) -> bool:
    """Claim that a row may come twice in one load: services shift their pages, a window may be read again."""
    return bool(task.key) and (not task.reading.is_sql or has_windows(task))


def read(task: Task) -> None:
    """Bring the rows, or the rest of them."""
    load = task.state.load
    assert load is not None
    if not has_windows(task) and has_piped(task, load):
        return
    writer = Writer(task, task.shadow, merges=may_repeat(task))
    seen = {} if task.reading.is_sql else dict(load.marks)
    if has_windows(task):
        for piece, done in windows(task, load.window):
            read_piece(task, writer, piece, (), seen)
            if done is not None:
                load.window = text_of(done)
                with task.transaction():
                    task.save()
    elif not task.reading.is_sql:
        read_service(task, writer, seen)
    else:
        is_sorted = task.reading.has_keyset
        places = [task.reading.places[name] for name in task.reading.key] if is_sorted else []
        read_piece(task, writer, behind_key(task) if is_sorted else task.piece(), places, seen)
    if not task.reading.is_sql:
        load.marks = bounded(task, seen, load.begun)
    load.is_read = True
    with task.transaction():
        task.save()


def read_service(task: Task, writer: Writer, seen: dict[str, str]) -> None:
    """Bring the rows of a service, or the rest of them."""
    load = task.state.load
    assert load is not None
    way = way_of(task)
    if way == CHECK:
        try:
            write_pages(task, writer, in_order(task, task.piece(), started(task)), seen, partial(noted, task, way))
        except (OutOfOrder, SourceRejected) as error:
            if isinstance(error, SourceRejected) and sorts(task):
                raise
            load.check, way = "", ANEW
            task.watch.says("warning", unsorted(task))
        else:
            return
    pages = placed(task, load.place) if way == PLACE else task.pages(task.piece())
    write_pages(task, writer, pages, seen, partial(noted, task, way))


def has_piped(task: Task, load: Load) -> bool:
    """Bring the rows the fast way; return False where rows, or the rest of them, have to be looked at."""
    pipe = pipe_of(task, task.shadow)
    if pipe is None:
        return False
    try:
        while pipe_piece(task, pipe, load):
            task.watch.stop_if_asked()
    except (BadValue, SourceRejected, NotSupported) as error:
        load.is_read = False
        task.watch.says("info", f"Rows are looked at one by one: {error.message}")
        return False
    return True


def pipe_piece(task: Task, pipe: Pipe, load: Load) -> bool:
    """Bring a part of a large table, or a small one whole; return whether there may be more."""
    reading = task.reading
    is_whole = load.after is None and (not reading.has_keyset or (load.total or 0) <= PIECE)
    piece = task.piece()
    end: tuple[Any, ...] = ()
    if not is_whole:
        piece = replace(behind_key(task), limit=None if reading.has_text_key else PIECE)
        end = reading.key_at(piece, PIECE) if reading.has_text_key else ()
        piece = replace(piece, until=end)
    with task.counted_anew(), task.transaction():
        count = pipe.put(task.shadow, pipe.blocks(piece), is_first=load.after is None)
        load.is_read = is_whole or not (end or (count == PIECE and not reading.has_text_key))
        if not load.is_read:
            load.after = [text_of(value) for value in end] or pipe.last_key(task.shadow)
        load.rows += count
        task.save()
    task.wrote(Merged(count, 0))
    if not load.is_read:
        load.resumed = max(1, load.resumed)  # the parts are of different states of the source
    return not load.is_read


def read_piece(task: Task, writer: Writer, piece: Piece, places: Sequence[int], seen: dict[str, str]) -> None:
    """Bring the rows of a piece; `places`: of the key by which they are sorted."""
    load = task.state.load
    assert load is not None

    def note(chunk: Sequence[Rows]) -> None:
        key = [chunk[-1][-1][place] for place in places]
        load.after = [text_of(value) for value in key] if key and Unsayable not in map(type, key) else None

    write_pages(task, writer, task.pages(piece), seen, note)


def write_pages(task: Task, writer: Writer, pages: Iterable[Rows], seen: dict[str, str], note: Callable[[Sequence[Rows]], None]) -> None:
    """Write pages; `note` keeps, in the transaction of each chunk, how far reading has come."""
    load = task.state.load
    assert load is not None
    for chunk in task.chunks(pages):

        def before_commit(chunk: Sequence[Rows] = chunk) -> None:
            note(chunk)
            load.rows += sum(len(page) for page in chunk)
            task.save()

        for page in chunk:
            task.largest(seen, page)
        if not task.reading.is_sql:
            load.marks = bounded(task, seen, load.begun)
        writer.write(chunk, before_commit)


def bounded(task: Task, marks: dict[str, str], begun: float) -> dict[str, str]:
    """Return the marks, none of them later than the beginning: rows that changed while pages came were perhaps read before, and
    a row from the future would hide all that come before its time is there."""
    limit = datetime.fromtimestamp(begun, UTC)
    found = {}
    for name, text in marks.items():
        column = task.reading.column(name)
        is_later = column.type == Type.TIMESTAMP and value_of(column, text) > limit
        found[name] = text_of(limit) if is_later else text
    return found


def complete(task: Task) -> None:
    """Give the table its key; refuse one that holds far fewer rows than there were."""
    load = task.state.load
    assert load is not None
    if task.key and not task.described(task.shadow).primary_key:
        add_key(task)
    count = task.loading.count(task.shadow)
    found = task.loading.describe(task.target)
    before = count_present(task, found) if found is not None and task.settings.deletes != NO_DELETES else 0
    check_shrinking(task, before, count)
    load.rows, load.is_whole = count, True
    with task.transaction():
        task.save()


def keep_shadow_current(task: Task, pages: Iterable[Rows]) -> None:
    """Write rows that changed at the source since they were read to the table beside the destination's."""
    writer = Writer(task, task.shadow, merges=True)
    for chunk in task.chunks(pages):
        writer.write(chunk, task.save)


def count_present(task: Task, found: Table) -> int:
    """Return how many rows the destination's table, as it was found, has without those that are marked or of the past."""
    where, is_null = (name if name in found.by_name else "" for name in (ACTIVE if task.versions else "", task.mark))
    return task.loading.count(task.target, where=where, is_null=is_null)


def check_shrinking(task: Task, before: int, count: int) -> None:
    """Raise JobError, and forget what was read, where most of the rows would vanish and nobody said that they may."""
    is_far_less = (before and not count) or (before >= FEW and count < before * SHRINKS_TO)
    is_meant = count and task.state.load is not None and task.state.load.is_other  # who wrote another query wants its rows
    if not is_far_less or is_meant or task.settings.may_shrink:
        return
    task.loading.drop(task.shadow)
    task.state.load = None
    with task.transaction():
        task.save()
    raise JobError(
        f"The source has {count} rows now, the destination {before}: the table was left as it was.",
        hint="If that is right, run the task once with may_shrink; else look at the source and the task's query.",
    )


def add_key(task: Task) -> None:
    """Give the new table its key; name the rows that stand against it."""
    try:
        task.loading.add_key(task.shadow, task.key)
    except ConnectorError as error:
        task.loading.rollback()
        raise key_problem(task) or error from error


def key_problem(task: Task) -> JobError | None:
    """Return which rows can't have the key."""
    twice_, nulls = task.loading.key_problems(task.shadow, task.key)
    task.state.load = None
    with task.transaction():
        task.save()
    return no_key(task) if nulls else twice(task, twice_) if twice_ else None
