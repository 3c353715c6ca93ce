"""`manage.py job run NAME`: a worker of the running server does the run and the command watches; without a server it does it itself.

Both under the same lease, so that no run is ever done twice.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from apiserver.jobs import report, starting
from apiserver.jobs.claiming import claim
from apiserver.jobs.command_progress import Drawing
from apiserver.jobs.command_words import WHO, add_json, add_name, add_tasks, exit_code, job_of, line, task_of
from apiserver.jobs.errors import JobError
from apiserver.jobs.models import COMMAND, OPEN, SKIPPED, WAITING, Job, Run
from apiserver.jobs.under_way import LEASE_SECONDS
from apiserver.server import lifeline, notifying
from apiserver.server.commands import OwnCommand
from apiserver.server.models import NoticeDelivery

LOOK_SECONDS = 0.3
PATIENCE_SECONDS = 5.0  # a worker of another machine has so long to take the run
TELL_SECONDS = 20.0  # for e-mails and webhooks on the run, where no server sends them
OWN_LINE = "No server runs on this data directory: the run is done here."


class RunJob:
    """The subcommand."""

    help = (
        "Run a job and wait for its end. Exit code 0: it came to its end, 1: it failed or could not begin, 3: it was cancelled, "
        "4: another run of the job was under way."
    )

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        add_name(parser)
        add_tasks(parser, "run")
        parser.add_argument("--wait", action="store_true", help="wait for the end also where a server does the run")
        add_json(parser, "the result")

    def run(self, command: OwnCommand, options: dict[str, Any]) -> None:
        """Start, do or watch, tell; exit with the code of the run."""
        job = job_of(options["name"])
        only = [task_of(job, word).key for word in options["task"]]
        is_served = served()
        run = begun(job, only, is_served=is_served, say=command.stderr.write)
        if is_served and not options["wait"] and run.state != SKIPPED:
            command.stdout.write(
                line({"run": run.pk, "state": run.state}) if options["json"] else f"Run {run.pk} was handed to the server."
            )
            return
        drawing = Drawing(command.stderr, is_quiet=options["json"])
        finished = run if run.is_over else Watch(run, drawing, is_served=is_served).until_over(command)
        if not is_served:
            send_notices()
        tell(command, finished, is_json=options["json"])
        command.stdout.flush()
        sys.exit(exit_code(finished))


def served() -> bool:
    """Claim that a server runs on the data directory of this machine."""
    try:
        lifeline.hold(settings.DATA_DIR / "serve.lock").close()
    except lifeline.AlreadyRunning:
        return True
    return False


def begun(job: Job, only: list[str], *, is_served: bool, say: Callable[[str], object]) -> Run:
    """Return a new run, or the one that a worker left behind that is gone; a skipped one where another is under way."""
    left = Run.objects.filter(job=job, state__in=OPEN).first()
    if left is not None and not is_served and is_left_behind(left):
        say(f"Run {left.pk} was left by a worker that is gone: it goes on.")
        return left
    try:
        return starting.start(job, reason=COMMAND, now=timezone.now(), asked_by=WHO, only=only)
    except JobError as error:
        raise CommandError(f"{error.message} {error.hint}".strip()) from error


def is_left_behind(run: Run) -> bool:
    """Claim that nobody works on an open run: its beats do not change for as long as a lease lasts."""
    if run.state == WAITING:
        return True
    before, ends = (run.fence, run.beat_at), time.monotonic() + LEASE_SECONDS + 1
    while time.monotonic() < ends:
        time.sleep(LOOK_SECONDS)
        run.refresh_from_db()
        if (run.fence, run.beat_at) != before or run.is_over:
            return False
    return True


class Watch:
    """Follows one run to its end; does it itself where no worker takes it."""

    def __init__(self, run: Run, drawing: Drawing, *, is_served: bool) -> None:
        self._run = run
        self._drawing = drawing
        self._is_served = is_served
        self._thread: threading.Thread | None = None
        self._asked = 0

    def until_over(self, command: OwnCommand) -> Run:
        """Return the run when it is over; the first Ctrl+C cancels what is done here, the second leaves."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._follow(command)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._drawing.end()
        return self._run

    def _follow(self, command: OwnCommand) -> None:
        begun_at = time.monotonic()
        is_shared = bool(settings.REDIS_URL) or not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
        patience = PATIENCE_SECONDS if is_shared else 0.0
        while not self._run.is_over:
            if not self._is_served and self._thread is None and time.monotonic() - begun_at >= patience:
                self._do(command)
            if self._asked and self._is_served:
                raise CommandError(f"Run {self._run.pk} goes on at the server: manage.py job cancel {self._run.job_name} ends it.")
            time.sleep(LOOK_SECONDS)
            self._run.refresh_from_db()
            self._drawing.draw(self._run)

    def _do(self, command: OwnCommand) -> None:
        """Take the run and do it in a thread, unless a worker was quicker or its beats go on."""
        if self._run.state != WAITING and not is_left_behind(self._run):
            return
        if claim(self._run, now=timezone.now()):
            command.stderr.write(OWN_LINE)
            self._thread = threading.Thread(target=work, args=(self._run.pk,), daemon=True, name="run-here")
            self._thread.start()

    def _stop(self, number: int, frame: object) -> None:
        """Cancel what is done here; what a server does is only watched no longer."""
        self._asked += 1
        if self._asked > 1:
            raise KeyboardInterrupt
        if not self._is_served:
            threading.Thread(target=cancel, args=(self._run.pk,), daemon=True).start()


def work(pk: int) -> None:
    """Do a claimed run to its end."""
    from apiserver.jobs.running import run_here

    try:
        run_here(Run.objects.get(pk=pk))
    finally:
        connection.close()


def cancel(pk: int) -> None:
    """Cancel a run, outside of the signal's handler: it may hold the database's lock."""
    try:
        starting.cancel(Run.objects.get(pk=pk), who=WHO, now=timezone.now())
    finally:
        connection.close()


def send_notices() -> None:
    """Send what is to be told of the run, for no server does; what can't be sent now waits for one."""
    ends = time.monotonic() + TELL_SECONDS
    while time.monotonic() < ends and NoticeDelivery.objects.filter(state=NoticeDelivery.WAITING, attempts=0).exists():
        notifying.tick()
        time.sleep(LOOK_SECONDS)


def tell(command: OwnCommand, run: Run, *, is_json: bool) -> None:
    """Tell how a run ended: the time taken and the rows replicated."""
    found = report.as_data(run)
    if is_json:
        command.stdout.write(line(found))
        return
    said = f"Run {run.pk} of {run.job_name}: {run.state}, {found['rows']:,} rows replicated in {found['seconds'] or 0:.1f} s."
    (command.stdout if exit_code(run) == 0 else command.stderr).write(said)
    if run.cause:
        command.stderr.write(f"{run.cause} {run.hint}".strip())
