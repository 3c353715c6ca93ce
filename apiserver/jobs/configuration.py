"""The section `jobs` of the configuration file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from django.core.exceptions import ValidationError

from apiserver.jobs import event_settings
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.event_settings import Event
from apiserver.jobs.job_settings import RUNNING
from apiserver.jobs.models import Job
from apiserver.jobs.moving_order import Settings
from apiserver.jobs.services import Given, delete_job, save_job
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, reference, typed
from connections.models import Connection

TEXTS = ("schema", "table_prefix", "schedule", "timezone")
LISTS = ("exclude", "events", "labels")
KEYS = ("kind", "source", "destination", *TEXTS, "paused", "tasks", "settings", "exclude", "events", "notify", "labels")
TASK = ("statement", "enabled", "settings", "key")
TASK_KEY = re.compile(r"[0-9a-f]{32}")
OF_TASKS = tuple(item.name for item in fields(Settings))
SETTINGS = (*OF_TASKS, *RUNNING)


class JobsSection:
    """Jobs as data. `who` and `address`: for the audit trail."""

    def __init__(self, who: str = "apply", address: str = "") -> None:
        self._acting = {"who": who, "address": address}

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Create and change the named jobs; delete the others when pruned."""
        if not isinstance(data, Mapping):
            raise ConfigurationError("jobs must be a mapping of names to jobs.")
        for job in Job.objects.exclude(name__in=[str(name) for name in data]) if prune else ():
            delete_job(job, **self._acting)
            change.deleted.append(f"jobs/{job.name}")
        for name, given in data.items():
            self.one(str(name), given, change)
        for name, given in data.items():  # jobs that they start may stand further down in the file
            if given.get("events"):
                check_started(str(name))

    def one(self, name: str, given: Any, change: Change) -> None:
        """Create or change one job; what is not named stays as it is."""
        place = f"jobs.{name}"
        values = check_keys(given, KEYS, place)
        existing = Job.objects.select_related("source", "destination").filter(name=name).first()
        before = described(existing) if existing else None
        wanted = wanted_of(values, place) | connections_of(values, existing, change, place)
        tasks = tasks_of(values["tasks"], f"{place}.tasks") if "tasks" in values else None
        try:
            job = save_job(existing or Job(), now=change.now, tasks=tasks, name=name, **self._acting, **wanted)
        except InvalidJob as error:
            raise refused(error, place) from ValidationError(in_brackets(error.errors))
        if existing is None:
            change.created.append(f"jobs/{name}")
        elif described(job) != before:
            change.updated.append(f"jobs/{name}")

    def export(self, secrets: SecretWriter) -> Any:
        """Return all jobs."""
        found = Job.objects.select_related("source", "destination").prefetch_related("tasks")
        return {
            job.name: described(job, events=event_settings.exported(job.events, secrets, job.name), has_keys=secrets.is_sealing)
            for job in found
        }


def check_started(name: str) -> None:
    """Raise ConfigurationError for an event that starts a job which there is not."""
    names = list(Job.objects.values_list("name", flat=True))
    for number, item in enumerate(Job.objects.get(name=name).events):
        if event_settings.START_JOB in item:
            reference(item[event_settings.START_JOB], names, f"jobs.{name}.events[{number}].{event_settings.START_JOB}")


def refused(error: InvalidJob, place: str) -> ConfigurationError:
    """Return what is wrong with a job, the first of it with its place."""
    name, text = next(iter(in_brackets(error.errors).items()))
    has_place = name in ("events", "notify") and text.startswith(name)
    return ConfigurationError(f"{place}.{text}" if has_place else f"{place}.{name}: {text}")


def in_brackets(errors: Mapping[str, str]) -> dict[str, str]:
    """Return errors with numbered fields as the file's places write them: `tasks[0]`."""
    return {f"{name.partition('.')[0]}[{name.partition('.')[2]}]" if "." in name else name: text for name, text in errors.items()}


def connections_of(values: Mapping[str, Any], existing: Job | None, change: Change, place: str) -> dict[str, Any]:
    """Return source and destination, which are neither missing nor deleted by the same file."""
    gone = {label.partition("/")[2] for label in change.deleted if label.startswith("connections/")}
    by_name = {connection.name: connection for connection in Connection.objects.all() if connection.name not in gone}
    found: dict[str, Any] = {}
    for end in ("source", "destination"):
        if end not in values:
            held = getattr(existing, end, None) if existing else None
            if held is not None and held.name in gone:
                raise ConfigurationError(f"{place}.{end}: the connection {held.name} is deleted: name another, or leave it in the file.")
            if end == "destination" and existing is None:
                raise ConfigurationError(f"{place}.destination is missing: name the connection into which rows are written.")
            continue
        name = values[end]
        if end == "source" and name in (None, ""):
            found[end] = None
            continue
        found[end] = by_name[reference(str(name), by_name, f"{place}.{end}")]
    return found


def wanted_of(values: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the fields that the file sets, save connections and tasks."""
    found: dict[str, Any] = {name: typed(blank(values[name], ""), str, f"{place}.{name}") for name in TEXTS if name in values}
    if "kind" in values:
        found["kind"] = reference(str(values["kind"]), Job.KINDS, f"{place}.kind")
    if "paused" in values:
        found["paused"] = typed(values["paused"], bool, f"{place}.paused")
    for name in LISTS:
        if name in values:
            found[name] = typed(blank(values[name], []), list, f"{place}.{name}")
    if "settings" in values:
        found["settings"] = settings_of(values["settings"], SETTINGS, f"{place}.settings")
    if "notify" in values:
        found["notify"] = typed(blank(values["notify"], {}), dict, f"{place}.notify")
    return found


def blank(value: Any, empty: Any) -> Any:
    """Return a value, the empty one in the place of null; what is empty in another way is a value of another type."""
    return empty if value is None else value


def settings_of(given: Any, known: Collection[str], place: str) -> dict[str, Any]:
    """Return settings by names that there are."""
    return dict(check_keys(blank(given, {}), known, place))


def tasks_of(given: Any, place: str) -> list[Given]:
    """Return the tasks: statements, or mappings with what else is said of one."""
    found = []
    for number, item in enumerate(typed(blank(given, []), list, place)):
        here = f"{place}[{number}]"
        values = check_keys({"statement": item} if isinstance(item, str) else item, TASK, here)
        if "statement" not in values:
            raise ConfigurationError(f"{here}.statement is missing: write REPLICATE [Table].")
        enabled = typed(values.get("enabled", True), bool, f"{here}.enabled")
        statement = typed(values["statement"], str, f"{here}.statement").strip()
        key = typed(values.get("key") or "", str, f"{here}.key")
        if key and not TASK_KEY.fullmatch(key):
            raise ConfigurationError(f"{here}.key is 32 digits of 0 to 9 and a to f, as a sealed export has it.")
        found.append(Given(str(statement), enabled, settings_of(values.get("settings"), OF_TASKS, f"{here}.settings"), key))
    return found


def described(job: Job, *, events: Sequence[Event] | None = None, has_keys: bool = False) -> dict[str, Any]:
    """Return one job as data, with its events as they are given, else as they are stored; defaults are left out.

    `has_keys`: tasks with the keys of their checkpoints, so that a server that is set up anew goes on where they were.
    """
    blank = Job()
    found: dict[str, Any] = {"source": job.source.name} if job.source else {}
    found["destination"] = job.destination.name
    for name in ("kind", *TEXTS, "paused", "settings", *LISTS, "notify"):
        value = list(events) if name == "events" and events is not None else getattr(job, name)
        if value != getattr(blank, name):
            found[name] = in_order(value)
    found["tasks"] = [described_task(task.statement, task.enabled, task.settings, task.key if has_keys else "") for task in job.tasks.all()]
    return found


def described_task(statement: str, enabled: bool, settings: Mapping[str, Any], key: str = "") -> Any:
    """Return a task as data: its statement, with what else is said of it."""
    said: dict[str, Any] = {} if enabled else {"enabled": False}
    said |= {"settings": in_order(settings)} if settings else {}
    said |= {"key": key} if key else {}
    return {"statement": statement, **said} if said else statement


def in_order(value: Any) -> Any:
    """Return data with its keys in order: databases keep them in orders of their own."""
    if isinstance(value, Mapping):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, list) else value
