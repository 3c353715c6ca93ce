"""Chunks of rows put into a table of the destination, each in one transaction with the checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from apiserver.jobs.moving_order import EVOLVE, JobError
from apiserver.jobs.moving_reading import Rows
from apiserver.jobs.moving_rows import Shaper, shown
from apiserver.jobs.moving_task import Task
from connections.contract.errors import BadValue, ConnectorError, ConstraintViolated, SourceRejected
from connections.contract.exact_types import telling, unmarked
from connections.contract.loading import Merged, Unfit
from connections.contract.table import Column, TableRef, Type


class Writer:
    """Writes rows of the statement to one table."""

    def __init__(self, task: Task, ref: TableRef, *, merges: bool) -> None:
        self.task = task
        self.ref = ref
        self.merges = merges
        self.look()

    def look(self) -> None:
        """Take the table as it is now."""
        task = self.task
        self.columns: list[Column] = task.filled_columns(task.described(self.ref))
        texts = {"cuts_texts": task.settings.cuts_texts, "reads_texts": task.loading.reads_texts}
        self.shaper = Shaper(task.reading.columns, self.columns, task.key, **texts)
        places = {column.name: place for place, column in enumerate(self.columns)}
        self.key = [places[name] for name in task.key]

    def write(self, chunk: Sequence[Rows], before_commit: Callable[[], None]) -> None:
        """Write a chunk and what `before_commit` saves, in one transaction."""
        try:
            pages = [self.shaper.rows(page) for page in chunk]
        except Unfit as error:
            self.made_text(error)
            self.write(chunk, before_commit)
            return
        try:
            self.put(pages, before_commit)
        except Unfit as error:
            self.made_text(error)
            self.write(chunk, before_commit)
        except ConstraintViolated as error:
            raise self.broken(error, pages) from error
        except (BadValue, SourceRejected) as error:
            if not self.widened(pages, error):
                raise
            self.write(pages, before_commit)

    def broken(self, error: ConstraintViolated, pages: Sequence[Rows]) -> ConnectorError:
        """Return what is said of rows that the table's key refuses."""
        if self.task.key and error.kind == "unique":
            return twice(self.task, self.repeated(pages))
        return no_key(self.task) if self.task.key and error.kind == "not_null" else error

    def repeated(self, pages: Sequence[Rows]) -> Sequence[Any]:
        """Return a key that two of these rows have; () where the other row was written before."""
        seen: set[Any] = set()
        for page in pages:
            for row in page:
                key = tuple(row[place] for place in self.key)
                if key in seen:
                    return key
                seen.add(key)
        return ()

    def put(self, pages: Sequence[Rows], before_commit: Callable[[], None]) -> None:
        """Write rows as they are."""
        task = self.task
        with task.transaction():
            merged, repaired = self.merged(pages) if self.merges else self.filled(pages)
            task.pending = asdict(merged) | {"repaired": repaired}
            before_commit()
        task.wrote(merged, repaired=repaired)

    def filled(self, pages: Sequence[Rows]) -> tuple[Merged, int]:
        """Put rows into the table."""
        found = self.task.loading.fill(self.ref, self.columns, pages)
        return Merged(found.rows, 0), found.repaired

    def merged(self, pages: Sequence[Rows]) -> tuple[Merged, int]:
        """Insert what is new and update what differs."""
        rows = self.distinct(pages)
        loading = self.task.loading
        stage = loading.stage(self.ref, self.columns)
        repaired = loading.fill(stage, self.columns, [rows]).repaired
        return merged_from(self.task, stage, self.ref, self.columns), repaired

    def distinct(self, pages: Sequence[Rows]) -> Rows:
        """Return each row once, the one that came last; raise JobError for rows without a key, or with one of another row."""
        rows = [row for page in pages for row in page]
        if len(self.key) == 1:
            (place,) = self.key
            found = {row[place]: row for row in rows}
            is_null = None in found
        else:
            found = {tuple(row[place] for place in self.key): row for row in rows}
            is_null = any(None in key for key in found)
        if is_null:
            raise no_key(self.task)
        if len(found) < len(rows):
            self.check_same(rows, found)
        return list(found.values())

    def check_same(self, rows: Rows, found: dict[Any, Sequence[Any]]) -> None:
        """Raise JobError for two rows of one key in one state of the source; services repeat rows while their pages shift."""
        if not self.task.reading.is_sql:
            self.task.watch.says("info", f"The source gave {len(rows) - len(found)} rows again: the last of each was taken.")
            return
        seen: set[Any] = set()
        for row in rows:
            key = tuple(row[place] for place in self.key)
            if key in seen:
                raise twice(self.task, key)
            seen.add(key)

    def made_text(self, error: Unfit) -> None:
        """Let a column become text, which holds what its type can't; raise what is wrong where that may not be."""
        column = next(item for item in self.columns if item.name == error.column)
        task = self.task
        if task.settings.schema != EVOLVE or column.name in task.key or (column.type == Type.STRING and not column.is_json):
            raise error.__cause__ if isinstance(error.__cause__, JobError) else error
        task.watch.says("warning", f"The column {column.name} becomes text: it holds a value that {column.type} has no form for.")
        task.loading.widen(self.ref, task.loading.stored(Column(column.name, comment=kept_comment(task, column))))
        self.look()

    def widened(self, pages: Sequence[Rows], error: ConnectorError) -> bool:
        """Widen a column that can't hold one of the rows; raise JobError, which names the value, where that may not be."""
        found = next((item for page in pages if (item := self.shaper.misfit(page)) is not None), None)
        if found is None:
            return False
        place, wide, row = found
        column = self.columns[place]
        is_guid = column.type == Type.GUID
        stored = self.task.loading.stored(telling(wide, "uuid") if is_guid else unmarked(wide))
        if self.task.settings.schema != EVOLVE or (column.name in self.task.key and not is_guid) or stored == column:
            raise self.shaper.problem(row, place, "does not fit the destination's column") from error
        self.task.watch.says("warning", f"The column {column.name} becomes wider: a value needs it ({shown(row[place])}).")
        self.task.loading.widen(self.ref, stored)
        self.look()
        return True


def kept_comment(task: Task, column: Column) -> str:
    """Return the comment of a column that becomes text: the type that it had goes on standing there, but where it would be taken."""
    return unmarked(column).comment if task.loading.reads_texts else column.comment


def merged_from(task: Task, stage: TableRef, ref: TableRef, columns: Sequence[Column]) -> Merged:
    """Write the rows of a stage to the destination's table: as new versions where it keeps all of them."""
    if ref != task.target:
        return task.loading.merge(stage, ref, columns, task.key)
    if task.versions is not None:
        return task.loading.add_versions(stage, ref, columns, task.key, task.versions)
    merged = task.loading.merge(stage, ref, columns, task.key)
    if task.mark:
        task.loading.revive(stage, ref, task.key, mark=task.mark)
    return merged


def no_key(task: Task) -> JobError:
    """Return what is said of rows whose key is null."""
    return JobError(
        f"The source has rows whose key ({', '.join(task.key)}) is null.",
        hint="Choose other key columns, or leave these rows out by a WHERE.",
    )


def twice(task: Task, values: Sequence[Any]) -> JobError:
    """Return what is said of two rows with one key."""
    said = ", ".join(f"{name} = {shown(value)}" for name, value in zip(task.key, values, strict=True)) if values else ", ".join(task.key)
    return JobError(
        f"The source has several rows with one key ({said}).",
        hint="Choose columns as the key that tell rows apart, or none: PRIMARY KEY (...).",
    )
