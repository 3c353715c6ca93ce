"""`manage.py job list|status|history|log`: looking at jobs and their runs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from apiserver.jobs import rest_runs
from apiserver.jobs.command_words import add_json, add_name, job_of, line, table
from apiserver.jobs.models import Job, Run
from apiserver.server.commands import OwnCommand

RUNS = ("run", "job", "state", "reason", "started", "ended", "rows", "cause")
MOST_LINES = 10_000


class ListJobs:
    """All jobs."""

    help = "List the jobs: where from, where to, when, how the last run ended."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        add_json(parser, "the jobs")

    def run(self, command: OwnCommand, options: dict[str, Any]) -> None:
        """List them."""
        rows = [row_of(job) for job in Job.objects.select_related("source", "destination")]
        if options["json"]:
            command.stdout.write(line(rows))
        elif rows:
            table(command, list(rows[0]), [list(row.values()) for row in rows])
        else:
            command.stdout.write("There are no jobs.")


def row_of(job: Job) -> dict[str, Any]:
    """Return a job in one line."""
    status = rest_runs.status_of(job, now=timezone.now())
    last = status["last"] or {}
    return {
        "job": job.name,
        "source": job.source.name if job.source else None,
        "destination": job.destination.name,
        "schedule": f"{job.schedule} (paused)" if job.schedule and job.paused else job.schedule,
        "next": status["next"][0] if status["next"] else None,
        "state": status["state"],
        "last": last.get("state"),
        "ended": last.get("ended"),
        "rows": last.get("rows"),
    }


class ShowStatus:
    """How one job is."""

    help = "Tell how a job is: what runs, what ran last, when it runs next."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        add_name(parser)
        add_json(parser, "it")

    def run(self, command: OwnCommand, options: dict[str, Any]) -> None:
        """Tell it."""
        found = rest_runs.status_of(job_of(options["name"]), now=timezone.now())
        if options["json"]:
            command.stdout.write(line(found))
            return
        command.stdout.write(f"{found['job']}: {found['state']}{', paused' if found['paused'] else ''}")
        for word in ("run", "last"):
            if found[word]:
                command.stdout.write(f"{word}: {sentence(found[word])}")
        command.stdout.write(f"next: {', '.join(found['next']) or 'only when somebody asks'}")


def sentence(run: dict[str, Any]) -> str:
    """Return a run in one line."""
    said = f"run {run['run']}, {run['state']}, began {run['started'] or 'not yet'}, ended {run['ended'] or 'not yet'}, {run['rows']:,} rows"
    return f"{said}. {run['cause']} {run['hint']}".strip() if run["cause"] else said


class ShowHistory:
    """Runs of one job or all."""

    help = "List the runs of a job, or of all jobs, the newest first."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name", nargs="?", help="only runs of this job")
        parser.add_argument("--state", choices=rest_runs.STATES, help="only runs in this state")
        parser.add_argument("--limit", type=int, default=20, help="so many runs at most (20)")
        add_json(parser, "the runs")

    def run(self, command: OwnCommand, options: dict[str, Any]) -> None:
        """List them."""
        found = Run.objects.order_by("-pk")
        if options["name"]:
            found = found.filter(job_name=options["name"])
        if options["state"]:
            found = found.filter(state=options["state"])
        rows = [rest_runs.summary(run) for run in found[: max(0, options["limit"])]]
        if options["json"]:
            command.stdout.write(line(rows))
        else:
            table(command, RUNS, [[row[name] for name in RUNS] for row in rows])


class ShowLog:
    """The log of a run."""

    help = "Print the log of a run, of the last one of a job where its name is given."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("run", help="the run's number, or the name of a job")
        parser.add_argument("--json", action="store_true", help="tell each line as JSON")

    def run(self, command: OwnCommand, options: dict[str, Any]) -> None:
        """Print it."""
        word = options["run"]
        runs = (
            Run.objects.filter(pk=int(word)) if word.isascii() and word.isdigit() and len(word) < 19 else Run.objects.filter(job_name=word)
        )
        run = runs.order_by("-pk").first()
        if run is None:
            raise CommandError(f"There is no run {word!r}, nor one of a job of that name.")
        for item in run.lines.select_related("task_run")[:MOST_LINES]:
            told = rest_runs.line_data(item)
            text = " ".join(part for part in (told["at"], told["level"], told["table"], told["text"]) if part)
            command.stdout.write(line(told) if options["json"] else text)
