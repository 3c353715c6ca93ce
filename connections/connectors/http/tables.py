"""A table of a manifest as it appears in one schema: columns, key, access paths, compiled once and kept with the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connections.connectors.http.columns import ManifestColumn, compile_column
from connections.connectors.http.manifest import Manifest
from connections.connectors.http.paths import Steps, steps_of
from connections.connectors.http.templates import names_in
from connections.contract.errors import TableGone
from connections.contract.table import Deletions, ForeignKey, Table, TableRef

INHERITED = ("rows", "row", "paging", "total", "fields", "filter", "sort", "takes")
FIRST_PAGE_ONLY = "Page two can't be found: the service's paging is unknown, so only the first page is read."


@dataclass(frozen=True, slots=True)
class Access:
    """One access path."""

    spec: Mapping[str, Any]  # the declaration with the defaults filled in
    needs: tuple[str, ...]  # names of columns or properties that must have a value
    takes: tuple[str, ...]  # columns that are sent where they have a value
    is_single: bool
    rows: Steps
    is_map: bool
    may_lack: bool  # the rows: an object without them has none
    row: Steps
    filters: Mapping[str, Any]  # column -> filter

    @property
    def path(self) -> str:
        """Return the template of the address."""
        return str(self.spec["path"])

    @property
    def paging(self) -> Mapping[str, Any]:
        """Return the paging declaration."""
        return {"type": "none"} if self.is_single else self.spec.get("paging") or {"type": "none"}


@dataclass(frozen=True)
class ManifestTable:
    """A table in one schema or kind of schemas."""

    name: str
    kind: str  # the fixed schema or listed kind that it appears in; '' = the manifest has no schemas
    spec: Mapping[str, Any]
    columns: Mapping[str, ManifestColumn]
    key: tuple[str, ...]
    accesses: tuple[Access, ...]
    bound: str  # column whose value is the schema's name
    defaults: Mapping[str, str]
    partial: str

    def contract(self, ref: TableRef) -> Table:
        """Return the table as the contract has it."""
        hidden = set(self.hides)
        shown = [column for name, column in self.columns.items() if name not in hidden]
        write = self.spec.get("write") or {}
        return Table(
            ref=ref,
            kind=self.spec.get("kind", "table"),
            columns=tuple(replace(item.column, is_demanded=item.name in self.demanded) for item in shown),
            primary_key=self.key,
            unique_keys=tuple(tuple(keys) for keys in self.spec.get("unique", ()) if not hidden & set(keys)),
            foreign_keys=tuple(self._foreign_keys(ref, hidden)),
            comment=self.place.get("description") or self.spec.get("description", ""),
            writes=frozenset(write),
            check_column=self.spec.get("check_column", ""),
            deletions=self.deletions(ref),
            partial=self.partial,
        )

    def deletions(self, ref: TableRef) -> Deletions | None:
        """Return where the service tells what was deleted."""
        spec = self.spec.get("deleted")
        if not spec:
            return None
        there = TableRef(spec.get("schema", ref.schema), spec["table"])
        return Deletions(there, tuple(spec["key"].items()), spec["moment"], tuple(spec.get("where", {}).items()), spec.get("days", 0))

    @property
    def place(self) -> Mapping[str, Any]:
        """Return what the manifest says of the table in this schema."""
        found: Mapping[str, Any] = (self.spec.get("in") or {}).get(self.kind) or {}
        return found

    @property
    def hides(self) -> tuple[str, ...]:
        """Return the columns that aren't shown here."""
        return tuple(self.place.get("hides", ()))

    @property
    def demanded(self) -> frozenset[str]:
        """Return the columns without whose value no access path can be used."""
        wanting = []
        for access in self.accesses:
            bound = {*(access.spec.get("parent") or {}).get("binds", {}), self.bound, *self.defaults}
            wanting.append({name for name in access.needs if name in self.columns and name not in bound and not self.columns[name].default})
        return frozenset(set.intersection(*wanting)) if wanting else frozenset()

    def _foreign_keys(self, ref: TableRef, hidden: set[str]) -> list[ForeignKey]:
        found = []
        for item in self.spec.get("foreign_keys", ()):
            if not hidden & set(item["columns"]):
                name = f"{self.name}_{'_'.join(item['columns'])}"
                schema = item.get("schema", ref.schema)
                found.append(ForeignKey(name, tuple(item["columns"]), schema, item["table"], tuple(item["target"])))
        return found


def table_of(manifest: Manifest, name: str, kind: str) -> ManifestTable:
    """Return a table, compiled; raise TableGone when the manifest has none of that name there."""
    found = manifest.compiled.get((name, kind))
    if found is None:
        if name not in manifest.tables or kind not in kinds_of(manifest, name):
            raise TableGone(f"There is no table {name} in {kind or manifest.label}.", hint="Refresh the list of tables.")
        found = manifest.compiled[name, kind] = compiled(manifest, name, kind)
    table: ManifestTable = found
    return table


def kinds_of(manifest: Manifest, name: str) -> tuple[str, ...]:
    """Return the schemas or kinds of schemas in which a table appears."""
    given = manifest.tables[name].get("in")
    if given:
        return tuple(given)
    return tuple(manifest.part("schemas").get("fixed", ())) or ("",)


def compiled(manifest: Manifest, name: str, kind: str) -> ManifestTable:
    """Return a table made ready."""
    spec = manifest.tables[name]
    place = (spec.get("in") or {}).get(kind) or {}
    key = tuple(place.get("key", spec.get("key", ())))
    shapes = spec["columns"]
    columns = {
        column: compile_column(name, column, given, ordinal, is_key=column in key, shapes=shapes)
        for ordinal, (column, given) in enumerate(shapes.items())
        if isinstance(given, str) or "in" not in given or kind in given["in"]
    }
    defaults = manifest.part("defaults")
    accesses = tuple(access_of(read, defaults, columns) for read in spec["read"] if "in" not in read or kind in read["in"])
    lists = [access for access in accesses if not access.is_single]
    unknown = lists and lists[0].paging["type"] == "unknown"
    partial = spec.get("partial") or (lists[0].paging.get("reason") or FIRST_PAGE_ONLY if unknown else "")
    listed = manifest.part("schemas").get("listed", {}).get(kind)
    bound = listed["binds"] if listed else ""
    return ManifestTable(name, kind, spec, columns, key, accesses, bound, place.get("defaults", {}), partial)


def access_of(read: Mapping[str, Any], defaults: Mapping[str, Any], columns: Mapping[str, ManifestColumn]) -> Access:
    """Return an access path made ready."""
    spec = {**{name: defaults[name] for name in INHERITED if name in defaults}, **read}
    spec["params"] = {name: value for name, value in {**defaults.get("params", {}), **read.get("params", {})}.items() if value is not None}
    headers = {**defaults.get("headers", {}), **read.get("headers", {})}
    spec["headers"] = {name: value for name, value in headers.items() if value is not None}
    is_single = bool(read.get("single"))
    if is_single and "fields" not in read:
        spec.pop("fields", None)  # the default names the fields of rows in a list
    rows = spec.get("rows")
    is_map = isinstance(rows, dict) and rows.get("of") == "map"
    needs = (*names_in(spec["path"]), *(name for name in read.get("needs", ())))
    given = read.get("filters")
    if isinstance(given, dict):
        filters = given
    else:
        names = given if given is not None else [] if is_single else list(columns)
        filters = {name: columns[name].filter for name in names if name in columns and columns[name].filter}
    return Access(
        spec=spec,
        needs=tuple(dict.fromkeys(needs)),
        takes=tuple(name for name in spec.get("takes", ()) if name in columns and name not in needs),
        is_single=is_single,
        rows=steps_of(rows["path"] if isinstance(rows, dict) else rows),
        is_map=is_map,
        may_lack=isinstance(rows, dict) and bool(rows.get("may_lack")),
        row=steps_of(spec.get("row")),
        filters=filters,
    )
