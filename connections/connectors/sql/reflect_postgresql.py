"""Reading PostgreSQL's catalog: tables, columns with exact types, keys and relations, each by one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from connections.connectors.sql.check_lists import lists_of, with_lists
from connections.connectors.sql.copying_postgresql import copied
from connections.connectors.sql.direct_postgresql import DirectCursor, Statements
from connections.connectors.sql.stream_postgresql import StreamCursor
from connections.connectors.sql.types_postgresql import column_of
from connections.contract.errors import TableGone
from connections.contract.table import Column, ForeignKey, Table, TableInfo, TableRef

TABLES = """
SELECT n.nspname, c.relname, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
ORDER BY 1, 2"""

# A domain stands for the type at the end of its chain, with that one's modifier.
COLUMNS = """
WITH RECURSIVE chain (domain, type, modifier) AS (
  SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT chain.domain, t.typbasetype, t.typtypmod FROM chain JOIN pg_type t ON t.oid = chain.type WHERE t.typtype = 'd')
SELECT c.oid, a.attnum, a.attname, a.attnotnull, format_type(t.oid, m.modifier), m.modifier, t.typname,
       CASE WHEN t.typcategory = 'A' THEN e.typname ELSE '' END, a.atthasdef, a.attidentity, a.attgenerated,
       coalesce(col_description(c.oid, a.attnum), ''),
       CASE WHEN t.typtype = 'e' THEN (SELECT array_agg(enumlabel ORDER BY enumsortorder)::text[] FROM pg_enum WHERE enumtypid = t.oid) END
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN (SELECT chain.* FROM chain JOIN pg_type t ON t.oid = chain.type AND t.typtype <> 'd') d ON d.domain = a.atttypid
CROSS JOIN LATERAL (SELECT CASE WHEN d.type IS NULL THEN a.atttypmod ELSE d.modifier END AS modifier) m
JOIN pg_type t ON t.oid = coalesce(d.type, a.atttypid)
LEFT JOIN pg_type e ON e.oid = t.typelem
WHERE c.oid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY c.oid, a.attnum"""

NAMES = """ARRAY(SELECT attname::text FROM unnest({0}) WITH ORDINALITY k(n, i)
              JOIN pg_attribute ON attrelid = {1} AND attnum = n ORDER BY i)"""

# Unique indexes without a constraint are keys too; those over expressions or part of the rows are not.
KEYS = f"""
SELECT i.indrelid, CASE WHEN i.indisprimary THEN 'p' ELSE 'u' END, c.relname::text,
       {NAMES.format("(i.indkey::int2[])[0:i.indnkeyatts - 1]", "i.indrelid")}, '', '', ARRAY[]::text[]
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY(%s) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
UNION ALL
SELECT f.conrelid, 'f', f.conname::text, {NAMES.format("f.conkey", "f.conrelid")},
       n.nspname::text, t.relname::text, {NAMES.format("f.confkey", "f.confrelid")}
FROM pg_constraint f JOIN pg_class t ON t.oid = f.confrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE f.conrelid = ANY(%s) AND f.contype = 'f' AND f.conparentid = 0
ORDER BY 1, 2, 3"""  # noqa: S608 made of constants

CHECKS = """
SELECT conrelid, pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conrelid = ANY(%s) AND contype = 'c' AND convalidated
ORDER BY conrelid, conname"""

RELATIONS = """
SELECT n.nspname, c.relname, c.oid, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(%s::text[], %s::text[])) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"""

# A result has base types already where columns are domains.
RESULT = """
SELECT r.number, format_type(t.oid, r.modifier), r.modifier, t.typname, CASE WHEN t.typcategory = 'A' THEN e.typname ELSE '' END,
       CASE WHEN t.typtype = 'e' THEN (SELECT array_agg(enumlabel ORDER BY enumsortorder)::text[] FROM pg_enum WHERE enumtypid = t.oid) END
FROM unnest(%s::oid[], %s::int[]) WITH ORDINALITY r(type, modifier, number)
JOIN pg_type t ON t.oid = r.type LEFT JOIN pg_type e ON e.oid = t.typelem
ORDER BY 1"""

VIEWS = ("v", "m")


class Reflection:
    """PostgreSQL's answers; also the few statements that sessions need."""

    BEGIN = "BEGIN READ WRITE"

    def __init__(self, browsable: str) -> None:
        self.schemas = {name.strip() for name in browsable.split(",") if name.strip()}

    def ping(self, connection: Any) -> None:
        """Raise when the connection is dead."""
        connection.cursor().execute("SELECT 1")

    def is_current(self, connection: Any) -> bool:
        """Claim that the connection belongs to the source: a server's does."""
        return True

    def is_driver_error(self, error: BaseException) -> bool:
        """Claim that the error is the driver's, not ours."""
        return isinstance(error, psycopg.Error)

    def start_read(self, connection: Any) -> Any:
        """Return a cursor for a statement whose rows are read at once."""
        return DirectCursor(statements_of(connection))

    def start_stream(self, connection: Any, size: int) -> Any:
        """Return a cursor that takes the rows as they come."""
        return StreamCursor(statements_of(connection), size)

    def end_stream(self, connection: Any, cursor: Any, *, is_complete: bool) -> bool:
        """End the cursor; what is still under way is cancelled."""
        cursor.close()
        return True

    def copy_out(self, connection: Any, sql: str, binds: Sequence[Any]) -> Iterator[tuple[int, bytes]]:
        """Give the rows of a statement in PostgreSQL's own form, block by block with their number."""
        return copied(statements_of(connection), sql, binds)

    def cancel(self, driver: Any, connect: Callable[[], Any]) -> None:
        """Stop the statement that another thread runs."""
        driver.cancel()

    def list_tables(self, connection: Any) -> list[TableInfo]:
        """Return what the user may read."""
        cursor = connection.cursor()
        cursor.execute(TABLES)
        return [
            TableInfo(TableRef(schema, name), "view" if kind in VIEWS else "table", comment)
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
        keys = self._keys(cursor, oids)
        return [table_of(ref, *found[ref][1:], columns[found[ref][0]], keys[found[ref][0]]) for ref in asked]

    def describe_select(self, connection: Any, sql: str) -> tuple[Column, ...]:
        """Return the columns of a checked SELECT by the types and modifiers of its result."""
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM ({sql}) AS q LIMIT 0")  # noqa: S608 checked
        result = cursor.pgresult
        names = [item.name for item in cursor.description or ()]
        places = range(len(names))
        cursor.execute(RESULT, ([result.ftype(place) for place in places], [result.fmod(place) for place in places]))
        return tuple(
            column_of(number, names[number - 1], False, formatted, modifier, native, item or "", False, "", "", "", labels)
            for number, formatted, modifier, native, item, labels in cursor.fetchall()
        )

    def _columns(self, cursor: Any, oids: list[int]) -> dict[int, list[Column]]:
        cursor.execute(COLUMNS, (oids,))
        columns: dict[int, list[Column]] = defaultdict(list)
        for row in cursor.fetchall():
            columns[row[0]].append(column_of(*row[1:]))
        cursor.execute(CHECKS, (oids,))
        checks: dict[int, list[str]] = defaultdict(list)
        for oid, clause in cursor.fetchall():
            checks[oid].append(clause)
        for oid, clauses in checks.items():
            columns[oid] = with_lists(columns[oid], lists_of(clauses, "postgres"))
        return columns

    def _keys(self, cursor: Any, oids: list[int]) -> dict[int, list[tuple[Any, ...]]]:
        cursor.execute(KEYS, (oids, oids))
        keys: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for row in cursor.fetchall():
            keys[row[0]].append(row[1:])
        return keys


def table_of(ref: TableRef, kind: str, comment: str, columns: Sequence[Column], keys: Sequence[tuple[Any, ...]]) -> Table:
    """Return the table put together; a key over a column that the user can't read, or that may be null, is none."""
    readable = {column.name for column in columns}
    solid = {column.name for column in columns if not column.is_nullable}
    return Table(
        ref=ref,
        kind="view" if kind in VIEWS else "table",
        columns=tuple(columns),
        primary_key=next((tuple(key[2]) for key in keys if key[0] == "p" and readable.issuperset(key[2])), ()),
        unique_keys=tuple(tuple(key[2]) for key in keys if key[0] == "u" and solid.issuperset(key[2])),
        foreign_keys=tuple(
            ForeignKey(name, tuple(own), schema, table, tuple(others))
            for word, name, own, schema, table, others in keys
            if word == "f" and readable.issuperset(own)
        ),
        comment=comment,
    )


def statements_of(connection: Any) -> Statements:
    """Return what the pooled connection knows of its statements."""
    if connection.memory is None:
        connection.memory = Statements(connection.dbapi_connection)
    found: Statements = connection.memory
    return found
