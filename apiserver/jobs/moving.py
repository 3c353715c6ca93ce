"""The loading engine: moves what one task reads into one table of a destination, and goes on where a run before broke off.

It knows connections by their numbers and nothing of jobs, runs or requests. Everything it remembers stands in the destination.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

from apiserver.jobs import moving_bulk
from apiserver.jobs import moving_full as full
from apiserver.jobs.moving_binding import reading_of
from apiserver.jobs.moving_deletions import take_out
from apiserver.jobs.moving_incremental import bring, overlap_of, shows_order
from apiserver.jobs.moving_names import distinct
from apiserver.jobs.moving_order import (
    ACTIVE,
    DESTINATION,
    FULL,
    INCREMENTAL,
    SOURCE,
    SWAP,
    Cancelled,
    DryRun,
    JobError,
    Moved,
    Order,
    Settings,
    Watch,
    told_of,
)
from apiserver.jobs.moving_reading import Reading
from apiserver.jobs.moving_schema import evolved
from apiserver.jobs.moving_state import State
from apiserver.jobs.moving_swap import change_table, check_owner, in_place, is_dropped, put_in_place
from apiserver.jobs.moving_sweep import catch_up, compare, sweep
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_types import value_of
from connections import patient
from connections.contract.errors import BadAnswer, ChangeUnknown, ConnectionFailed, ConnectorError, Overtaken, RateLimited, SourceTimeout
from connections.contract.loading import Checkpoint, Loading
from connections.contract.table import Table
from connections.models import Connection

__all__ = ["Cancelled", "DryRun", "JobError", "Moved", "Order", "Settings", "Watch", "dry_run", "move", "reset"]

TRANSIENT = (ConnectionFailed, SourceTimeout, Overtaken, RateLimited, BadAnswer, ChangeUnknown)
TRIES, FIRST_WAIT, LONGEST_WAIT = 4, 1.0, 60.0  # seconds
FIRST_ROWS = 20


def move(order: Order, watch: Watch) -> Moved:
    """Bring the destination's table up to the source; return what was done.

    Raises Cancelled, JobError (what its user can change), SqlProblem (the statement) and the contract's errors of both ends. Whatever
    it raises, the next move goes on from the last commit. An end that is away for a moment is asked again.
    """
    moved = Moved()
    for tried in range(1, TRIES + 1):
        try:
            with opened(order, watch, moved) as task:
                (moving_bulk.run if task.loading.is_bulk else run)(task)
                task.loading.finish(task.target)
            return moved
        except TRANSIENT as error:
            if tried == TRIES:
                raise
            wait(error, tried, watch)
    raise AssertionError("unreachable")


def wait(error: ConnectorError, tried: int, watch: Watch) -> None:
    """Wait before a move is tried again, longer each time; a run that is stopped waits no longer."""
    seconds = min(LONGEST_WAIT, FIRST_WAIT * 4 ** (tried - 1) * random.uniform(1, 1.5))  # noqa: S311 - spreads tries, guards nothing
    seconds = max(seconds, min(LONGEST_WAIT, error.retry_after)) if isinstance(error, RateLimited) else seconds
    watch.says("warning", f"{error.message} Tried again in {seconds:.0f} seconds ({tried} of {TRIES - 1}).")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        watch.stop_if_asked()
        time.sleep(min(0.5, seconds))


@contextmanager
def opened(order: Order, watch: Watch, moved: Moved) -> Iterator[Task]:
    """Give a task with both ends open."""
    settings = order.settings.under(order.statement)
    now = time.time()
    with told_of(SOURCE):
        reading = reading_of(order, now=datetime.fromtimestamp(now, UTC))
    with told_of(DESTINATION):
        connect = partial(loading_of, order.destination, settings.command_timeout, order.place)
        loading = connect()
        try:
            yield prepared(Task(order, settings, reading, loading, watch, now, connect=connect, moved=moved))
        finally:
            loading.close()


def loading_of(destination: int, seconds: int, schema: str = "") -> Loading:
    """Return the writer at a destination; raise JobError for a connection that is none. `schema`: where a warehouse keeps all of a task."""
    if not Connection.objects.filter(pk=destination).exists():
        raise JobError("The job's destination was deleted.", hint="Choose another one.")
    session: Any = patient.session_for(destination)
    if not hasattr(session, "loading"):
        raise JobError("This connection can't be a destination.", hint="Choose a database.")
    found: Any = session.loading(seconds)
    if found.is_bulk and schema:
        found.dataset = schema
    loading: Loading = found
    return loading


def prepared(task: Task) -> Task:
    """Return the task with its key, its check columns, and why it is not incremental."""
    reading = task.reading
    names = distinct((column.name for column in reading.columns), task.loading.longest_name, trims=task.loading.trims_names)
    shown = {column.name.lower(): name for column, name in zip(reading.columns, names, strict=True)}
    if task.order.statement.key:
        task.key = tuple(key_name(name, shown) for name in task.order.statement.key)
        sources = {names[place]: column for column, place in reading.places.items()}
        reading.key = tuple(sources[name] for name in task.key) if all(name in sources for name in task.key) else ()
    else:
        task.key = tuple(names[reading.places[name]] for name in reading.key)
    task.checks = checks_of(task.settings, reading)
    task.note = why_full(task)
    if not task.note:
        task.reading = reading.with_hidden(task.checks)
    task.moved.note = task.note or why_late(task)
    return task


def why_late(task: Task) -> str:
    """Return in which window rows of an incremental task may be late; '' where the source tells which transaction wrote a row."""
    if task.reading.commits is not None:
        return ""
    return f"Rows that are committed more than {overlap_of(task)} seconds late come with the next comparison of keys."


def key_name(name: str, shown: dict[str, str]) -> str:
    """Return a key column as the destination calls it."""
    found = shown.get(name.lower())
    if found is None:
        raise JobError(f"The key column {name} is not among the columns of the task.", hint="Select it, or choose another key.")
    return found


def checks_of(settings: Settings, reading: Reading) -> tuple[str, ...]:
    """Return the check columns by their names in the source's table."""
    if reading.table is None:
        return ()
    if not settings.check_columns:
        preset = reading.table.check_column
        return (preset,) if preset in reading.table.by_name else ()
    found = []
    for name in settings.check_columns:
        column = reading.named(name)
        if column is None:
            raise JobError(f"The check column {name} is not in {reading.table.ref}.", hint="Choose a column that the table has.")
        if not shows_order(reading.column(column).type):
            raise JobError(f"The check column {name} is {reading.column(column).type}.", hint="Choose a date-time or a growing number.")
        found.append(column)
    return tuple(found)


def why_full(task: Task) -> str:
    """Return why each run reads everything; '' where only what is new is read."""
    if task.settings.always_full:
        option = {"drop": "DropTable", "truncate": "TruncateTable"}[task.settings.always_full]
        return f"Everything is read in each run: the task says {option}."
    if task.reading.reason:
        return f"Everything is read in each run: {task.reading.reason}."
    if task.settings.history and not task.key:
        raise JobError("Versions are kept of rows that have a key.", hint="Name key columns: PRIMARY KEY (...), or turn HistoryMode off.")
    if not task.key or not task.reading.key:
        return "Everything is read in each run: the rows have no key among their columns."
    if not task.checks:
        return "Everything is read in each run: the task has no check column that shows what is new."
    unable = next((name for name in task.checks if not task.reading.can_filter(name)), None)
    if unable is not None:
        return f"Everything is read in each run: the source can't be asked for rows by {unable}."
    return ""


def run(task: Task) -> None:
    """Move."""
    task.take()
    found = look(task)
    forget_marks(task)
    is_resumed = in_place(task)
    is_known = task.state.is_loaded and task.state.shape == task.shape and found is not None
    if not is_known or not task.is_incremental or task.state.load is not None or task.table.added or has_other_key(task, found):
        check_owner(task, found)
        is_resumed = refresh(task)
        if not (is_resumed and task.is_incremental):
            compare(task)
            return
    change_table(task)
    mode = task.moved.mode if is_resumed else INCREMENTAL
    is_told = take_out(task)
    bring(task)
    task.moved.mode = mode
    sweep(task, is_needed=(is_resumed and task.reading.is_sql) or not is_told)


def forget_marks(task: Task) -> None:
    """Forget the marks of check columns whose type has changed: their values are ordered in another way, so all is read once more."""
    if not task.is_incremental or task.state.shape != task.shape:
        return  # everything is read
    now = task.signatures()
    for name, text in list(task.state.marks.items()):
        shown = task.table.names[task.reading.places[name]] if name in task.reading.places else ""
        before = task.state.columns.get(shown, now.get(shown))
        if before != now.get(shown) or not is_value(task, name, text):
            del task.state.marks[name]
            task.watch.says("info", f"The check column {name} is of another type now: everything is read once more.")


def is_value(task: Task, name: str, text: str) -> bool:
    """Claim that a mark is a value of its check column."""
    try:
        value_of(task.reading.column(name), text)
    except ValueError:
        return False
    return True


def refresh(task: Task) -> bool:
    """Read everything anew, or the rest of it; return whether a part of it had been read by a run before."""
    is_resumed = full.load(task)
    if is_resumed and not task.is_incremental:
        catch_up(task)
    put_in_place(task)
    if is_resumed:
        look(task)
    return is_resumed


def look(task: Task) -> Table | None:
    """Compare the destination's table, which is returned, with what is read."""
    found = task.loading.describe(task.target)
    known = task.state.columns if task.state.shape == task.shape else {}
    if found is not None and task.settings.history and ACTIVE not in found.by_name:
        raise JobError(
            f"The table {task.target} is there and keeps no versions of its rows.", hint="Drop it, or give the task another table."
        )
    before = None if is_dropped(task, found) else found
    task.table = evolved(before, task.wanted(), known, task.own_columns(), schema=task.settings.schema)
    if task.table.added:
        task.watch.says("info", f"Columns are added: {', '.join(task.table.added)}.")
    if task.table.widened:
        task.watch.says("info", f"Columns are widened: {', '.join(task.table.widened)}.")
    return found


def has_other_key(task: Task, found: Table | None) -> bool:
    """Claim that the destination's table has another key than the rows."""
    return found is not None and set(found.primary_key) != set(task.table_key)


def reset(order: Order) -> None:
    """Forget how far the task has come: its next move reads everything anew. The destination's table stays until then."""
    loading: Any = loading_of(order.destination, order.settings.command_timeout, order.place)
    try:
        if loading.is_bulk:
            loading.forget(order.key, State().text())
            return
        taken = loading.take(order.key)
        loading.begin()
        loading.save(order.key, Checkpoint(taken.fence, State(table=State.of(taken.data).table).text()))
        loading.commit()
    finally:
        loading.close()


class Silent:
    """A watch that nobody looks at."""

    def read(self, rows: int, pages: int, size: int) -> None:
        """Take no note."""

    def wrote(self, merged: Any, *, deleted: int = 0, repaired: int = 0) -> None:
        """Take no note."""

    def total(self, rows: int) -> None:
        """Take no note."""

    def counted(self, counts: Any) -> None:
        """Take no note."""

    def says(self, level: str, text: str) -> None:
        """Take no note."""

    def stop_if_asked(self) -> None:
        """Go on."""


def dry_run(order: Order) -> DryRun:
    """Return what a move would do now, with the first rows that it would read. Nothing is changed at either end."""
    with opened(order, Silent(), Moved()) as task:
        task.state = State.of(task.loading.peek(order.key))
        found = look(task)
        is_new = not task.state.is_loaded or not task.is_incremental
        mode = (FULL if task.is_incremental else SWAP) if is_new else INCREMENTAL
        if is_new and not task.loading.is_bulk:
            check_owner(task, found)
        ddl = task.loading.planned(
            task.target, task.table.columns, task.table_key, added=(*task.table.added, *task.table.lacking), widened=task.table.widened
        )
        pages = task.reading.pages(task.piece(limit=FIRST_ROWS))
        try:
            rows = tuple(tuple(row[: len(task.reading.columns)]) for row in islice((row for page in pages for row in page), FIRST_ROWS))
        finally:
            pages.close()  # type: ignore[attr-defined]
        return DryRun(mode, task.note, str(task.target), tuple(ddl), task.table.columns, task.key, rows, task.reading.count(task.piece()))
