"""DuckDB itself: types, keys, pages, writes, a file that others use, and what its connections may not reach."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connections.connectors.dbapi import paging
from connections.connectors.dbapi.duckdb_file import DuckdbConnector
from connections.connectors.dbapi.session import DbapiSession
from connections.contract import errors
from connections.contract.scan import Compare, Grade, Not, Order, Scan
from connections.contract.table import Table, TableRef, Type
from connections.contract.unsayable import Unsayable
from tests.connectors.agreement import check_agreement
from tests.connectors.dbapi.facts import COLUMNS, create, facts, table

Make = Callable[..., DbapiSession]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.duckdb"


@pytest.fixture
def make(path: Path) -> Make:
    """Run statements in a new file, return a session on it."""

    def run(*statements: str, read_only: bool = False, **properties: Any) -> DbapiSession:
        with duckdb.connect(str(path)) as database:
            database.execute("SET TimeZone = 'UTC'")
            for statement in statements:
                database.execute(statement)
            if not statements:
                create(database)
        return DuckdbConnector().open({"Database": str(path), **properties}, read_only=read_only)

    return run


def rows(session: DbapiSession, found: Table, *columns: str, **more: Any) -> list[tuple[Any, ...]]:
    return [row for batch in session.read(session.offer(Scan(found, columns or COLUMNS, **more))) for row in batch.rows]


def test_tables_are_described(make: Make) -> None:
    session = make(
        "CREATE TABLE makers (id INTEGER PRIMARY KEY, name VARCHAR)",
        "CREATE TABLE goods (id BIGINT PRIMARY KEY, code VARCHAR(9) NOT NULL UNIQUE, price DECIMAL(10,2) DEFAULT 1, at_ TIMESTAMPTZ,"
        " maker INTEGER REFERENCES makers(id), sizes INTEGER[], info JSON, huge HUGEINT)",
        "CREATE VIEW cheap AS SELECT * FROM goods WHERE price < 1",
        "COMMENT ON TABLE goods IS 'what is sold'",
    )

    listed = {info.ref.name: (info.kind, info.comment) for info in session.list_tables()}
    found = session.describe([TableRef("main", "goods")])[0]

    assert listed == {"makers": ("table", ""), "goods": ("table", "what is sold"), "cheap": ("view", "")}
    assert {column.name: column.type for column in found.columns} == {
        "id": Type.INT64,
        "code": Type.STRING,
        "price": Type.DECIMAL,
        "at_": Type.TIMESTAMP,
        "maker": Type.INT32,
        "sizes": Type.STRING,
        "info": Type.STRING,
        "huge": Type.DECIMAL,
    }
    assert (found.by_name["price"].precision, found.by_name["price"].scale, found.by_name["price"].has_default) == (10, 2, True)
    assert found.by_name["at_"].has_zone and found.by_name["info"].is_json
    assert (found.primary_key, found.unique_keys) == (("id",), (("code",),))
    assert [(key.columns, key.target_table, key.target_columns) for key in found.foreign_keys] == [(("maker",), "makers", ("id",))]
    assert table(session, "cheap").writes == frozenset()


def test_values_arrive_exact(make: Make) -> None:
    session = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a DECIMAL(38,10), b TIMESTAMPTZ, c TIMESTAMP, d FLOAT, e BLOB, f INT[], g TIMESTAMP_NS)",
        "INSERT INTO t VALUES (1, 1234567890123456789012345678.0123456789, '2024-01-01 00:00:00+09', '2024-01-01', 0.1, 'ab'::BLOB, [1, 2],"
        " '2024-01-01 00:00:00.123456789')",
        TimeZone="Asia/Tokyo",
    )

    assert rows(session, table(session, "t"), "a", "b", "c", "d", "e", "f", "g") == [
        (
            Decimal("1234567890123456789012345678.0123456789"),
            dt.datetime(2023, 12, 31, 15, tzinfo=dt.UTC),
            dt.datetime(2023, 12, 31, 15, tzinfo=dt.UTC),
            0.1,
            b"ab",
            "[1, 2]",
            dt.datetime(2023, 12, 31, 15, 0, 0, 123457, tzinfo=dt.UTC),
        )
    ]


def test_pushdown_changes_no_answer(make: Make) -> None:
    session = make()

    shares = check_agreement(session, TableRef("main", "facts"), examples=20)

    assert any(0 < share < 1 for share in shares)


def test_all_rows_come_once_page_behind_page(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "FIRST", 7)
    session = make()
    found = table(session)

    assert [row[0] for row in rows(session, found, "id")] == list(range(1, 41))
    assert len(rows(session, found, "note")) == 40


def test_reading_goes_on_where_it_stopped(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "FIRST", 7)
    session = make()
    found = table(session)
    for more in ({}, {"order": (Order("note", True),)}):
        offer = session.offer(Scan(found, ("id",), **more))
        reading = session.read(offer)
        first = next(reading)
        reading.close()  # type: ignore[attr-defined]

        rest = [row for batch in session.read(offer, resume=first.resume) for row in batch.rows]

        assert sorted([*first.rows, *rest]) == [(number,) for number in range(1, 41)]


def test_table_without_a_key_has_the_same_order_each_time(make: Make) -> None:
    session = make("CREATE TABLE t (a VARCHAR, b INTEGER)", "INSERT INTO t SELECT 'x', (i * 7) % 50 FROM range(50) r(i)")
    found = table(session, "t")
    offer = session.offer(Scan(found, ("b",)))

    assert [row[0] for batch in session.read(offer, resume='{"passed": 20}') for row in batch.rows] == list(range(20, 50))


def test_limit_and_count_are_left_to_it(make: Make) -> None:
    session = make()
    found = table(session)
    where = (Compare("name", "contains", "a"), Not(Compare("small", "eq", 1)))
    offer = session.offer(Scan(found, ("id",), where, (Order("price", True),), limit=3, offset=1))

    assert offer.takes_limit and offer.grades == (Grade.EXACT, Grade.EXACT)
    assert "LIMIT 3 OFFSET 1" in offer.explain[0]
    wanted = [row for row in facts() if "a" in row["name"] and row["small"] not in (None, 1)]
    assert session.count(session.offer(Scan(found, ("id",), where, wants_count=True))) == len(wanted)


def test_nan_is_greater_than_nothing(make: Make) -> None:
    session = make()

    assert session.offer(Scan(table(session), ("id",), (Compare("score", "gt", 1.0),))).grades == (Grade.SUPERSET,)
    assert math.isnan(rows(session, table(session), "score", order=(Order("score", True),))[0][0])


def test_collated_text_is_compared_here(make: Make) -> None:
    session = make("CREATE TABLE t (a VARCHAR COLLATE NOCASE)", "INSERT INTO t VALUES ('a'), ('A')")

    offer = session.offer(Scan(table(session, "t"), ("a",), (Compare("a", "eq", "a"),), (Order("a"),)))

    assert offer.grades == (Grade.NO,) and not offer.takes_order


def test_rows_are_written(make: Make) -> None:
    session = make(
        "CREATE SEQUENCE s START 5",
        "CREATE TABLE t (id INTEGER PRIMARY KEY DEFAULT nextval('s'), name VARCHAR NOT NULL, at_ TIMESTAMP, part DECIMAL(9,3))",
    )
    found = table(session, "t")
    moment = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)

    made = session.insert(found, {"name": "x", "at_": moment, "part": Decimal("1.5")}, idempotency="1")
    changed = session.update(found, {"id": 5}, {"name": "y"}, idempotency="2")

    assert (made, changed) == ({"id": 5}, {"id": 5})
    assert rows(session, found, "id", "name", "at_", "part") == [(5, "y", moment, Decimal("1.500"))]
    assert session.update(found, {"id": 6}, {"name": "y"}, idempotency="3") is None
    assert [session.delete(found, {"id": 5}, idempotency=text) for text in "45"] == [True, False]


@pytest.mark.parametrize(
    ("values", "kind"),
    [({"id": 1, "name": "x"}, "unique"), ({"id": 9, "name": None}, "not_null"), ({"id": 9, "name": "x", "of": 7}, "foreign_key")],
)
def test_broken_constraint_is_named(make: Make, values: dict[str, Any], kind: str) -> None:
    session = make(
        "CREATE TABLE p (id INTEGER PRIMARY KEY)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, of INTEGER REFERENCES p(id))",
        "INSERT INTO t VALUES (1, 'x', NULL)",
    )

    with pytest.raises(errors.ConstraintViolated) as refused:
        session.insert(table(session, "t"), values, idempotency="1")
    assert refused.value.kind == kind


def test_read_only_connection_writes_nothing(make: Make) -> None:
    session = make("CREATE TABLE t (id INTEGER PRIMARY KEY)", read_only=True)

    with pytest.raises(errors.SourceRejected, match="read-only"):
        session.insert(table(session, "t"), {"id": 1}, idempotency="1")


def test_key_that_two_rows_have_changes_none(make: Make) -> None:
    session = make("CREATE TABLE t (a INTEGER, b INTEGER)", "INSERT INTO t VALUES (1, 1), (1, 2)")
    found = table(session, "t")

    with pytest.raises(errors.SourceRejected, match="More than one row"):
        session.delete(found, {"a": 1}, idempotency="1")
    assert len(rows(session, found, "a")) == 2


def test_file_in_use_elsewhere_is_named(make: Make, path: Path) -> None:
    session = make("CREATE TABLE t (id INTEGER PRIMARY KEY)", ConnectTimeout=1)

    with duckdb.connect(str(path)), pytest.raises(errors.SourceTimeout, match="in use"):
        session.list_tables()
    assert len(session.list_tables()) == 1


def test_writing_waits_for_readers(make: Make) -> None:
    session = make()
    found = table(session)
    reading = session.read(session.offer(Scan(found, ("id",))))
    next(reading)
    reading.close()  # type: ignore[attr-defined]

    assert session.delete(found, {"id": 1}, idempotency="1")


def test_views_reach_no_other_file(make: Make, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    session = make(f"CREATE VIEW v AS SELECT * FROM read_csv('{secret}')")

    with pytest.raises(errors.ConnectorError) as refused:
        session.fetch('SELECT * FROM "v"')
    assert "secret" not in refused.value.message


def test_replaced_file_is_opened_anew(make: Make, path: Path, tmp_path: Path) -> None:
    session = make("CREATE TABLE t (id INTEGER)", read_only=True)
    session.list_tables()
    with duckdb.connect(str(tmp_path / "other")) as other:
        other.execute("CREATE TABLE u (id INTEGER)")

    (tmp_path / "other").replace(path)

    assert [info.ref.name for info in session.list_tables()] == ["u"]


def test_missing_table_is_gone(make: Make) -> None:
    session = make("CREATE TABLE t (id INTEGER)")
    found = table(session, "t")
    with duckdb.connect(session._values["Database"]) as database:
        database.execute("DROP TABLE t")

    with pytest.raises(errors.TableGone):
        rows(session, found, "id")
    with pytest.raises(errors.TableGone):
        session.describe([TableRef("main", "nowhere")])


def test_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("no database" * 1000)

    steps = DuckdbConnector().test({"Database": str(tmp_path / "text.duckdb")})

    assert [(step.name, step.ok) for step in steps] == [("driver", True), ("resolve", True), ("sign_in", False)]
    assert steps[-1].message == "The file is no DuckDB database."


@pytest.mark.parametrize("kind", ["cut off", "overwritten"])
def test_damaged_file_is_named(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / "whole.duckdb"
    with duckdb.connect(str(whole)) as database:
        database.execute("CREATE TABLE t AS SELECT range AS id, 'x' || range AS name FROM range(50000)")
    content, third = whole.read_bytes(), whole.stat().st_size // 3
    damaged = tmp_path / "bad.duckdb"
    damaged.write_bytes(content[: third * 2] if kind == "cut off" else content[:12288] + b"\xaa" * (len(content) - 12288))
    session = DuckdbConnector().open({"Database": str(damaged)})

    with pytest.raises(errors.ConnectionFailed, match="The database file is damaged"):
        rows(session, session.describe([TableRef("main", "t")])[0], "id")


def test_full_disk_is_named() -> None:
    error = duckdb.IOException('IO Error: Could not write file "/data/sales.duckdb.wal": No space left on device')

    found = DuckdbConnector().translate(error)

    assert (type(found), found.message) == (errors.SourceRejected, "The database's disk is full.")


def test_own_files_are_forbidden(path: Path) -> None:
    path.touch()

    assert DuckdbConnector().forbidden({"Database": str(path)}, [f"sqlite:{path}"])
    assert not DuckdbConnector().forbidden({"Database": str(path)}, ["sqlite:/elsewhere"])


def test_statement_ends_at_the_timeout(make: Make) -> None:
    session = make("CREATE TABLE t (id INTEGER)", Timeout=1)

    with pytest.raises(errors.SourceTimeout):
        session.fetch("SELECT count(*) FROM range(10000000) a(x), range(10000000) b(y) WHERE x + y = -1")


def test_name_without_schema_means_the_usual_one(make: Make) -> None:
    session = make(
        "CREATE SCHEMA other", "CREATE TABLE other.t (a INTEGER)", "CREATE TABLE other.u (a INTEGER)", "CREATE TABLE t (a INTEGER)"
    )

    assert [found.ref for found in session.describe([TableRef("", "t"), TableRef("", "u")])] == [
        TableRef("main", "t"),
        TableRef("other", "u"),
    ]


def test_infinity_is_named(make: Make) -> None:
    session = make("CREATE TABLE t (a TIMESTAMP)", "INSERT INTO t VALUES ('infinity')")

    assert isinstance(rows(session, table(session, "t"), "a")[0][0], Unsayable)
