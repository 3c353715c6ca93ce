"""One click: the table that a task writes becomes a resource, with the relations that its source has."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apiserver.jobs.models import Task
from apiserver.jobs.replica_relations import relate
from apiserver.jobs.replicas import Replica, is_same, target_of
from apiserver.jobs.replicate import replicate
from apiserver.resources import names, services
from apiserver.resources.models import Resource
from connections.contract.errors import SourceRejected
from connections.contract.table import TableInfo
from connections.models import Connection
from connections.services import describe, list_tables


def publish_replica(task: Task, replica: Replica | None) -> tuple[Resource, bool]:
    """Return the resource over the task's table and whether it is new; raise ConnectorError where the table is not there yet.

    It is published for reading: what clients wrote into a replica, the next run would undo.
    """
    destination = task.job.destination
    info = written_table(task, destination)
    existing = Resource.objects.filter(connection=destination, schema=info.ref.schema, table=info.ref.name, sql="").order_by("pk").first()
    if existing is not None:
        return existing, False
    (table,) = describe(destination, [info.ref])
    with transaction.atomic():
        taken = list(Resource.objects.values_list("name", flat=True))
        name = names.resource_name(destination.name, info.ref.schema, info.ref.name, taken)
        resource = services.create(name, destination, table, methods=["GET"])
    if replica is not None:
        relate(destination)
    return resource, True


def written_table(task: Task, destination: Connection) -> TableInfo:
    """Return the table that a task writes, as the destination has it."""
    target = target_of(task.job, replicate(task.statement))
    found = next(
        (item for item in list_tables(destination, now=timezone.now(), refresh=True) if is_same(target, item.ref, destination)), None
    )
    if found is None:
        raise SourceRejected(f"There is no table {target} at {destination.name} yet.", hint="Run the job first.")
    return found
