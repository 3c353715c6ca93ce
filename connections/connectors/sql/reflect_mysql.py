"""Reading the information schema of MySQL and MariaDB: tables, columns with exact types, keys and relations."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pymysql

from connections.contract.errors import TableGone
from connections.contract.table import Column, ForeignKey, Table, TableInfo, TableRef, Type

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")

TABLES = """
SELECT table_schema, table_name, table_type, table_comment FROM information_schema.tables
WHERE table_schema = coalesce(database(), table_schema) AND table_schema NOT IN %s ORDER BY 1, 2"""

COLUMNS = """
SELECT table_schema, table_name, ordinal_position, column_name, data_type, column_type, is_nullable, character_maximum_length,
       numeric_precision, numeric_scale, datetime_precision, column_default, extra, column_comment
FROM information_schema.columns WHERE (table_schema, table_name) IN %s ORDER BY 1, 2, 3"""

KEYS = """
SELECT table_schema, table_name, index_name, column_name FROM information_schema.statistics
WHERE (table_schema, table_name) IN %s AND non_unique = 0 AND sub_part IS NULL ORDER BY 1, 2, 3, seq_in_index"""

FOREIGN = """
SELECT table_schema, table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE (table_schema, table_name) IN %s AND referenced_table_name IS NOT NULL ORDER BY 1, 2, 3, ordinal_position"""

TYPES: dict[str, Type] = {
    "tinyint": Type.SBYTE,
    "smallint": Type.INT16,
    "mediumint": Type.INT32,
    "int": Type.INT32,
    "bigint": Type.INT64,
    "year": Type.INT16,
    "decimal": Type.DECIMAL,
    "float": Type.SINGLE,
    "double": Type.DOUBLE,
    "uuid": Type.GUID,
    "date": Type.DATE,
    "time": Type.TIME,
    "datetime": Type.TIMESTAMP,
    "timestamp": Type.TIMESTAMP,
    "binary": Type.BINARY,
    "varbinary": Type.BINARY,
    "tinyblob": Type.BINARY,
    "blob": Type.BINARY,
    "mediumblob": Type.BINARY,
    "longblob": Type.BINARY,
}
# Without a sign the next wider type holds every value.
UNSIGNED: dict[str, Type] = {
    "tinyint": Type.BYTE,
    "smallint": Type.INT32,
    "mediumint": Type.INT32,
    "int": Type.INT64,
    "bigint": Type.DECIMAL,
}


class Reflection:
    """MySQL's answers; also the few statements that sessions need."""

    BEGIN = "START TRANSACTION READ WRITE"

    def ping(self, connection: Any) -> None:
        """Raise when the connection is dead."""
        connection.dbapi_connection.ping(reconnect=False)

    def is_driver_error(self, error: Exception) -> bool:
        """Claim that the error is the driver's, not ours."""
        return isinstance(error, pymysql.err.Error)

    def streaming_cursor(self, connection: Any) -> Any:
        """Return a cursor that keeps the rows at the server."""
        return connection.dbapi_connection.cursor(pymysql.cursors.SSCursor)

    def list_tables(self, connection: Any) -> list[TableInfo]:
        """Return what the user may read."""
        cursor = connection.cursor()
        cursor.execute(TABLES, (SYSTEM,))
        return [
            TableInfo(TableRef(schema, name), "view" if "VIEW" in kind else "table", text(comment))
            for schema, name, kind, comment in cursor.fetchall()
        ]

    def describe(self, connection: Any, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables in the order asked."""
        cursor = connection.cursor()
        cursor.execute("SELECT database()")
        default = cursor.fetchone()[0] or ""
        asked = [ref if ref.schema else TableRef(default, ref.name) for ref in refs]
        pairs = tuple((ref.schema, ref.name) for ref in asked)
        cursor.execute(
            TABLES.replace("WHERE table_schema = coalesce(database(), table_schema)", "WHERE (table_schema, table_name) IN %s"),
            (pairs, SYSTEM),
        )
        kinds = {TableRef(schema, name): (kind, text(comment)) for schema, name, kind, comment in cursor.fetchall()}
        missing = [str(ref) for ref in asked if ref not in kinds]
        if missing:
            raise TableGone(f"There is no table {', '.join(missing)} in the database.", hint="Check schema and table name.")
        columns, keys, foreign = self._columns(cursor, pairs), self._keys(cursor, pairs), self._foreign(cursor, pairs)
        return [table_of(ref, kinds[ref], columns[ref], keys[ref], foreign[ref]) for ref in asked]

    def _columns(self, cursor: Any, pairs: Any) -> dict[TableRef, list[Column]]:
        cursor.execute(COLUMNS, (pairs,))
        found: dict[TableRef, list[Column]] = defaultdict(list)
        for row in cursor.fetchall():
            found[TableRef(row[0], row[1])].append(column_of(row[2:]))
        return found

    def _keys(self, cursor: Any, pairs: Any) -> dict[TableRef, dict[str, list[str]]]:
        cursor.execute(KEYS, (pairs,))
        found: dict[TableRef, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for schema, table, name, column in cursor.fetchall():
            found[TableRef(schema, table)][name].append(column)
        return found

    def _foreign(self, cursor: Any, pairs: Any) -> dict[TableRef, dict[str, list[Any]]]:
        cursor.execute(FOREIGN, (pairs,))
        found: dict[TableRef, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for row in cursor.fetchall():
            found[TableRef(row[0], row[1])][row[2]].append(row)
        return found


def text(value: Any) -> str:
    """Return text of the information schema, which may arrive as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value or "")


def table_of(
    ref: TableRef, kind: tuple[str, str], columns: list[Column], keys: dict[str, list[str]], foreign: dict[str, list[Any]]
) -> Table:
    """Return the table put together."""
    nullable = {column.name for column in columns if column.is_nullable}
    is_view = "VIEW" in kind[0]
    return Table(
        ref=ref,
        kind="view" if is_view else "table",
        columns=tuple(columns),
        primary_key=tuple(keys.get("PRIMARY", ())),
        unique_keys=tuple(tuple(key) for name, key in sorted(keys.items()) if name != "PRIMARY" and not nullable & set(key)),
        foreign_keys=tuple(
            ForeignKey(name, tuple(r[3] for r in rows), rows[0][4], rows[0][5], tuple(r[6] for r in rows))
            for name, rows in sorted(foreign.items())
        ),
        comment="" if is_view else kind[1],
    )


def column_of(row: Sequence[Any]) -> Column:
    """Return the column of one information-schema row."""
    number, name, data_type, column_type, is_nullable, length, precision, scale, fraction, default, extra, comment = row
    data_type, column_type, extra = text(data_type).lower(), text(column_type), text(extra).lower()
    kind = type_of(data_type, column_type)
    is_decimal = kind == Type.DECIMAL
    big = is_decimal and data_type == "bigint"
    return Column(
        name=text(name),
        type=kind,
        is_nullable=is_nullable == "YES",
        max_length=int(length) if length is not None and kind in (Type.STRING, Type.BINARY) and int(length) < 2**31 else None,
        precision=20 if big else int(precision) if is_decimal else int(fraction or 0) if kind in (Type.TIME, Type.TIMESTAMP) else None,
        scale=0 if big else int(scale or 0) if is_decimal else None,
        is_json=data_type == "json",
        has_zone=data_type == "timestamp",
        is_generated="generated" in extra and "default_generated" not in extra,
        has_default=(default is not None and text(default) != "NULL") or "auto_increment" in extra,
        native_type=column_type,
        comment=text(comment),
        allowed_values=tuple(part.replace("''", "'") for part in re.findall(r"'((?:[^']|'')*)'", column_type))
        if data_type == "enum"
        else (),
        ordinal=int(number),
    )


def type_of(data_type: str, column_type: str) -> Type:
    """Return the contract's type: tinyint(1) and bit(1) are booleans by custom."""
    if column_type.startswith(("tinyint(1)", "bit(1)")):
        return Type.BOOLEAN
    if data_type == "bit":
        return Type.INT64
    if "unsigned" in column_type and data_type in UNSIGNED:
        return UNSIGNED[data_type]
    return TYPES.get(data_type, Type.STRING)
