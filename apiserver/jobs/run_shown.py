"""What the page of a run shows of its tasks, events and log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from apiserver.jobs.event_models import EventRun
from apiserver.jobs.models import CANCELLED, OPEN, RUNNING, Run, RunLine, TaskRun
from apiserver.jobs.run_words import mode, number, rate, seconds_of, share, time_taken
from apiserver.server.masking import masked_anywhere


@dataclass(frozen=True, slots=True)
class ShownTask:
    """One table of a run."""

    task: TaskRun
    run: Run
    now: datetime

    @property
    def state(self) -> str:
        """Return its state; what a run left open is not under way any more."""
        return state_in(self.task.state, self.run)

    @property
    def is_running(self) -> bool:
        """Claim that rows come."""
        return self.state == RUNNING

    @property
    def percent(self) -> int | None:
        """Return how much of it is read."""
        return share(self.task)

    @property
    def seconds(self) -> float | None:
        """Return how long it took."""
        return seconds_of(self.task, self.run.ended or self.now)

    @property
    def time(self) -> str:
        """Return how long it took, in words."""
        return time_taken(self.seconds)

    @property
    def rate(self) -> str:
        """Return rows per second."""
        return number(rate(self.task.rows_read, self.seconds))

    @property
    def counts(self) -> str:
        """Return what was written: +inserted ~updated -deleted."""
        parts = [(self.task.inserted, "+"), (self.task.updated, "~"), (self.task.deleted, "−")]
        return " ".join(f"{sign}{number(count)}" for count, sign in parts if count) or "0"

    @property
    def mode(self) -> str:
        """Return how it was read."""
        return mode(self.task.mode)

    @property
    def is_counted(self) -> bool:
        """Claim that rows of both ends were counted after the load."""
        return self.task.source_count is not None and self.task.destination_count is not None

    @property
    def is_equal(self) -> bool:
        """Claim that both ends have as many rows."""
        return self.task.source_count == self.task.destination_count


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event of a run."""

    row: EventRun
    run: Run

    @property
    def state(self) -> str:
        """Return its state; what a run left open is not under way any more."""
        return state_in(self.row.state, self.run)

    @property
    def moment(self) -> str:
        """Return when it happens."""
        return _("Before") if self.row.moment == EventRun.BEFORE else _("After")


def state_in(state: str, run: Run) -> str:
    """Return the state of a part of a run."""
    return CANCELLED if run.is_over and state in OPEN else state


def line_shown(item: RunLine) -> dict[str, Any]:
    """Return a line of the log; authtokens of addresses are masked."""
    title = item.task_run.title if item.task_run else ""
    return {"at": item.at, "level": item.level, "title": title, "text": masked_anywhere(item.text)}
