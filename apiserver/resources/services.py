"""What one does with resources: publish tables, refresh, repoint, take back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apiserver.resources import names, snapshot
from apiserver.resources.builder import catalog_for
from apiserver.resources.models import Resource
from apiserver.server import stamp
from connections.contract.table import Table, TableRef
from connections.derived import describe_view
from connections.derived_several import describe_several
from connections.models import Connection
from connections.services import describe
from users.models import Group, User

SETTINGS = ("title", "description", "methods", "key", "columns", "search", "check_column", "serve", "replica", "etag", "relations")


@transaction.atomic
def publish_tables(connection: Connection, refs: Sequence[TableRef], *, now: datetime) -> list[Resource]:
    """Publish tables under their own names; with connection and schema before it where a name is taken."""
    found = []
    for table in describe(connection, refs):
        taken = list(Resource.objects.values_list("name", flat=True))
        name = names.resource_name(connection.name, table.ref.schema, table.ref.name, taken)
        found.append(create(name, connection, table))
    return found


def create(name: str, connection: Connection | None, table: Table, **settings: Any) -> Resource:
    """Store one resource over a reflected table; `sql` among the settings makes it a derived view."""
    ids = list(Resource.objects.values_list("public_id", flat=True))
    resource = Resource(
        public_id=names.public_id(name, ids),
        name=name,
        connection=connection,
        **(place_of(table, settings.get("sql", "")) | settings),
    )
    resource.save()
    stamp.changed()
    return resource


def place_of(table: Table, sql: str) -> dict[str, Any]:
    """Return the fields that say what is read, and how it looks."""
    ref = TableRef("", "") if sql else table.ref
    return {"schema": ref.schema, "table": ref.name, "sql": sql, "snapshot": snapshot.to_json(table)}


@transaction.atomic
def update(resource: Resource, *, table: Table | None = None, **settings: Any) -> bool:
    """Change a resource; return whether anything really changed."""
    if table is not None:
        settings |= place_of(table, settings.get("sql", resource.sql))
    changed = {name: value for name, value in settings.items() if getattr(resource, name) != value}
    if not changed:
        return False
    for name, value in changed.items():
        setattr(resource, name, value)
    resource.version += 1
    resource.save()
    stamp.changed()
    return True


@transaction.atomic
def rename(resource: Resource, name: str) -> None:
    """Publish under another name; rights and relations that name the resource follow, clients have to."""
    old = resource.name
    resource.name = name
    resource.version += 1
    resource.save()
    for holder in holders(old):
        holder.resources = {name if key == old else key: value for key, value in (holder.resources or {}).items()}
        holder.save(update_fields=["resources"])
    for other in Resource.objects.filter(connection=resource.connection_id):
        if any(given["to"] == old for given in other.relations.values()):
            other.relations = {key: {**given, "to": name if given["to"] == old else given["to"]} for key, given in other.relations.items()}
            other.save(update_fields=["relations"])
    stamp.changed()


def holders(name: str) -> list[User | Group]:
    """Return the users and groups whose rights name the resource."""
    everyone: list[User | Group] = [*User.objects.exclude(resources__isnull=True), *Group.objects.exclude(resources__isnull=True)]
    return [holder for holder in everyone if name in (holder.resources or {})]


def table_now(resource: Resource) -> Table:
    """Return the resource's table, or its SELECT, as the source describes it now."""
    if resource.connection is None:
        return describe_several(resource.sql)
    return table_there(resource, resource.connection)


def refresh_resource(resource: Resource) -> bool:
    """Read the columns, keys and relations anew; return whether they changed."""
    return update(resource, table=table_now(resource))


def table_there(resource: Resource, connection: Connection) -> Table:
    """Return the resource's table, or its SELECT, as another connection has it."""
    if resource.sql:
        return describe_view(connection, resource.sql)
    return describe(connection, [TableRef(schema_there(resource, connection), resource.table)])[0]


def schema_there(resource: Resource, connection: Connection) -> str:
    """Return the schema in which another connection has the resource's table; "" where it goes without saying."""
    is_own = connection.pk == resource.connection_id
    return resource.schema if is_own or has_schema_there(resource, connection) else ""


def has_schema_there(resource: Resource, connection: Connection) -> bool:
    """Claim that the table's schema means the same at another connection: MySQL's default database has the name of that connection."""
    own = resource.connection
    if own is None or connection.connector != own.connector or connection.connector == "sqlite":
        return False
    return connection.connector != "mysql" or resource.schema != own.properties.get("Database", "")


def repoint(resource: Resource, connection: Connection) -> bool:
    """Read the same table from another connection (staging -> production)."""
    return update(resource, table=table_there(resource, connection), connection=connection)


@transaction.atomic
def duplicate_resource(resource: Resource) -> Resource:
    """Publish the same table once more under a name of its own."""
    name = names.unique(resource.name, list(Resource.objects.values_list("name", flat=True)))
    settings = {item: getattr(resource, item) for item in (*SETTINGS, "sql")}
    return create(name, resource.connection, snapshot.from_json(resource.snapshot), **settings)


@transaction.atomic
def unpublish(resource: Resource) -> None:
    """Take a resource back."""
    resource.delete()
    stamp.changed()


__all__ = [
    "catalog_for",
    "create",
    "duplicate_resource",
    "holders",
    "publish_tables",
    "refresh_resource",
    "rename",
    "repoint",
    "schema_there",
    "table_now",
    "unpublish",
    "update",
]
