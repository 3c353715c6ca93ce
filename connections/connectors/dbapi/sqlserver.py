"""Microsoft SQL Server and Azure SQL, by python-tds."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import certifi

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.dbapi.printing import Printer
from connections.connectors.dbapi.rules import CLOCK_TEXTS, Catalog, Rules, Text, base_of, by_type
from connections.connectors.sql import properties as shared
from connections.connectors.sql.certificates import PemFiles
from connections.contract.property import Property
from connections.contract.table import Column, Table, Type

BINARY_ORDER = "COLLATE Latin1_General_100_BIN2"
WIDE = "CAST({0} AS nvarchar(max))"
BYTES = "CAST({0} AS varbinary(max))"
# In the collation that LEFT and RIGHT count by: others take an emoji for one character.
LENGTH = f"LEN(({{1}} + N'.') {BINARY_ORDER}) - 1"
# `=` goes by the column's collation and passes over blanks at the end; the bytes tell the rest, and indexes serve the first part.
SAME = f"{{0}} = {{1}} AND {BYTES.format(WIDE)} = {BYTES.format(WIDE).replace('{0}', '{1}')}"
TYPES = {
    "bit": Type.BOOLEAN,
    "tinyint": Type.BYTE,
    "smallint": Type.INT16,
    "int": Type.INT32,
    "bigint": Type.INT64,
    "decimal": Type.DECIMAL,
    "numeric": Type.DECIMAL,
    "money": Type.DECIMAL,
    "smallmoney": Type.DECIMAL,
    "real": Type.SINGLE,
    "float": Type.DOUBLE,
    "char": Type.STRING,
    "varchar": Type.STRING,
    "nchar": Type.STRING,
    "nvarchar": Type.STRING,
    "text": Type.STRING,
    "ntext": Type.STRING,
    "uniqueidentifier": Type.GUID,
    "date": Type.DATE,
    "time": Type.TIME,
    "datetime": Type.TIMESTAMP,
    "datetime2": Type.TIMESTAMP,
    "smalldatetime": Type.TIMESTAMP,
    "datetimeoffset": Type.TIMESTAMP,
    "binary": Type.BINARY,
    "varbinary": Type.BINARY,
    "image": Type.BINARY,
    "timestamp": Type.BINARY,
}
BINDS = {
    Type.DATE: "CAST({0} AS date)",
    Type.TIME: "CAST({0} AS time(6))",
    Type.TIMESTAMP: "CAST({0} AS datetime2(6))",
    Type.GUID: "CAST({0} AS uniqueidentifier)",
    Type.BINARY: "CAST({0} AS varbinary(max))",
}
# Rounding the last tenth of a microsecond would leave the calendar, or begin the day again; rows of temporal tables end there.
CUT = "CASE WHEN {{0}} >= {end} THEN CAST({end} AS {kind}) ELSE CAST({{0}} AS {kind}) END"
ENDS = {"datetime2": "9999-12-31 23:59:59.999999", "time": "23:59:59.999999"}
LOBS = frozenset({"text", "ntext"})


def read(column: Column) -> str:
    """Return how a column is read: of date-times the six digits that Python has; `datetime` keeps thirds of milliseconds."""
    base = base_of(column.native_type)
    if base == "datetimeoffset":
        return "CAST(SWITCHOFFSET({0}, '+00:00') AS datetime2(6))"
    if base == "datetime":
        return "CAST({0} AS datetime2(3))"
    if base in ("datetime2", "time") and (column.precision is None or column.precision > 6):
        return CUT.format(end=f"'{ENDS[base]}'", kind=f"{base}(6)")
    return WIDE if base in LOBS else "{0}"


def declared(column: Column) -> str:
    """Return the type of a column that the database gives a value to, as a declaration has it."""
    if column.type is Type.DECIMAL:
        return f"decimal({column.precision or 38}, {column.scale or 0})"
    return "nvarchar(max)" if column.type is Type.STRING else base_of(column.native_type)


class SqlserverConnector(DbapiConnector):
    """A database of SQL Server."""

    key: ClassVar[str] = "sqlserver"
    label: ClassVar[str] = "SQL Server"
    description: ClassVar[str] = "Tables and views of Microsoft SQL Server 2016 or later and Azure SQL."
    module: ClassVar[str] = "pytds"
    extra: ClassVar[str] = "sqlserver"
    properties: ClassVar[tuple[Property, ...]] = (
        *shared.address(1433),
        Property("Database", help="Empty: the login's default database."),
        *shared.password(),
        replace(
            shared.TLS[0],
            choices=(shared.TLS_OFF, shared.TLS_VERIFY),
            default=shared.TLS_VERIFY,
            help="Verify encrypts and checks the server's certificate; one that the server made itself is given as Trusted authority.",
        ),
        shared.TLS[1],
        *shared.TUNING,
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("sqlserver", "mssql")
    rules: ClassVar[Rules] = Rules(
        sqlglot="tsql",
        mark=lambda place: "%s",
        doubles_percent=True,
        types=TYPES,
        zoned=frozenset({"datetimeoffset"}),
        as_text=lambda native: WIDE,
        read=read,
        bind=by_type(BINDS),
        encode={
            **CLOCK_TEXTS,
            Type.GUID: str,
        },
        text=Text(
            equal=SAME,
            differs=f"NOT ({SAME})",
            # A character behind the text makes blanks at the end count.
            ordered=f"({WIDE} + NCHAR(1)) {BINARY_ORDER}",
            contains=f"CHARINDEX({{1}} {BINARY_ORDER}, {WIDE} {BINARY_ORDER}) > 0 OR (DATALENGTH({{1}}) = 0 AND {{0}} IS NOT NULL)",
            startswith=f"LEFT({WIDE} {BINARY_ORDER}, {LENGTH}) + N'.' = ({{1}} + N'.') {BINARY_ORDER}",
            endswith=f"RIGHT({WIDE} {BINARY_ORDER}, {LENGTH}) + N'.' = ({{1}} + N'.') {BINARY_ORDER}",
            is_foreign=lambda column: base_of(column.native_type) in LOBS,
        ),
        unordered=frozenset({Type.BINARY, Type.DURATION, Type.SINGLE, Type.GUID}),
        declared=declared,
        counted="SET NOCOUNT ON; {0}; SELECT @@ROWCOUNT",
    )
    catalog: ClassVar[Catalog] = Catalog(
        tables="""
SELECT s.name, o.name, CASE o.type WHEN 'V' THEN 'view' ELSE 'table' END, ''
FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0""",
        columns="""
SELECT s.name, o.name, c.name, COALESCE(b.name, t.name), c.is_nullable,
       CASE WHEN COALESCE(b.name, t.name) IN ('nchar', 'nvarchar') THEN c.max_length / 2 ELSE c.max_length END, c.precision, c.scale,
       NULLIF(c.default_object_id, 0), CASE WHEN c.is_identity = 1 OR c.is_computed = 1 OR b.name = 'timestamp' THEN 'yes' ELSE 'no' END, ''
FROM sys.columns c JOIN sys.objects o ON o.object_id = c.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.types t ON t.user_type_id = c.user_type_id LEFT JOIN sys.types b ON b.user_type_id = t.system_type_id
WHERE {refs} ORDER BY s.name, o.name, c.column_id""",
        schema="s.name",
        table="o.name",
        keys="""
SELECT s.name, o.name, CASE i.is_primary_key WHEN 1 THEN 'p' ELSE 'u' END, i.name, c.name, NULL, NULL, NULL, k.key_ordinal
FROM sys.indexes i JOIN sys.objects o ON o.object_id = i.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
JOIN sys.columns c ON c.object_id = i.object_id AND c.column_id = k.column_id
WHERE i.is_unique = 1 AND i.has_filter = 0 AND k.is_included_column = 0 AND {refs}
UNION ALL
SELECT s.name, o.name, 'f', f.name, c.name, rs.name, r.name, rc.name, k.constraint_column_id
FROM sys.foreign_keys f JOIN sys.objects o ON o.object_id = f.parent_object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id
JOIN sys.columns c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
JOIN sys.objects r ON r.object_id = k.referenced_object_id JOIN sys.schemas rs ON rs.schema_id = r.schema_id
JOIN sys.columns rc ON rc.object_id = k.referenced_object_id AND rc.column_id = k.referenced_column_id
WHERE {refs} ORDER BY 1, 2, 3, 4, 9""",
    )

    def changed(self, cursor: Any) -> int:
        """Return how many rows the statement changed; the driver's own count takes in what triggers did."""
        return int(cursor.fetchone()[0])

    def told(self, cursor: Any, table: Table, values: Mapping[str, Any], printer: Printer) -> Sequence[Any] | None:
        """Return the key of the row that was made, where the database made a part of it."""
        return None if all(name in values for name in table.primary_key) else tuple(cursor.fetchone())

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection; what is read is read in transactions of one statement."""
        files = PemFiles()
        try:
            return self.driver().connect(
                server=values["Server"],
                port=values["Port"],
                database=values["Database"] or None,
                user=values["User"] or "",
                password=values["Password"] or "",
                timeout=values["Timeout"],
                login_timeout=values["ConnectTimeout"],
                autocommit=not is_writer,
                appname="API Server",
                disable_connect_retry=True,
                **encryption(values, files),
            )
        finally:
            files.close()


def encryption(values: Mapping[str, Any], files: PemFiles) -> dict[str, Any]:
    """Return the driver's arguments of TLS."""
    if values["UseSSL"] == shared.TLS_OFF:
        return {}
    authority = values["SSLServerCert"]
    cafile = files.file("authority.pem", authority) if authority else certificates()
    return {"cafile": cafile, "validate_host": True}


def certificates() -> str:
    """Return the file of the authorities that this machine trusts."""
    return ssl.get_default_verify_paths().cafile or certifi.where()
