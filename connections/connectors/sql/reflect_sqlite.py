"""Reading SQLite's schema by its table-valued pragmas; types from declared names (sqlite.org/datatype3.html)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from connections.contract.errors import TableGone
from connections.contract.table import Column, ForeignKey, Table, TableInfo, TableRef, Type

DECLARED: dict[str, Type] = {
    "BOOLEAN": Type.BOOLEAN,
    "BOOL": Type.BOOLEAN,
    "SMALLINT": Type.INT16,
    "INT2": Type.INT16,
    "DECIMAL": Type.DECIMAL,
    "NUMERIC": Type.DECIMAL,
    "NUMBER": Type.DECIMAL,
    "MONEY": Type.DECIMAL,
    "UUID": Type.GUID,
    "GUID": Type.GUID,
    "UNIQUEIDENTIFIER": Type.GUID,
    "DATE": Type.DATE,
    "TIME": Type.TIME,
    "DATETIME": Type.TIMESTAMP,
    "TIMESTAMP": Type.TIMESTAMP,
    "TIMESTAMPTZ": Type.TIMESTAMP,
}
# Rules 1 to 4 of SQLite's affinity, by what the declared name contains.
AFFINITIES = (
    (("INT",), Type.INT64),
    (("CHAR", "CLOB", "TEXT", "JSON", "ENUM"), Type.STRING),
    (("BLOB",), Type.BINARY),
    (("REAL", "FLOA", "DOUB"), Type.DOUBLE),
)
DECLARATION = re.compile(r"\s*([A-Za-z][A-Za-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$")


class Reflection:
    """SQLite's answers; also the few statements that sessions need."""

    BEGIN = "BEGIN IMMEDIATE"

    def ping(self, connection: Any) -> None:
        """A file does not hang up."""

    def is_driver_error(self, error: Exception) -> bool:
        """Claim that the error is the driver's, not ours."""
        return isinstance(error, sqlite3.Error)

    def streaming_cursor(self, connection: Any) -> Any:
        """Return a cursor: SQLite's always stream."""
        return connection.cursor()

    def list_tables(self, connection: Any) -> list[TableInfo]:
        """Return all tables and views."""
        rows = connection.cursor().execute(
            "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        return [TableInfo(TableRef("", name), kind) for name, kind in sorted(rows.fetchall())]

    def describe(self, connection: Any, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables in the order asked."""
        return [self._table(connection.cursor(), ref) for ref in refs]

    def _table(self, cursor: Any, ref: TableRef) -> Table:
        found = cursor.execute("SELECT type, sql FROM sqlite_schema WHERE name = ? AND type IN ('table', 'view')", (ref.name,)).fetchone()
        if found is None:
            raise TableGone(f"There is no table {ref.name} in the database.", hint="Check the table's name.")
        rows = cursor.execute(
            'SELECT cid, name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid', (ref.name,)
        ).fetchall()
        primary = tuple(name for _, name in sorted((row[5], row[1]) for row in rows if row[5]))
        columns = tuple(column_of(row, primary) for row in rows if row[6] != 1)
        return Table(
            ref=TableRef("", ref.name),
            kind=found[0],
            columns=columns,
            primary_key=primary,
            unique_keys=self._unique(cursor, ref.name, columns),
            foreign_keys=self._foreign(cursor, ref.name),
        )

    def _unique(self, cursor: Any, table: str, columns: Sequence[Column]) -> tuple[tuple[str, ...], ...]:
        solid = {column.name for column in columns if not column.is_nullable}
        names = cursor.execute(
            "SELECT name FROM pragma_index_list(?) WHERE \"unique\" AND origin <> 'pk' AND NOT partial ORDER BY name", (table,)
        ).fetchall()
        keys = []
        for (name,) in names:
            key = tuple(row[0] for row in cursor.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (name,)).fetchall())
            if set(key) <= solid:
                keys.append(key)
        return tuple(keys)

    def _foreign(self, cursor: Any, table: str) -> tuple[ForeignKey, ...]:
        rows = cursor.execute(
            'SELECT id, seq, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq', (table,)
        ).fetchall()
        grouped: dict[int, list[Any]] = {}
        for row in rows:
            grouped.setdefault(row[0], []).append(row)
        return tuple(self._foreign_key(cursor, table, group) for group in grouped.values())

    def _foreign_key(self, cursor: Any, table: str, group: list[Any]) -> ForeignKey:
        target = group[0][2]
        others = [row[4] for row in group]
        if None in others:  # `REFERENCES t` alone means t's primary key
            others = [
                row[0] for row in cursor.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (target,)).fetchall()
            ]
        return ForeignKey(f"fk_{table}_{group[0][0]}", tuple(row[3] for row in group), "", target, tuple(others))


def column_of(row: Sequence[Any], primary: tuple[str, ...]) -> Column:
    """Return the column of one pragma row."""
    number, name, declared, is_not_null, default, _, hidden = row
    kind, length, precision, scale = type_of(declared)
    is_rowid = primary == (name,) and declared.strip().upper() == "INTEGER"
    return Column(
        name=name,
        type=kind,
        is_nullable=not (is_not_null or is_rowid),
        max_length=length,
        precision=precision,
        scale=scale,
        is_json="JSON" in declared.upper(),
        is_generated=hidden in (2, 3),
        has_default=default is not None or is_rowid,
        native_type=declared,
        ordinal=number,
    )


def type_of(declared: str) -> tuple[Type, int | None, int | None, int | None]:
    """Return type, max length, precision and scale of a declared type."""
    match = DECLARATION.match(declared)
    words, first, second = (match[1].upper(), match[2], match[3]) if match else (declared.upper(), None, None)
    kind = DECLARED.get(words.split(" ")[0])
    if kind is None:
        kind = next(
            (found for parts, found in AFFINITIES if any(part in words for part in parts)), Type.STRING if not words else Type.DECIMAL
        )
    if kind == Type.DECIMAL:
        return kind, None, int(first) if first else None, (int(second) if second else 0) if first else None
    if kind == Type.STRING:
        return kind, int(first) if first else None, None, None
    return kind, None, 6 if kind in (Type.TIME, Type.TIMESTAMP) else None, None
