"""What happens around a run, by dotted strings: what one module brings, those that run jobs do not know of."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.utils.module_loading import import_string

from apiserver.jobs.models import Run
from apiserver.server.errors import NotReady

log = logging.getLogger(__name__)

# Verbs of (running) before the first task: `running.run`, `running.run.order` (the job as it was at the start),
# `running.says(level, text)`, `running.check()` (raises where the run has to stop). Raise Refused for a run that is not
# to take place, another JobError or a ConnectorError for one that fails. A run that is taken up by another worker passes here again:
# they know what they have done.
BEFORE: tuple[str, ...] = ("apiserver.jobs.events.before",)
# Verbs of (running) behind the last task, while the run is still under way; `running.tasks()` are what came of them. May raise as above.
AFTER: tuple[str, ...] = ("apiserver.jobs.row_counts.check", "apiserver.jobs.events.after")
# Verbs of (running) where the run fails before all its tasks had their turn.
BROKEN: tuple[str, ...] = ("apiserver.jobs.events.after_failure",)
# Verbs of (run, now) inside the transaction in which a run is over, whatever came of it, also of one that never began: what is to be told.
# They ask no other server.
ENDED: tuple[str, ...] = ("apiserver.jobs.telling.tell",)


def call(paths: tuple[str, ...], *given: Any) -> None:
    """Do what stands there, in turn."""
    for path in paths:
        import_string(path)(*given)


def ended(run: Run, *, now: datetime) -> None:
    """Say that a run is over, in the caller's transaction. Who can't be told does not keep it from being over."""
    try:
        with transaction.atomic():
            call(ENDED, run, now)
    except (OperationalError, InterfaceError, NotReady):  # our database is away: the caller's transaction can't be kept either
        raise
    except Exception:
        log.exception("the end of a run could not be told")
