"""Loading rows into a SQLite file: prepared inserts in one transaction, an upsert out of a temporary table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from connections.connectors.sql.loading import SqlLoading, as_text
from connections.contract.errors import NotSupported
from connections.contract.loading import Merged, Rows
from connections.contract.table import Column, TableRef, Type

EXACT_DIGITS = 15  # of a double, which is what SQLite makes of a decimal
TYPES: dict[Type, str] = {
    Type.BOOLEAN: "BOOLEAN",
    Type.INT16: "SMALLINT",
    Type.INT64: "BIGINT",
    Type.DOUBLE: "DOUBLE",
    Type.GUID: "UUID",
    Type.DATE: "DATE",
    Type.TIME: "TIME",
    Type.BINARY: "BLOB",
}
# Types that SQLite's declarations do not tell apart from a wider one.
WIDER = {Type.BYTE: Type.INT16, Type.SBYTE: Type.INT16, Type.INT32: Type.INT64, Type.SINGLE: Type.DOUBLE}


class SqliteLoading(SqlLoading):
    """One writer at a SQLite file."""

    longest_name: ClassVar[int] = 1000
    adds_keys: ClassVar[bool] = False
    begin_sql: ClassVar[str] = "BEGIN IMMEDIATE"
    now: ClassVar[str] = "strftime('%Y-%m-%d %H:%M:%f', 'now')"

    def allow(self, seconds: int) -> None:
        """Let each statement take so long."""
        self._connection.seconds = seconds

    def stored(self, column: Column) -> Column:
        """Return the column as SQLite keeps it: decimals of more digits than a double has are text, and so is what it has no type for."""
        if column.is_collection or column.type == Type.DURATION:
            return as_text(column)
        if column.type == Type.DECIMAL:
            is_exact = column.precision is not None and column.scale is not None and column.precision <= EXACT_DIGITS
            return column if is_exact else as_text(column)
        return replace(column, type=WIDER.get(column.type, column.type))

    def type_of(self, column: Column) -> str:
        """Return the SQL of a type."""
        match column.type:
            case Type.STRING if column.is_json:
                return "JSON"
            case Type.STRING:
                return f"VARCHAR({column.max_length})" if column.max_length else "TEXT"
            case Type.DECIMAL:
                return f"DECIMAL({column.precision}, {column.scale})"
            case Type.TIMESTAMP:
                return "TIMESTAMP" if column.has_zone else "DATETIME"
        return TYPES[column.type]

    def differs(self, one: str, other: str, column: Column) -> str:
        """Return SQL that is true where two values are not the same."""
        return f"{one} IS NOT {other}"

    def add_key(self, ref: TableRef, key: Sequence[str]) -> None:
        """Raise: SQLite gives a table its key only when it is made."""
        raise NotSupported("SQLite gives a table its key only when it is made.")

    def widen(self, ref: TableRef, column: Column) -> None:
        """Do nothing but say so in the schema: a SQLite column takes values of every type. The table is made anew under the new type."""
        found = self.describe(ref)
        if found is None:
            return
        columns = [column if item.name == column.name else item for item in found.columns]
        shadow = TableRef(ref.schema, f"{ref.name}_widened")
        self.drop(shadow)
        self.create(shadow, columns, found.primary_key)
        names = self.names(item.name for item in columns)
        self.execute(f"INSERT INTO {self.name(shadow)} ({names}) SELECT {names} FROM {self.name(ref)}")
        self.swap(shadow, ref)

    def stage(self, like: TableRef, columns: Sequence[Column]) -> TableRef:
        """Return an empty table of this connection alone."""
        ref = TableRef("temp", self.next_stage().name)
        self.execute(f"DROP TABLE IF EXISTS {self.name(ref)}")
        self.execute(f"CREATE TEMP TABLE {self.quote(ref.name)} ({', '.join(self.definition(column) for column in columns)})")
        key = self.names(self.key_among(like, columns))
        if key:  # else each row of a table is looked for among all of the stage
            self.execute(f"CREATE INDEX temp.{self.quote(ref.name + '_key')} ON {self.quote(ref.name)} ({key})")
        return ref

    def put(self, ref: TableRef, columns: Sequence[Column], batches: Iterable[Rows]) -> int:
        """Put rows into a table."""
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {self.name(ref)} ({self.names(column.name for column in columns)}) VALUES ({marks})"
        count = 0
        for batch in batches:
            self._connection.start_clock()
            self._cursor.executemany(sql, batch)
            count += len(batch)
        return count

    def merge(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str]) -> Merged:
        """Insert and update by one statement, after a look at what is new."""
        names, whole = self.names(column.name for column in columns), self.name(target)
        same = " AND ".join(f"t.{self.quote(name)} = s.{self.quote(name)}" for name in key)
        ((seen, inserted),) = self.rows(
            f"SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM {whole} t WHERE {same})) FROM {self.name(stage)} s"
        )
        other = [column for column in columns if column.name not in key]
        changed = " OR ".join(self.differs(f"t.{self.quote(item.name)}", f"excluded.{self.quote(item.name)}", item) for item in other)
        sets = ", ".join(f"{self.quote(item.name)} = excluded.{self.quote(item.name)}" for item in other)
        then = f"DO UPDATE SET {sets} WHERE {changed}" if other else "DO NOTHING"
        written = self.execute(
            f"INSERT INTO {whole} AS t ({names}) SELECT {names} FROM {self.name(stage)} WHERE true ON CONFLICT ({self.names(key)}) {then}"
        )
        return Merged(inserted, written - inserted, seen - written)

    def is_bound(self, ref: TableRef) -> bool:
        """Claim that the table has indexes or triggers besides its key."""
        ((found,),) = self.rows(
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE lower(tbl_name) = lower(?)"
            " AND type IN ('index', 'trigger') AND sql IS NOT NULL)",
            (ref.name,),
        )
        return bool(found)

    def swap(self, shadow: TableRef, target: TableRef) -> None:
        """Put the table `shadow` in the place of `target`; views over it stay."""
        if self.is_bound(target):
            self.refill(shadow, target)
            return
        self.drop(target)
        self._connection.set_authorizer(None)
        try:
            self._cursor.execute("PRAGMA legacy_alter_table = ON")  # else a view over `target`, which is gone for a moment, is an error
            self.execute(f"ALTER TABLE {self.name(shadow)} RENAME TO {self.quote(target.name)}")
        finally:
            self._cursor.execute("PRAGMA legacy_alter_table = OFF")
            self._connection.guard()
