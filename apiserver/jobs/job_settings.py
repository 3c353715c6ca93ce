"""The settings of a job: those of how its tables are moved, and those of how its tasks are run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiserver.jobs.moving_order import JobError

RUNNING: dict[str, Any] = {
    "continue_on_error": True,  # tasks behind one that failed are run all the same
}


def split(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of moving that are given, and all of running with their defaults; raise JobError for a value that can't be."""
    moving = {name: value for name, value in settings.items() if name not in RUNNING}
    running = RUNNING | {name: value for name, value in settings.items() if name in RUNNING}
    if not isinstance(running["continue_on_error"], bool):
        raise JobError("continue_on_error is true or false.")
    return moving, running
