"""Loading rows into MySQL and MariaDB: lines or inserts of many rows into a temporary table, an update and an insert out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from pymysql.err import MySQLError

from connections.connectors.sql.errors_mysql import code_of, is_dead, is_late
from connections.connectors.sql.loading import SqlLoading, as_text
from connections.connectors.sql.sending_mysql import Sent, block_of, statement
from connections.contract.errors import BadValue
from connections.contract.loading import Merged, Rows
from connections.contract.table import Column, TableRef, Type

MOST_DIGITS, MOST_DECIMALS, LONGEST_TEXT, LONGEST_BINARY, FINEST = 65, 30, 8000, 8000, 6
LONGEST_KEY, CHARACTER = 3072, 4  # bytes of a key, and those that a character takes at most
MOST_IN_ROW = 60_000  # bytes of a row's columns of a stated length
LONGEST_COMMENT = 1024
ROWS_AT_ONCE, FEWEST_LINES = 500, 50
SAVEPOINT = "_apiserver_lines"
UNDOES_ALL = (1205, 1213)  # waited too long for a lock, deadlock: the transaction is gone
TYPES: dict[Type, str] = {
    Type.BOOLEAN: "boolean",
    Type.BYTE: "tinyint unsigned",
    Type.SBYTE: "tinyint",
    Type.INT16: "smallint",
    Type.INT32: "int",
    Type.INT64: "bigint",
    Type.SINGLE: "float",
    Type.DOUBLE: "double",
    Type.DATE: "date",
}


class MysqlLoading(SqlLoading):
    """One writer at a MySQL or MariaDB database."""

    longest_name: ClassVar[int] = 64
    trims_names: ClassVar[bool] = True
    changes_tables_at_once: ClassVar[bool] = False
    adds_keys: ClassVar[bool] = False  # texts in a key have a length, and rows lie in the key's order
    begin_sql: ClassVar[str] = "START TRANSACTION READ WRITE"
    long_text: ClassVar[str] = "longtext"
    now: ClassVar[str] = "UTC_TIMESTAMP(6)"

    @property
    def is_mariadb(self) -> bool:
        """Claim that the server is MariaDB."""
        return "mariadb" in str(self._connection.get_server_info()).lower()

    def allow(self, seconds: int) -> None:
        """Let each statement take so long."""
        self._connection._read_timeout = self._connection._write_timeout = seconds + 5
        if self.is_mariadb:
            self.execute("SET max_statement_time = %s", (seconds,))
        else:
            self.execute("SET max_execution_time = %s", (seconds * 1000,))

    def options(self) -> str:
        """Return what makes texts differ where a byte differs, blanks at their end included."""
        return f" ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {'utf8mb4_nopad_bin' if self.is_mariadb else 'utf8mb4_0900_bin'}"

    def stored(self, column: Column) -> Column:
        """Return the column as MySQL keeps it; decimals of any number of digits are text, and so is what it has no type for."""
        if column.is_collection:
            return replace(as_text(column), is_json=True)
        if column.type == Type.DURATION:
            return as_text(column)
        if column.type == Type.DECIMAL:
            digits, decimals = column.precision, column.scale
            is_exact = digits is not None and decimals is not None and digits <= MOST_DIGITS and 0 <= decimals <= min(digits, MOST_DECIMALS)
            return column if is_exact else as_text(column)
        return replace(as_text(column), max_length=36) if column.type == Type.GUID and not self.is_mariadb else column

    def encoder(self, column: Column) -> Callable[[Any], Any] | None:
        """Return how a value becomes the driver's; a decimal that is no number is none here."""
        return finite if column.type == Type.DECIMAL else super().encoder(column)

    def type_of(self, column: Column) -> str:
        """Return the SQL of a type."""
        digits = f"({FINEST if column.precision is None else min(column.precision, FINEST)})"
        match column.type:
            case Type.STRING if column.is_json:
                return "json"
            case Type.STRING:
                return f"varchar({column.max_length})" if column.max_length and column.max_length <= LONGEST_TEXT else "longtext"
            case Type.BINARY:
                return f"varbinary({column.max_length})" if column.max_length and column.max_length <= LONGEST_BINARY else "longblob"
            case Type.DECIMAL:
                return f"decimal({column.precision}, {column.scale})"
            case Type.TIME:
                return f"time{digits}"
            case Type.TIMESTAMP:
                return f"datetime{digits}"  # timestamp ends in 2038
            case Type.GUID:
                return "uuid"
        return TYPES[column.type]

    def create(self, ref: TableRef, columns: Sequence[Column], key: Sequence[str]) -> None:
        """Make a table; texts in a key share the bytes that a key may have, and those of long rows lie outside the row."""
        super().create(ref, in_row(in_key(columns, key)), key)

    def definition(self, column: Column, *, is_key: bool = False) -> str:
        """Return a column of CREATE TABLE, with its comment."""
        comment = f" COMMENT {self._literal(column.comment[-LONGEST_COMMENT:])}" if column.comment else ""
        return super().definition(column, is_key=is_key) + comment

    def _literal(self, text: str) -> str:
        return str(self._connection.escape(text)).replace("%", "%%")

    def differs(self, one: str, other: str, column: Column) -> str:
        """Return SQL that is true where two values are not the same; texts by their bytes, whatever the column's collation."""
        binary = "BINARY " if column.type == Type.STRING else ""
        return f"NOT ({binary}{one} <=> {binary}{other})"

    def widen(self, ref: TableRef, column: Column) -> None:
        """Change the type of the column of that name; a float is a double first, whose text has all digits."""
        found = self.describe(ref)
        if found and column.type == Type.STRING and found.by_name[column.name].type == Type.SINGLE:
            self.execute(f"ALTER TABLE {self.name(ref)} MODIFY COLUMN {self.definition(replace(column, type=Type.DOUBLE))}")
        self.execute(f"ALTER TABLE {self.name(ref)} MODIFY COLUMN {self.definition(column)}")

    def stage(self, like: TableRef, columns: Sequence[Column]) -> TableRef:
        """Return an empty table of this connection alone."""
        ref = self.next_stage()
        names = self.names(column.name for column in columns)
        # Without an index each row of a table is looked for among all of the stage; made later it would end the transaction.
        key = self.names(self.key_among(like, columns))
        index = f" (INDEX ({key}))" if key else ""
        self.execute(f"DROP TEMPORARY TABLE IF EXISTS {self.name(ref)}")
        self.execute(f"CREATE TEMPORARY TABLE {self.name(ref)}{index} AS SELECT {names} FROM {self.name(like)} LIMIT 0")
        return ref

    def put(self, ref: TableRef, columns: Sequence[Column], batches: Iterable[Rows]) -> int:
        """Put rows into a table: as lines where the server takes them, else many with each statement."""
        binary = self.dialect.bind(Column("", Type.BINARY))
        head = f"INSERT INTO {self.name(ref)} ({self.names(column.name for column in columns)}) VALUES "
        marks = f"({', '.join(binary.format('%s') if column.type == Type.BINARY else '%s' for column in columns)})"
        lines = statement(self.name(ref), [(self.quote(column.name), column) for column in columns], binary).replace("%%", "%")
        count = 0
        for batch in batches:
            if len(batch) < FEWEST_LINES or not self._takes_lines or not self._sent(lines, columns, batch):
                for begun in range(0, len(batch), ROWS_AT_ONCE):
                    self._put(head, marks, batch[begun : begun + ROWS_AT_ONCE])
            count += len(batch)
        return count

    @cached_property
    def _takes_lines(self) -> bool:
        """Claim that the server reads rows that are sent as a file."""
        ((found,),) = self.rows("SELECT @@local_infile")
        return bool(found)

    def _sent(self, lines: str, columns: Sequence[Column], batch: Rows) -> bool:
        """Put rows into the table as lines; undo it and return False where the server did not take each of them as it is.

        What is wrong the inserts tell: here the server leaves out a row whose key is there, and cuts a value that does not fit.
        """
        self._cursor.execute(f"SAVEPOINT {SAVEPOINT}")
        try:
            sent = self._connection.send(lines, block_of(columns, batch))
            if sent == Sent(len(batch), 0):
                return True
        except MySQLError as error:
            if is_dead(error) or is_late(error) or code_of(error) in UNDOES_ALL:
                raise
        self._takes_lines = False
        self._cursor.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
        return False

    def _put(self, head: str, marks: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows by statements that the server takes: half of them at a time where they are too long."""
        values = tuple(value for row in rows for value in row)
        statement = self._cursor.mogrify(head + ", ".join([marks] * len(rows)), values)
        if len(statement.encode()) > self._longest and len(rows) > 1:
            half = len(rows) // 2
            self._put(head, marks, rows[:half])
            self._put(head, marks, rows[half:])
            return
        self._cursor.execute(statement)

    @cached_property
    def _longest(self) -> int:
        """Return the most bytes of a statement that the server takes."""
        ((found,),) = self.rows("SELECT @@max_allowed_packet")
        return int(found) - 1024

    def merge(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str]) -> Merged:
        """Update what differs, insert what is new."""
        names, whole, part = self.names(column.name for column in columns), self.name(target), self.name(stage)
        same = " AND ".join(f"t.{self.quote(name)} = s.{self.quote(name)}" for name in key)
        other = [column for column in columns if column.name not in key]
        updated = 0
        if other:
            changed = " OR ".join(self.differs(f"t.{self.quote(item.name)}", f"s.{self.quote(item.name)}", item) for item in other)
            sets = ", ".join(f"t.{self.quote(item.name)} = s.{self.quote(item.name)}" for item in other)
            updated = self.execute(f"UPDATE {whole} t JOIN {part} s ON {same} SET {sets} WHERE {changed}")
        listed = ", ".join(f"s.{self.quote(column.name)}" for column in columns)
        first = self.quote(key[0])
        inserted = self.execute(
            f"INSERT INTO {whole} ({names}) SELECT {listed} FROM {part} s LEFT JOIN {whole} t ON {same} WHERE t.{first} IS NULL"
        )
        return Merged(inserted, updated, self.count(stage) - inserted - updated)

    def ended(self, whole: str, part: str, sets: dict[str, str], condition: str) -> int:
        """Update rows `t` of a table by rows `s` of another."""
        listed = ", ".join(f"t.{name} = {value}" for name, value in sets.items())
        return self.execute(f"UPDATE {whole} t JOIN {part} s SET {listed} WHERE {condition}")

    def is_bound(self, ref: TableRef) -> bool:
        """Claim that the table has indexes or triggers besides its key, or that other tables refer to it."""
        where = "= database()" if not ref.schema else "= %s"
        binds = (ref.schema, ref.name) if ref.schema else (ref.name,)
        ((found,),) = self.rows(
            f"SELECT EXISTS (SELECT 1 FROM information_schema.statistics WHERE table_schema {where} AND table_name = %s"
            " AND index_name <> 'PRIMARY')"
            f" OR EXISTS (SELECT 1 FROM information_schema.triggers WHERE event_object_schema {where} AND event_object_table = %s)"
            f" OR EXISTS (SELECT 1 FROM information_schema.key_column_usage WHERE referenced_table_schema {where}"
            " AND referenced_table_name = %s)",
            binds * 3,
        )
        return bool(found)

    def swap(self, shadow: TableRef, target: TableRef) -> None:
        """Put the table `shadow` in the place of `target` by one statement; views over it stay."""
        if self.describe(target) is None:
            self.execute(f"RENAME TABLE {self.name(shadow)} TO {self.name(target)}")
            return
        if self.is_bound(target):
            self.refill(shadow, target)
            return
        old = TableRef(target.schema, f"{shadow.name[:50]}_old")
        self.drop(old)
        self.execute(f"RENAME TABLE {self.name(target)} TO {self.name(old)}, {self.name(shadow)} TO {self.name(target)}")
        self.drop(old)


def finite(value: Any) -> str:
    """Return a decimal's digits; raise BadValue for NaN and infinity."""
    if not value.is_finite():
        raise BadValue("MySQL can't hold INF or NaN.")
    return format(value, "f")


def in_key(columns: Sequence[Column], key: Sequence[str]) -> list[Column]:
    """Return the columns, those of the key short enough for one."""
    long = [column.name for column in columns if column.name in key and column.type in (Type.STRING, Type.BINARY)]
    room = LONGEST_KEY // max(1, len(long)) - 16 * (len(key) - len(long))
    return [shortened(column, room) if column.name in long else column for column in columns]


def shortened(column: Column, most: int) -> Column:
    """Return a text or binary column that takes at most so many bytes."""
    length = most // CHARACTER if column.type == Type.STRING else most
    return replace(column, is_json=False, max_length=min(column.max_length or length, length))


def in_row(columns: Sequence[Column]) -> list[Column]:
    """Return the columns, the longest texts without a length where a row would be longer than MySQL takes."""
    found = list(columns)
    while sum(map(bytes_of, found)) > MOST_IN_ROW:
        longest = max(found, key=bytes_of)
        found[found.index(longest)] = replace(longest, max_length=None)
    return found


def bytes_of(column: Column) -> int:
    """Return how many bytes of a row a column takes at most."""
    match column.type:
        case Type.STRING if column.max_length and column.max_length <= LONGEST_TEXT:
            return column.max_length * CHARACTER + 2
        case Type.BINARY if column.max_length and column.max_length <= LONGEST_BINARY:
            return column.max_length + 2
    return 12
