"""sys_* tables over any connection: schemas, tables, columns, keys, properties. A catalog is a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from connections.contract.errors import ConnectorError, TooCostly
from connections.contract.property import Property
from connections.contract.table import NUMBERS, Column, Table, TableInfo, TableRef, Type
from connections.engine.memory_rows import Made, MemoryRows, Wanted
from connections.engine.sql_functions import PLAIN, SPECIAL
from connections.engine.sql_windows import AGGREGATES, RANKS

PREFIX = "sys_"
MASK = "********"
MOST_DESCRIBED = 2000  # tables that one query asks a source about
AT_ONCE = 50
TEXT, WHOLE, TRUTH = Type.STRING, Type.INT32, Type.BOOLEAN
# Codes of java.sql.Types, which tools that read these tables expect.
CODES: dict[Type, int] = {
    Type.BOOLEAN: -7,
    Type.BYTE: -6,
    Type.SBYTE: -6,
    Type.INT16: 5,
    Type.INT32: 4,
    Type.INT64: -5,
    Type.DECIMAL: 3,
    Type.SINGLE: 7,
    Type.DOUBLE: 8,
    Type.STRING: 12,
    Type.GUID: 12,
    Type.DATE: 91,
    Type.TIME: 92,
    Type.TIMESTAMP: 93,
    Type.DURATION: 12,
    Type.BINARY: -3,
}


@dataclass(frozen=True, slots=True)
class Described:
    """A connection as these tables see it."""

    name: str
    connector: str
    list_tables: Callable[[], Sequence[TableInfo]]
    describe: Callable[[Sequence[TableRef]], Sequence[Table]]
    properties: Sequence[Property] = ()
    values: Mapping[str, Any] = ()  # type: ignore[assignment]  # without secrets
    secrets: frozenset[str] = frozenset()  # properties with a stored secret
    is_read_only: bool = False
    list_schemas: Callable[[], Sequence[str]] | None = None  # all that there are, where the connection shows one of them


PLACE = {"CatalogName": TEXT, "SchemaName": TEXT}
TABLE = {**PLACE, "TableName": TEXT}
REFERENCED = dict.fromkeys(("ReferencedCatalogName", "ReferencedSchemaName", "ReferencedTableName", "ReferencedColumnName"), TEXT)
COLUMN_FACTS = {
    "ColumnName": TEXT,
    "DataTypeName": TEXT,
    "DataType": WHOLE,
    "Length": WHOLE,
    "NumericPrecision": WHOLE,
    "NumericScale": WHOLE,
    "IsNullable": TRUTH,
    "Description": TEXT,
    "Ordinal": WHOLE,
    "IsAutoIncrement": TRUTH,
    "IsGeneratedColumn": TRUTH,
    "IsReadOnly": TRUTH,
    "IsKey": TRUTH,
    "IsHidden": TRUTH,
}
FOREIGN = {"ColumnName": TEXT, "ForeignKeyName": TEXT, **REFERENCED}
PARAMETER = {
    "ProcedureName": TEXT,
    "ColumnName": TEXT,
    "Direction": WHOLE,
    "DataTypeName": TEXT,
    "DataType": WHOLE,
    "IsRequired": TRUTH,
    "Ordinal": WHOLE,
}
PROPERTY = {
    "CatalogName": TEXT,
    "Name": TEXT,
    "ShortDescription": TEXT,
    "Type": TEXT,
    "Default": TEXT,
    "Values": TEXT,
    "Value": TEXT,
    "Required": TRUTH,
    "Category": TEXT,
    "Sensitivity": TEXT,
    "Ordinal": WHOLE,
}


class SysTables:
    """Makes the rows of the sys_* tables over some connections."""

    def __init__(self, connections: Callable[[], Iterable[Described]], *, version: str) -> None:
        self._connections = connections
        self._version = version

    def session(self) -> MemoryRows:
        """Return the tables as a source."""
        return MemoryRows([Made(table_of(f"{PREFIX}{name}", columns), make) for name, (columns, make) in self.tables().items()])

    def tables(self) -> dict[str, tuple[dict[str, Type], Callable[[Wanted], Iterable[Sequence[Any]]]]]:
        """Return columns and makers by name."""
        return {
            "catalogs": ({"CatalogName": TEXT}, lambda wanted: ((c.name,) for c in self.of(wanted))),
            "schemas": (PLACE, self.schemas),
            "tables": ({**TABLE, "TableType": TEXT, "Description": TEXT, "IsUpdateable": TRUTH}, self.listed),
            "tablecolumns": ({**TABLE, **COLUMN_FACTS}, lambda wanted: self.each(wanted, columns_of)),
            "primarykeys": ({**TABLE, "ColumnName": TEXT, "KeySeq": WHOLE}, lambda wanted: self.each(wanted, primary_keys)),
            "keycolumns": ({**TABLE, "IsKey": TRUTH, "IsForeignKey": TRUTH, **FOREIGN}, lambda wanted: self.each(wanted, key_columns)),
            "foreignkeys": ({**TABLE, **FOREIGN}, lambda wanted: self.each(wanted, foreign_keys)),
            "indexes": (
                {**TABLE, "IndexName": TEXT, "ColumnName": TEXT, "IsUnique": TRUTH, "IsPrimary": TRUTH, "OrdinalPosition": WHOLE},
                lambda wanted: self.each(wanted, indexes),
            ),
            "procedures": ({**PLACE, "ProcedureName": TEXT, "Description": TEXT}, nothing),
            "procedureparameters": ({**PLACE, **PARAMETER}, nothing),
            "connection_props": (PROPERTY, lambda wanted: chain.from_iterable(properties(c) for c in self.of(wanted))),
            "sqlinfo": ({"Name": TEXT, "Value": TEXT}, lambda wanted: sql_info()),
            "identity": ({"Id": TEXT, "Batch": TEXT, "Operation": TEXT, "Message": TEXT}, nothing),
            "information": (
                {"CatalogName": TEXT, "Product": TEXT, "Version": TEXT, "DatasourceName": TEXT},
                lambda wanted: ((c.name, "API Server", self._version, c.connector) for c in self.of(wanted)),
            ),
        }

    def of(self, wanted: Wanted) -> Iterator[Described]:
        """Give the connections that are of use."""
        names = wanted.get("CatalogName")
        yield from (item for item in self._connections() if names is None or item.name in names)

    def infos(self, connection: Described, wanted: Wanted) -> list[TableInfo]:
        """Return the tables of a connection that are of use; one that can't be reached has none here."""
        schemas, names = wanted.get("SchemaName"), wanted.get("TableName")
        try:
            listed = connection.list_tables()
        except ConnectorError:
            if wanted.get("CatalogName"):
                raise
            return []
        return [i for i in listed if (schemas is None or i.ref.schema in schemas) and (names is None or i.ref.name in names)]

    def schemas(self, wanted: Wanted) -> Iterator[tuple[Any, ...]]:
        """Give schemas; a source without any has one without a name."""
        for connection in self.of(wanted):
            yield from ((connection.name, name) for name in sorted(self.names_of(connection, wanted)))

    def names_of(self, connection: Described, wanted: Wanted) -> set[str]:
        """Return the schemas of a connection, those too that it was told not to show: this is where they are looked up."""
        if connection.list_schemas is None:
            return {item.ref.schema for item in self.infos(connection, wanted)}
        try:
            return set(connection.list_schemas())
        except ConnectorError:
            if wanted.get("CatalogName"):
                raise
            return set()

    def listed(self, wanted: Wanted) -> Iterator[tuple[Any, ...]]:
        """Give tables and views."""
        for connection in self.of(wanted):
            for item in self.infos(connection, wanted):
                is_updateable = item.kind == "table" and not connection.is_read_only
                yield connection.name, item.ref.schema, item.ref.name, item.kind.upper(), item.comment, is_updateable

    def each(self, wanted: Wanted, rows: Callable[[Described, Table], Iterable[Sequence[Any]]]) -> Iterator[Sequence[Any]]:
        """Give the rows of each table that is of use; the source is asked about many tables at once."""
        left = MOST_DESCRIBED
        for connection in self.of(wanted):
            refs = [item.ref for item in self.infos(connection, wanted)]
            left -= len(refs)
            if left < 0:
                raise TooCostly(f"This asks about more than {MOST_DESCRIBED} tables.", hint="Add WHERE TableName = '...'.")
            for first in range(0, len(refs), AT_ONCE):
                for table in connection.describe(refs[first : first + AT_ONCE]):
                    for row in rows(connection, table):
                        yield (connection.name, table.ref.schema, table.ref.name, *row)


def table_of(name: str, columns: Mapping[str, Type]) -> Table:
    """Return the table of a name."""
    listed = tuple(Column(column, kind, ordinal=number) for number, (column, kind) in enumerate(columns.items(), 1))
    return Table(TableRef("", name), kind="view", columns=listed, writes=frozenset())


def nothing(wanted: Wanted) -> Iterable[Sequence[Any]]:
    """Give no row: there are no procedures here, and nothing is written by SQL."""
    return ()


def columns_of(connection: Described, table: Table) -> Iterator[Sequence[Any]]:
    """Give a table's columns."""
    is_read = connection.is_read_only or table.kind != "table"
    for number, column in enumerate(table.columns, 1):
        precision = column.precision if column.type in NUMBERS else None
        yield (
            *(column.name, column.native_type or str(column.type), CODES[column.type], column.max_length, precision, column.scale),
            *(column.is_nullable, column.comment, number, column.is_generated, column.is_generated),
            *(is_read or column.is_generated, column.name in table.primary_key, column.is_costly),
        )


def primary_keys(connection: Described, table: Table) -> Iterator[Sequence[Any]]:
    """Give the columns of a table's key."""
    yield from ((name, number) for number, name in enumerate(table.primary_key, 1))


def foreign_keys(connection: Described, table: Table) -> Iterator[Sequence[Any]]:
    """Give the columns of a table's foreign keys."""
    for key in table.foreign_keys:
        for here, there in zip(key.columns, key.target_columns, strict=True):
            yield here, key.name, connection.name, key.target_schema, key.target_table, there


def key_columns(connection: Described, table: Table) -> Iterator[Sequence[Any]]:
    """Give the columns of all keys."""
    yield from ((True, False, name, *(None,) * 5) for name in table.primary_key)
    yield from ((False, True, *row) for row in foreign_keys(connection, table))


def indexes(connection: Described, table: Table) -> Iterator[Sequence[Any]]:
    """Give the columns of the unique keys: other indexes are not known here."""
    for key, is_primary in [(table.primary_key, True), *((key, False) for key in table.unique_keys if key != table.primary_key)]:
        name = "PRIMARY" if is_primary else f"UNIQUE_{'_'.join(key)}"
        yield from ((name, column, True, is_primary, number) for number, column in enumerate(key, 1))


def properties(connection: Described) -> Iterator[Sequence[Any]]:
    """Give a connection's properties; of a secret only whether there is one."""
    values = dict(connection.values)
    for number, item in enumerate(connection.properties, 1):
        value = MASK if item.name in connection.secrets else None if item.is_secret else values.get(item.name, item.default)
        yield (
            *(connection.name, item.name, item.help, item.kind, told(item.default), ", ".join(item.choices) or None, told(value)),
            *(item.is_required, item.group, "PASSWORD" if item.is_secret else "NONE", number),
        )


def told(value: Any) -> str | None:
    """Return a property's value as text."""
    return None if value is None or value == "" else str(value).lower() if isinstance(value, bool) else str(value)


def sql_info() -> list[tuple[str, str]]:
    """Return what the SQL can do."""
    return [
        ("AGGREGATE_FUNCTIONS", ",".join(AGGREGATES)),
        ("WINDOW_FUNCTIONS", ",".join(RANKS)),
        ("FUNCTIONS", ",".join(sorted({*PLAIN, *SPECIAL}))),
        ("IDENTIFIER_QUOTE_OPEN_CHAR", '["`'),
        ("IDENTIFIER_QUOTE_CLOSE_CHAR", ']"`'),
        ("OUTER_JOINS", "YES"),
        ("SUBQUERIES", "YES"),
        ("UNIONS", "YES"),
        ("SUPPORTS_WRITES", "NO"),
    ]
