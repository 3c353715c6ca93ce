"""The replica that a resource with `serve: replicated` is read from: asked for by apiserver.odata with each such read, by its name."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_noop as _

from apiserver.jobs.models import DONE, Task, TaskRun
from apiserver.jobs.moving_order import DELETED, JobError, Settings
from apiserver.jobs.replicas import Known, Replica, replica_of, replicas_from
from apiserver.jobs.replicate import replicate
from apiserver.resources.models import Resource
from apiserver.resources.replica import Place, Standing, Wish
from apiserver.server import stamp
from apiserver.server.errors import answering
from connections.contract.errors import ConnectorError, NotSupported
from connections.contract.table import Column, TableRef
from connections.engine.prepared import gives_rows
from connections.models import Connection
from connections.services import describe, session_for

LONG = 3600.0  # seconds for which a table is taken to be as it was after its last run
SECONDS = 5.0  # for which this process believes what it found out about jobs
MOST = 500
NO_JOB = "No job replicates {table}."
RUN_IT = _("Make a job that replicates the whole table and run it, or serve the resource live.")


class Remembered:
    """What this process found out, for some seconds and while no configuration changes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._found: OrderedDict[Hashable, tuple[float, int, Any]] = OrderedDict()

    def get(self, key: Hashable, find: Callable[[], Any], seconds: float) -> Any:
        """Return what `find` gives, or gave."""
        now, current = self._clock(), stamp.value()
        with self._lock:
            known = self._found.get(key)
            if known is not None and known[1] == current and now - known[0] < seconds:
                return known[2]
        found = find()
        with self._lock:
            self._found[key] = (now, current, found)
            self._found.move_to_end(key)
            if len(self._found) > MOST:
                self._found.popitem(last=False)
        return found

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._found.clear()


KNOWN = Remembered()


def standing(public_id: str, wish: Wish) -> Standing:
    """Return where the resource's replica stands now and how fresh it is; two queries of the product's own database."""
    with answering():
        usable, problem, hint, known = KNOWN.get((public_id, wish), lambda: candidates(public_id, wish), SECONDS)
        written = Resource.objects.filter(public_id=public_id).values_list("written", flat=True).first()
        if not usable:
            return Standing(written=written, problem=problem, hint=hint)
        run = last_run([item.task for item in usable])
    if run is None or run.started is None:
        job = usable[0].job.name
        return Standing(written=written, problem=f"The job {job} has not replicated it yet.", hint=_("Run the job."))
    found = next(item for item in usable if item.task.pk == run.task_id)
    try:
        place = KNOWN.get((public_id, run.pk), lambda: place_of(found, run.statement, known), LONG)
    except ConnectorError as error:
        return Standing(written=written, problem=f"The replica of the job {found.job.name} can't be read: {error.message}", hint=error.hint)
    return Standing(place, run.started - timedelta(seconds=settings_of(found).lag_seconds), written)


def last_run(tasks: Sequence[Task]) -> TaskRun | None:
    """Return the run of these tasks that began last and came to its end."""
    return (
        TaskRun.objects.filter(task__in=[task.pk for task in tasks], state=DONE).exclude(started=None).order_by("-started", "-pk").first()
    )


def candidates(public_id: str, wish: Wish) -> tuple[list[Replica], str, str, list[str]]:
    """Return the replicas that the resource may be read from, or why there is none, and the columns of its table."""
    row = Resource.objects.select_related("connection").get(public_id=public_id)
    if row.connection is None or row.sql:
        return [], f"{row.name} is a derived view: only tables are replicated.", _("Serve it live."), []
    ref = TableRef(row.schema, row.table)
    found = [item for item in replicas_from(row.connection, ref) if wish.job in ("", item.job.name)]
    if not found:
        missing = f"The job {wish.job} does not replicate {row.table}." if wish.job else NO_JOB.format(table=row.table)
        return [], missing, RUN_IT, []
    reasons = {item.task.pk: why_partial(item) for item in found}
    usable = [item for item in found if not reasons[item.task.pk]]
    first = found[0]
    known = [column["name"] for column in row.snapshot["columns"]]
    return usable, f"The job {first.job.name} does not copy {row.table} as it is: {reasons[first.task.pk]}.", RUN_IT, known


def why_partial(replica: Replica) -> str:
    """Return why the replica does not hold each row of the table once; '' = it does."""
    if not replica.is_whole:
        return _("its statement leaves rows out or puts them together")
    try:
        settings = settings_of(replica)
    except JobError as error:
        return error.message.rstrip(".")
    if settings.history:
        return _("it keeps all versions of a row")
    return _("it leaves out the rows before its start value") if settings.start_value else ""


def settings_of(replica: Replica) -> Settings:
    """Return how the task is moved."""
    given = {name: value for name, value in (replica.job.settings | replica.task.settings).items() if name in Settings.__slots__}
    return Settings.of(given).under(replicate(replica.task.statement))


def place_of(replica: Replica, statement: str, known: Sequence[str]) -> Place:
    """Return the replica's table as it is now; `statement`: what wrote it, `known`: the columns of the source."""
    wrote = replica_of(Task(job=replica.job, statement=statement), Known()) or replica
    destination = replica.job.destination
    (table,) = describe(destination, [wrote.target])
    spelled = {name.lower(): name for name in known}
    mark = next((column.name for column in table.columns if column.name == DELETED and DELETED.lower() not in spelled), "")
    if wrote.names is None:
        pairs = [(spelled.get(column.name.lower(), column.name), column) for column in table.columns if column.name != mark]
    else:
        copied = {there.lower(): spelled.get(name.lower(), name) for name, there in wrote.names.items()}
        pairs = [(copied[column.name.lower()], column) for column in table.columns if column.name.lower() in copied]
    return Place(
        destination.pk, destination.name, destination.connector, table.ref, tuple(pairs), select_of(destination, table.ref, pairs, mark)
    )


def select_of(destination: Connection, ref: TableRef, pairs: Sequence[tuple[str, Column]], mark: str) -> str:
    """Return a SELECT that gives the columns their names at the source, without rows that `mark` says are gone; '' where the table does."""
    if not mark and all(name == column.name for name, column in pairs):
        return ""
    dialect = session_for(destination.pk).dialect
    if gives_rows(dialect) and mark:
        raise NotSupported("It keeps rows that were deleted, and this destination can't leave them out.", hint=_("Serve it live."))
    if gives_rows(dialect):
        raise NotSupported("Its columns have other names than those of the source.", hint="Copy them under their own names.")
    listed = ", ".join(f"{dialect.quote(column.name)} AS {dialect.quote(name)}" for name, column in pairs)
    table = ".".join(dialect.quote(part) for part in (ref.schema, ref.name) if part)
    where = f" WHERE {dialect.quote(mark)} IS NULL" if mark else ""
    return f"SELECT {listed} FROM {table}{where}"  # noqa: S608 - names are quoted
