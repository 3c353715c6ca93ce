"""Relations between published replicas: foreign keys are not replicated, so that those of the source are declared on the resources."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from apiserver.jobs.replicas import Replica, is_same, replicas_at
from apiserver.resources import builder, names, services, snapshot
from apiserver.resources.models import Resource
from connections.contract.errors import ConnectorError
from connections.contract.table import ForeignKey, Table, TableRef
from connections.models import Connection
from connections.services import describe, list_tables

logger = logging.getLogger(__name__)
Published = Sequence[tuple[Replica, Resource]]


def relate(destination: Connection) -> int:
    """Declare what the sources' foreign keys say between the published replicas of a destination; return how many relations are new."""
    published = published_at(destination)
    tables = source_tables([replica for replica, _ in published])
    added = 0
    for replica, resource in published:
        table = tables.get(replica.task.pk)
        if table is not None:
            relations = related(replica, resource, table.foreign_keys, published)
            added += len(relations) - len(resource.relations)
            services.update(resource, relations=relations)
    return added


def published_at(destination: Connection) -> list[tuple[Replica, Resource]]:
    """Return the replicas that are published, each with its resources."""
    resources = list(Resource.objects.filter(connection=destination, sql="").select_related("connection"))
    found = []
    for replica in replicas_at(destination):
        for resource in resources:
            ref = snapshot.from_json(resource.snapshot).ref
            if is_same(replica.target, ref, destination):
                found.append((replica, resource))
    return found


def source_tables(replicas: Sequence[Replica]) -> dict[int, Table]:
    """Return the tables at their sources by the task's id; a source that can't be asked leaves its tables without relations."""
    found: dict[int, Table] = {}
    for replica in replicas:
        try:
            found[replica.task.pk] = describe(replica.source, [as_listed(replica)])[0]
        except ConnectorError as error:
            logger.warning("The relations of %s are not known: %s", replica.source_ref, error.message)
    return found


def as_listed(replica: Replica) -> TableRef:
    """Return the source's table as the source spells it: a statement may write it in another case."""
    ref = replica.source_ref
    found = [item.ref for item in list_tables(replica.source, now=timezone.now())]
    listed = [item for item in found if ref.schema in ("", item.schema)]
    exact = next((item for item in listed if item.name == ref.name), None)
    return exact or next((item for item in listed if item.name.casefold() == ref.name.casefold()), ref)


def related(replica: Replica, resource: Resource, keys: Sequence[ForeignKey], published: Published) -> dict[str, Any]:
    """Return the resource's declared relations with those that its source's foreign keys add."""
    found: dict[str, Any] = dict(resource.relations)
    columns = {column.name for column in snapshot.from_json(resource.snapshot).columns}
    for key in keys:
        target = target_of(replica, key, published)
        if target is None:
            continue
        here, there = copied(key.columns, replica.names), copied(key.target_columns, target[0].names)
        other = {column.name for column in snapshot.from_json(target[1].snapshot).columns}
        if not here or not there or not set(here) <= columns or not set(there) <= other:
            continue
        pairs = dict(zip(here, there, strict=True))
        if not any(given["to"] == target[1].name and given["columns"] == pairs for given in found.values()):
            found[name_of(pairs, resource, target[1], found)] = {
                "to": target[1].name,
                "columns": pairs,
                "collection": False,
                "partner": resource.name,
            }
    return found


def target_of(replica: Replica, key: ForeignKey, published: Published) -> tuple[Replica, Resource] | None:
    """Return the published replica of the table that a foreign key leads to."""
    for other, resource in published:
        ref = other.source_ref
        is_there = ref.name.casefold() == key.target_table.casefold() and (ref.schema in ("", key.target_schema) or not key.target_schema)
        if other.source.pk == replica.source.pk and is_there:
            return other, resource
    return None


def copied(columns: Sequence[str], renamed: Mapping[str, str] | None) -> list[str]:
    """Return the names at the destination; none where one of the columns is not copied."""
    if renamed is None:
        return list(columns)
    found = [renamed[name] for name in columns if name in renamed]
    return found if len(found) == len(columns) else []


def name_of(pairs: Mapping[str, str], child: Resource, parent: Resource, taken: Mapping[str, Any]) -> str:
    """Return the name of a relation as a foreign key of the child would have given it."""
    published = builder.resource_of(parent, snapshot.from_json(parent.snapshot))
    name = builder.single_name(tuple(pairs.items()), published)
    properties = [item.name for item in builder.resource_of(child, snapshot.from_json(child.snapshot)).all_properties]
    return names.unique(name, [*taken, *properties, child.name])
