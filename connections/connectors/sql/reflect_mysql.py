"""Reading the information schema of MySQL and MariaDB: tables, columns with exact types, keys and relations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pymysql

from connections.connectors.sql.check_lists import lists_of, with_lists
from connections.connectors.sql.types_mysql import column_of, result_column, text
from connections.contract.errors import TableGone
from connections.contract.table import Column, ForeignKey, Table, TableInfo, TableRef

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")

TABLES = """
SELECT table_schema, table_name, table_type, table_comment FROM information_schema.tables
WHERE table_schema = coalesce(database(), table_schema) AND table_schema NOT IN %s ORDER BY 1, 2"""

COLUMNS = """
SELECT table_schema, table_name, ordinal_position, column_name, data_type, column_type, is_nullable, character_maximum_length,
       numeric_precision, numeric_scale, datetime_precision, column_default, extra, column_comment, character_set_name
FROM information_schema.columns WHERE (table_schema, table_name) IN %s ORDER BY 1, 2, 3"""

KEYS = """
SELECT table_schema, table_name, index_name, column_name, sub_part FROM information_schema.statistics
WHERE (table_schema, table_name) IN %s AND non_unique = 0 ORDER BY 1, 2, 3, seq_in_index"""

FOREIGN = """
SELECT table_schema, table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE (table_schema, table_name) IN %s AND referenced_table_name IS NOT NULL ORDER BY 1, 2, 3, ordinal_position"""

# MariaDB's; the table name is in its view only. Its json is longtext that is checked to be JSON.
CHECKS = """
SELECT constraint_schema, table_name, check_clause FROM information_schema.check_constraints
WHERE (constraint_schema, table_name) IN %s ORDER BY 1, 2, constraint_name"""
IS_JSON = "json_valid(`"


class Reflection:
    """MySQL's answers; also the few statements that sessions need."""

    BEGIN = "START TRANSACTION READ WRITE"

    def __init__(self, browsable: str) -> None:
        self.schemas = {name.strip() for name in browsable.split(",") if name.strip()}

    def ping(self, connection: Any) -> None:
        """Raise when the connection is dead."""
        connection.dbapi_connection.ping(reconnect=False)

    def is_driver_error(self, error: BaseException) -> bool:
        """Claim that the error is the driver's, not ours."""
        return isinstance(error, pymysql.err.Error)

    def is_current(self, connection: Any) -> bool:
        """Claim that the connection belongs to the source: a server's does."""
        return True

    def start_read(self, connection: Any) -> Any:
        """Return a cursor for a statement whose rows are read at once."""
        return connection.cursor()

    def start_stream(self, connection: Any, size: int) -> Any:
        """Return a cursor that keeps the rows at the server."""
        return connection.dbapi_connection.cursor(pymysql.cursors.SSCursor)

    def end_stream(self, connection: Any, cursor: Any, *, is_complete: bool) -> bool:
        """End the cursor. Of an unfinished one the driver would first read all that is left; the connection is dropped instead."""
        if not is_complete:
            cursor._result.unbuffered_active = False
        cursor.close()
        return is_complete

    def cancel(self, driver: Any, connect: Callable[[], Any]) -> None:
        """Stop the statement that another thread runs; only another connection can."""
        with closing(connect()) as other, other.cursor() as cursor:
            cursor.execute("KILL QUERY %s", (driver.thread_id(),))

    def list_tables(self, connection: Any) -> list[TableInfo]:
        """Return what the user may read."""
        cursor = connection.cursor()
        cursor.execute(TABLES, (SYSTEM,))
        return [
            TableInfo(TableRef(schema, name), "view" if "VIEW" in kind else "table", text(comment))
            for schema, name, kind, comment in cursor.fetchall()
            if not self.schemas or schema in self.schemas
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

    def describe_select(self, connection: Any, sql: str) -> tuple[Column, ...]:
        """Return the columns of a checked SELECT by the descriptions of its result's fields."""
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM ({sql}) AS q LIMIT 0")  # noqa: S608 checked
        return tuple(result_column(number, field) for number, field in enumerate(cursor._result.fields, 1))

    def _columns(self, cursor: Any, pairs: Any) -> dict[TableRef, list[Column]]:
        checks = self._checks(cursor, pairs)
        cursor.execute(COLUMNS, (pairs,))
        found: dict[TableRef, list[Column]] = defaultdict(list)
        for schema, table, *row in cursor.fetchall():
            ref = TableRef(schema, table)
            found[ref].append(column_of(*row, is_json=text(row[1]) in documents(checks[ref])))
        return {ref: with_lists(columns, lists_of(checks[ref], "mysql")) for ref, columns in found.items()}

    def _checks(self, cursor: Any, pairs: Any) -> dict[TableRef, list[str]]:
        """Return the conditions that MariaDB checks."""
        found: dict[TableRef, list[str]] = defaultdict(list)
        if "mariadb" in cursor.connection.get_server_info().lower():
            cursor.execute(CHECKS, (pairs,))
            for schema, table, clause in cursor.fetchall():
                found[TableRef(schema, table)].append(text(clause))
        return found

    def _keys(self, cursor: Any, pairs: Any) -> dict[TableRef, dict[str, list[str]]]:
        cursor.execute(KEYS, (pairs,))
        found: dict[TableRef, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        partial: set[tuple[TableRef, str]] = set()
        for schema, table, name, column, length in cursor.fetchall():
            ref = TableRef(schema, table)
            found[ref][name].append(column)
            if length is not None or column is None:  # over a column's beginning, or an expression
                partial.add((ref, name))
        for ref, name in partial:
            del found[ref][name]
        return found

    def _foreign(self, cursor: Any, pairs: Any) -> dict[TableRef, dict[str, list[Any]]]:
        cursor.execute(FOREIGN, (pairs,))
        found: dict[TableRef, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for row in cursor.fetchall():
            found[TableRef(row[0], row[1])][row[2]].append(row)
        return found


def documents(clauses: Sequence[str]) -> set[str]:
    """Return the columns that are checked to hold JSON."""
    names = (clause.removeprefix(IS_JSON).removesuffix("`)") for clause in clauses if clause.startswith(IS_JSON))
    return {name.replace("``", "`") for name in names}


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
