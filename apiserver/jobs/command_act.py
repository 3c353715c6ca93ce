"""`manage.py job cancel|dry-run`: ending what runs, and what a run would do."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from apiserver.jobs import dry_runs, rest_runs, starting
from apiserver.jobs.command_words import WHO, add_json, add_name, add_tasks, job_of, line, task_of
from apiserver.jobs.models import OPEN, Run
from apiserver.server.commands import OwnCommand
from connections.contract.errors import ConnectorError


class CancelJob:
    """The end of a run."""

    help = "Cancel the run of a job that is under way: it ends at its next page."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        add_name(parser)
        add_json(parser, "the run")

    def run(self, command: OwnCommand, options: dict[str, Any]) -> None:
        """Cancel it."""
        job = job_of(options["name"])
        run = Run.objects.filter(job=job, state__in=OPEN).first()
        if run is None:
            raise CommandError(f"No run of {job.name} is under way.")
        starting.cancel(run, who=WHO, now=timezone.now())
        over = "It is over." if run.is_over else "It ends at its next page."
        command.stdout.write(line(rest_runs.summary(run)) if options["json"] else f"Run {run.pk} was cancelled. {over}")


class DryRunJob:
    """What a run would do."""

    help = "Tell what the next run of a job would do: statements, mode, rows. Nothing is changed. Exit code 1: a task could not run."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        add_name(parser)
        add_tasks(parser, "look at")
        add_json(parser, "it")

    def run(self, command: OwnCommand, options: dict[str, Any]) -> None:
        """Tell it, task by task."""
        job = job_of(options["name"])
        tasks = [task_of(job, word) for word in options["task"]] or [task for task in job.tasks.all() if task.enabled]
        told = []
        for task in tasks:
            try:
                told.append(dry_runs.as_data(task))
            except ConnectorError as error:
                told.append({"statement": task.statement, "error": error.message, "hint": error.hint})
        if options["json"]:
            command.stdout.write(line({"job": job.name, "tasks": told}))
        else:
            for item in told:
                write(command, item)
        if any("error" in item for item in told):
            command.stdout.flush()
            sys.exit(1)


def write(command: OwnCommand, item: dict[str, Any]) -> None:
    """Write what one task would do."""
    if "error" in item:
        command.stderr.write(f"{item['statement']}: {item['error']} {item['hint']}".strip())
        return
    count = "an unknown number of" if item["count"] is None else f"{item['count']:,}"
    command.stdout.write(f"{item['table']}: {item['mode']}, {count} rows. {item['note']}".strip())
    for text in (*item["ddl"], *(f"warning: {warning}" for warning in item["warnings"])):
        command.stdout.write(f"  {text}")
