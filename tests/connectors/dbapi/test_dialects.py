"""The databases that can't be run here: their SQL is read as theirs and run by a stand-in, and gives what the engine gives alone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.dbapi.session import DbapiSession
from connections.connectors.registry import get_connector
from connections.contract import errors
from connections.contract.scan import Compare, Grade, Order, Scan
from connections.contract.table import Column, Type
from tests.connectors.agreement import check_agreement
from tests.connectors.dbapi.facts import COLUMNS, facts, table
from tests.connectors.dbapi.standin import Line, StandIn

# The schema, how each database calls the types of facts.COLUMNS, and what is needed to open it.
NATIVE: dict[str, tuple[str, Sequence[Any], dict[str, Any]]] = {
    "sqlserver": (
        "dbo",
        (
            "int",
            ("varchar", 40),
            "smallint",
            "bigint",
            ("decimal", None, 12, 2),
            "float",
            ("nvarchar", 40),
            "bit",
            "date",
            ("time", None, None, 7),
            ("datetime2", None, None, 7),
            "uniqueidentifier",
        ),
        {"User": "sa", "UseSSL": "Off"},
    ),
    "oracle": (
        "SHOP",
        (
            ("NUMBER", None, 9, 0),
            ("VARCHAR2", 40),
            ("NUMBER", None, 4, 0),
            ("NUMBER", None, 38, 0),
            ("NUMBER", None, 12, 2),
            "BINARY_DOUBLE",
            ("VARCHAR2", 40),
            "BOOLEAN",
            None,
            None,
            "TIMESTAMP(6)",
            None,
        ),
        {"User": "u", "ServiceName": "s"},
    ),
    "snowflake": (
        "PUBLIC",
        (
            ("NUMBER", None, 9, 0),
            ("TEXT", 40),
            ("NUMBER", None, 4, 0),
            ("NUMBER", None, 38, 0),
            ("NUMBER", None, 12, 2),
            "FLOAT",
            ("TEXT", 40),
            "BOOLEAN",
            "DATE",
            ("TIME", None, None, 6),
            ("TIMESTAMP_NTZ", None, None, 9),
            None,
        ),
        {"Account": "a", "User": "u", "Database": "d", "AuthScheme": "Password", "Password": "p"},
    ),
    "bigquery": (
        "shop",
        ("INT64", "STRING(40)", "INT64", "INT64", "NUMERIC(12, 2)", "FLOAT64", "STRING", "BOOL", "DATE", "TIME", "DATETIME", None),
        {"ProjectId": "p", "DatasetId": "shop", "AuthScheme": "GCPInstanceAccount"},
    ),
    "trino": (
        "sales",
        (
            "integer",
            "varchar(40)",
            "smallint",
            "bigint",
            "decimal(12,2)",
            "double",
            "varchar",
            "boolean",
            "date",
            "time(3)",
            "timestamp(9)",
            "uuid",
        ),
        {"Catalog": "c"},
    ),
    "clickhouse": (
        "shop",
        (
            "Int32",
            "String",
            "Nullable(Int16)",
            "Nullable(Int64)",
            "Nullable(Decimal(12, 2))",
            "Nullable(Float64)",
            "LowCardinality(Nullable(String))",
            "Nullable(Bool)",
            "Nullable(Date32)",
            None,
            "Nullable(DateTime64(6, 'UTC'))",
            "Nullable(UUID)",
        ),
        {},
    ),
}
HELD = ("sqlserver", "oracle")
WRITTEN = ("sqlserver", "oracle", "snowflake", "bigquery")


def columns_of(schema: str, types: Sequence[Any]) -> list[Line]:
    """Return what the catalog says of the columns; None = the database has no such type, the column is left out."""
    lines = []
    for name, given in zip(COLUMNS, types, strict=True):
        if given is not None:
            native, length, precision, scale = (*given, None, None, None)[:4] if isinstance(given, tuple) else (given, None, None, None)
            lines.append((schema, "facts", name, native, name not in ("id", "name"), length, precision, scale, None, "no", ""))
    return lines


def keys_of(key: str, schema: str) -> list[Line]:
    """Return what the catalog says of the key."""
    if key == "snowflake":
        return [("PRIMARY", "d", schema, "facts", "id", 1, "pk")]
    return [] if key in ("trino", "clickhouse") else [(schema, "facts", "p", "pk", "id", None, None, None)]


@pytest.fixture(params=NATIVE)
def standin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    connector = get_connector(request.param)
    assert isinstance(connector, DbapiConnector)
    schema, types, _ = NATIVE[request.param]
    found = StandIn(connector, columns_of(schema, types), keys_of(request.param, schema), schema)
    monkeypatch.setattr(type(connector), "connect", lambda self, values, is_writer: found.connect())
    return found


@pytest.fixture
def session(standin: StandIn) -> DbapiSession:
    return standin.connector.open(NATIVE[standin.connector.key][2])


def read(session: DbapiSession, *columns: str, **more: Any) -> list[tuple[Any, ...]]:
    found = table(session)
    return [row for batch in session.read(session.offer(Scan(found, columns or tuple(found.by_name), **more))) for row in batch.rows]


def test_table_is_described(standin: StandIn, session: DbapiSession) -> None:
    found = table(session)

    assert found.by_name["id"].type in (Type.INT32, Type.INT64) and not found.by_name["id"].is_nullable
    assert found.by_name["price"] == Column(
        "price",
        Type.DECIMAL,
        precision=12,
        scale=2,
        native_type=found.by_name["price"].native_type,
        ordinal=found.by_name["price"].ordinal,
    )
    assert found.by_name["score"].type is Type.DOUBLE and found.by_name["flag"].type is Type.BOOLEAN
    assert found.by_name["seen"].type is Type.TIMESTAMP and found.by_name["note"].type is Type.STRING
    assert found.primary_key == (() if standin.connector.key in ("trino", "clickhouse") else ("id",))


def test_rows_are_those_that_were_stored(standin: StandIn, session: DbapiSession) -> None:
    names = [name for name in table(session).by_name if name != "score"]

    assert sorted(read(session, *names)) == [tuple(row[name] for name in names) for row in facts()]


def test_pushdown_changes_no_answer(standin: StandIn, session: DbapiSession) -> None:
    shares = check_agreement(session, table(session).ref, examples=12)

    assert any(0 < share < 1 for share in shares)


@pytest.mark.parametrize("operator", ["eq", "ne", "lt", "ge", "contains", "startswith"])
def test_text_is_left_to_the_database_by_code_points(standin: StandIn, session: DbapiSession, operator: str) -> None:
    where = (Compare("name", operator, "a_b"),)

    assert session.offer(Scan(table(session), ("id",), where)).grades == (Grade.EXACT,)


def test_limit_offset_and_order_are_one_statement(standin: StandIn, session: DbapiSession) -> None:
    found = table(session)
    standin.statements.clear()

    rows = read(session, "id", where=(Compare("big", "is_not_null"),), order=(Order("id", True),), limit=3, offset=2)

    wanted = [(row["id"],) for row in reversed(facts()) if row["big"] is not None]
    assert rows == wanted[2:5]
    assert session.offer(Scan(found, ("id",), order=(Order("id", True),), limit=3)).takes_limit
    assert sum("big" in statement for statement in standin.statements if "FETCH" in statement or "LIMIT" in statement) == 1


def test_rows_are_counted_there(standin: StandIn, session: DbapiSession) -> None:
    offer = session.offer(Scan(table(session), ("id",), (Compare("price", "ge", Decimal("2.5")),), wants_count=True))

    assert offer.takes_count
    assert session.count(offer) == sum(row["price"] is not None and row["price"] >= Decimal("2.5") for row in facts())


def test_values_never_stand_in_statements(standin: StandIn, session: DbapiSession) -> None:
    read(session, "id", where=(Compare("name", "eq", "secret' OR 1=1 --"),))

    assert not any("secret" in statement for statement in standin.statements)


def test_rows_are_written_where_that_is_natural(standin: StandIn, session: DbapiSession) -> None:
    found = table(session)
    standin.database.execute('DELETE FROM "facts"')

    made = session.insert(found, {"id": 1, "name": "100%", "price": Decimal("1.50")}, idempotency="1")

    assert made == ({"id": 1} if found.primary_key else {})
    assert read(session, "id", "name", "price") == [(1, "100%", Decimal("1.50"))]
    if standin.connector.key not in WRITTEN:
        with pytest.raises(errors.NotSupported):
            session.update(found, {"id": 1}, {"name": "y"}, idempotency="2")
        return
    assert session.update(found, {"id": 1}, {"name": "y"}, idempotency="2") == {"id": 1}
    assert session.update(found, {"id": 2}, {"name": "y"}, idempotency="2") is None
    assert read(session, "name") == [("y",)]
    assert [session.delete(found, {"id": 1}, idempotency=text) for text in "34"] == [True, False]


def test_a_key_that_is_only_declared_is_not_read_behind(standin: StandIn, session: DbapiSession) -> None:
    line = session.offer(Scan(table(session), ("id",))).explain[0]

    assert ("1000" in line) == (standin.connector.key in HELD)
