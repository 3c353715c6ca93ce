"""What happens around a run, by dotted strings: what one module brings, those that run jobs do not know of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.module_loading import import_string

from apiserver.jobs.models import Run

# Verbs of (running) before the first task: `running.run`, `running.run.order` (the job as it was at the start),
# `running.says(level, text)`, `running.check()` (raises where the run has to stop). Raise Refused for a run that is not
# to take place, another JobError or a ConnectorError for one that fails. A run that is taken up by another worker does not pass here again.
BEFORE: tuple[str, ...] = ()
# Verbs of (running) behind the last task, while the run is still under way; `running.tasks()` are what came of them. May raise as above.
AFTER: tuple[str, ...] = ()
# Verbs of (run, now) inside the transaction in which a run is over, whatever came of it, also of one that never began: what is to be told.
# They ask no other server.
ENDED: tuple[str, ...] = ()


def call(paths: tuple[str, ...], *given: Any) -> None:
    """Do what stands there, in turn."""
    for path in paths:
        import_string(path)(*given)


def ended(run: Run, *, now: datetime) -> None:
    """Say that a run is over, in the caller's transaction."""
    call(ENDED, run, now)
