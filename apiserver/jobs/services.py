"""What one does with jobs and their tasks: make, change, copy, delete. Each is one transaction, checked whole and audited."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from apiserver.jobs import event_settings, notify_settings, schedules
from apiserver.jobs.checking import check
from apiserver.jobs.claims import target_of
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.models import OPEN, Job, Run, Task
from apiserver.resources import services as resources
from apiserver.resources.models import Resource
from apiserver.server import audit
from apiserver.server.configuration_protocol import ConfigurationError
from connections.models import Connection

FIELDS = (
    "name",
    "kind",
    "source",
    "destination",
    "schema",
    "table_prefix",
    "schedule",
    "timezone",
    "paused",
    "settings",
    "exclude",
    "events",
    "notify",
    "labels",
)
COPIED = tuple(name for name in FIELDS if name not in ("name", "paused"))


@dataclass(frozen=True, slots=True)
class Given:
    """A task as somebody describes it."""

    statement: str
    enabled: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""  # of its checkpoint; '' = the one of the stored task that is meant, else a new one


def create_job(*, who: str, now: datetime, address: str = "", tasks: Sequence[Given] = (), **values: Any) -> Job:
    """Store a new job; `values` are of FIELDS. Raise InvalidJob."""
    return save_job(Job(), who=who, now=now, address=address, tasks=tasks, **values)


@transaction.atomic
def save_job(job: Job, *, who: str, now: datetime, address: str = "", tasks: Sequence[Given] | None = None, **values: Any) -> Job:
    """Store a new or changed job; with `tasks` these are its tasks, in this order. Raise InvalidJob with all that is wrong.

    `events` are given with their secrets open, as the configuration file has them; they are stored sealed.
    """
    is_new = job.pk is None
    before = {name: getattr(job, name, None) for name in FIELDS if name not in ("source", "destination")}
    before |= {"source": job.source_id, "destination": job.destination_id}
    values |= told(job, values)
    for name in FIELDS:
        if name in values:
            setattr(job, name, values[name])
    job.schedule, job.timezone = " ".join(job.schedule.split()), job.timezone.strip() or "UTC"
    given = given_of(job) if tasks is None else list(tasks)
    checked(job, given, now=now)
    after = {name: getattr(job, name) for name in before if name not in ("source", "destination")}
    after |= {"source": job.source_id, "destination": job.destination_id}
    changed = sorted(name for name in after if is_new or before[name] != after[name])
    if is_new or {"schedule", "timezone", "paused"} & set(changed):
        job.next_due = due_after(job, now=now)
    if changed:
        job.version += 0 if is_new else 1
        job.save()
        if "name" in changed and not is_new:
            event_settings.follow_rename(str(before["name"]), job.name)
            follow_rename(str(before["name"]), job.name)
    has_tasks = tasks is not None and set_tasks(job, given)
    if changed or has_tasks:
        said = [*changed, "tasks"] if has_tasks else changed
        audit.record("job created" if is_new else "job changed", who=who, address=address, subject=job.name, fields=said)
    return job


def follow_rename(before: str, after: str) -> None:
    """Let resources that are read from the replica of one job know it under its new name."""
    for resource in Resource.objects.select_for_update().filter(replica__job=before):
        resources.update(resource, replica={**resource.replica, "job": after})


def told(job: Job, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return events and notifications as they are stored, of those that are given; raise InvalidJob."""
    found: dict[str, Any] = {}
    try:
        if "events" in values:
            made = event_settings.checked(values["events"], "events", before=event_settings.opened(job.events))
            found["events"] = event_settings.stored(made, job.events)
        if "notify" in values:
            found["notify"] = notify_settings.checked(values["notify"], "notify")
    except ConfigurationError as error:
        raise InvalidJob({"events" if str(error).startswith("events") else "notify": str(error)}) from error
    return found


def checked(job: Job, given: Sequence[Given], *, now: datetime) -> None:
    """Raise InvalidJob for what can't be; whoever else saves a job of this destination meanwhile waits."""
    if job.destination_id is not None:
        Connection.objects.select_for_update().filter(pk=job.destination_id).first()
    check(job, [item.statement for item in given], [item.settings for item in given], now=now)


def due_after(job: Job, *, now: datetime) -> datetime | None:
    """Return when the schedule begins the next run; None where it begins none."""
    return None if job.paused else schedules.next_time(job.schedule, job.timezone, after=now)


def given_of(job: Job) -> list[Given]:
    """Return the tasks of a stored job as they could be given again."""
    tasks = job.tasks.all() if job.pk else ()
    return [Given(task.statement, task.enabled, task.settings) for task in tasks]


def set_tasks(job: Job, given: Sequence[Given]) -> bool:
    """Make these the tasks; one that writes the same table as before stays the same task. Return whether anything changed."""
    left = list(job.tasks.all())
    has_changed = False
    for position, item in enumerate(given):
        task = taken_from(left, item)
        after = (position, item.statement, item.enabled, dict(item.settings))
        if task is None or (task.position, task.statement, task.enabled, task.settings) != after:
            task = task or new_task(job, item.key)
            task.position, task.statement, task.enabled, task.settings = after
            task.save()
            has_changed = True
    for task in left:
        task.delete()
    return has_changed or bool(left)


def new_task(job: Job, key: str) -> Task:
    """Return a task that is not stored yet; raise InvalidJob for a key that another job's task has."""
    if key and Task.objects.filter(key=key).exists():
        raise InvalidJob({"tasks": f"Another task has the key {key}."})
    return Task(job=job, key=key) if key else Task(job=job)


def taken_from(left: list[Task], item: Given) -> Task | None:
    """Return the stored task that is meant and take it out of the list: by its key, the same statement, else the same table."""
    target = folded(Task(statement=item.statement))
    same = next((task for task in left if item.key and task.key == item.key), None)
    same = same or next((task for task in left if task.statement == item.statement), None)
    same = same or next((task for task in left if target and folded(task) == target), None)
    if same is not None:
        left.remove(same)
    return same


def folded(task: Task) -> tuple[str, ...] | None:
    """Return what a task writes, to be compared without its case."""
    target = target_of(task)
    return None if target is None else tuple(part.casefold() for part in target)


def add_tasks(job: Job, statements: Sequence[str], *, who: str, now: datetime, address: str = "") -> list[Task]:
    """Add tasks behind the others; raise InvalidJob, with `tasks.0` for the first of these statements."""
    before = given_of(job)
    try:
        save_job(job, who=who, now=now, address=address, tasks=[*before, *(Given(statement) for statement in statements)])
    except InvalidJob as error:
        raise InvalidJob(dict(shifted(error.errors, len(before)))) from error
    return list(job.tasks.all())[len(before) :]


def shifted(errors: Mapping[str, str], by: int) -> list[tuple[str, str]]:
    """Return errors with the numbers of tasks counted from a later one."""
    found = []
    for name, text in errors.items():
        number = name.removeprefix("tasks.")
        moved = name.startswith("tasks.") and number.isdecimal() and int(number) >= by
        found.append((f"tasks.{int(number) - by}" if moved else name, text))
    return found


def save_task(task: Task, *, who: str, now: datetime, address: str = "", **values: Any) -> Task:
    """Change a task's `statement`, `enabled` or `settings`; it keeps its checkpoint. Raise InvalidJob under `tasks.0`."""
    stored = task.job.tasks.get(pk=task.pk)
    for name in ("statement", "enabled", "settings"):
        if name in values:
            setattr(stored, name, values[name])
    tasks = [*task.job.tasks.exclude(pk=task.pk), stored]
    with transaction.atomic():
        try:
            checked(task.job, [Given(item.statement, item.enabled, item.settings) for item in tasks], now=now)
        except InvalidJob as error:
            errors = of_last_task(error.errors, len(tasks) - 1)
            if errors:
                raise InvalidJob(errors) from error
        stored.save()
        touched(task.job)
        audit.record("job changed", who=who, address=address, subject=task.job.name, fields=["tasks"])
    return stored


def of_last_task(errors: Mapping[str, str], place: int) -> dict[str, str]:
    """Return what is wrong with the last task, under `tasks.0`, or with all of them: other tasks are not what is saved."""
    return {"tasks.0" if name == f"tasks.{place}" else name: text for name, text in errors.items() if name in ("tasks", f"tasks.{place}")}


@transaction.atomic
def remove_task(task: Task, *, who: str, address: str = "") -> None:
    """Take a task out of its job; its table at the destination stays."""
    task.delete()
    touched(task.job)
    audit.record("job changed", who=who, address=address, subject=task.job.name, fields=["tasks"])


@transaction.atomic
def order_tasks(job: Job, keys: Sequence[str], *, who: str, address: str = "") -> None:
    """Put the tasks in the order of their keys; those that are not named come behind."""
    places = {key: number for number, key in enumerate(keys)}
    for position, task in enumerate(sorted(job.tasks.all(), key=lambda task: (places.get(task.key, len(places)), task.position))):
        Task.objects.filter(pk=task.pk).update(position=position)
    touched(job)
    audit.record("job changed", who=who, address=address, subject=job.name, fields=["tasks"])


def touched(job: Job) -> None:
    """Let the job be another version."""
    job.version += 1
    job.save(update_fields=["version", "changed"])


def next_position(job: Job) -> int:
    """Return the place behind the last task."""
    last = job.tasks.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def copy_job(job: Job, *, who: str, now: datetime, name: str = "", address: str = "", **values: Any) -> Job:
    """Store a job once more, paused; raise InvalidJob: it must write other tables, so give another `table_prefix`, `schema` or destination.

    Where none of these is given, the copy gets a prefix of its own.
    """
    taken = {item.lower() for item in Job.objects.values_list("name", flat=True)}
    numbers = itertools.count(2)
    chosen = name or next(text for number in numbers if (text := f"{job.name[:70]}_{number}").lower() not in taken)
    copied = {part: getattr(job, part) for part in COPIED} | {"events": event_settings.opened(job.events), "paused": True} | values
    if not {"table_prefix", "schema", "destination"} & values.keys():
        copied["table_prefix"] = own_prefix(job)
    return create_job(who=who, now=now, address=address, tasks=given_of(job), name=chosen, **copied)


def own_prefix(job: Job) -> str:
    """Return a prefix under which no job of the destination writes."""
    taken = {item.casefold() for item in Job.objects.filter(destination=job.destination).values_list("table_prefix", flat=True)}
    return next(text for number in itertools.count(2) if (text := f"{job.table_prefix[:50]}copy{number}_").casefold() not in taken)


@transaction.atomic
def delete_job(job: Job, *, who: str, address: str = "") -> None:
    """Delete a job; what runs of it ends at its next page. Its runs stay in the history, its tables at the destination."""
    Run.objects.filter(job=job, state__in=OPEN).update(cancel_asked=True, cancelled_by=who)
    name = job.name
    job.delete()
    audit.record("job deleted", who=who, address=address, subject=name)


def pause(job: Job, *, who: str, now: datetime, address: str = "") -> Job:
    """Let the schedule begin no more runs."""
    return save_job(job, who=who, now=now, address=address, paused=True)


def resume(job: Job, *, who: str, now: datetime, address: str = "") -> Job:
    """Let the schedule begin runs again, from now on."""
    return save_job(job, who=who, now=now, address=address, paused=False)
