"""What happens before and after a run. Called by the worker that has the run; each is done once, or again where its worker died in it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from django.utils import timezone
from django.utils.module_loading import import_string

from apiserver.jobs import event_settings as settings
from apiserver.jobs.errors import JobError, Refused
from apiserver.jobs.event_models import EventRun
from apiserver.jobs.event_settings import Event
from apiserver.jobs.models import DONE, FAILED, RUNNING, SKIPPED, WAITING, Run, RunLine, TaskRun
from connections.contract.errors import ConnectorError
from connections.outgoing import listed_host

ACTS = {
    settings.REFUSE: "apiserver.jobs.event_refusing.refuse",
    settings.SQL: "apiserver.jobs.event_acts.run_sql",
    settings.WEBHOOK: "apiserver.jobs.event_acts.call_webhook",
    settings.START_JOB: "apiserver.jobs.event_acts.start_job",
    settings.DBT: "apiserver.jobs.event_dbt.run_dbt",
}


class Follower(Protocol):
    """Who works on the run (under_way.Running)."""

    run: Run

    def check(self) -> None:
        """Raise why the run has to stop, if it has to."""

    def says(self, level: str, text: str) -> None:
        """Keep a line of the log."""

    def tasks(self) -> list[TaskRun]:
        """Return the tasks of the run as they are stored."""


class EventFailed(JobError):
    """An event could not be done: the run ends as failed."""


@dataclass(frozen=True, slots=True)
class Doing:
    """An event under way, its secrets open; `outcome` is the run's state so far, '' before it."""

    row: EventRun
    event: Event
    outcome: str
    running: Follower

    @property
    def run(self) -> Run:
        """Return the run that it belongs to."""
        return self.running.run

    def stop(self) -> None:
        """Raise where the run is to end."""
        self.running.check()


def before(running: Follower) -> None:
    """Do what comes before the tasks; raise Refused or EventFailed where they are not to begin."""
    plan(running.run)
    for row in EventRun.objects.filter(run=running.run, moment=EventRun.BEFORE):
        carry_out(row, "", running)


def after(running: Follower, outcome: str = "") -> None:
    """Do what follows on such an end; raise EventFailed for the first that failed, once those for failures were done too.

    `outcome`: done or failed, '' = as the tasks say.
    """
    outcome = outcome or (FAILED if any(task.state == FAILED for task in running.tasks()) else DONE)
    problem: EventFailed | None = None
    for row in EventRun.objects.filter(run=running.run, moment=EventRun.AFTER):
        try:
            carry_out(row, outcome, running)
        except EventFailed as error:
            problem, outcome = problem or error, FAILED
    if problem is not None:
        raise problem


def after_failure(running: Follower) -> None:
    """Do what follows on a failure before all tasks had their turn; what fails here is in the log, for the run has its cause."""
    with suppress(EventFailed):
        after(running, FAILED)


def plan(run: Run) -> None:
    """Store the events of the run's order as rows, unless a worker did before."""
    given = run.order.get("events", [])
    if not given or run.event_runs.exists():
        return
    rows = []
    for number, event in enumerate(settings.opened(given), 1):
        row = EventRun(run=run, number=number, moment=event["when"], kind=settings.kind_of(event))
        row.title = title_of(event)[:200]
        rows.append(row)
    EventRun.objects.bulk_create(rows)


def title_of(event: Event) -> str:
    """Return what an event is called: its own name, else what it does."""
    kind = settings.kind_of(event)
    if event.get("name"):
        return str(event["name"])
    if kind == settings.REFUSE:
        return refusal_title(event[kind])
    if kind == settings.SQL:
        return "SQL at the destination"
    if kind == settings.WEBHOOK:
        return f"Call {listed_host(event[kind]['url'])}"
    if kind == settings.START_JOB:
        return f"Start the job {event[kind]}"
    return f"dbt {event[kind]['command']}"


def refusal_title(when: object) -> str:
    """Return what a refusal is called."""
    if isinstance(when, dict):
        return "Refuse when the source gives a row" if settings.SOURCE in when else "Refuse when the destination gives a row"
    return "Refuse when the previous run failed" if when == settings.PREVIOUS_FAILED else "Refuse when a source table is empty"


def carry_out(row: EventRun, outcome: str, running: Follower) -> None:
    """Do one event, unless it is done or not meant for such an outcome."""
    (event,) = settings.opened([running.run.order["events"][row.number - 1]])
    if row.state == FAILED and not event.get("continue_on_error"):
        raise EventFailed(row.cause, hint=row.hint)
    if row.state not in (WAITING, RUNNING):
        return
    running.check()
    if not is_meant(event, outcome):
        end(row, SKIPPED)
        return
    row.state, row.started = RUNNING, timezone.now()
    row.save(update_fields=["state", "started"])
    try:
        text = import_string(ACTS[row.kind])(Doing(row, event, outcome, running))
    except Refused as error:
        end(row, DONE, text=error.message)
        raise
    except (JobError, ConnectorError) as error:
        end(row, FAILED, cause=f"{row.title}: {error.message}", hint=error.hint)
        running.says(RunLine.ERROR, f"{row.cause} {row.hint}".strip())
        if not event.get("continue_on_error"):
            raise EventFailed(row.cause, hint=row.hint) from error
    else:
        end(row, DONE, text=text)
        running.says(RunLine.INFO, f"{row.title}: {text}")


def is_meant(event: Event, outcome: str) -> bool:
    """Claim that an event is for such an outcome; before a run all are."""
    wanted = event.get("if", settings.SUCCESS)
    return not outcome or wanted == settings.ALWAYS or outcome == (DONE if wanted == settings.SUCCESS else FAILED)


def end(row: EventRun, state: str, *, text: str = "", cause: str = "", hint: str = "") -> None:
    """Store what came of an event."""
    row.state, row.ended, row.text, row.cause, row.hint = state, timezone.now(), text, cause, hint
    row.save()
