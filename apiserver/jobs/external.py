"""External Objects of a destination: a login of its own, and which tables it reads. Pages call these verbs; each is audited."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apiserver.jobs.models import ExternalService, TaskRun
from apiserver.jobs.moving_names import SHADOW
from apiserver.jobs.replicas import Replica, is_same, last_runs, replicas_at
from apiserver.resources import builder, names, services, snapshot
from apiserver.resources.models import Resource
from apiserver.server import audit
from connections.connectors.registry import get_connector
from connections.contract.table import KEY_TYPES, Table, TableInfo, TableRef
from connections.engine.prepared import gives_rows
from connections.models import Connection
from connections.services import describe, session_for
from users import services as users
from users import tokens
from users.models import Authtoken, User

OWN = "_apiserver_"  # how our own tables at a destination begin
READING = {"methods": ["GET"]}


@dataclass(slots=True)
class DataSource:
    """One table or view of the destination, as a line with a tick."""

    table: Table
    resource: Resource | None = None  # as which it is published
    key: tuple[str, ...] = ()
    is_shared: bool = False
    replica: Replica | None = None
    run: TaskRun | None = None
    reason: str = ""  # why it can't be ticked
    problem: str = ""
    choices: list[str] = field(default_factory=list)  # columns that a view's rows may be known by
    chosen: str = ""  # of these

    @property
    def value(self) -> str:
        """Return the value of its tick."""
        return f"{self.table.ref.schema}|{self.table.ref.name}"


def is_destination(connection: Connection) -> bool:
    """Claim that jobs can write into the connection."""
    return bool(getattr(get_connector(connection.connector), "is_destination", False))


def service_of(connection: Connection) -> ExternalService | None:
    """Return the login of a destination; None before the first visit made one."""
    return ExternalService.objects.select_related("user", "connection").filter(connection=connection).first()


@transaction.atomic
def create_service(connection: Connection, *, now: datetime, who: str, address: str = "") -> ExternalService:
    """Make the login of a destination: a user who sees nothing yet, and reads alone. One that a configuration file brought is taken up."""
    name = f"external_{connection.name}"
    user = User.objects.filter(name=name, role="query", external_service=None).exclude(resources=None).first()
    if user is None:
        taken = set(User.objects.values_list("name", flat=True))
        user = User()
        users.save_user(user, who=who, address=address, name=names.unique(name, taken), role="query", privileges=["GET"], resources={})
    if not live_tokens(user, now=now):
        users.add_token(user, now=now, who=who, address=address, note=_("External Objects of %(name)s") % {"name": connection.name})
    found, _made = ExternalService.objects.get_or_create(connection=connection, defaults={"user": user})
    audit.record("external objects created", who=who, address=address, subject=connection.name, user=user.name)
    return found


def live_tokens(user: User, *, now: datetime) -> list[Authtoken]:
    """Return the passwords that work, newest first."""
    return tokens.live(user, now=now)


def data_sources(service: ExternalService, infos: Sequence[TableInfo]) -> list[DataSource]:
    """Return the tables and views with what is known of each."""
    connection = service.connection
    published = by_table(connection)
    replicas = replicas_at(connection)
    runs = last_runs([item.task for item in replicas])
    found = []
    for table in describe(connection, [info.ref for info in infos]):
        replica = next((item for item in replicas if is_same(item.target, table.ref, connection)), None)
        line = DataSource(table, chosen(published.get((table.ref.schema, table.ref.name), ()), service), replica=replica)
        line.run = runs.get(replica.task.pk) if replica else None
        settle(line, service)
        found.append(line)
    return found


def settle(line: DataSource, service: ExternalService) -> None:
    """Say whether the line is ticked, by what its rows are known, and why it can't be ticked."""
    shared = service.user.resources or {}
    line.is_shared = line.resource is not None and line.resource.name in shared
    line.key = builder.key_of(line.resource or Resource(), line.table)
    if line.resource is not None and line.key:
        line.key = builder.resource_of(line.resource, snapshot.from_json(line.resource.snapshot)).key
        line.reason = "" if line.key else _("its key is not among the published columns")
    elif not line.key and line.table.kind == "view" and not gives_rows(session_for(service.connection.pk).dialect):
        line.choices = [column.name for column in line.table.columns if column.type in KEY_TYPES and not column.is_collection]
        line.reason = "" if line.choices else _("no column can tell its rows apart")
    elif not line.key:
        line.reason = _("no primary key: clients could not tell its rows apart. Give the task a key, PRIMARY KEY (...), and run it again.")
    if not line.reason and line.resource is not None and "GET" not in line.resource.methods:
        line.reason = _("published without GET")


def by_table(connection: Connection) -> dict[tuple[str, str], list[Resource]]:
    """Return the published tables of a connection, several under one table where it is published twice."""
    found: dict[tuple[str, str], list[Resource]] = {}
    for resource in Resource.objects.filter(connection=connection, sql="").select_related("connection"):
        found.setdefault((resource.schema, resource.table), []).append(resource)
    return found


def chosen(published: Sequence[Resource], service: ExternalService) -> Resource | None:
    """Return the resource that a tick means: the one that is shared, else the one that a tick made, else the first."""
    shared = service.user.resources or {}
    ranked = sorted(published, key=lambda item: (item.name not in shared, item.public_id not in service.made, item.pk))
    return ranked[0] if ranked else None


@transaction.atomic
def share(
    service: ExternalService, lines: Sequence[DataSource], ticked: Collection[str], keys: Mapping[str, str], *, who: str, address: str = ""
) -> bool:
    """Share exactly the ticked ones of these lines; what is not among them stays. False where a line can't be: its `problem` says why."""
    for line in lines:
        line.chosen = keys.get(line.value, "")
        if line.value in ticked and not line.is_shared:
            line.problem = why_not(line, service.connection)
    if any(line.problem for line in lines):
        return False
    granted = dict(service.user.resources or {})
    before = dict(granted)
    gone: list[Resource] = []
    for line in lines:
        if line.value in ticked and not line.is_shared:
            line.resource = line.resource or publish(service, line, who=who, address=address)
            if line.choices:
                services.update(line.resource, key=[line.chosen])
            granted[line.resource.name] = dict(READING)
        elif line.value not in ticked and line.is_shared and line.resource:
            del granted[line.resource.name]
            gone.append(line.resource)
    if granted != before:
        service.user = users.save_user(service.user, who=who, address=address, resources=granted)
    for resource in gone:
        take_back(service, resource, who=who, address=address)
    service.save(update_fields=["made"])
    return True


def why_not(line: DataSource, connection: Connection) -> str:
    """Return why a line can't be shared; '' = it can."""
    if line.reason or not line.choices:
        return line.reason
    if line.chosen not in line.choices:
        return _("Choose the column that tells its rows apart.")
    if has_doubles(connection, line.table.ref, line.chosen):
        return _("%(column)s is null in a row, or the same in two: choose another column.") % {"column": line.chosen}
    return ""


def has_doubles(connection: Connection, ref: TableRef, column: str) -> bool:
    """Claim that a column does not tell the rows of a view apart."""
    session = session_for(connection.pk)
    quote = session.dialect.quote
    place, name = ".".join(quote(part) for part in (ref.schema, ref.name) if part), quote(column)
    double = "%%" if session.dialect.doubles_percent else "%"
    sql = f"SELECT {name} FROM {place} GROUP BY {name} HAVING COUNT(*) > 1 OR COUNT({name}) = 0 LIMIT 1"  # noqa: S608 - names are quoted
    result = session.query(sql.replace("%", double), ())
    try:
        return any(True for batch in result.batches for _row in batch)
    finally:
        result.close()


def publish(service: ExternalService, line: DataSource, *, who: str, address: str) -> Resource:
    """Publish the table of a line for reading alone; remember that a tick did."""
    connection, ref = service.connection, line.table.ref
    name = names.resource_name(connection.name, ref.schema, ref.name, list(Resource.objects.values_list("name", flat=True)))
    resource = services.create(name, connection, line.table, methods=["GET"])
    service.made = [*service.made, resource.public_id]
    audit.record("resource published", who=who, address=address, subject=name)
    return resource


def take_back(service: ExternalService, resource: Resource, *, who: str, address: str) -> None:
    """Unpublish what a tick published, unless somebody else's rights name it."""
    if resource.public_id not in service.made:
        return
    service.made = [item for item in service.made if item != resource.public_id]
    if not services.holders(resource.name):
        services.unpublish(resource)
        audit.record("resource unpublished", who=who, address=address, subject=resource.name)


@transaction.atomic
def revoke_all(service: ExternalService, *, now: datetime, who: str, address: str = "") -> int:
    """End every password at once; return how many there were."""
    found = live_tokens(service.user, now=now)
    for token in found:
        users.revoke_token(token, now=now, who=who, address=address)
    return len(found)


def shareable(infos: Sequence[TableInfo]) -> list[TableInfo]:
    """Return the tables of a destination without our own."""
    return [info for info in infos if not info.ref.name.startswith(OWN) and not info.ref.name.endswith(SHADOW)]
