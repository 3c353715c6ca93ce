"""What one does with connections: save, test, look into, open. Pages, configuration file and API call these verbs."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from sqlglot import exp

from apiserver.server import options, stamp
from apiserver.server.errors import answering
from connections import uploads, uses, vault
from connections.connectors.registry import get_connector
from connections.contract.connector import Session, TestStep
from connections.contract.errors import ConnectionFailed, InvalidProperties
from connections.contract.table import Table, TableInfo, TableRef
from connections.contract.unsayable import read_value
from connections.engine.nodes import Bind, Read, select
from connections.engine.nodes import table as named
from connections.engine.rows_plan import row_plan
from connections.engine.session import EngineSession
from connections.models import Connection, valid_name
from connections.opening import context_of, opened


def values_of(connection: Connection) -> dict[str, Any]:
    """Return the properties with their secrets, as the connector takes them."""
    revealed = {name: vault.reveal(sealed) for name, sealed in connection.secrets.items()}
    return get_connector(connection.connector).clean({**connection.properties, **revealed})


def own_databases() -> list[str]:
    """Return the product's own database and broker, which no connection may reach."""
    found = [f"sqlite:{path}" for path in settings.DATA_DIR.glob("*.sqlite3")]
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("postgresql"):
        host = "localhost" if str(database["HOST"]).startswith("/") else database["HOST"] or "localhost"
        found.append(f"postgresql:{host}:{database['PORT'] or 5432}/{database['NAME']}")
    if settings.REDIS_URL:
        broker = urlsplit(settings.REDIS_URL)
        found.append(f"redis:{broker.hostname or 'localhost'}:{broker.port or 6379}")
    return found


def checked(connector_key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return cleaned properties; raise InvalidProperties for what can't or may not be used."""
    connector = get_connector(connector_key)
    found = connector.clean(values)
    reason = connector.forbidden(found, own_databases())
    if reason:
        raise InvalidProperties({"Database": reason})
    return found


@transaction.atomic
def save_connection(
    *,
    name: str,
    connector: str,
    values: Mapping[str, Any],
    existing: Connection | None = None,
    labels: Sequence[str] = (),
    read_only: bool = False,
    max_rows: int = 0,
) -> Connection:
    """Store a connection. A secret that `values` does not name keeps its stored value; an empty one is cleared."""
    valid_name(name)
    if name != name.strip():
        raise ValidationError(_("A name has no blanks at its ends."))
    secret_names = {item.name for item in get_connector(connector).properties if item.is_secret}
    kept = {n: vault.reveal(sealed) for n, sealed in existing.secrets.items() if n not in values} if existing else {}
    given = {**kept, **values}
    checked(connector, given)
    saved = existing or Connection()
    before = (saved.name, saved.connector, saved.properties, values_if(existing), list(saved.labels), saved.read_only, saved.max_rows)
    properties = {n: v for n, v in given.items() if n not in secret_names and v not in (None, "")}
    secrets = {n: str(v) for n, v in given.items() if n in secret_names and v not in (None, "")}
    after = (name, connector, properties, secrets, list(labels), read_only, max_rows)
    if existing and before == after:
        return existing
    if before[1:4] != after[1:4]:
        saved.tables_read = None  # another address or schema has other tables
    saved.name, saved.connector, saved.properties = name, connector, properties
    saved.secrets = {n: vault.seal(v) for n, v in secrets.items()}
    saved.labels, saved.read_only, saved.max_rows = list(labels), read_only, max_rows
    saved.version += 1 if existing else 0
    saved.save()
    if existing and before[0] != name:
        uses.let_follow(str(before[0]), name)
    stamp.changed()
    return saved


def values_if(connection: Connection | None) -> dict[str, str]:
    """Return the stored secrets, for telling whether anything changed."""
    return {name: vault.reveal(sealed) for name, sealed in connection.secrets.items()} if connection else {}


def test_connection(
    connector: str, values: Mapping[str, Any], *, read_only: bool = False, existing: Connection | None = None
) -> list[TestStep]:
    """Run the named test steps; raise InvalidProperties when they can't even begin."""
    context = context_of(existing, tuple(own_databases()))
    return get_connector(connector).test(checked(connector, values), read_only=read_only, context=context)


def test_stored(connection: Connection, *, now: datetime) -> list[TestStep]:
    """Test a stored connection and remember the result."""
    steps = test_connection(connection.connector, values_of(connection), read_only=connection.read_only, existing=connection)
    result = {"ok": all(step.ok for step in steps), "at": now.isoformat(), "steps": [asdict(step) for step in steps]}
    Connection.objects.filter(pk=connection.pk).update(last_test=result)
    connection.last_test = result
    return steps


def stored(connection_id: int) -> Connection:
    """Return a connection; one that was deleted since the request began can't be reached any more."""
    with answering():
        found = Connection.objects.filter(pk=connection_id).first()
    if found is None:
        raise ConnectionFailed("The connection was deleted.", hint="Ask again: the resource is gone with it.")
    return found


class Sessions:
    """Open sessions of this process by connection; a changed connection gets a new one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[int, tuple[Any, Session]] = {}
        self._stamp = -1

    def get(self, connection_id: int) -> Session:
        """Return the session; asks the database only when some configuration changed."""
        current = stamp.value()
        found = self._sessions.get(connection_id)
        if found is not None and current == self._stamp:
            return found[1]
        with self._lock:
            if current != self._stamp:
                with answering():
                    self._drop_changed()
                self._stamp = current
            found = self._sessions.get(connection_id)
            if found is None:
                connection = stored(connection_id)
                session = opened(connection, self.values(connection), context_of(connection, tuple(own_databases())))
                found = self._sessions[connection_id] = (self.state(connection.version), session)
        return found[1]

    def values(self, connection: Connection) -> dict[str, Any]:
        """Return the properties to open a connection with."""
        return values_of(connection)

    def state(self, version: int | None) -> Any:
        """Return what a session was opened under: another one is needed when it changes."""
        return (version, reachable())

    def _drop_changed(self) -> None:
        versions = dict(Connection.objects.values_list("pk", "version"))
        for key, (version, session) in list(self._sessions.items()):
            if self.state(versions.get(key)) != version:
                del self._sessions[key]
                # Requests under way still read from it: close when they had time to end.
                threading.Timer(60, session.close).start()

    def close(self) -> None:
        """Close all sessions."""
        with self._lock:
            for _, session in self._sessions.values():
                session.close()
            self._sessions.clear()


def reachable() -> tuple[str, ...]:
    """Return the private addresses that connections may reach: part of what a session was opened with."""
    return tuple(options.current().outgoing["allow"])


SESSIONS = Sessions()


# Dotted path of a callable (id) -> Session: a derived view over several connections has a session of its own, under its negative id.
SEVERAL = "apiserver.resources.several.session_for"


def session_for(connection_id: int) -> Session:
    """Return the open session of a stored connection; a negative id is that of a view over several."""
    if connection_id < 0:
        found: Session = import_string(SEVERAL)(-connection_id)
        return found
    return SESSIONS.get(connection_id)


def list_tables(connection: Connection, *, now: datetime, refresh: bool = False) -> list[TableInfo]:
    """Return the tables that can be published; read anew when asked or never read."""
    if refresh or connection.tables_read is None:
        found = session_for(connection.pk).list_tables()
        connection.tables = [[item.ref.schema, item.ref.name, item.kind, item.comment] for item in found]
        connection.tables_read = now
        Connection.objects.filter(pk=connection.pk).update(tables=connection.tables, tables_read=now)
    return [TableInfo(TableRef(schema, name), kind, comment) for schema, name, kind, comment in connection.tables]


def describe(connection: Connection, refs: Sequence[TableRef]) -> list[Table]:
    """Return the tables as they are now."""
    return session_for(connection.pk).describe(refs)


def preview(connection: Connection, ref: TableRef, *, limit: int = 50) -> tuple[Table, list[list[Any]]]:
    """Return a table and its first rows."""
    session = session_for(connection.pk)
    table = session.describe([ref])[0]
    if isinstance(session, EngineSession):
        return table, first_rows(session, table, limit)
    dialect = session.dialect
    double = "%%" if dialect.doubles_percent else "%"
    listed = ", ".join(dialect.select(column).format(dialect.quote(column.name)) for column in table.columns)
    source = ".".join(dialect.quote(part) for part in (table.ref.schema, table.ref.name) if part)
    sql = f"SELECT {listed} FROM {source} LIMIT {int(limit)}".replace("%", double)  # noqa: S608 - names are quoted
    result = session.query(sql, ())
    decoders = [dialect.decode(column) for column in table.columns]
    rows = [[read_value(decode, value) for value, decode in zip(row, decoders, strict=True)] for batch in result.batches for row in batch]
    return table, rows


def first_rows(session: EngineSession, table: Table, limit: int) -> list[list[Any]]:
    """Return the first rows of a source that takes no SQL."""
    columns = [Read(table="t", column=column.name, template="{0}") for column in table.columns if not column.is_costly]
    tree = select(columns, named(table.ref.schema, table.ref.name, "t"))
    tree.set("limit", exp.Limit(expression=Bind(slot=0, template="{0}")))
    result = session.select(row_plan(tree), [limit])
    shown = {read.args["column"]: place for place, read in enumerate(columns)}
    try:
        rows = [row for batch in result.batches for row in batch]
    finally:
        result.close()
    return [[row[shown[column.name]] if column.name in shown else None for column in table.columns] for row in rows]


@transaction.atomic
def duplicate_connection(connection: Connection) -> Connection:
    """Store a connection once more under a name of its own; its secrets are copied as they are, sealed."""
    taken = {name.lower() for name in Connection.objects.values_list("name", flat=True)}
    names = (f"{connection.name[:70]}_{number}" for number in itertools.count(2))
    name = next(name for name in names if name.lower() not in taken)
    copied = ("connector", "properties", "secrets", "labels", "read_only", "max_rows")
    copy = Connection(name=name, **{part: getattr(connection, part) for part in copied})
    copy.save()
    stamp.changed()
    return copy


@transaction.atomic
def delete_connection(connection: Connection) -> None:
    """Delete a connection; raise InUse with the names of the resources and jobs that need it."""
    users = [*uses.users_of(connection), *uses.jobs_of(connection)]
    if users:
        raise uses.InUse([item.name for item in users])
    drop_connection(connection)


def drop_connection(connection: Connection) -> None:
    """Delete a connection without asking for views that name it: applying a file looks at those by itself."""
    number = connection.pk
    try:
        connection.delete()
    except ProtectedError as error:  # a resource that was published a moment ago
        raise uses.InUse(sorted(str(item) for item in error.protected_objects)) from error
    transaction.on_commit(lambda: uploads.remove_all(number))
    stamp.changed()


def reseal() -> int:
    """Seal every secret with the first key; return how many were sealed with another."""
    count = 0
    for connection in Connection.objects.select_for_update():
        old = {name: sealed for name, sealed in connection.secrets.items() if not vault.is_current(sealed)}
        if old:
            connection.secrets |= {name: vault.seal(vault.reveal(sealed)) for name, sealed in old.items()}
            connection.save(update_fields=["secrets"])
            count += len(old)
    return count
