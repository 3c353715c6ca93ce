"""Reading SQLite's schema by its table-valued pragmas."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from connections.connectors.sql.check_lists import of_definition, with_lists
from connections.connectors.sql.select_sqlite import describe_select, view_columns
from connections.connectors.sql.types_sqlite import column_of
from connections.contract.errors import TableGone
from connections.contract.table import Column, ForeignKey, Table, TableInfo, TableRef


def identity_of(path: Path) -> tuple[int, int]:
    """Return what tells a file from another one of its name; (0, 0) when it is gone."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return found.st_dev, found.st_ino


class Reflection:
    """SQLite's answers; also the few statements that sessions need."""

    BEGIN = "BEGIN IMMEDIATE"

    def ping(self, connection: Any) -> None:
        """Do nothing: a file does not hang up."""

    def is_current(self, connection: Any) -> bool:
        """Claim that the file is still the one that was opened: a restored backup takes its place under the same name."""
        opened = connection.dbapi_connection
        return bool(identity_of(opened.path) == opened.identity)

    def is_driver_error(self, error: BaseException) -> bool:
        """Claim that the error is the driver's, not ours."""
        return isinstance(error, sqlite3.Error)

    def start_read(self, connection: Any) -> Any:
        """Return a cursor for a statement whose rows are read at once."""
        return connection.cursor()

    def start_stream(self, connection: Any, size: int) -> Any:
        """Return a cursor: SQLite's always stream."""
        return connection.cursor()

    def end_stream(self, connection: Any, cursor: Any, *, is_complete: bool) -> bool:
        """End the cursor."""
        cursor.close()
        return True

    def cancel(self, driver: Any, connect: Callable[[], Any]) -> None:
        """Stop the statement that another thread runs."""
        driver.interrupt()

    def list_tables(self, connection: Any) -> list[TableInfo]:
        """Return all tables and views; the inner tables of full-text indexes and the like are none."""
        rows = connection.cursor().execute(
            "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        return [TableInfo(TableRef("", name), "view" if kind == "view" else "table") for name, kind in sorted(rows.fetchall())]

    def describe(self, connection: Any, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables in the order asked."""
        return [self._table(connection.cursor(), ref) for ref in refs]

    def describe_select(self, connection: Any, sql: str) -> tuple[Column, ...]:
        """Return the columns of a checked SELECT."""
        return describe_select(connection, sql)

    def _table(self, cursor: Any, ref: TableRef) -> Table:
        found = cursor.execute("SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?", (ref.name,)).fetchone()
        if found is None:
            raise TableGone(f"There is no table {ref.name} in the database.", hint="Check the table's name.")
        rows = cursor.execute(
            'SELECT cid, name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid', (ref.name,)
        ).fetchall()
        primary = tuple(name for _, name in sorted((row[5], row[1]) for row in rows if row[5]))
        columns = tuple(column_of(row, primary, has_rowid=not found[1]) for row in rows if row[6] != 1)
        if found[0] == "view":
            columns = view_columns(cursor, ref.name, columns)
        else:
            columns = tuple(with_lists(columns, self._lists(cursor, ref.name)))
        return Table(
            ref=TableRef("", ref.name),
            kind="view" if found[0] == "view" else "table",
            columns=columns,
            primary_key=primary,
            unique_keys=self._unique(cursor, ref.name, columns),
            foreign_keys=self._foreign(cursor, ref.name, columns),
        )

    def _lists(self, cursor: Any, table: str) -> dict[str, tuple[str, ...]]:
        """Return the values that checks allow; none where texts may be equal that are not the same."""
        (sql,) = cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone() or ("",)
        return {} if "nocase" in (sql or "").lower() else of_definition(sql or "", "sqlite")

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

    def _foreign(self, cursor: Any, table: str, columns: Sequence[Column]) -> tuple[ForeignKey, ...]:
        rows = cursor.execute(
            'SELECT id, seq, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq', (table,)
        ).fetchall()
        grouped: dict[int, list[Any]] = {}
        for row in rows:
            grouped.setdefault(row[0], []).append(row)
        own = {column.name.lower(): column.name for column in columns}
        keys = (self._foreign_key(cursor, f"fk_{table}_{number}", group, own) for number, group in grouped.items())
        return tuple(key for key in keys if key is not None)

    def _foreign_key(self, cursor: Any, name: str, group: list[Any], own: dict[str, str]) -> ForeignKey | None:
        """Return the key in the spelling of the tables (names ignore case); None when it points nowhere."""
        target = cursor.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND lower(name) = lower(?)", (group[0][2],)
        ).fetchone()
        if target is None:
            return None
        there = cursor.execute("SELECT name, pk FROM pragma_table_info(?) ORDER BY pk", target).fetchall()
        names = {column.lower(): column for column, _ in there}
        primary = [column for column, place in there if place]
        # `REFERENCES t` alone means t's primary key.
        others = primary if group[0][4] is None else [names.get(row[4].lower(), "") for row in group]
        if len(others) != len(group) or "" in others:
            return None
        return ForeignKey(name, tuple(own[row[3].lower()] for row in group), "", target[0], tuple(others))
