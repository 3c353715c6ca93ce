"""The columns of a SELECT in SQLite: declared types where a column is a plain reference, otherwise what its first rows hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quote

from connections.connectors.sql.types_sqlite import column_of
from connections.connectors.sql.values import quoted
from connections.contract.table import Column, Type

SAMPLE = 1000  # rows
SECONDS = 2  # that the first rows of a view may take
# What SQLite itself calls a computed column, by version; a column may be declared so too, which its rows then tell the same of.
UNDECLARED = frozenset({"", "ANY", "BLOB", "NUM"})
SAMPLED: dict[frozenset[str], Type] = {
    frozenset({"integer"}): Type.INT64,
    frozenset({"real"}): Type.DOUBLE,
    frozenset({"integer", "real"}): Type.DOUBLE,
    frozenset({"blob"}): Type.BINARY,
}


def describe_select(connection: Any, sql: str) -> tuple[Column, ...]:
    """Return the columns of a checked SELECT."""
    rows = declared(connection.dbapi_connection.path, sql)
    found = sampled(connection.cursor(), sql, [row[1] for row in rows])
    return tuple(typed(column_of(row, (), has_rowid=False), kinds) for row, kinds in zip(rows, found, strict=True))


def declared(path: Path, sql: str) -> list[Sequence[Any]]:
    """Return the pragma's rows of a view over the SELECT, made beside the file and gone with the handle."""
    with closing(sqlite3.connect(f"file:{url_quote(str(path.resolve()))}?mode=ro", uri=True)) as beside:
        beside.execute(f"CREATE TEMP VIEW q AS {sql}")
        rows = beside.execute("SELECT cid, name, type, 0, NULL, 0, 0 FROM temp.pragma_table_info('q') ORDER BY cid")
        return rows.fetchall()


def sampled(cursor: Any, sql: str, names: Sequence[str]) -> list[frozenset[str]]:
    """Return the storage classes that the first rows hold, column by column, null aside."""
    listed = ", ".join(f"group_concat(DISTINCT nullif(typeof({quoted(chr(34), name)}), 'null'))" for name in names)
    row = cursor.execute(f"SELECT {listed} FROM (SELECT * FROM ({sql}) LIMIT {SAMPLE})").fetchone()  # noqa: S608 checked
    return [frozenset((kinds or "").split(",")) - {""} for kinds in row]


def view_columns(cursor: Any, name: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns of a view, what it computes with the type of its rows; a view that is slow or broken keeps its own words."""
    if not any(column.native_type.upper() in UNDECLARED for column in columns):
        return columns
    connection = cursor.connection
    usual, connection.seconds = connection.seconds, min(connection.seconds, SECONDS)
    try:
        kinds = sampled(cursor, f"SELECT * FROM {quoted(chr(34), name)}", [column.name for column in columns])  # noqa: S608 quoted
    except sqlite3.OperationalError:
        return columns
    finally:
        connection.seconds = usual
    return tuple(typed(column, found) for column, found in zip(columns, kinds, strict=True))


def typed(column: Column, kinds: frozenset[str]) -> Column:
    """Return the column with the type of its rows where nothing is declared."""
    if column.native_type.upper() not in UNDECLARED:
        return column
    return replace(column, type=SAMPLED.get(kinds, Type.STRING), precision=None, scale=None, native_type="")
