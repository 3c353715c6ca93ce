"""What the subcommands of `manage.py job` share: jobs and tasks by their names, exit codes, lines of text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apiserver.jobs.claims import target_of
from apiserver.jobs.models import CANCELLED, DONE, SKIPPED, Job, Run, Task
from apiserver.server.commands import OwnCommand
from apiserver.server.configuration_protocol import nearest

WHO = "manage.py"  # in the audit trail
# 0 the run came to its end, 1 it failed or could not begin, 3 it was cancelled, 4 another run of the job was under way.
EXIT_CODES = {DONE: 0, CANCELLED: 3, SKIPPED: 4}


def exit_code(run: Run) -> int:
    """Return what the command's exit code says of a run that is over."""
    return EXIT_CODES.get(run.state, 1)


def job_of(name: str) -> Job:
    """Return the job; raise CommandError with the nearest name."""
    found = Job.objects.select_related("source", "destination").filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no job {name!r}{nearest(name, list(Job.objects.values_list('name', flat=True)))}.")
    return found


def task_of(job: Job, word: str) -> Task:
    """Return a task by its table, key or statement; raise CommandError with the nearest table."""
    tables = []
    for task in job.tasks.all():
        target = target_of(task) or ("",)
        tables.append(target[-1])
        if word in (task.key, task.statement) or word.lower() in (target[-1].lower(), ".".join(target).lower()):
            return task
    raise CommandError(f"The job {job.name} has no task {word!r}{nearest(word, tables)}.")


def add_name(parser: CommandParser) -> None:
    """Take the name of a job."""
    parser.add_argument("name", help="the job's name")


def add_json(parser: CommandParser, what: str) -> None:
    """Offer the answer as data."""
    parser.add_argument("--json", action="store_true", help=f"tell {what} as one JSON line")


def add_tasks(parser: CommandParser, verb: str) -> None:
    """Take the tasks that are meant, each by its table or key."""
    parser.add_argument("--task", action="append", default=[], help=f"{verb} this task only: its table or key (repeatable)")


def line(data: Any) -> str:
    """Return data as one line of JSON."""
    return json.dumps(data, ensure_ascii=False, default=str)


def table(command: OwnCommand, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write columns of equal width."""
    cells = [list(heads), *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    for row in cells:
        command.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
