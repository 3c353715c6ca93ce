"""Where tasks write: the tables of destinations that are replicas, and of what. Read by External Objects and by `serve: replicated`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from django.db.models import Max, Q
from sqlglot import exp

from apiserver.jobs.models import DONE, Job, Task, TaskRun
from apiserver.jobs.moving_names import fitting
from apiserver.jobs.replicate import Replicate, replicate
from connections.connectors.registry import get_connector
from connections.contract.errors import ConnectorError
from connections.contract.table import TableRef
from connections.engine.sql_reader import parse
from connections.models import Connection

# Clauses of a SELECT that leave each row of its one table what it is.
PLAIN = frozenset({"expressions", "from_", "order", "kind", "hint"})
DEFAULT_SCHEMAS = frozenset({"", "public", "main", "dbo"})


@dataclass(frozen=True, slots=True)
class Replica:
    """What one task copies, and where to. `names`: column of the source -> of the destination; None = all, under their own names."""

    task: Task
    source: Connection
    source_ref: TableRef
    target: TableRef  # schema '' = the destination's default
    names: Mapping[str, str] | None = None
    is_whole: bool = True  # every row of the source stands in it, once

    @property
    def job(self) -> Job:
        """Return the job of the task."""
        return self.task.job


@dataclass(frozen=True, slots=True)
class Read:
    """What a statement reads of one table."""

    ref: tuple[str, ...]  # as in Replicate.source
    names: Mapping[str, str] | None = None
    is_whole: bool = True


@dataclass(slots=True)
class Known:
    """Connections by name, asked for once."""

    by_name: dict[str, Connection] = field(default_factory=dict)

    def named(self, name: str) -> Connection | None:
        """Return the connection of that name."""
        if not self.by_name:
            self.by_name = {item.name.lower(): item for item in Connection.objects.all()}
        return self.by_name.get(name.lower())


def replicas_at(destination: Connection) -> list[Replica]:
    """Return what is replicated into a connection."""
    tasks = Task.objects.filter(job__destination=destination, enabled=True).select_related("job__source", "job__destination")
    return replicas_of(tasks)


def replicas_from(source: Connection, ref: TableRef) -> list[Replica]:
    """Return what is replicated of a table, by the names of the jobs."""
    tasks = Task.objects.filter(Q(job__source=source) | Q(job__source=None), enabled=True).order_by("job__name", "position")
    found = replicas_of(tasks.select_related("job__source", "job__destination"))
    return [item for item in found if item.source.pk == source.pk and is_same(item.source_ref, ref, source)]


def replicas_of(tasks: Iterable[Task]) -> list[Replica]:
    """Return the replicas of those tasks that copy one table."""
    known = Known()
    found = (replica_of(task, known) for task in tasks)
    return [item for item in found if item is not None]


def replica_of(task: Task, known: Known) -> Replica | None:
    """Return what a task copies; None where that is not one table of one stored connection."""
    job = task.job
    try:
        statement = replicate(task.statement)
        read = read_of(statement.query) if statement.query else Read(statement.source)
    except ConnectorError:  # an edit that does not hold: its run says so
        return None
    if read is None:
        return None
    source = known.named(read.ref[0]) if len(read.ref) == 3 or (job.source is None and len(read.ref) == 2) else job.source
    if source is None:
        return None
    *schema, name = read.ref if source == job.source else read.ref[1:]
    ref = TableRef(schema[0] if schema else "", name)
    return Replica(task, source, ref, target_of(job, statement), read.names, read.is_whole)


def target_of(job: Job, statement: Replicate) -> TableRef:
    """Return the table that a task of the job writes, by the name that it has there."""
    *schema, name = statement.target
    whole = f"{job.table_prefix}{name}"
    loading = getattr(get_connector(job.destination.connector), "loading", None)
    shown = whole if loading is None else fitting(whole, loading.longest_name, trims=loading.trims_names)
    return TableRef(schema[0] if schema else job.schema, shown)


@lru_cache(maxsize=1000)
def read_of(query: str) -> Read | None:
    """Return what a SELECT reads, where that is one table and columns of it; None for any other."""
    tree = parse(query).tree
    start = tree.args.get("from_")
    table = start.this if start is not None else None
    is_one = not any(tree.args.get(part) for part in ("joins", "with_", "laterals"))
    if not isinstance(tree, exp.Select) or not isinstance(table, exp.Table) or not is_one:
        return None
    parts = tuple(part.name for part in table.parts)
    names: dict[str, str] | None = {}
    for item in tree.expressions:
        column = item.this if isinstance(item, exp.Alias) else item
        if isinstance(column, exp.Star):
            names = None
        elif isinstance(column, exp.Column) and names is not None:
            names[column.name] = item.alias_or_name
    is_whole = not any(value for name, value in tree.args.items() if name not in PLAIN)
    return Read(parts, names, is_whole)


def is_same(one: TableRef, other: TableRef, connection: Connection) -> bool:
    """Claim that both names mean one table of the connection; a schema that goes without saying is its default."""
    own = DEFAULT_SCHEMAS | {str(connection.properties.get("Database", "")), str(connection.properties.get("Schema", ""))}
    schemas = {one.schema, other.schema}
    return one.name.casefold() == other.name.casefold() and (len(schemas) == 1 or ("" in schemas and schemas <= own))


def last_runs(tasks: Iterable[Task]) -> dict[int, TaskRun]:
    """Return each task's last run that came to its end, by the task's id."""
    newest = TaskRun.objects.filter(task__in=[task.pk for task in tasks], state=DONE).values("task").annotate(last=Max("pk"))
    return {run.task_id: run for run in TaskRun.objects.filter(pk__in=[item["last"] for item in newest]) if run.task_id is not None}
