"""The tasks of a run, in order or several at once: each is moved and its outcome stored."""

from __future__ import annotations

import logging
import queue
import threading

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from apiserver.jobs.errors import JobError
from apiserver.jobs.models import DONE, FAILED, OPEN, RUNNING, RunLine, TaskRun
from apiserver.jobs.moving import Moved, move
from apiserver.jobs.moving_part import move_part
from apiserver.jobs.orders import order_of_run
from apiserver.jobs.under_way import Lost, Running
from apiserver.server.errors import NotReady
from connections.contract.errors import ConnectorError

log = logging.getLogger(__name__)
UNEXPECTED, SEE_LOG = "The server met a fault of its own.", "The server's log has the details."


def run_tasks(running: Running, *, at_once: int, goes_on: bool) -> None:
    """Run what is left of the tasks, with `goes_on` also behind one that failed; raise why the run has to stop."""
    waiting: queue.SimpleQueue[TaskRun] = queue.SimpleQueue()
    tasks = list(TaskRun.objects.filter(run=running.run, state__in=OPEN).select_related("run"))
    for task in tasks:
        waiting.put(task)
    errors: list[BaseException] = []
    threads = [
        threading.Thread(target=in_turn, args=(running, waiting, goes_on, errors), daemon=True, name=f"task-{running.run.pk}-{number}")
        for number in range(min(at_once, len(tasks)) - 1)
    ]
    for thread in threads:
        thread.start()
    in_turn(running, waiting, goes_on, errors, is_own_thread=False)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def in_turn(
    running: Running, waiting: queue.SimpleQueue[TaskRun], goes_on: bool, errors: list[BaseException], is_own_thread: bool = True
) -> None:
    """Run one task after the other until none is left, or one of them says that the run stops."""
    try:
        while not errors:
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            running.check()
            if not run_task(running, task) and not goes_on:
                errors.append(JobError(f"{task.title}: {task.cause}", hint=task.hint))
    except BaseException as error:  # noqa: BLE001 the thread that waits for this one raises it
        errors.append(error)
    finally:
        if is_own_thread:
            connection.close()


def run_task(running: Running, task: TaskRun) -> bool:
    """Run one task and store what came of it; claim that it came to its end."""
    task.run = running.run
    task.state, task.started = RUNNING, task.started or timezone.now()
    kept(task, "state", "started")
    progress = running.follow(task)
    try:
        part = running.run.order.get("parts", {}).get(task.key)
        order = order_of_run(task)
        took(task, move_part(order, progress, part=part[0], version=part[1]) if part else move(order, progress))
    except (Lost, NotReady, DatabaseError, InterfaceError):
        raise
    except (JobError, ConnectorError) as error:
        failed(running, task, error.message, error.hint)
    except Exception as error:
        running.check()  # a Cancelled of ours, as it was meant
        log.exception("a task of a run failed")
        failed(running, task, UNEXPECTED, f"{SEE_LOG} ({type(error).__name__})")
    return task.state == DONE


def took(task: TaskRun, found: Moved) -> None:
    """Store that a task came to its end."""
    task.state, task.ended, task.mode, task.note = DONE, timezone.now(), found.mode[:20], found.note
    task.source_count, task.destination_count = found.source_count, found.destination_count
    kept(task, "state", "ended", "mode", "note", "source_count", "destination_count")


def failed(running: Running, task: TaskRun, cause: str, hint: str) -> None:
    """Store that a task failed, and why."""
    task.state, task.ended, task.cause, task.hint = FAILED, timezone.now(), cause, hint
    kept(task, "state", "ended", "cause", "hint")
    running.says(RunLine.ERROR, f"{cause} {hint}".strip(), task)


def kept(task: TaskRun, *names: str) -> None:
    """Store fields of a task of a run that is still ours; raise Lost."""
    held = TaskRun.objects.filter(pk=task.pk, run__fence=task.run.fence, run__state=RUNNING)
    if not held.update(**{name: getattr(task, name) for name in names}):
        raise Lost
