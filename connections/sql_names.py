"""What people's SQL may name: the tables of stored connections, and the sys_* tables over them. Sources are asked as late as can be."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from django.conf import settings

from connections.connectors.registry import get_connector
from connections.contract.errors import ConnectorError, InvalidProperties, SourceRejected
from connections.contract.table import Table, TableInfo, TableRef
from connections.engine.session import EngineSession
from connections.engine.sql_nodes import Found
from connections.engine.sys_tables import PREFIX, Described, SysTables
from connections.models import Connection
from connections.picking_values import values_of
from connections.services import list_tables, session_for

MOST_SHOWN = 5


class StoredNames:
    """Names over all connections; one of them may be meant where none is named."""

    def __init__(self, *, now: datetime, default: Connection | None = None) -> None:
        self.now = now
        self.default = default
        self.connections = list(Connection.objects.all())
        self.used: dict[str, Connection] = {}  # by name, what a statement reads

    def find(self, parts: Sequence[str]) -> Found | None:
        """Return the table; raise SourceRejected for a name that several have."""
        if len(parts) > 3:
            raise SourceRejected(f"{'.'.join(parts)} has too many parts.", hint="Write connection.schema.table.")
        if parts[-1].lower().startswith(PREFIX):
            found = self.system(parts)
            if found is not None:
                return found
        chosen = self.chosen(parts)
        if len(chosen) > 1:
            listed = ", ".join(f"{connection.name}.{ref}" for connection, ref in chosen[:MOST_SHOWN])
            raise SourceRejected(f"Several tables are called {'.'.join(parts)}: {listed}.", hint="Write connection.schema.table.")
        return self.described(*chosen[0]) if chosen else None

    def chosen(self, parts: Sequence[str]) -> list[tuple[Connection, TableRef]]:
        """Return the tables that a name means: where several fit, those spelled alike."""
        matches = list(self.matches(parts))
        exact = [match for match in matches if match[1].name == parts[-1]]
        return exact if len(matches) > 1 and exact else matches

    def matches(self, parts: Sequence[str]) -> Iterator[tuple[Connection, TableRef]]:
        """Give the tables that a name may mean; those of the connection at hand hide all others."""
        wanted = [part.lower() for part in parts]
        if self.default is not None:
            own = [ref for ref in self.refs(self.default) if fits(self.default, ref, wanted)]
            if own:
                yield from ((self.default, ref) for ref in own)
                return
        for connection in self.others(wanted):
            is_meant = len(wanted) > 1 and connection.name.lower() == wanted[0]
            yield from ((connection, ref) for ref in self.refs(connection, is_meant=is_meant) if fits(connection, ref, wanted))

    def others(self, wanted: Sequence[str]) -> list[Connection]:
        """Return the connections to look into: the one that is named, else all."""
        named = [item for item in self.connections if len(wanted) > 1 and item.name.lower() == wanted[0]]
        return named or [item for item in self.connections if item != self.default]

    def refs(self, connection: Connection, *, is_meant: bool = False) -> list[TableRef]:
        """Return the tables of a connection; none of one that can't be reached, unless it is the one that is meant."""
        try:
            return [info.ref for info in list_tables(connection, now=self.now)]
        except (ConnectorError, InvalidProperties):
            if is_meant or self.default == connection:
                raise
            return []

    def described(self, connection: Connection, ref: TableRef) -> Found:
        """Return a table as it is now."""
        self.used[connection.name] = connection
        session = session_for(connection.pk)
        table: Table = session.table(ref) if isinstance(session, EngineSession) else session.describe([ref])[0]
        return Found(connection.name, session, table)

    def system(self, parts: Sequence[str]) -> Found | None:
        """Return a sys_* table: over the connection that is named or at hand, else over all."""
        if len(parts) > 2:
            return None
        chosen = [item for item in self.connections if item.name.lower() == parts[0].lower()] if len(parts) == 2 else []
        if len(parts) == 2 and not chosen:
            return None
        over = chosen or ([self.default] if self.default else self.connections)
        made = SysTables(lambda: [self.seen(item) for item in over], version=str(settings.SPECTACULAR_SETTINGS["VERSION"])).session()
        info = next((info for info in made.list_tables() if info.ref.name == parts[-1].lower()), None)
        return None if info is None else Found("", made, made.describe([info.ref])[0])

    def seen(self, connection: Connection) -> Described:
        """Return a connection as the sys_* tables see it."""
        connector = get_connector(connection.connector)
        chosen = next((item for item in connector.properties if item.picks and not item.picks.table), None)
        is_limited = chosen is not None and bool(connection.properties.get(chosen.name))
        return Described(
            name=connection.name,
            connector=connector.label,
            list_tables=partial(list_tables, connection, now=self.now),
            describe=lambda refs: session_for(connection.pk).describe(refs),
            properties=connector.properties,
            values=connection.properties,
            secrets=frozenset(connection.secrets),
            is_read_only=connection.read_only,
            list_schemas=partial(values_of, connection, chosen.name, chosen.picks) if chosen and chosen.picks and is_limited else None,
        )

    def known(self, parts: Sequence[str]) -> list[str]:
        """Return names that could have been meant, the nearest first."""
        infos: list[TableInfo] = [TableInfo(TableRef("", name)) for name in self.system_names()]
        for connection in [self.default] if self.default else self.others([part.lower() for part in parts]):
            infos += [TableInfo(ref) for ref in self.refs(connection)]
        spelled = {info.ref.name.lower(): info.ref.name for info in infos}
        return [spelled[name] for name in difflib.get_close_matches(parts[-1].lower(), list(spelled), n=3)]

    def system_names(self) -> list[str]:
        """Return the names of the sys_* tables."""
        return [info.ref.name for info in SysTables(list, version="").session().list_tables()]


def fits(connection: Connection, ref: TableRef, wanted: Sequence[str]) -> bool:
    """Claim that the words name the table: (connection and schema may be left out)."""
    path = [part.lower() for part in (connection.name, ref.schema, ref.name) if part]
    return path[-len(wanted) :] == list(wanted) or (len(wanted) == 2 and [path[0], path[-1]] == list(wanted))
