"""Which schemas a connection has, and which tables are in them: fixed ones and those that rows of a table name."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from connections.connectors.http.shared_names import SharedNames
from connections.connectors.http.tables import kinds_of
from connections.contract.errors import SourceRejected, TableGone
from connections.contract.scan import Scan
from connections.contract.table import Table, TableInfo, TableRef

if TYPE_CHECKING:
    from connections.connectors.http.session import HttpSession

KEPT_SECONDS = 3600.0


class Schemas:
    """The schemas of one session; listed ones are asked for once an hour by one process, which tells the others."""

    def __init__(self, session: HttpSession) -> None:
        self.session = session
        self.spec = session.manifest.part("schemas")
        self.fixed = tuple(self.spec.get("fixed", ()))
        self.listed = self.spec.get("listed", {})
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}  # schema -> kind
        self._read_at = float("-inf")
        self._shared = SharedNames(session.manifest.key, session.service, session.context)

    @property
    def chosen(self) -> str:
        """Return the schema that the connection is limited to, or ''."""
        return self.session.texts.get(self.spec.get("property", ""), "") or self.spec.get("default", "")

    def names(self, *, refresh: bool = False) -> dict[str, str]:
        """Return every schema with its kind; a fixed name hides a listed one."""
        with self._lock:
            told = self._shared.newer(KEPT_SECONDS) if self.listed else None
            if told is not None:
                self._names, self._read_at = told[0], time.monotonic() - told[1]
            if refresh or time.monotonic() - self._read_at > KEPT_SECONDS:
                found: dict[str, str] = {}
                for kind, spec in self.listed.items():
                    found.update({name: kind for name in self._listed(spec) if name not in found})
                self._names = {**found, **{name: name for name in self.fixed}}
                self._read_at = time.monotonic()
                if self.listed:
                    self._shared.put(self._names)
            return self._names

    def _listed(self, spec: dict[str, str]) -> list[str]:
        ref = TableRef(spec.get("schema", self.fixed[0] if self.fixed else ""), spec["table"])
        try:
            offer = self.session.offer(Scan(Table(ref), (spec["column"],)))
        except SourceRejected:  # before any call: a property that the list asks for is not set yet
            return []
        return sorted({str(row[0]) for batch in self.session.read(offer) for row in batch.rows if row[0]})

    def kind_of(self, ref: TableRef) -> str:
        """Return the kind of a reference's schema: without a call where the table's name leaves no choice."""
        if ref.schema in self.fixed or (not self.fixed and not self.listed):
            return ref.schema if self.fixed else ""
        if ref.name not in self.session.manifest.tables:
            return ref.schema
        kinds = [kind for kind in kinds_of(self.session.manifest, ref.name) if kind in self.listed]
        if len(kinds) == 1:
            return kinds[0]
        return self.names().get(ref.schema, ref.schema)

    def resolved(self, ref: TableRef) -> TableRef:
        """Return the reference with its schema; one that names none means the connection's, else the first fixed one that has the table."""
        if ref.schema or not (self.fixed or self.listed) or ref.name not in self.session.manifest.tables:
            return ref
        kinds = kinds_of(self.session.manifest, ref.name)
        chosen = self.chosen
        if chosen and (chosen in kinds if chosen in self.fixed else self.names().get(chosen) in kinds):
            return TableRef(chosen, ref.name)
        return TableRef(next((name for name in self.fixed if name in kinds), ref.schema), ref.name)

    def check(self, ref: TableRef) -> None:
        """Raise TableGone for a schema that isn't there any more."""
        if ref.schema in self.fixed or not self.listed:
            return
        if ref.schema not in self.names() and ref.schema not in self.names(refresh=True):
            raise TableGone(
                f"There is no schema {ref.schema} at {self.session.service.label}.", hint="It may have been renamed or removed."
            )

    def list_tables(self) -> list[TableInfo]:
        """Return the tables of the chosen schema, or of all."""
        chosen = self.chosen
        if not self.fixed and not self.listed:
            kinds = {"": ""}
        elif chosen in self.fixed:
            kinds = {chosen: chosen}
        else:
            kinds = self.names(refresh=True)
            if chosen:
                if chosen not in kinds:
                    raise TableGone(f"There is no schema {chosen} at {self.session.service.label}.", hint="Choose one of its schemas.")
                kinds = {chosen: kinds[chosen]}
        manifest = self.session.manifest
        found = [
            TableInfo(TableRef(schema, name), spec.get("kind", "table"), spec.get("description", ""))
            for schema, kind in kinds.items()
            for name, spec in manifest.tables.items()
            if kind in kinds_of(manifest, name)
        ]
        return sorted(found, key=lambda item: (item.ref.schema, item.ref.name))
