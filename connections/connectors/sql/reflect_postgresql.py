"""Reading PostgreSQL's catalog: tables, columns with exact types, keys and relations, each by one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import psycopg

from connections.connectors.sql.types_postgresql import column_of
from connections.contract.errors import TableGone
from connections.contract.table import Column, ForeignKey, Table, TableInfo, TableRef

TABLES = """
SELECT n.nspname, c.relname, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1, 2"""

COLUMNS = """
SELECT c.oid, a.attnum, a.attname, a.attnotnull, t.typname, t.typtype, format_type(a.atttypid, a.atttypmod), a.atttypmod,
       coalesce(bt.typname, t.typname), coalesce(bt.typtype, t.typtype), coalesce(e.typname, ''), coalesce(e.typtype, ''),
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, a.atthasdef, a.attidentity, a.attgenerated,
       coalesce(pg_get_expr(d.adbin, d.adrelid), ''), coalesce(col_description(c.oid, a.attnum), ''),
       CASE WHEN coalesce(bt.typtype, t.typtype) = 'e'
            THEN (SELECT array_agg(enumlabel ORDER BY enumsortorder)::text[] FROM pg_enum WHERE enumtypid = coalesce(bt.oid, t.oid)) END
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type bt ON t.typtype = 'd' AND bt.oid = t.typbasetype
LEFT JOIN pg_type e ON e.oid = coalesce(bt.typelem, t.typelem) AND coalesce(bt.typcategory, t.typcategory) = 'A'
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.oid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum"""

KEYS = """
SELECT con.conrelid, con.contype, con.conname,
       ARRAY(SELECT attname::text FROM unnest(con.conkey) WITH ORDINALITY k(n, i) JOIN pg_attribute ON attrelid = con.conrelid AND attnum = n ORDER BY i),
       fn.nspname, fc.relname,
       ARRAY(SELECT attname::text FROM unnest(con.confkey) WITH ORDINALITY k(n, i) JOIN pg_attribute ON attrelid = con.confrelid AND attnum = n ORDER BY i)
FROM pg_constraint con LEFT JOIN pg_class fc ON fc.oid = con.confrelid LEFT JOIN pg_namespace fn ON fn.oid = fc.relnamespace
WHERE con.conrelid = ANY(%s) AND con.contype IN ('p', 'u', 'f') AND con.conparentid = 0 ORDER BY con.conrelid, con.contype, con.conname"""

RELATIONS = """
SELECT n.nspname, c.relname, c.oid, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(%s::text[], %s::text[])) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"""


class Reflection:
    """PostgreSQL's answers; also the few statements that sessions need."""

    BEGIN = "BEGIN READ WRITE"

    def __init__(self, browsable: str) -> None:
        self.schemas = {name.strip() for name in browsable.split(",") if name.strip()}

    def ping(self, connection: Any) -> None:
        """Raise when the connection is dead."""
        connection.execute("SELECT 1") if hasattr(connection, "execute") else connection.cursor().execute("SELECT 1")

    def is_driver_error(self, error: Exception) -> bool:
        """Claim that the error is the driver's, not ours."""
        return isinstance(error, psycopg.Error)

    def streaming_cursor(self, connection: Any) -> Any:
        """Return a cursor that keeps the rows at the server."""
        return connection.dbapi_connection.cursor(name="stream", withhold=True)

    def list_tables(self, connection: Any) -> list[TableInfo]:
        """Return what the user may read."""
        cursor = connection.cursor()
        cursor.execute(TABLES)
        kinds = {"v": "view", "m": "view"}
        return [
            TableInfo(TableRef(schema, name), kinds.get(kind, "table"), comment)
            for schema, name, kind, comment in cursor.fetchall()
            if not self.schemas or schema in self.schemas
        ]

    def describe(self, connection: Any, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables in the order asked."""
        cursor = connection.cursor()
        asked = [ref if ref.schema else TableRef("public", ref.name) for ref in refs]
        cursor.execute(RELATIONS, ([ref.schema for ref in asked], [ref.name for ref in asked]))
        found = {TableRef(schema, name): (oid, kind, comment) for schema, name, oid, kind, comment in cursor.fetchall()}
        missing = [str(ref) for ref in asked if ref not in found]
        if missing:
            raise TableGone(f"There is no table {', '.join(missing)} in the database.", hint="Check schema and table name.")
        oids = [oid for oid, _, _ in found.values()]
        columns = self._columns(cursor, oids)
        primary, unique, foreign = self._keys(cursor, oids)
        return [
            Table(
                ref=ref,
                kind="view" if found[ref][1] in "vm" else "table",
                columns=tuple(columns[found[ref][0]]),
                primary_key=primary.get(found[ref][0], ()),
                unique_keys=solid(unique[found[ref][0]], columns[found[ref][0]]),
                foreign_keys=tuple(foreign[found[ref][0]]),
                comment=found[ref][2],
            )
            for ref in asked
        ]

    def _columns(self, cursor: Any, oids: list[int]) -> dict[int, list[Column]]:
        cursor.execute(COLUMNS, (oids,))
        columns: dict[int, list[Column]] = defaultdict(list)
        for row in cursor.fetchall():
            columns[row[0]].append(column_of(row[1:]))
        return columns

    def _keys(self, cursor: Any, oids: list[int]) -> tuple[dict[int, tuple[str, ...]], Any, Any]:
        cursor.execute(KEYS, (oids,))
        primary: dict[int, tuple[str, ...]] = {}
        unique: dict[int, list[tuple[str, ...]]] = defaultdict(list)
        foreign: dict[int, list[ForeignKey]] = defaultdict(list)
        for oid, kind, name, columns, schema, table, others in cursor.fetchall():
            if kind == "p":
                primary[oid] = tuple(columns)
            elif kind == "u":
                unique[oid].append(tuple(columns))
            else:
                foreign[oid].append(ForeignKey(name, tuple(columns), schema, table, tuple(others)))
        return primary, unique, foreign


def solid(keys: Sequence[tuple[str, ...]], columns: Sequence[Column]) -> tuple[tuple[str, ...], ...]:
    """Return the unique keys whose columns can't be null."""
    nullable = {column.name for column in columns if column.is_nullable}
    return tuple(key for key in keys if not nullable & set(key))
