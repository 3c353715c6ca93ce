"""Jobs that load a folder: each file that is new or changed since it was loaded becomes a task of the run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from apiserver.jobs.all_tables import names_of
from apiserver.jobs.claims import is_excluded, read
from apiserver.jobs.errors import JobError
from apiserver.jobs.job_settings import split
from apiserver.jobs.models import Job, Run, Task, TaskRun
from apiserver.jobs.moving_order import Settings
from apiserver.jobs.moving_part import loaded
from apiserver.jobs.orders import title
from apiserver.jobs.replicate import Replicate, written
from connections import patient
from connections.contract.table import TableRef
from connections.services import list_tables

QUERY = "A folder is loaded whole: leave the query and the source's table out of the statement."


def files_of(job: Job, *, now: datetime) -> list[tuple[TableRef, str]]:
    """Return the files and sheets of the job's folder, and the version of each. Asks the source."""
    assert job.source is not None
    refs = [item.ref for item in list_tables(job.source, now=now, refresh=True) if not is_excluded(job, names_of(item.ref))]
    session: Any = patient.session_for(job.source.pk)
    return [(ref, session.rows.version_of(ref)) for ref in refs]


def task_runs(run: Run, job: Job, tasks: list[Task], order: dict[str, Any], *, now: datetime) -> list[TaskRun]:
    """Return what is to be loaded, not stored; `order` takes down which part of the table each of them is."""
    files = files_of(job, now=now)
    seconds = Settings.of(split(job.settings)[0]).command_timeout
    order["parts"] = {}
    made: list[TaskRun] = []
    for task in tasks:
        found = {key_of(task, ref): (ref, version) for ref, version in files}
        before = loaded(job.destination_id, found, seconds=seconds)
        for key, (ref, version) in found.items():
            if before[key] != version:
                order["parts"][key] = [str(ref), version]
                made.append(task_run(run, task, key, ref, order, len(made)))
    return made


def key_of(task: Task, ref: TableRef) -> str:
    """Return the name of a file's checkpoint."""
    return f"{task.key}:{hashlib.blake2b(f'{ref.schema}/{ref.name}'.encode(), digest_size=16).hexdigest()}"


def keys_of(task: Task, *, now: datetime) -> list[str]:
    """Return the names of the checkpoints of all files that are there."""
    return [key_of(task, ref) for ref, _ in files_of(task.job, now=now)]


def task_run(run: Run, task: Task, key: str, ref: TableRef, order: dict[str, Any], position: int) -> TaskRun:
    """Return the loading of one file."""
    statement = read(task.statement)
    if statement.query or statement.source != statement.target[-1:]:
        raise JobError(QUERY)
    whole = Replicate(statement.target, statement.columns, (), statement.options, source=tuple(parts(ref)))
    shown = f"{title(task, order)}: {ref}"[:200]
    return TaskRun(run=run, task=task, key=key, position=position, title=shown, statement=written(whole), settings=dict(task.settings))


def parts(ref: TableRef) -> Iterator[str]:
    """Return the name of a table by its parts."""
    if ref.schema:
        yield ref.schema
    yield ref.name
