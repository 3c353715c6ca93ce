"""Whether a job can work as it is described: every field by its name, before anything is stored. No source is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from sqlglot import exp

from apiserver.jobs import event_settings, schedules
from apiserver.jobs.claims import Place, coming, is_own, place_of, read, written_by_others
from apiserver.jobs.cron import ScheduleProblem
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.job_settings import split
from apiserver.jobs.models import Job
from apiserver.jobs.moving_order import JobError, Settings
from apiserver.jobs.replicate import Replicate, tree_of
from apiserver.server.configuration_protocol import ConfigurationError, nearest
from connections.connectors.registry import get_connector
from connections.contract.errors import ConnectorError
from connections.models import Connection, valid_name

LONGEST = {"schema": 200, "table_prefix": 60, "schedule": 200}
MOST_TASKS = 5000
TOGETHER = (
    ("DropTable", "TruncateTable"),
    ("DropTable", "HistoryMode"),
    ("TruncateTable", "HistoryMode"),
    ("SkipDeleted", "SoftDelete"),
    ("HistoryMode", "SoftDelete"),
)


def check(job: Job, statements: Sequence[str], task_settings: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Raise InvalidJob with all that is wrong with a job and its tasks."""
    errors: dict[str, str] = {}
    for name, test in FIELDS.items():
        with_errors(errors, name, lambda test=test: test(job))  # type: ignore[misc]
    with_errors(errors, "schedule", lambda: schedules.check(job.schedule, "UTC", now=now))
    with_errors(errors, "timezone", lambda: schedules.zone_of(job.timezone))
    with_errors(errors, "settings", lambda: Settings.of(split(job.settings)[0]))
    if not {"destination", "schema", "table_prefix"} & errors.keys():
        errors |= statement_errors(job, statements)
    for number, settings in enumerate(task_settings):
        with_errors(errors, f"tasks.{number}", lambda settings=settings: Settings.of(settings))  # type: ignore[misc]
    if errors:
        raise InvalidJob(errors)


def with_errors(errors: dict[str, str], name: str, test: Callable[[], Any]) -> None:
    """Keep what a test says to be wrong, the first of each field."""
    try:
        test()
    except ValidationError as error:
        errors.setdefault(name, " ".join(error.messages))
    except (ScheduleProblem, ConnectorError, JobError) as error:
        errors.setdefault(name, f"{error.message} {error.hint}".strip())


def wrong(message: str) -> ValidationError:
    """Return an error of a field."""
    return ValidationError(message)


def check_name(job: Job) -> None:
    """Raise ValidationError for a name that can't be, or that another job has."""
    valid_name(job.name)
    if job.name != job.name.strip():
        raise wrong("A name has no blanks at its ends.")
    if Job.objects.filter(name__iexact=job.name).exclude(pk=job.pk).exists():
        raise wrong(f"There is a job {job.name} already.")


def check_kind(job: Job) -> None:
    """Raise ValidationError for a kind that there is not."""
    if job.kind not in Job.KINDS:
        raise wrong(f"A job is standard, all_tables or load_folder, not {job.kind}.")


def check_source(job: Job) -> None:
    """Raise ValidationError for a source that the kind of job can't do without, or can't use."""
    source = job.source
    if source is None:
        if job.kind != Job.STANDARD:
            raise wrong("Jobs of this kind need a source.")
        return
    connector(source)
    if job.kind == Job.LOAD_FOLDER and source.connector not in FOLDERS:
        raise wrong(f"{source.name} is no folder of files.")


def check_destination(job: Job) -> None:
    """Raise ValidationError for a connection that no rows can be loaded into."""
    if job.destination_id is None:
        raise wrong("A job needs a destination.")
    found = connector(job.destination)
    if not getattr(found, "is_destination", False):
        raise wrong(f"{job.destination.name} can't be a destination: tables can't be made in it.")
    if missing := getattr(found, "missing_loader", lambda: "")():
        raise wrong(f"{job.destination.name} is loaded through dlt, which is not installed. Run: {missing}")
    if job.kind == Job.LOAD_FOLDER and getattr(found, "missing_loader", None):
        raise wrong(f"{job.destination.name} can't take the files of a folder: choose a database.")
    if job.destination.read_only:
        raise wrong(f"{job.destination.name} is read-only: allow writes on its page, or choose another destination.")


def connector(connection: Connection) -> Any:
    """Return the connector of a connection; raise ValidationError where it is not installed."""
    try:
        return get_connector(connection.connector)
    except (KeyError, ConnectorError) as error:
        raise wrong(f"The connector of {connection.name} is not installed.") from error


def check_words(name: str) -> Callable[[Job], None]:
    """Return the test of a field that is a list of short texts."""

    def test(job: Job) -> None:
        value = getattr(job, name)
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() and len(item) <= 200 for item in value):
            raise wrong(f"{name} is a list of texts.")

    return test


def check_events(job: Job) -> None:
    """Raise ValidationError for events that would start jobs without end."""
    begun_by = {other.name: event_settings.jobs_begun_by(other.events) for other in Job.objects.exclude(pk=job.pk).exclude(events=[])}
    try:
        event_settings.check_loop(job.name, begun_by | {job.name: event_settings.jobs_begun_by(job.events)})
    except ConfigurationError as error:
        raise wrong(str(error)) from error


def check_text(name: str) -> Callable[[Job], None]:
    """Return the test of a field that is one short line."""

    def test(job: Job) -> None:
        text = getattr(job, name)
        if len(text) > LONGEST[name]:
            raise wrong(f"{LONGEST[name]} characters are the most.")
        if not text.isprintable():
            raise wrong("Characters that can't be printed have no place here.")

    return test


FOLDERS = ("files",)  # connectors whose tables are files
FIELDS: dict[str, Callable[[Job], None]] = {
    "name": check_name,
    "kind": check_kind,
    "source": check_source,
    "destination": check_destination,
    "schema": check_text("schema"),
    "table_prefix": check_text("table_prefix"),
    "schedule": check_text("schedule"),
    "exclude": check_words("exclude"),
    "labels": check_words("labels"),
    "events": check_events,
}


def statement_errors(job: Job, statements: Sequence[str]) -> dict[str, str]:
    """Return what is wrong with statements, by their places: `tasks.0`."""
    if len(statements) > MOST_TASKS:
        return {"tasks": f"A job has {MOST_TASKS} tasks at most."}
    others = Job.objects.select_related("destination").prefetch_related("tasks")
    taken = written_by_others(job, others)
    errors: dict[str, str] = {}
    mine: set[Place] = set()
    twice = sorted({taken[place] for target in coming(job) if (place := place_of(job, target)) in taken})
    if twice:
        errors["table_prefix"] = f"The job {twice[0]} writes a table of this one already: give one of them another schema or prefix."
    for number, statement in enumerate(statements):
        name = f"tasks.{number}"
        with_errors(errors, name, lambda statement=statement: check_statement(job, read(statement)))  # type: ignore[misc]
        if name in errors:
            continue
        place = place_of(job, read(statement).target)
        if place in taken:
            errors[name] = f"The job {taken[place]} writes the table {place.table} already: give one of them another schema or prefix."
        elif place in mine:
            errors[name] = f"Another task of this job writes the table {place.table} already."
        mine.add(place)
    return errors


def check_statement(job: Job, found: Replicate) -> None:
    """Raise ValidationError for a statement that this job can't run."""
    table = f"{job.table_prefix}{found.target[-1]}"
    if is_own(table):
        raise wrong(f"{table} is a name of the product's own tables: give the destination's table another one.")
    for one, other in TOGETHER:
        if found.options.get(one) and found.options.get(other):
            raise wrong(f"{one} and {other} exclude each other.")
    if found.options.get("ReplicateIntervalUnit") and not found.options.get("ReplicateInterval"):
        raise wrong("ReplicateIntervalUnit needs ReplicateInterval.")
    Settings.of(split(job.settings)[0]).under(found)
    if job.kind == Job.LOAD_FOLDER:
        if found.query or found.source != found.target[-1:]:
            raise wrong("A folder is loaded whole: leave the query and the source's table out of the statement.")
        return
    for parts in sources(found):
        check_table(job, found, parts)


def check_table(job: Job, found: Replicate, parts: Sequence[str]) -> None:
    """Raise ValidationError where a table that is read has no connection, or is the one that is written."""
    source = job.source if len(parts) < 3 else Connection.objects.filter(name=parts[0]).first()
    if source is None and len(parts) < 3:
        raise wrong(f"{parts[-1]}: the job has no source, so write [connection].[schema].[table].")
    if source is None:
        raise wrong(f"There is no connection {parts[0]}{nearest(parts[0], list(Connection.objects.values_list('name', flat=True)))}.")
    reads = Job(destination=source, schema="")
    if place_of(reads, tuple(part for part in parts[-2:] if part)) == place_of(job, found.target):
        raise wrong(f"{parts[-1]} is read from the table that is written: give the destination another name, schema or prefix.")


def sources(found: Replicate) -> Iterator[tuple[str, ...]]:
    """Return the tables that a statement reads, by their parts: (connection, schema, table), (schema, table) or (table)."""
    if found.source:
        yield found.source
        return
    tree = tree_of(found)
    defined = {item.alias.lower() for item in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        parts = tuple(part.name for part in table.parts)
        if len(parts) > 1 or parts[-1].lower() not in defined:
            yield parts
