"""The event that keeps a run from beginning: after a failure, without rows at the source, or where SQL gives a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from apiserver.jobs import event_settings as settings
from apiserver.jobs.errors import Refused
from apiserver.jobs.event_acts import execute, opened_loading
from apiserver.jobs.events import Doing
from apiserver.jobs.models import DONE, EVENT, FAILED, SCHEDULE, Run
from apiserver.jobs.moving_binding import TaskNames
from apiserver.jobs.replicate import replicate, whole
from connections.engine.sql_plan import Plan
from connections.engine.sql_queries import bind
from connections.models import Connection
from connections.opening import limits

BY_ITSELF = (SCHEDULE, EVENT)  # who presses Run or Retry after a failure means it


def refuse(doing: Doing) -> str:
    """Raise Refused where the run is not to begin."""
    when = doing.event[settings.REFUSE]
    if when == settings.PREVIOUS_FAILED:
        refuse_after_failure(doing.run)
    elif when == settings.SOURCE_EMPTY:
        refuse_empty(doing)
    elif settings.SOURCE in when:
        if has_row(when[settings.SOURCE], source_of(doing.run)):
            raise Refused("The run did not begin: the SQL of its event gave a row at the source.")
    elif has_row_at_destination(when[settings.DESTINATION], doing):
        raise Refused("The run did not begin: the SQL of its event gave a row at the destination.")
    return "Nothing speaks against the run."


def refuse_after_failure(run: Run) -> None:
    """Refuse what begins by itself after a run that failed."""
    ended = Run.objects.filter(job=run.job_id, state__in=(DONE, FAILED)).exclude(pk=run.pk)
    last = ended.order_by("-pk").first()
    if last is not None and last.state == FAILED and run.reason in BY_ITSELF:
        hint = "See why it failed, then press Run: a run that goes well lets the schedule go on."
        raise Refused(f"The run did not begin: run {last.pk} before it failed.", hint=hint)


def refuse_empty(doing: Doing) -> None:
    """Refuse where one of the sources has no rows."""
    source = source_of(doing.run)
    for task in doing.run.tasks.order_by("position"):
        doing.stop()
        statement = replicate(task.statement)
        if not has_row(statement.query or whole(statement.source), source):
            raise Refused(f"The run did not begin: the source of {task.title} has no rows.")


def source_of(run: Run) -> Connection | None:
    """Return the job's source; None where its statements name connections."""
    return Connection.objects.filter(pk=run.order["source"]).first()


def has_row(text: str, source: Connection | None) -> bool:
    """Claim that a SELECT over connections gives a row."""
    now = timezone.now()
    plan = Plan(bind(text, TaskNames(now=now, default=source), now=now), limits(), most=1)
    batches: Iterator[Any] = plan.batches()
    try:
        return any(bool(batch) for batch in batches)
    finally:
        batches.close()  # type: ignore[attr-defined]


def has_row_at_destination(statement: str, doing: Doing) -> bool:
    """Claim that a statement of the destination's own SQL gives a row; what it changes is undone."""
    loading = opened_loading(doing)
    try:
        loading.begin()
        return bool(execute(loading, statement, 1, 1))
    finally:
        loading.rollback()
        loading.close()
