"""ClickHouse, by clickhouse-connect over HTTP."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, ClassVar

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.dbapi.rules import Catalog, Rules, Text, base_of
from connections.connectors.sql import meanings
from connections.connectors.sql import properties as shared
from connections.connectors.sql.certificates import PemFiles
from connections.contract.property import Property
from connections.contract.table import Column, Type

INTEGERS = {
    "int8": Type.SBYTE,
    "uint8": Type.BYTE,
    "int16": Type.INT16,
    "uint16": Type.INT32,
    "int32": Type.INT32,
    "uint32": Type.INT64,
    "int64": Type.INT64,
    "uint64": Type.DECIMAL,
    "int128": Type.DECIMAL,
    "uint128": Type.DECIMAL,
    "int256": Type.DECIMAL,
    "uint256": Type.DECIMAL,
}
TYPES = {
    **INTEGERS,
    "bool": Type.BOOLEAN,
    "float32": Type.SINGLE,
    "float64": Type.DOUBLE,
    "decimal": Type.DECIMAL,
    "decimal32": Type.DECIMAL,
    "decimal64": Type.DECIMAL,
    "decimal128": Type.DECIMAL,
    "decimal256": Type.DECIMAL,
    "string": Type.STRING,
    "uuid": Type.GUID,
    "date": Type.DATE,
    "date32": Type.DATE,
    "datetime": Type.TIMESTAMP,
    "datetime64": Type.TIMESTAMP,
}
# Dates that its types hold; what lies outside would be taken for the nearest that they do.
YEARS = range(1926, 2262)
SECOND_OF_TEXT = "toDateTime64({0}, 6, 'UTC')"


def read(column: Column) -> str:
    """Return how a column is read: every date-time of ClickHouse is an instant; of seconds the six digits that Python has."""
    return "toDateTime64({0}, 6, 'UTC')" if column.type is Type.TIMESTAMP else "{0}"


def bind(column: Column) -> str:
    """Return what stands around the mark of a value."""
    if column.type is Type.TIMESTAMP:
        return SECOND_OF_TEXT
    if column.type is Type.DECIMAL:
        kind = base_of(column.native_type)
        return "toDecimal256({0}, " + str(0 if kind in INTEGERS else column.scale or 0) + ")"
    return {Type.DATE: "toDate32({0})", Type.GUID: "toUUID({0})"}.get(column.type, "{0}")


def can_bind(column: Column, value: Any) -> bool:
    """Claim that ClickHouse has the value: dates within its calendar, decimals of no more digits than the column's."""
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return isinstance(exponent, int) and -exponent <= (column.scale or 0)
    return not isinstance(value, dt.date) or value.year in YEARS


class ClickhouseConnector(DbapiConnector):
    """The databases of a ClickHouse server."""

    key: ClassVar[str] = "clickhouse"
    label: ClassVar[str] = "ClickHouse"
    description: ClassVar[str] = "Tables and views of a ClickHouse server or ClickHouse Cloud."
    module: ClassVar[str] = "clickhouse_connect"
    extra: ClassVar[str] = "clickhouse"
    properties: ClassVar[tuple[Property, ...]] = (
        *shared.address(8123, port_help="Port of the HTTP interface: 8443 is usual with TLS."),
        Property("Database", help="Only this database is shown; empty: all of the server."),
        *shared.password("default"),
        *shared.TLS[:2],
        *shared.TUNING,
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("clickhouse",)
    schema_names: ClassVar[tuple[str, ...]] = ("Database",)
    texts: ClassVar[tuple[tuple[str, meanings.Meaning], ...]] = (
        ("code: 516", meanings.SIGN_IN),
        ("code: 60", meanings.GONE),
        ("code: 47", meanings.GONE),
        ("code: 159", meanings.TIMED_OUT),
        ("code: 497", meanings.FORBIDDEN),
    )
    rules: ClassVar[Rules] = Rules(
        sqlglot="clickhouse",
        mark=lambda place: "%s",
        doubles_percent=True,
        types=TYPES,
        zoned=frozenset({"datetime", "datetime64"}),
        json=frozenset({"json"}),
        as_text=lambda native: f"toString({'finalizeAggregation({0})' if base_of(native) == 'aggregatefunction' else '{0}'})",
        read=read,
        bind=bind,
        can_bind=can_bind,
        encode={
            Type.TIMESTAMP: lambda value: value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds"),
            Type.DATE: lambda value: value.isoformat(),
            Type.GUID: str,
            Type.DECIMAL: lambda value: format(Decimal(value), "f"),
        },
        text=Text(contains="position({0}, {1}) > 0", startswith="startsWith({0}, {1})", endswith="endsWith({0}, {1})"),
        unordered=frozenset({Type.BINARY, Type.DURATION, Type.SINGLE, Type.GUID}),
        nan="isNaN({0})",
        escapes_names=True,
        keys_hold=False,
        writes=frozenset({"insert"}),
    )
    catalog: ClassVar[Catalog] = Catalog(
        tables="""
SELECT database, name, if(engine LIKE '%View', 'view', 'table'), comment FROM system.tables
WHERE NOT is_temporary AND database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema') AND name NOT LIKE '.inner%'""",
        columns="""
SELECT database, table, name, type, if(type LIKE 'Nullable(%' OR type LIKE 'LowCardinality(Nullable(%', 'yes', 'no'), NULL, NULL, NULL,
       default_expression, if(default_kind IN ('MATERIALIZED', 'ALIAS'), 'yes', 'no'), comment
FROM system.columns WHERE {refs} ORDER BY database, table, position""",
        schema="database",
        table="table",
    )

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection; what it reads is computed as SQL has it: null compares with nothing."""
        is_safe = values["UseSSL"] != shared.TLS_OFF
        files = PemFiles()
        try:
            authority = values["SSLServerCert"]
            self.driver()
            found = self.driver("clickhouse_connect.dbapi").connect(
                host=values["Server"],
                port=values["Port"],
                username=values["User"] or "default",
                password=values["Password"] or "",
                database=values["Database"] or "default",
                interface="https" if is_safe else "http",
                connect_timeout=values["ConnectTimeout"],
                send_receive_timeout=values["Timeout"] + 10,
                max_execution_time=values["Timeout"],  # what the driver does not know itself becomes a setting of the server
                transform_null_in=0,
                verify=values["UseSSL"] == shared.TLS_VERIFY,
                **({"ca_cert": files.file("authority.pem", authority)} if is_safe and authority else {}),
            )
        finally:
            files.close()
        return Connection(found)


class Connection:
    """A connection whose cursors take rows as they come: the driver's own would hold the whole answer."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def cursor(self) -> Cursor:
        """Return a cursor."""
        return Cursor(self._driver.client)

    def commit(self) -> None:
        """Do nothing: each statement is kept at once."""

    def close(self) -> None:
        """Close the connection."""
        self._driver.close()


class Cursor:
    """A cursor of PEP 249 over blocks of rows."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.rowcount = -1
        self._blocks = ExitStack()
        self._rows: Iterator[Sequence[Any]] = iter(())

    def execute(self, sql: str, binds: Sequence[Any]) -> None:
        """Run a statement."""
        if not sql.lstrip().startswith("SELECT"):
            self._client.command(sql, parameters=binds)
            return
        blocks = self._blocks.enter_context(self._client.query_row_block_stream(sql, parameters=binds or None))
        self._rows = (row for block in blocks for row in block)

    def fetchmany(self, size: int) -> list[Sequence[Any]]:
        """Return the next rows."""
        return list(itertools.islice(self._rows, size))

    def close(self) -> None:
        """Leave the rows that are on their way."""
        self._blocks.close()
