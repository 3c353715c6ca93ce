"""Snowflake and BigQuery: where they are reached, what their catalogs are asked, values in the form that keeps their digits."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from connections.connectors.dbapi import snowflake
from connections.connectors.dbapi.bigquery import BigqueryConnector
from connections.connectors.dbapi.clickhouse import ClickhouseConnector
from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.dbapi.printing import Printer
from connections.connectors.dbapi.snowflake import SnowflakeConnector
from connections.contract.errors import ConnectorError, InvalidProperties
from connections.contract.scan import Compare, Grade
from connections.contract.table import Column, Table, TableRef, Type

SNOWFLAKE = {"User": "u", "Database": "d", "AuthScheme": "Password", "Password": "p"}
BIGQUERY = {"ProjectId": "my-project", "DatasetId": "shop", "AuthScheme": "GCPInstanceAccount"}
GOODS = Table(
    TableRef("S", "T"),
    columns=(
        Column("id", Type.INT32, is_nullable=False),
        Column("price", Type.DECIMAL, precision=12, scale=2, native_type="NUMBER"),
        Column("doc", Type.STRING, is_json=True, native_type="VARIANT"),
    ),
    primary_key=("id",),
)


class Answers:
    """A driver's connection and cursor that answers each statement with the same lines."""

    def __init__(self, *lines: Sequence[Any]) -> None:
        self.lines, self.asked = lines, list[tuple[str, Any]]()
        self._left: list[Sequence[Any]] = []

    def cursor(self) -> Answers:
        return self

    def execute(self, sql: str, binds: Any = None) -> None:
        self.asked.append((sql, binds))
        self._left = list(self.lines)

    def fetchmany(self, size: int) -> list[Sequence[Any]]:
        found, self._left = self._left[:size], self._left[size:]
        return found

    def close(self) -> None:
        """Leave the rows."""


def answering(connector: type[DbapiConnector], monkeypatch: pytest.MonkeyPatch, *lines: Sequence[Any]) -> Answers:
    answers = Answers(*lines)
    monkeypatch.setattr(connector, "connect", lambda self, values, is_writer: answers)
    return answers


@pytest.mark.parametrize(
    ("given", "account", "place"),
    [
        ({"Account": "org-acme"}, "org-acme", {}),
        (
            {"URL": "https://org-acme.snowflakecomputing.com"},
            "org-acme",
            {"host": "org-acme.snowflakecomputing.com", "protocol": "https", "port": 443},
        ),
        (
            {"URL": "acme.privatelink.snowflakecomputing.cn/console"},
            "acme.privatelink",
            {"host": "acme.privatelink.snowflakecomputing.cn", "protocol": "https", "port": 443},
        ),
        (
            {"Account": "acme", "URL": "http://127.0.0.1:8084"},
            "acme",
            {"host": "127.0.0.1", "protocol": "http", "port": 8084},
        ),
    ],
)
def test_snowflake_is_found_by_account_or_address(given: dict[str, str], account: str, place: dict[str, Any]) -> None:
    values = SnowflakeConnector().clean({**SNOWFLAKE, **given})

    assert (snowflake.account_of(values), snowflake.server(values)) == (account, place)


@pytest.mark.parametrize("url", ["http://acme.snowflakecomputing.com", "https://", "ftp://a.b", "https://a:999999", "https://[a"])
def test_snowflake_takes_no_other_address(url: str) -> None:
    with pytest.raises(InvalidProperties, match="URL"):
        SnowflakeConnector().clean({**SNOWFLAKE, "URL": url})


@pytest.mark.parametrize("url", ["http://bigquery.googleapis.com", "bigquery.googleapis.com", "https://:1", "https://a:99999"])
def test_bigquery_takes_no_other_address(url: str) -> None:
    with pytest.raises(InvalidProperties, match="URL"):
        BigqueryConnector().clean({**BIGQUERY, "URL": url})


def test_bigquery_without_account_needs_an_emulator() -> None:
    with pytest.raises(InvalidProperties, match="emulator"):
        BigqueryConnector().clean({**BIGQUERY, "AuthScheme": "None"})


def test_bigquery_asks_the_data_set_and_sends_no_empty_values(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = answering(BigqueryConnector, monkeypatch, ("shop", "facts", "BASE TABLE", ""))

    listed = BigqueryConnector().open(BIGQUERY).list_tables()

    assert [info.ref for info in listed] == [TableRef("shop", "facts")]
    assert answers.asked[0][0].endswith("FROM `my-project.shop`.INFORMATION_SCHEMA.TABLES")
    assert answers.asked[0][1] is None  # the client fails at an empty tuple


def test_one_schema_is_shown_where_a_property_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [("PUBLIC", "a", "BASE TABLE", ""), ("OTHER", "b", "BASE TABLE", "")]
    for connector, values in (
        (SnowflakeConnector, {**SNOWFLAKE, "Account": "a", "Schema": "public"}),
        (ClickhouseConnector, {"Database": "public"}),
    ):
        answering(connector, monkeypatch, *lines)

        assert [info.ref.name for info in connector().open(values).list_tables()] == ["a"]


@pytest.mark.parametrize(("count", "statements"), [(3, 1), (snowflake.MOST_SHOWN, 3)])
def test_snowflake_keys_are_asked_by_table_where_a_schema_has_too_many(count: int, statements: int) -> None:
    asked = []

    class Names:
        def named_schema(self, schema: str) -> str:
            return f'"{schema}"'

        def named(self, ref: TableRef) -> str:
            return f'"{ref.schema}"."{ref.name}"'

    def fetch(sql: str) -> list[tuple[Any, ...]]:
        asked.append(sql)
        lines = [("at", "d", "S", f"t{number}", "id", 1, "pk") for number in range(count if "SCHEMA" in sql else 1)]
        return lines if "PRIMARY" in sql else []

    found = SnowflakeConnector().key_lines(fetch, [TableRef("S", "t0"), TableRef("S", "t1")], Names())

    assert [line[:5] for line in found][:1] == [("S", "t0", "p", "pk", "id")]
    assert sum("PRIMARY" in sql for sql in asked) == statements


def printer() -> Printer:
    connector = SnowflakeConnector()
    return Printer(connector.rules, connector.open({**SNOWFLAKE, "Account": "a"})._zone)


def test_snowflake_keeps_digits_and_json() -> None:
    made = printer().insert(GOODS, {"id": 1, "price": Decimal("2.50"), "doc": "[1]"})

    sql, values = made.finish(SnowflakeConnector.rules)

    assert sql == 'INSERT INTO "S"."T" ("id", "price", "doc") SELECT ?, TO_NUMBER(?, 38, 2), PARSE_JSON(?)'
    assert values == [1, "2.50", "[1]"]


def test_snowflake_compares_no_digits_that_it_would_round() -> None:
    grades = [printer().grade(GOODS, Compare("price", "eq", Decimal(text))) for text in ("2.50", "2.500", "2.505")]

    assert grades == [Grade.EXACT, Grade.EXACT, Grade.NO]


def test_null_is_written_as_such() -> None:
    sql, values = printer().update(GOODS, {"id": 1}, {"price": None}).finish(SnowflakeConnector.rules)

    assert (sql, values) == ('UPDATE "S"."T" SET "price" = NULL WHERE ("id" = ?)', [1])


def test_missing_database_of_snowflake_is_named() -> None:
    error: ConnectorError = SnowflakeConnector().translate(RuntimeError("090105: This session does not have a current database."))

    assert error.message == "There is no such database, or the role may not use it."
