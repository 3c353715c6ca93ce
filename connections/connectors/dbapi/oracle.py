"""Oracle Database, by python-oracledb in its thin mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.dbapi.printing import Printer
from connections.connectors.dbapi.rules import Catalog, Rules, Text, base_of
from connections.connectors.sql import properties as shared
from connections.connectors.sql.certificates import context_of
from connections.contract.property import Property
from connections.contract.table import Column, Table, Type

TYPES = {
    "number": Type.DECIMAL,
    "float": Type.DECIMAL,
    "binary_float": Type.SINGLE,
    "binary_double": Type.DOUBLE,
    "boolean": Type.BOOLEAN,
    "char": Type.STRING,
    "varchar2": Type.STRING,
    "nchar": Type.STRING,
    "nvarchar2": Type.STRING,
    "clob": Type.STRING,
    "nclob": Type.STRING,
    "long": Type.STRING,
    "date": Type.TIMESTAMP,
    "timestamp": Type.TIMESTAMP,
    "timestamp with time zone": Type.TIMESTAMP,
    "timestamp with local time zone": Type.TIMESTAMP,
    "raw": Type.BINARY,
    "blob": Type.BINARY,
    "long raw": Type.BINARY,
}
ZONED = frozenset({"timestamp with time zone", "timestamp with local time zone"})
# Neither compared nor ordered by Oracle as other text is: LOBs, and text whose code units are not in the order of code points.
FOREIGN = frozenset({"clob", "nclob", "long", "nchar", "nvarchar2"})
TEXTS = {
    "xmltype": "XMLSERIALIZE(CONTENT {0} AS CLOB)",
    "json": "JSON_SERIALIZE({0} RETURNING CLOB)",
    "vector": "VECTOR_SERIALIZE({0} RETURNING CLOB)",
    "sdo_geometry": "SDO_UTIL.TO_WKTGEOMETRY({0})",
}
TO_SECONDS = "TO_DATE({0}, 'YYYY-MM-DD HH24:MI:SS')"
TO_MICROSECONDS = "TO_TIMESTAMP({0}, 'YYYY-MM-DD HH24:MI:SS.FF6')"


def read(column: Column) -> str:
    """Return how a column is read: instants in UTC, six digits of seconds at most."""
    shown = "SYS_EXTRACT_UTC({0})" if column.has_zone else "{0}"
    if base_of(column.native_type) in ZONED | {"timestamp"} and (column.precision is None or column.precision > 6):
        return f"CAST({shown} AS TIMESTAMP(6))"
    return shown


def bind(column: Column) -> str:
    """Return what stands around the mark of a value."""
    if column.type is not Type.TIMESTAMP:
        return "{0}"
    return TO_SECONDS if base_of(column.native_type) == "date" else TO_MICROSECONDS


def can_bind(column: Column, value: Any) -> bool:
    """Claim that Oracle sees the value as we do: empty text is null to it, its dates have whole seconds."""
    if value == "":
        return False
    return not (column.type is Type.TIMESTAMP and base_of(column.native_type) == "date" and value.microsecond)


def clock(value: Any) -> str:
    """Return a date-time as text."""
    naive = value.replace(tzinfo=None)
    return str(naive.isoformat(sep=" ") if naive.microsecond else naive.isoformat(sep=" ") + ".000000")


class OracleConnector(DbapiConnector):
    """A database of Oracle."""

    key: ClassVar[str] = "oracle"
    label: ClassVar[str] = "Oracle"
    description: ClassVar[str] = "Tables and views of Oracle Database 12.2 or later."
    module: ClassVar[str] = "oracledb"
    extra: ClassVar[str] = "oracle"
    properties: ClassVar[tuple[Property, ...]] = (
        *shared.address(1521),
        Property("ServiceName", "Service name", help="Service of the database; give this or SID."),
        Property("SID", "SID", help="Instance, where there is no service name."),
        *shared.password(),
        *shared.TLS,
        *shared.TUNING,
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("oracle",)
    probe: ClassVar[str] = "SELECT 1 FROM DUAL"
    rules: ClassVar[Rules] = Rules(
        sqlglot="oracle",
        mark=lambda place: f":{place}",
        types=TYPES,
        zoned=ZONED,
        narrow=frozenset({"number"}),
        json=frozenset({"json"}),
        as_text=lambda native: TEXTS.get(base_of(native), "TO_CHAR({0})"),
        read=read,
        bind=bind,
        can_bind=can_bind,
        encode={Type.TIMESTAMP: clock},
        text=Text(
            contains="INSTR({0}, {1}) > 0",
            startswith="SUBSTR({0}, 1, LENGTH({1})) = {1}",
            # SUBSTR is null where the text is the shorter one.
            endswith="LENGTH({0}) >= LENGTH({1}) AND SUBSTR({0}, -LENGTH({1})) = {1}",
            is_foreign=lambda column: base_of(column.native_type) in FOREIGN,
        ),
        is_nan_greatest=True,
        default_row="({0}) VALUES (DEFAULT)",
    )
    catalog: ClassVar[Catalog] = Catalog(
        tables="""
SELECT o.owner, o.object_name, o.object_type, c.comments
FROM all_objects o LEFT JOIN all_tab_comments c ON c.owner = o.owner AND c.table_name = o.object_name
WHERE o.object_type IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW') AND o.oracle_maintained = 'N' AND o.secondary = 'N'""",
        columns="""
SELECT c.owner, c.table_name, c.column_name, c.data_type, c.nullable, c.char_length,
       DECODE(c.data_type, 'FLOAT', NULL, c.data_precision), c.data_scale, c.default_length,
       CASE WHEN c.virtual_column = 'YES' OR c.identity_column = 'YES' THEN 'yes' ELSE 'no' END, m.comments
FROM all_tab_cols c
LEFT JOIN all_col_comments m ON m.owner = c.owner AND m.table_name = c.table_name AND m.column_name = c.column_name
WHERE c.hidden_column = 'NO' AND c.data_type <> 'BFILE' AND (c.data_type_owner IS NULL OR c.data_type IN ('XMLTYPE', 'SDO_GEOMETRY'))
  AND {refs} ORDER BY c.owner, c.table_name, c.column_id""",
        schema="c.owner",
        table="c.table_name",
        keys="""
SELECT c.owner, c.table_name, CASE c.constraint_type WHEN 'P' THEN 'p' WHEN 'U' THEN 'u' ELSE 'f' END, c.constraint_name, k.column_name,
       r.owner, r.table_name, rk.column_name
FROM all_constraints c
JOIN all_cons_columns k ON k.owner = c.owner AND k.constraint_name = c.constraint_name
LEFT JOIN all_constraints r ON c.constraint_type = 'R' AND r.owner = c.r_owner AND r.constraint_name = c.r_constraint_name
LEFT JOIN all_cons_columns rk ON rk.owner = r.owner AND rk.constraint_name = r.constraint_name AND rk.position = k.position
WHERE c.constraint_type IN ('P', 'U', 'R') AND c.status = 'ENABLED' AND c.validated = 'VALIDATED' AND {refs}
ORDER BY c.owner, c.table_name, c.constraint_name, k.position""",
    )

    def check(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong: one of the two names is needed."""
        return {} if values["ServiceName"] or values["SID"] else {"ServiceName": "a value is required here or in SID"}

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds: oracle://user@host:1521/service."""
        service = self.parsed(url).get("Database")
        return super().from_url(url) | ({"ServiceName": service} if service else {})

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection that compares and orders by bytes, and gives numbers as decimals and LOBs as values."""
        context = context_of(values)
        connection = self.driver().connect(
            user=values["User"] or "",
            password=values["Password"] or "",
            host=values["Server"],
            port=values["Port"],
            protocol="tcp" if context is None else "tcps",
            service_name=values["ServiceName"] or None,
            sid=None if values["ServiceName"] else values["SID"],
            tcp_connect_timeout=float(values["ConnectTimeout"]),
            ssl_context=context,
            ssl_server_dn_match=values["UseSSL"] == shared.TLS_VERIFY,
        )
        connection.call_timeout = values["Timeout"] * 1000
        connection.outputtypehandler = handler(self.driver())
        with connection.cursor() as cursor:
            cursor.execute("ALTER SESSION SET NLS_COMP = BINARY NLS_SORT = BINARY TIME_ZONE = 'UTC'")
        return connection

    def execute(self, cursor: Any, sql: str, binds: Sequence[Any], values: Mapping[str, Any]) -> None:
        """Run a statement; doubles go as such, for a NUMBER holds none beyond 1E126."""
        if any(isinstance(value, float) for value in binds):
            double = self.driver().DB_TYPE_BINARY_DOUBLE
            cursor.setinputsizes(*(double if isinstance(value, float) else None for value in binds))
        cursor.execute(sql, tuple(binds))

    def told(self, cursor: Any, table: Table, values: Mapping[str, Any], printer: Printer) -> Sequence[Any] | None:
        """Return the key of the row that was made, looked up by its address."""
        if not table.primary_key or all(name in values for name in table.primary_key):
            return None
        names = ", ".join(printer.quote(name) for name in table.primary_key)
        cursor.execute(f"SELECT {names} FROM {printer.named(table.ref)} WHERE ROWID = CHARTOROWID(:1)", (cursor.lastrowid,))  # noqa: S608
        return tuple(cursor.fetchone())


def handler(driver: Any) -> Any:
    """Return how columns are fetched."""
    kinds = {driver.DB_TYPE_CLOB: driver.DB_TYPE_LONG, driver.DB_TYPE_NCLOB: driver.DB_TYPE_LONG_NVARCHAR}
    kinds[driver.DB_TYPE_BLOB] = driver.DB_TYPE_LONG_RAW

    def fetched(cursor: Any, metadata: Any) -> Any:
        if metadata.type_code is driver.DB_TYPE_NUMBER:
            return cursor.var(Decimal, arraysize=cursor.arraysize)
        kind = kinds.get(metadata.type_code)
        return None if kind is None else cursor.var(kind, arraysize=cursor.arraysize)

    return fetched
