"""Jobs of all tables: those that are new at the source join before each run, those that are excluded or gone stay out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from apiserver.jobs.checking import sources
from apiserver.jobs.claims import VIEW, is_excluded, is_own, place_of, read, written_by_others
from apiserver.jobs.models import Job, RunLine, Task
from apiserver.jobs.replicate import Replicate, written
from apiserver.jobs.services import next_position
from apiserver.jobs.under_way import Running
from connections.connectors.registry import get_connector
from connections.contract.errors import ConnectorError
from connections.contract.table import TableInfo, TableRef
from connections.models import Connection
from connections.services import list_tables

GONE = "The source has no such table any more. Its copy stays."
EXCLUDED = "The table is excluded."


def join(job: Job, running: Running, *, now: datetime) -> tuple[list[Task], dict[str, str]]:
    """Add tasks for tables that are new; return all tasks of the job, and by their keys why some are not run. Asks the source."""
    assert job.source is not None
    listed = tables_of(job.source, now=now)
    wanted = [ref for ref in listed if not is_excluded(job, names_of(ref))]
    known = {name for task in job.tasks.all() for name in read_by(task)}
    for task in new_tasks(job, [ref for ref in wanted if not known & set(names_of(ref))], running):
        task.save()
        running.says(RunLine.INFO, f"{read(task.statement).source[-1]} is new and joins the job.")
    tasks = list(job.tasks.all())
    return tasks, dict(left_out(job, tasks, listed))


def tables_of(source: Connection, *, now: datetime) -> list[TableRef]:
    """Return the tables of a source; its views too where it is no database."""
    is_database = getattr(get_connector(source.connector), "is_destination", False)
    found: list[TableInfo] = list_tables(source, now=now, refresh=True)
    return [item.ref for item in found if not (is_database and item.kind == VIEW) and not is_own(item.ref.name)]


def names_of(ref: TableRef) -> tuple[str, str]:
    """Return the names by which a table may go, compared without their case."""
    return ref.name.casefold(), f"{ref.schema}.{ref.name}".casefold()


def read_by(task: Task) -> Iterator[str]:
    """Return the names of the tables that a task reads."""
    try:
        yield from (".".join(parts[-2:]).casefold() for parts in sources(read(task.statement)))
    except ConnectorError:  # it can't be read any more; its run says so
        return


def new_tasks(job: Job, refs: list[TableRef], running: Running) -> Iterator[Task]:
    """Return tasks for tables, not stored. A name that is taken gets the schema before it; what another job writes is left out."""
    taken = written_by_others(job, Job.objects.select_related("destination").prefetch_related("tasks"))
    mine = {place_of(job, read(task.statement).target) for task in job.tasks.all()}
    counts = Counter(ref.name.casefold() for ref in refs)
    position = next_position(job)
    for ref in refs:
        names = [f"{ref.schema}_{ref.name}"] if counts[ref.name.casefold()] > 1 else [ref.name, f"{ref.schema}_{ref.name}"]
        name = next((name for name in names if place_of(job, (name,)) not in mine), None)
        place = place_of(job, (name or ref.name,))
        if name is None or place in taken:
            other = taken.get(place, job.name)
            running.says(RunLine.WARNING, f"{ref.name} does not join: the job {other} writes the table {place.table} already.")
            continue
        mine.add(place)
        statement = Replicate(target=(name,), source=tuple(part for part in (ref.schema, ref.name) if part))
        yield Task(job=job, position=position, statement=written(statement))
        position += 1


def left_out(job: Job, tasks: list[Task], listed: list[TableRef]) -> Iterator[tuple[str, str]]:
    """Return the keys of tasks that are not run, and why."""
    there = {name for ref in listed for name in names_of(ref)}
    excluded = {name for ref in listed if is_excluded(job, names_of(ref)) for name in names_of(ref)}
    for task in tasks:
        names = set(read_by(task))
        if names and not names & there:
            yield task.key, GONE
        elif names & excluded:
            yield task.key, EXCLUDED
