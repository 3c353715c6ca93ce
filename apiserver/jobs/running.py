"""One run from the claim to its end, in a thread of the worker."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from celery.signals import worker_shutdown
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from apiserver.jobs import hooks, notify_query, telling
from apiserver.jobs.errors import JobError, Refused
from apiserver.jobs.job_settings import split
from apiserver.jobs.models import CANCELLED, DONE, FAILED, OPEN, SKIPPED, WAITING, Run, RunLine, TaskRun
from apiserver.jobs.moving_order import Settings
from apiserver.jobs.preparing import prepare
from apiserver.jobs.task_running import run_tasks
from apiserver.jobs.under_way import UNDER_WAY, Asked, Lost, Running, Stopping
from apiserver.jobs.work import tick
from apiserver.server.errors import NotReady
from connections.contract.errors import ConnectorError
from connections.models import Connection

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 25  # workers that a run may cost: what it does may be what ends them
STOP_SECONDS = 20.0
DELETED, BY_HAND = "Its job was deleted.", "It was cancelled."
UNEXPECTED = "The server met a fault of its own."
SEE_LOG = "The server's log has the details."


def begin(run: Run) -> None:
    """Work on a claimed run in a thread of its own."""
    UNDER_WAY.begin(Running(run), carry_out, name=f"run-{run.pk}", then=tick)


def run_here(run: Run) -> Run:
    """Work on a claimed run in this thread; return it as it is then. For commands without a worker."""
    running = Running(run)
    UNDER_WAY.add(running)
    try:
        carry_out(running)
    finally:
        UNDER_WAY.remove(running)
    run.refresh_from_db()
    return run


def carry_out(running: Running) -> None:
    """Do the run and say what came of it."""
    try:
        state, cause, hint = outcome(running)
        look_up(running, state)
        finish(running, state, cause, hint, now=timezone.now())
    except Lost:
        return
    except Stopping:
        give_back(running)
    except (NotReady, DatabaseError, InterfaceError) as error:  # our own database: no fault of the run
        log.warning("a run goes on later: %s", type(error).__name__)
        connection.close()
        give_back(running)


def outcome(running: Running) -> tuple[str, str, str]:
    """Return state, cause and hint of the run when nothing is left to do; raise Lost, Stopping and errors of our own database."""
    try:
        if running.run.attempts > MOST_ATTEMPTS:
            return (
                FAILED,
                f"The worker ended {MOST_ATTEMPTS} times while it did this.",
                "Run fewer tasks at once, or give the server more memory.",
            )
        return done(running)
    except Asked:
        return CANCELLED, BY_HAND if Run.objects.filter(pk=running.run.pk, job__isnull=False).exists() else DELETED, ""
    except Refused as error:
        return SKIPPED, error.message, error.hint
    except (JobError, ConnectorError) as error:
        return FAILED, error.message, error.hint
    except (Lost, Stopping, NotReady, DatabaseError, InterfaceError):
        raise
    except Exception:
        log.exception("a run failed")
        return FAILED, UNEXPECTED, SEE_LOG


def done(running: Running) -> tuple[str, str, str]:
    """Do what is left of the run; return how it ended."""
    is_new = prepare(running, now=timezone.now())
    running.beat()
    running.check()
    if not is_new:
        running.says(RunLine.WARNING, "Another worker goes on with the run.")
    moving, rules = split(running.run.order["settings"])
    try:
        hooks.call(hooks.BEFORE, running)
        run_tasks(running, at_once=Settings.of(moving).parallel, goes_on=rules["continue_on_error"])
    except (JobError, ConnectorError) as error:
        if not isinstance(error, Refused):
            hooks.call(hooks.BROKEN, running)
        raise
    running.check()
    hooks.call(hooks.AFTER, running)
    failed = [task for task in running.tasks() if task.state == FAILED]
    if not failed:
        return DONE, "", ""
    count = TaskRun.objects.filter(run=running.run).count()
    first = failed[0]
    said = f"{first.title}: {first.cause}" if count > 1 else first.cause
    return FAILED, f"{len(failed)} of {count} tasks failed. {said}" if count > 1 else said, first.hint


def look_up(running: Running, state: str) -> None:
    """Keep what the query of the run's notifications finds; where it can't be run, the log says why and the run ends as it did."""
    run = running.run
    query = telling.wishes(run).get("query")
    destination = Connection.objects.filter(pk=run.order.get("destination")).first() if query else None
    if destination is None or (state == SKIPPED and run.started is None):
        return
    try:
        found = notify_query.asked(query or "", destination, now=timezone.now())
    except ConnectorError as error:
        running.says(RunLine.WARNING, f"The query of the notifications can't be run. {error.message}")
        return
    except (NotReady, DatabaseError, InterfaceError):
        raise
    except Exception:
        log.exception("the query of a notification could not be run")
        running.says(RunLine.WARNING, f"The query of the notifications can't be run. {SEE_LOG}")
        return
    run.order = {**run.order, "notify_rows": found.data()}
    if not running.held(order=run.order):
        raise Lost


def finish(running: Running, state: str, cause: str, hint: str, *, now: datetime) -> None:
    """End the run in one transaction with what is to be told of it; raise Lost where it is no longer ours."""
    run = running.run
    left = {CANCELLED: CANCELLED}.get(state, SKIPPED)
    with transaction.atomic():
        TaskRun.objects.filter(run=run, run__fence=run.fence, state__in=OPEN).update(state=left, ended=now)
        rows = sum(task.written for task in running.tasks())
        running.says(*last_line(run, state, cause, rows, now))
        running.write()
        if not running.held(state=state, cause=cause, hint=hint, rows=rows, ended=now, lease_until=None):
            raise Lost
        run.refresh_from_db()
        hooks.ended(run, now=now)


def last_line(run: Run, state: str, cause: str, rows: int, now: datetime) -> tuple[str, str]:
    """Return level and text of the last line of the log: the time taken and the rows replicated."""
    seconds = max(0.0, (now - (run.started or now)).total_seconds())
    text = f"{rows:,} rows replicated in {seconds:.1f} s."
    if state == DONE:
        return RunLine.INFO, text
    return RunLine.ERROR if state == FAILED else RunLine.WARNING, f"{cause} {text}"


def give_back(running: Running) -> None:
    """Let another worker go on with the run; this attempt does not count."""
    run = running.run
    running.held(state=WAITING, lease_until=None, attempts=max(0, run.attempts - 1), fence=run.fence + 1)


@worker_shutdown.connect
def give_back_all(**_: object) -> None:
    """Let what is under way end at its next page and go on in the worker that follows; what takes longer is left where it is."""
    under_way = UNDER_WAY.all()
    for running in under_way:
        running.end(Stopping())
    until = time.monotonic() + STOP_SECONDS
    for running in under_way:
        if not running.ended.wait(max(0.0, until - time.monotonic())):
            give_back(running)
