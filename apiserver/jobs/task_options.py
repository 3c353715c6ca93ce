"""Options of a task as its page shows them: those of the REPLICATE language stand in the statement, the others beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from apiserver.jobs.job_settings import split
from apiserver.jobs.models import Task
from apiserver.jobs.moving_order import EVOLVE, FREEZE, HARD, NO_DELETES, PLAIN, SOFT, JobError, Settings
from apiserver.jobs.replicate import Replicate, written

OPTION_OF = {setting: option for option, setting in PLAIN.items()}
# Settings whose values are options of their own.
DELETES = {SOFT: "SoftDelete", NO_DELETES: "SkipDeleted"}
ALWAYS_FULL = {"truncate": "TruncateTable", "drop": "DropTable"}
SAID = ("AlterSchema", "IncrementalCheckColumns", *PLAIN, *DELETES.values(), *ALWAYS_FULL.values())


def inherited(task: Task) -> dict[str, Any]:
    """Return the settings that hold for a task that says nothing: those of its job."""
    return as_given(Settings.of(split(task.job.settings)[0]))


def effective(task: Task, statement: Replicate) -> Settings | None:
    """Return the settings that hold for a task; None where they can't be."""
    try:
        return Settings.of(split(task.job.settings)[0], task.settings).under(statement)
    except JobError:
        return None


def as_given(settings: Settings) -> dict[str, Any]:
    """Return settings as forms show them."""
    return asdict(settings) | {"check_columns": ", ".join(settings.check_columns)}


def given(task: Task, statement: Replicate) -> dict[str, Any]:
    """Return what the task itself says, in its settings or its statement."""
    found = dict(task.settings)
    options = statement.options
    found |= {setting: options[option] for option, setting in PLAIN.items() if option in options}
    if "AlterSchema" in options:
        found["schema"] = EVOLVE if options["AlterSchema"] else FREEZE
    if "IncrementalCheckColumns" in options:
        found["check_columns"] = options["IncrementalCheckColumns"]
    for name, choices in (("deletes", DELETES), ("always_full", ALWAYS_FULL)):
        chosen = [value for value, option in choices.items() if options.get(option)]
        found |= {name: chosen[-1]} if chosen else {}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in found.items()}


def stated(statement: Replicate, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the statement that says what it can of these settings, and the settings that are left."""
    options = {name: value for name, value in statement.options.items() if name not in SAID}
    rest: dict[str, Any] = {}
    for name, value in values.items():
        if name == "schema":
            options["AlterSchema"] = value == EVOLVE
        elif name == "check_columns":
            options["IncrementalCheckColumns"] = ",".join(value)
        elif name == "deletes" and value != HARD:
            options[DELETES[value]] = True
        elif name == "always_full":
            options[ALWAYS_FULL[value]] = True
        elif name in OPTION_OF and value != 0:
            options[OPTION_OF[name]] = value
        else:
            rest[name] = value
    if "ReplicateInterval" not in options and "ReplicateIntervalUnit" in options:
        rest["interval_unit"] = options.pop("ReplicateIntervalUnit")
    return written(replace(statement, options=options)), rest
