"""A loaded table takes the place of the destination's: by a swap, or row by row where the old one has what the new one lacks."""

from __future__ import annotations

from apiserver.jobs.moving_order import HARD, NO_DELETES, JobError
from apiserver.jobs.moving_state import State
from apiserver.jobs.moving_task import Task
from apiserver.jobs.moving_writing import merged_from
from connections.contract.table import Table, TableRef


def in_place(task: Task) -> bool:
    """Take note of a table that took its place before the run broke off; return whether that is so."""
    before = task.state.load
    is_there = before is not None and before.is_whole and task.loading.describe(task.shadow) is None
    if is_there and task.state.shape == task.shape and task.loading.describe(task.target) is not None:
        task.state = loaded_state(task)
        with task.transaction():
            task.save()
        return True
    return False


def loaded_state(task: Task) -> State:
    """Return the checkpoint of a table that is in place."""
    load = task.state.load
    assert load is not None
    return State(
        shape=task.shape,
        columns=task.signatures(),
        marks=load.marks,
        horizon=load.horizon,
        late_at=load.begun,
        swept_at=load.begun,
        deletions_at=load.begun,
        is_loaded=True,
        rows=load.rows,
        table=str(task.target),
    )


def check_owner(task: Task, found: Table | None) -> None:
    """Tell of rows in the destination's table that no task wrote and that make room; raise JobError where columns would go with them."""
    state, table = task.state, str(task.target)
    is_own = state.table == table or (state.is_loaded and not state.table)
    if found is None or is_own or task.settings.always_full or not task.loading.count(task.target, most=1):
        return
    if any(State.of(text).table == table for text in task.loading.checkpoints()):
        return
    if task.table.kept and not keeps_values(task, found):
        raise JobError(
            f"The table {table} is there already, with rows that no task wrote and columns that this one lacks: "
            f"{', '.join(task.table.kept)}.",
            hint="Give the task another table, rename that one or take it away, or say WITH DropTable: it is replaced then.",
        )
    task.watch.says("warning", f"The table {table} was there already, with rows that no task wrote: those of the source replace them.")


def put_in_place(task: Task) -> None:
    """Let the new table take the place of the old one, with the checkpoint that speaks of it."""
    found = task.loading.describe(task.target)
    loaded = loaded_state(task)
    if keeps_values(task, found):
        merge_all(task, loaded, found)
        return
    if found is not None and (task.settings.always_full == "truncate" or task.loading.is_bound(task.target)):
        if found.primary_key != task.key:
            raise JobError(
                f"The table {task.target} has another key, and views, indexes or rights hang on it.",
                hint="Drop the table at the destination: the next run makes it anew.",
            )
        change_table(task)
    with task.transaction():
        if found is not None and task.settings.always_full == "truncate":
            task.loading.refill(task.shadow, task.target)
        else:
            task.loading.swap(task.shadow, task.target)
        task.state = loaded
        task.save()
    task.loading.drop(task.shadow)


def keeps_values(task: Task, found: Table | None) -> bool:
    """Claim that the old table has what the new one lacks: columns that the source does not give, rows that it has no more."""
    if task.versions is not None:
        return True
    has_more = bool(task.table.kept or task.table.lacking) or task.settings.deletes != HARD
    return bool(found and has_more and task.key and found.primary_key == task.key and not task.settings.always_full)


def is_dropped(task: Task, found: Table | None) -> bool:
    """Claim that the table makes room with all of its columns, as the task says."""
    says_so = found is not None and task.settings.always_full == "drop" and not task.loading.is_bulk
    return says_so and not task.loading.is_bound(task.target)


def merge_all(task: Task, loaded: State, found: Table | None) -> None:
    """Write what differs to the old table; what is gone is deleted, marked, ended or left, as the task says."""
    if found is None:
        task.loading.create(task.target, task.table.columns, task.table_key)
    else:
        change_table(task)
    columns = task.filled_columns(task.described(task.shadow))
    with task.transaction():
        merged_from(task, task.shadow, task.target, columns)
        task.moved.deleted += remove(task, task.shadow)
        task.state = loaded
        task.save()
    task.loading.drop(task.shadow)


def remove(task: Task, stage: TableRef) -> int:
    """Delete, mark or end the rows whose key a stage lacks; return how many."""
    if task.versions is not None:
        return task.loading.end_versions(stage, task.target, task.key, task.versions) if task.settings.deletes != NO_DELETES else 0
    if task.settings.deletes == NO_DELETES:
        return 0
    return task.loading.keep(stage, task.target, task.key, mark=task.mark)


def change_table(task: Task) -> None:
    """Let the destination's table follow the source: columns are added and widened."""
    by_name = {column.name: column for column in task.table.columns}
    more = (*task.table.added, *task.table.lacking)
    if more:
        task.loading.add(task.target, [by_name[name] for name in more])
    for name in task.table.widened:
        task.loading.widen(task.target, task.loading.stored(by_name[name]))
