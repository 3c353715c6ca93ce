"""The settings of a job: those of how its tables are moved, and those of how its tasks are run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiserver.jobs.moving_order import JobError

RUNNING: dict[str, Any] = {
    "continue_on_error": True,  # tasks behind one that failed are run all the same
    "row_counts": "warn",  # off | warn | fail: what becomes of a run after which source and destination have not as many rows
}
ROW_COUNTS = ("off", "warn", "fail")


def split(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of moving that are given, and all of running with their defaults; raise JobError for a value that can't be."""
    moving = {name: value for name, value in settings.items() if name not in RUNNING}
    running = RUNNING | {name: value for name, value in settings.items() if name in RUNNING}
    if not isinstance(running["continue_on_error"], bool):
        raise JobError("continue_on_error is true or false.")
    if running["row_counts"] not in ROW_COUNTS:
        raise JobError(f"row_counts is one of {', '.join(ROW_COUNTS)}.")
    return moving, running
