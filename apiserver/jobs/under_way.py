"""The runs that this process works on: their leases, progress and logs are written each second, and what was cancelled is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from apiserver.jobs.models import RUNNING, Run, RunLine, TaskRun
from apiserver.jobs.moving_order import Cancelled
from apiserver.server import options
from apiserver.server.postgresql.idle import end_when_idle
from apiserver.server.under_way import UnderWay
from connections.contract.loading import Merged

log = logging.getLogger(__name__)
LEASE_SECONDS = 20  # without a beat for so long a worker is gone
COUNTED = ("rows_total", "rows_read", "inserted", "updated", "deleted", "unchanged", "repaired", "pages", "bytes")
LONGEST_LINE = 4000


class Lost(Cancelled):
    """Another worker has the run now, or it is gone: nothing more may be written of it."""


class Stopping(Cancelled):
    """This process ends: the run goes on in another."""


class Asked(Cancelled):
    """Somebody cancelled the run, or deleted its job."""


class Running:
    """One run in this process."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.reason: Cancelled | None = None  # why it has to stop
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._progress: list[Progress] = []
        self._lines: list[RunLine] = []
        self._left = int(options.current().jobs["log_lines"]) - RunLine.objects.filter(run=run).count()

    def check(self) -> None:
        """Raise why the run has to stop, if it has to."""
        if self.reason is not None:
            raise self.reason

    def end(self, reason: Cancelled) -> None:
        """Let the run stop at its next page."""
        with self._lock:
            self.reason = self.reason or reason

    def tasks(self) -> list[TaskRun]:
        """Return the tasks of the run as they are stored."""
        return list(TaskRun.objects.filter(run=self.run))

    def follow(self, task: TaskRun) -> Progress:
        """Return what takes down the progress of a task from now on."""
        found = Progress(self, task)
        with self._lock:
            self._progress = [item for item in self._progress if item.task.pk != task.pk] + [found]
        return found

    def says(self, level: str, text: str, task: TaskRun | None = None) -> None:
        """Keep a line of the log; of more than are kept only errors."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._lines.append(RunLine(run=self.run, at=timezone.now(), level=RunLine.WARNING, text="More lines are not kept."))
            if self._left > 0 or level == RunLine.ERROR:
                line = RunLine(run=self.run, task_run=task, at=timezone.now(), level=level, text=text[:LONGEST_LINE])
                self._lines.append(line)

    def write(self) -> None:
        """Store progress and lines; raise Lost where the run is no longer ours."""
        with self._lock:
            lines, self._lines = self._lines, []
            progress = list(self._progress)
        try:
            self._store(lines, progress)
        except Exception:
            with self._lock:
                self._lines = lines + self._lines
            for item in progress:
                item.is_new = True
            raise

    def _store(self, lines: Sequence[RunLine], progress: Sequence[Progress]) -> None:
        with transaction.atomic():
            end_when_idle(LEASE_SECONDS / 2)
            now = timezone.now()
            if not self.held(beat_at=now, lease_until=now + timedelta(seconds=LEASE_SECONDS)):
                raise Lost
            for item in progress:
                item.write()
            RunLine.objects.bulk_create(lines)

    def held(self, **changes: Any) -> bool:
        """Change the run; claim that it is still ours."""
        return bool(Run.objects.filter(pk=self.run.pk, fence=self.run.fence, state=RUNNING).update(**changes))

    def beat(self) -> None:
        """Say that the run goes on; stop it where that is not so."""
        try:
            self.write()
        except Lost as lost:
            self.end(lost)
            return
        found = Run.objects.values_list("cancel_asked", "job_id").get(pk=self.run.pk)
        if found[0] or found[1] is None:
            self.end(Asked())


class Progress:
    """How far one task is: the Watch over its move."""

    def __init__(self, running: Running, task: TaskRun) -> None:
        self.task = task
        self._running = running
        self._lock = threading.Lock()
        self.is_new = False

    def read(self, rows: int, pages: int, size: int) -> None:
        """Count rows that came."""
        with self._lock:
            self.task.rows_read += rows
            self.task.pages += pages
            self.task.bytes += size
            self.is_new = True

    def wrote(self, merged: Merged, *, deleted: int = 0, repaired: int = 0) -> None:
        """Count rows that were committed; at once, for a worker that is killed counts nothing more."""
        with self._lock:
            self.task.inserted += merged.inserted
            self.task.updated += merged.updated
            self.task.unchanged += merged.unchanged
            self.task.deleted += deleted
            self.task.repaired += repaired
            self.is_new = True
        try:
            self._running.write()
        except Lost as lost:
            self._running.end(lost)
        except (DatabaseError, InterfaceError) as error:  # the next beat stores it
            log.warning("the progress of a run is stored later: %s", type(error).__name__)
            connection.close()

    def total(self, rows: int) -> None:
        """Keep how many rows there are to read."""
        with self._lock:
            self.task.rows_total = rows
            self.is_new = True

    def counted(self, counts: Mapping[str, int]) -> None:
        """Take the counts that the destination keeps beside the rows; those here may lack what a worker that was killed did last."""
        with self._lock:
            for name in COUNTED[1:]:
                setattr(self.task, name, counts.get(name, 0))
            self.is_new = True

    def says(self, level: str, text: str) -> None:
        """Keep a line of the log."""
        self._running.says(level, text, self.task)

    def stop_if_asked(self) -> None:
        """Raise Cancelled where the run has to stop."""
        self._running.check()

    def write(self) -> None:
        """Store what is new."""
        with self._lock:
            values = {name: getattr(self.task, name) for name in COUNTED} if self.is_new else {}
            self.is_new = False
        if values:
            TaskRun.objects.filter(pk=self.task.pk).update(**values)


class Runs(UnderWay[Running]):
    """The runs of this process."""

    def remove(self, running: Running) -> None:
        """It is over: whoever waits for its end goes on."""
        super().remove(running)
        running.ended.set()


UNDER_WAY = Runs("a run", thread="runs")
