"""SQL Server, Oracle and Trino: what their own SQL, types and drivers demand of a statement."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.dbapi.describing import MOST_REFS, Describing
from connections.connectors.dbapi.oracle import OracleConnector
from connections.connectors.dbapi.printing import MOST_VALUES, Printer, Statement
from connections.connectors.dbapi.sqlserver import SqlserverConnector
from connections.connectors.dbapi.trino import TrinoConnector
from connections.connectors.dbapi.values import reader
from connections.contract.scan import Compare, Grade, Scan
from connections.contract.table import Column, Table, TableRef, Type

LAST = dt.datetime(9999, 12, 31, 23, 59, 59, 999999)


def columns_of(**natives: tuple[Type, str]) -> tuple[Column, ...]:
    return tuple(Column(name, kind, is_nullable=name != "id", native_type=native) for name, (kind, native) in natives.items())


SERVER = Table(
    TableRef("dbo", "t"),
    columns=columns_of(
        id=(Type.INT32, "int"),
        name=(Type.STRING, "nvarchar"),
        until=(Type.TIMESTAMP, "datetime2"),
        wakes=(Type.TIME, "time"),
        raw=(Type.BINARY, "varbinary"),
        score=(Type.DOUBLE, "float"),
    ),
    primary_key=("id",),
)
ORACLE = Table(
    TableRef("S", "T"),
    columns=columns_of(id=(Type.INT32, "NUMBER"), score=(Type.DOUBLE, "BINARY_DOUBLE"), name=(Type.STRING, "VARCHAR2")),
    primary_key=("id",),
)


def statement(connector: type[DbapiConnector], table: Table, *where: Compare, columns: tuple[str, ...] = ("id",)) -> str:
    printer = Printer(connector.rules, dt.UTC)
    grades = [printer.grade(table, item) for item in where]
    made = printer.select(Scan(table, columns, where), grades, columns=columns, order=())
    return made.finish(connector.rules)[0]


def changes(connector: type[DbapiConnector], table: Table, values: dict[str, Any]) -> str:
    return Printer(connector.rules, dt.UTC).insert(table, values).finish(connector.rules)[0]


def test_sql_server_tells_a_key_by_way_of_a_variable() -> None:
    made = changes(SqlserverConnector, SERVER, {"name": "x"})

    assert made == (
        "SET NOCOUNT ON; DECLARE @made TABLE ([id] int); INSERT INTO [dbo].[t] ([name]) "
        "OUTPUT INSERTED.[id] INTO @made ([id]) VALUES (%s); SELECT [id] FROM @made"
    )


def test_sql_server_asks_for_no_key_that_is_given() -> None:
    assert changes(SqlserverConnector, SERVER, {"id": 1, "raw": None}) == "INSERT INTO [dbo].[t] ([id], [raw]) VALUES (%s, NULL)"


def test_sql_server_counts_without_what_triggers_did() -> None:
    made = Printer(SqlserverConnector.rules, dt.UTC).delete(SERVER, {"id": 1}).finish(SqlserverConnector.rules)[0]

    assert made == "SET NOCOUNT ON; DELETE FROM [dbo].[t] WHERE ([id] = %s); SELECT @@ROWCOUNT"


def test_sql_server_rounds_no_last_moment_beyond_its_calendar() -> None:
    made = statement(SqlserverConnector, SERVER, columns=("until", "wakes"))

    assert made == (
        "SELECT CASE WHEN [t].[until] >= '9999-12-31 23:59:59.999999' THEN CAST('9999-12-31 23:59:59.999999' AS datetime2(6)) "
        "ELSE CAST([t].[until] AS datetime2(6)) END, "
        "CASE WHEN [t].[wakes] >= '23:59:59.999999' THEN CAST('23:59:59.999999' AS time(6)) ELSE CAST([t].[wakes] AS time(6)) END "
        "FROM [dbo].[t] AS [t]"
    )


def test_last_moment_of_the_calendar_is_a_date_time_but_to_duckdb() -> None:
    assert reader(SERVER.by_name["until"], dt.UTC)(LAST) == LAST.replace(tzinfo=dt.UTC)


@pytest.mark.parametrize("operator", ["startswith", "endswith"])
def test_sql_server_counts_and_cuts_in_one_collation(operator: str) -> None:
    made = statement(SqlserverConnector, SERVER, Compare("name", operator, "😀"))

    assert made.count("COLLATE Latin1_General_100_BIN2") == 3
    assert "LEN((%s + N'.') COLLATE Latin1_General_100_BIN2) - 1)" in made


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_values_that_are_no_numbers_are_compared_here(value: float) -> None:
    assert Printer(SqlserverConnector.rules, dt.UTC).grade(SERVER, Compare("score", "eq", value)) is Grade.NO


def test_list_that_no_statement_holds_is_compared_here() -> None:
    printer = Printer(OracleConnector.rules, dt.UTC)

    grades = [printer.grade(ORACLE, Compare("id", "in", tuple(range(count)))) for count in (MOST_VALUES, MOST_VALUES + 1)]

    assert grades == [Grade.EXACT, Grade.NO]


def test_oracle_row_of_defaults_names_one_column() -> None:
    assert changes(OracleConnector, ORACLE, {}) == 'INSERT INTO "S"."T" ("id") VALUES (DEFAULT)'


def test_oracle_doubles_are_sent_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver:
        DB_TYPE_BINARY_DOUBLE = "double"

    class Cursor:
        def setinputsizes(self, *sizes: Any) -> None:
            self.sizes = sizes

        def execute(self, sql: str, binds: Any) -> None:
            self.binds = binds

    cursor = Cursor()
    monkeypatch.setattr(OracleConnector, "driver", lambda self: Driver)

    OracleConnector().execute(cursor, "SELECT", [1, 1e300], {})

    assert (cursor.sizes, cursor.binds) == ((None, "double"), (1, 1e300))


@pytest.mark.parametrize(
    ("native", "shown"),
    [
        ("JSON", "JSON_SERIALIZE({0} RETURNING CLOB)"),
        ("XMLTYPE", "XMLSERIALIZE(CONTENT {0} AS CLOB)"),
        ("SDO_GEOMETRY", "SDO_UTIL.TO_WKTGEOMETRY({0})"),
        ("INTERVAL DAY(2) TO SECOND(6)", "TO_CHAR({0})"),
    ],
)
def test_oracle_types_that_are_read_as_text(native: str, shown: str) -> None:
    assert OracleConnector.rules.as_text(native) == shown


def test_trino_ends_by_functions_that_all_versions_have() -> None:
    table = Table(TableRef("s", "t"), columns=columns_of(id=(Type.INT32, "integer"), name=(Type.STRING, "varchar")))

    made = statement(TrinoConnector, table, Compare("name", "endswith", "a"))

    assert 'SUBSTR("t"."name", LENGTH("t"."name") - LENGTH(?) + 1) = ?' in made


def test_sql_server_takes_the_values_of_one_query_of_its_catalog() -> None:
    connector = SqlserverConnector()
    describing = Describing(connector, Printer(connector.rules, dt.UTC), {})
    refs = [TableRef("dbo", f"t{number}") for number in range(MOST_REFS)]

    sql, binds = describing.asked(connector.catalog.keys, refs, connector.catalog.schema, connector.catalog.table)

    assert len(Statement(binds, sql).finish(connector.rules)[1]) <= 2100
