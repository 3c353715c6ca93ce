"""Loading rows into PostgreSQL: COPY into a stage, one upsert out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import psycopg

from connections.connectors.sql.copying_postgresql import binary_type
from connections.connectors.sql.loading import STATE, SqlLoading, as_text
from connections.connectors.sql.types_postgresql import column_wished
from connections.contract.exact_types import told, wished
from connections.contract.loading import Merged, Rows
from connections.contract.table import Column, Table, TableRef, Type

MOST_DIGITS, LONGEST_TEXT, FINEST = 1000, 10_485_760, 6
TYPES: dict[Type, str] = {
    Type.BOOLEAN: "boolean",
    Type.BYTE: "smallint",
    Type.SBYTE: "smallint",
    Type.INT16: "smallint",
    Type.INT32: "integer",
    Type.INT64: "bigint",
    Type.SINGLE: "real",
    Type.DOUBLE: "double precision",
    Type.GUID: "uuid",
    Type.DATE: "date",
    Type.DURATION: "interval day to second(6)",
    Type.BINARY: "bytea",
}
JSON = "json"
EQUAL_BY_TEXT = ("text", "character", "jsonb", "uuid", "bit")


class PostgresqlLoading(SqlLoading):
    """One writer at a PostgreSQL database."""

    longest_name: ClassVar[int] = 63
    reads_texts: ClassVar[bool] = True
    now: ClassVar[str] = "now()"

    def allow(self, seconds: int) -> None:
        """Let each statement take so long."""
        self.execute("SELECT set_config('statement_timeout', %s, false)", (str(seconds * 1000),))
        self._connection.seconds = seconds + 5

    def has_state(self) -> bool:
        """Claim that the table of checkpoints is there, where the statements about it look for it."""
        ((found,),) = self.rows("SELECT to_regclass(%s) IS NOT NULL", (STATE,))
        return bool(found)

    def describe(self, ref: TableRef) -> Table | None:
        """Return the table as it is now; what is made like a column of it gets its very type."""
        found = super().describe(ref)
        return found and replace(found, columns=tuple(map(told, found.columns)))

    def stored(self, column: Column) -> Column:
        """Return the column as PostgreSQL keeps it: in the type that its comment wishes, else in one that holds all of its values."""
        wish = wished(column)
        if wish:
            return column_wished(column, wish)
        if column.type in (Type.BYTE, Type.SBYTE):
            return replace(column, type=Type.INT16)
        return as_text(column) if column.is_collection and column.is_json else column

    def type_of(self, column: Column) -> str:
        """Return the SQL of a type."""
        if wish := wished(column):
            return wish
        return f"{self._item_type(column)}[]" if column.is_collection else self._item_type(column)

    def _item_type(self, column: Column) -> str:
        digits = "" if column.precision is None else f"({min(column.precision, FINEST)})"
        match column.type:
            case Type.STRING if column.is_json:
                return JSON if column.native_type == JSON else "jsonb"
            case Type.STRING:
                return f"varchar({column.max_length})" if column.max_length and column.max_length <= LONGEST_TEXT else "text"
            case Type.DECIMAL:
                is_sized = column.precision is not None and column.scale is not None and column.precision <= MOST_DIGITS
                return f"numeric({column.precision}, {column.scale})" if is_sized else "numeric"
            case Type.TIME:
                return f"time{digits}"
            case Type.TIMESTAMP:
                return f"timestamptz{digits}" if column.has_zone else f"timestamp{digits}"
        return TYPES[column.type]

    def must_clean(self, column: Column) -> bool:
        """Claim that texts of this column lose their NUL characters, which PostgreSQL can't hold."""
        return column.type == Type.STRING and not column.is_collection

    def differs(self, one: str, other: str, column: Column) -> str:
        """Return SQL that is true where two values are not the same; many types compare otherwise than by their text, or not at all."""
        is_own = column.type == Type.STRING and not column.native_type.startswith(EQUAL_BY_TEXT)
        cast = "::text" if is_own and column.native_type else ""
        return f"{one}{cast} IS DISTINCT FROM {other}{cast}"

    def widen(self, ref: TableRef, column: Column) -> None:
        """Change the type of the column of that name."""
        name, kind = self.quote(column.name), self.type_of(column)
        self.execute(f"ALTER TABLE {self.name(ref)} ALTER COLUMN {name} TYPE {kind} USING {name}::{kind}")

    def stage(self, like: TableRef, columns: Sequence[Column]) -> TableRef:
        """Return an empty table of this connection alone, gone with the transaction."""
        ref = self.next_stage()
        names = self.names(column.name for column in columns)
        self.execute(f"CREATE TEMP TABLE {self.name(ref)} ON COMMIT DROP AS SELECT {names} FROM {self.name(like)} WITH NO DATA")
        return ref

    def put(self, ref: TableRef, columns: Sequence[Column], batches: Iterable[Rows]) -> int:
        """Put rows into a table by COPY."""
        count = 0
        with self._cursor.copy(self._copy_in(ref, columns)) as copy:
            write = copy.write_row
            for batch in batches:
                for row in batch:
                    write(row)
                count += len(batch)
        return count

    def pipe_type(self, column: Column) -> str:
        """Return the type that a piped value must have for a column."""
        return binary_type(column)

    def pipe(
        self, ref: TableRef, columns: Sequence[Column], blocks: Iterable[bytes], *, options: str = "FORMAT binary", is_first: bool = False
    ) -> int:
        """Put rows into a table that come in a form of COPY's, by default its binary one; return how many.

        `is_first`: the table is nobody else's yet, and is emptied before. Rows are then written as PostgreSQL keeps them for good (FREEZE
        in the documentation of COPY), not once more when they are first read.
        """
        if is_first:
            self.empty(ref)
        statement = f"{self._copy_in(ref, columns)} ({options}{', FREEZE' if is_first else ''})"
        try:
            with self._cursor.copy(statement) as copy:
                for block in blocks:
                    copy.write(block)
        except psycopg.Error as error:
            raise self._translate(error) from error
        return int(self._cursor.rowcount)

    def largest(self, ref: TableRef, name: str) -> Any:
        """Return the largest value of a column, None of an empty table."""
        ((value,),) = self.rows(f"SELECT max({self.quote(name)}) FROM {self.name(ref)}")
        return value

    def last_key(self, ref: TableRef, key: Sequence[str]) -> tuple[Any, ...]:
        """Return the largest key of a table, () of an empty one."""
        order = ", ".join(f"{self.quote(name)} DESC" for name in key)
        return next(iter(self.rows(f"SELECT {self.names(key)} FROM {self.name(ref)} ORDER BY {order} LIMIT 1")), ())

    def _copy_in(self, ref: TableRef, columns: Sequence[Column]) -> str:
        return f"COPY {self.name(ref)} ({self.names(column.name for column in columns)}) FROM STDIN".replace("%%", "%")

    def merge(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str]) -> Merged:
        """Insert and update by one statement."""
        names, other = self.names(column.name for column in columns), [column for column in columns if column.name not in key]
        changed = " OR ".join(self.differs(f"t.{self.quote(item.name)}", f"EXCLUDED.{self.quote(item.name)}", item) for item in other)
        sets = ", ".join(f"{self.quote(item.name)} = EXCLUDED.{self.quote(item.name)}" for item in other)
        then = f"DO UPDATE SET {sets} WHERE {changed}" if other else "DO NOTHING"
        ((inserted, updated, seen),) = self.rows(
            f"WITH merged AS (INSERT INTO {self.name(target)} AS t ({names}) SELECT {names} FROM {self.name(stage)} "
            f"ON CONFLICT ({self.names(key)}) {then} RETURNING (t.xmax = 0) AS is_new) "
            "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new), "
            f"(SELECT count(*) FROM {self.name(stage)}) FROM merged"
        )
        return Merged(inserted, updated, seen - inserted - updated)

    def make_schema(self, name: str) -> None:
        """Make the schema where there is none."""
        self.make(f"CREATE SCHEMA IF NOT EXISTS {self.quote(name)}")

    def empty(self, ref: TableRef) -> None:
        """Delete all rows at once."""
        self.execute(f"TRUNCATE {self.name(ref)}")

    def swap(self, shadow: TableRef, target: TableRef) -> None:
        """Put the table `shadow` in the place of `target`; one that views, keys or grants hang on keeps its place and gets the rows."""
        if self.describe(target) is not None:
            if self.is_bound(target):
                self.refill(shadow, target)
                return
            self.drop(target)
        self.execute(f"ALTER TABLE {self.name(shadow)} RENAME TO {self.quote(target.name)}")
        self._name_key(target)

    def _name_key(self, ref: TableRef) -> None:
        """Let the primary key be called after its table, as PostgreSQL calls one, unless something else has that name."""
        wanted = f"{ref.name.encode()[: self.longest_name - len('_pkey')].decode(errors='ignore')}_pkey"
        keys = self.rows(
            "SELECT conname FROM pg_catalog.pg_constraint c WHERE contype = 'p' AND conrelid = to_regclass(%s) AND NOT EXISTS"
            " (SELECT 1 FROM pg_catalog.pg_class o WHERE o.relname = %s AND o.relnamespace = c.connamespace)",
            (self.name(ref).replace("%%", "%"), wanted),
        )
        for (name,) in keys:
            self.execute(f"ALTER TABLE {self.name(ref)} RENAME CONSTRAINT {self.quote(name)} TO {self.quote(wanted)}")

    def is_bound(self, ref: TableRef) -> bool:
        """Claim that something else hangs on the table, or was granted on it."""
        ((found,),) = self.rows(
            "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass(%s) AND relacl IS NOT NULL)"
            " OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"
            " WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = to_regclass(%s))"
            " OR EXISTS (SELECT 1 FROM pg_catalog.pg_constraint WHERE confrelid = to_regclass(%s))"
            " OR EXISTS (SELECT 1 FROM pg_catalog.pg_index WHERE indrelid = to_regclass(%s) AND NOT indisprimary)"
            " OR EXISTS (SELECT 1 FROM pg_catalog.pg_trigger WHERE tgrelid = to_regclass(%s) AND NOT tgisinternal)"
            " OR EXISTS (SELECT 1 FROM pg_catalog.pg_publication_rel WHERE prrelid = to_regclass(%s))",
            (self.name(ref).replace("%%", "%"),) * 6,
        )
        return bool(found)
