"""What a database's own catalog tells: tables, columns with types, keys and relations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connections.connectors.dbapi.columns import column_of
from connections.connectors.dbapi.printing import Printer, Statement
from connections.contract.errors import TableGone
from connections.contract.table import KEY_TYPES, Column, ForeignKey, Table, TableInfo, TableRef

# Tables that one query of the catalog is asked for: each may cost a scan of the whole catalog, and SQL Server takes 2,100 values,
# four a table.
MOST_REFS = 500
# Schemas that a name without one is looked for in first.
USUAL = frozenset({"main", "dbo", "public", "default"})

Fetch = Callable[..., list[Sequence[Any]]]


class Describing:
    """Asks the catalog of one connection."""

    def __init__(self, database: Any, printer: Printer, values: Mapping[str, Any]) -> None:
        self._database, self._printer, self._values = database, printer, values
        names = (values.get("BrowsableSchemas") or "").split(",")
        self._schemas = {name.strip() for name in names if name.strip()}
        self._own = {name.lower() for name in database.own_schemas(values)}
        self._kinds: dict[TableRef, TableInfo] = {}

    def list_tables(self, fetch: Fetch) -> list[TableInfo]:
        """Return every table and view, sorted."""
        lines = fetch(self.text(self._database.catalog.tables))
        found = [TableInfo(TableRef(schema or "", name), kind_of(kind), comment or "") for schema, name, kind, comment in lines]
        self._kinds = {info.ref: info for info in found}
        return sorted(filter(self._is_shown, found), key=lambda info: (info.ref.schema, info.ref.name))

    def _is_shown(self, info: TableInfo) -> bool:
        if self._own and info.ref.schema.lower() not in self._own:
            return False
        return not self._schemas or info.ref.schema in self._schemas

    def describe(self, fetch: Fetch, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables in the order asked."""
        if any(ref not in self._kinds for ref in refs):
            self.list_tables(fetch)
        refs = [self.whole(ref) for ref in refs]
        tables: dict[TableRef, Table] = {}
        for first in range(0, len(refs), MOST_REFS):
            some = refs[first : first + MOST_REFS]
            columns = self._columns(fetch, some)
            keys: dict[TableRef, list[Sequence[Any]]] = defaultdict(list)
            for line in self._database.key_lines(fetch, some, self):
                keys[TableRef(line[0] or "", line[1])].append(line[2:])
            tables |= {ref: self._table(ref, columns.get(ref, []), keys[ref]) for ref in some}
        return [tables[ref] for ref in refs]

    def whole(self, ref: TableRef) -> TableRef:
        """Return the table that a name without schema means: the one of the usual schema, or the only one of the name."""
        if ref.schema or ref in self._kinds:
            return ref
        found = [known for known in self._kinds if known.name == ref.name]
        usual = [known for known in found if known.schema.lower() in USUAL]
        if len(usual or found) > 1:
            raise TableGone(f"There are several tables {ref} in the database.", hint="Name the table's schema.")
        return next(iter(usual or found), ref)

    def named(self, ref: TableRef) -> str:
        """Return a table's whole name as SQL."""
        return self._printer.named(ref)

    def named_schema(self, schema: str) -> str:
        """Return a schema's whole name as SQL."""
        return self.text("{catalog}") + self._printer.quote(schema)

    def text(self, template: str, **more: str) -> str:
        """Return a query of the catalog, of this database's."""
        catalog = self._printer.quote(self._printer.catalog) + "." if self._printer.catalog else ""
        return template.format(catalog=catalog, **self._database.places(self._values, self._printer.quote), **more)

    def asked(self, template: str, refs: Sequence[TableRef], schema: str, table: str) -> tuple[str, list[Any]]:
        """Return a query of the catalog about these tables, and its values."""
        made = Statement()
        conditions = [f"({schema} = {made.mark(ref.schema)} AND {table} = {made.mark(ref.name)})" for ref in refs]
        return self.text(template, refs=conditions[0] if len(conditions) == 1 else f"({' OR '.join(conditions)})"), made.values

    def _columns(self, fetch: Fetch, refs: Sequence[TableRef]) -> dict[TableRef, list[Column]]:
        catalog = self._database.catalog
        found: dict[TableRef, list[Column]] = defaultdict(list)
        for schema, table, *line in fetch(*self.asked(catalog.columns, refs, catalog.schema, catalog.table)):
            known = found[TableRef(schema or "", table)]
            known.append(column_of(self._database.rules, line, len(known) + 1))
        return found

    def _table(self, ref: TableRef, columns: Sequence[Column], keys: Sequence[Sequence[Any]]) -> Table:
        if not columns or ref not in self._kinds:
            raise TableGone(f"There is no table {ref} in the database.", hint="Check schema and table name.")
        info = self._kinds[ref]
        by_name = {column.name: column for column in columns}
        grouped: dict[tuple[str, str], list[Sequence[Any]]] = defaultdict(list)
        for kind, name, *line in keys:
            grouped[(kind, name)].append(line)
        primary = next((tuple(line[0] for line in lines) for (kind, _), lines in grouped.items() if kind == "p"), ())
        primary = primary if all(name in by_name and by_name[name].type in KEY_TYPES for name in primary) else ()
        solid = tuple(replace(column, is_nullable=False) if column.name in primary else column for column in columns)
        return Table(
            ref=ref,
            kind=info.kind,
            columns=solid,
            primary_key=primary,
            unique_keys=tuple(key for key in unique(grouped) if self._database.rules.keys_hold and holds(key, solid)),
            foreign_keys=tuple(foreign(name, lines) for (kind, name), lines in grouped.items() if kind == "f"),
            comment=info.comment,
            writes=self._database.rules.writes if info.kind == "table" else frozenset(),
        )


def kind_of(kind: Any) -> str:
    """Return table or view of the catalog's word."""
    return "view" if "view" in str(kind).lower() else "table"


def unique(grouped: Mapping[tuple[str, str], list[Sequence[Any]]]) -> list[tuple[str, ...]]:
    """Return the columns of each unique constraint."""
    return [tuple(line[0] for line in lines) for (kind, _), lines in grouped.items() if kind == "u"]


def holds(key: Sequence[str], columns: Sequence[Column]) -> bool:
    """Claim that the key's columns are there and never null."""
    solid = {column.name for column in columns if not column.is_nullable}
    return set(key) <= solid


def foreign(name: str, lines: Sequence[Sequence[Any]]) -> ForeignKey:
    """Return a relation."""
    schema, table = lines[0][1] or "", lines[0][2]
    return ForeignKey(name, tuple(line[0] for line in lines), schema, table, tuple(line[3] for line in lines))
