"""Which tables of which database a job writes: two jobs never write one, by whatever name their connections go."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from apiserver.jobs.models import Job, Task
from apiserver.jobs.moving_names import SHADOW
from apiserver.jobs.replicate import Replicate, replicate
from connections.connectors.files.guard import Guard
from connections.connectors.registry import get_connector
from connections.contract.errors import ConnectorError
from connections.models import Connection

DEFAULT_SCHEMAS = {"postgresql": "public", "sqlite": "main", "duckdb": "main", "parquet": "main"}
FILES = ("sqlite", "duckdb")  # connectors whose database is a file
VIEW = "view"
OWN = "_apiserver_"  # how tables begin in which this product keeps what it has to know
THIS_MACHINE = ("localhost", "127.0.0.1", "::1", "[::1]", "")


@dataclass(frozen=True, slots=True)
class Place:
    """A table of a database. Names are compared as PostgreSQL alone does not: without their case."""

    database: str
    schema: str
    table: str


def database_of(connection: Connection) -> str:
    """Return what is the same for all connections to one database, as far as their properties tell."""
    key, values = connection.connector, with_defaults(connection)
    if key in FILES:
        return f"{key}:{Path(str(values.get('Database', ''))).resolve()}"
    if key == "parquet":
        return f"{key}:{folder_of(str(values.get('URI', '')))}"
    if "Server" not in values:
        return f"connection:{connection.pk}"
    host = str(values["Server"]).strip().lower()
    through = str(values.get("SSHServer", "")) if values.get("UseSSH") else ""
    database = values.get("Database") or values.get("User", "")
    return f"{key}:{'localhost' if host in THIS_MACHINE else host}:{values.get('Port')}:{database}:{through}"


def folder_of(uri: str) -> Path:
    """Return the folder that a path means, absolute or below an allowed folder."""
    try:
        root, parts = Guard(settings.ALLOWED_FOLDERS).locate(uri)
    except ConnectorError:  # its connection says so when it is used
        return Path(uri)
    return root.joinpath(*parts).resolve()


def with_defaults(connection: Connection) -> dict[str, Any]:
    """Return the properties that are no secrets, with the values that they have when nothing is said."""
    try:
        properties = get_connector(connection.connector).properties
    except (KeyError, ConnectorError):  # its connector was taken out of this installation
        properties = ()
    return {item.name: item.default for item in properties if item.default is not None} | connection.properties


def place_of(job: Job, target: Sequence[str]) -> Place:
    """Return the table that a statement of this job writes."""
    key = job.destination.connector
    schema = target[0] if len(target) > 1 else job.schema
    default = DEFAULT_SCHEMAS.get(key) or with_defaults(job.destination).get("Database") or ""
    table = f"{job.table_prefix}{target[-1]}"
    fold = str if key == "postgresql" else str.casefold
    return Place(database_of(job.destination), fold(schema or str(default)), fold(table))


@lru_cache(maxsize=4096)
def read(statement: str) -> Replicate:
    """Return what a statement says; raise SqlProblem."""
    return replicate(statement)


def written_by_others(job: Job, others: Iterable[Job]) -> dict[Place, str]:
    """Return the tables that other jobs write in the database of this one, with the names of these jobs."""
    database = database_of(job.destination)
    here = [other for other in others if other.pk != job.pk and database_of(other.destination) == database]
    return {place_of(other, target): other.name for other in here for target in [*targets(other), *coming(other)]}


def targets(job: Job) -> list[tuple[str, ...]]:
    """Return what the statements of a stored job write."""
    return [found for task in job.tasks.all() if (found := target_of(task)) is not None]


def coming(job: Job) -> list[tuple[str, ...]]:
    """Return what a job of all tables will write, as far as the tables of its source are known."""
    if job.kind != Job.ALL_TABLES or job.source is None:
        return []
    listed = [(str(name), f"{schema}.{name}") for schema, name, kind, _ in job.source.tables if kind != VIEW]
    return [(name,) for name, whole in listed if not is_excluded(job, (name, whole))]


def is_excluded(job: Job, names: Sequence[str]) -> bool:
    """Claim that the job leaves a table out: by one of its names, with or without its schema, or a pattern such as tmp_*."""
    return any(fnmatch.fnmatchcase(name.casefold(), pattern.casefold()) for name in names for pattern in job.exclude)


def is_own(table: str) -> bool:
    """Claim that a table is one of ours: what we have to know stands in it, or a load under way."""
    return table.casefold().startswith(OWN) or table.casefold().endswith(SHADOW)


def target_of(task: Task) -> tuple[str, ...] | None:
    """Return what a task writes; None of a statement that no longer can be read, and so writes nothing."""
    try:
        return read(task.statement).target
    except ConnectorError:
        return None
