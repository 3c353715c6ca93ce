"""Loading: tables are made, filled, merged, swapped and swept, and the checkpoint is saved with the rows or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from connections.connectors.dbapi.loading_parquet import HIDDEN
from connections.connectors.dbapi.parquet_folder import FILE
from connections.connectors.loaded_values import written
from connections.connectors.registry import get_connector
from connections.contract.context import Context
from connections.contract.errors import ConnectorError, NotSupported
from connections.contract.loading import Checkpoint, Merged, TakenOver
from connections.contract.scan import Order, Scan
from connections.contract.table import Column, TableRef, Type
from connections.engine.sql_rows import SqlRows
from tests.databases import DUCKS, KINDS, Database, make

TARGET, SHADOW = TableRef("", "target"), TableRef("", "shadow")
ODD = '100% "sure"'
COLUMNS = (Column("Id", Type.INT64), Column("Name"), Column(ODD, Type.INT32))


@pytest.fixture(params=[*KINDS, *DUCKS])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Return a database; of a Parquet folder the hidden one, where what is committed stands at once."""
    found = make(request.param, "loading", request, tmp_path)
    if request.param != "parquet":
        return found
    hidden = Path(found.connection["properties"]["URI"], HIDDEN, FILE)
    return replace(found, connect=lambda: duckdb.connect(str(hidden)).execute("SET TimeZone = 'UTC'; BEGIN"))


@pytest.fixture
def session(database: Database, tmp_path: Path) -> Iterator[Any]:
    connector = get_connector(database.connection["connector"])
    found = connector.open(database.connection["properties"], context=Context(folders=(tmp_path,)))
    yield found
    found.close()


@pytest.fixture
def loading(session: Any) -> Iterator[Any]:
    found = session.loading(30)
    yield found
    found.close()


def stored(loading: Any, columns: tuple[Column, ...] = COLUMNS) -> list[Column]:
    return [loading.stored(column) for column in columns]


def made(loading: Any, ref: TableRef, rows: list[tuple[Any, ...]], key: tuple[str, ...] = ("Id",)) -> list[Column]:
    """Make a table and fill it; commit."""
    loading.create(ref, stored(loading), key)
    columns = list(loading.describe(ref).columns)
    loading.begin()
    assert loading.fill(ref, columns, [rows]).rows == len(rows)
    loading.commit()
    return columns


def content(database: Database, table: str = "target") -> list[tuple[Any, ...]]:
    return sorted(database.run(f"SELECT * FROM {table}"))


def merged(loading: Any, columns: list[Column], rows: list[tuple[Any, ...]]) -> Merged:
    loading.begin()
    stage = loading.stage(TARGET, columns)
    loading.fill(stage, columns, [rows[:1], rows[1:]])
    found: Merged = loading.merge(stage, TARGET, columns, ["Id"])
    loading.commit()
    return found


def test_a_merge_inserts_what_is_new_updates_what_differs_and_leaves_the_rest(loading: Any, database: Database) -> None:
    columns = made(loading, TARGET, [(1, "a", 1), (2, "b", 2), (3, None, None), (4, "é", 4)])

    assert merged(loading, columns, [(1, "a", 1), (2, "B", 2), (3, None, 3), (5, "new", None), (4, "e", 4)]) == Merged(1, 3, 1)
    assert content(database) == [(1, "a", 1), (2, "B", 2), (3, None, 3), (4, "e", 4), (5, "new", None)]
    assert merged(loading, columns, [(1, "a ", 1), (2, "B", 2)]) == Merged(0, 1, 1)


def test_a_table_of_keys_alone_is_merged(loading: Any, database: Database) -> None:
    column = loading.stored(Column("Id", Type.INT64))
    loading.create(TARGET, [column], ["Id"])

    assert merged(loading, [column], [(1,), (2,)]) == Merged(2, 0, 0)
    assert merged(loading, [column], [(2,), (3,)]) == Merged(1, 0, 1)
    assert content(database) == [(1,), (2,), (3,)]


def test_rows_and_checkpoint_are_there_together_or_not_at_all(loading: Any, database: Database) -> None:
    columns = made(loading, TARGET, [])
    taken = loading.take("job/task")
    assert taken == Checkpoint(1)

    loading.begin()
    loading.fill(TARGET, columns, [[(1, "a", 1)]])
    loading.save("job/task", Checkpoint(taken.fence, "one"))
    loading.rollback()
    assert (content(database), loading.take("job/task")) == ([], Checkpoint(2))

    data = '{"at": "100%"}'
    loading.begin()
    loading.fill(TARGET, columns, [[(1, "a", 1)]])
    loading.save("job/task", Checkpoint(2, data))
    loading.save("job/task", Checkpoint(2, data))
    loading.commit()
    assert (content(database), loading.take("job/task")) == ([(1, "a", 1)], Checkpoint(3, data))


def test_who_was_overtaken_saves_no_more(loading: Any, session: Any) -> None:
    first = loading.take("t")
    other = session.loading(30)
    try:
        assert other.take("t").fence == first.fence + 1
    finally:
        other.close()
    loading.begin()
    with pytest.raises(TakenOver):
        loading.save("t", first)
    loading.rollback()


def test_a_swap_puts_the_shadow_in_place_and_views_stay(loading: Any, database: Database) -> None:
    made(loading, SHADOW, [(1, "a", 1)])
    loading.begin()
    loading.swap(SHADOW, TARGET)
    loading.commit()
    database.run(f"CREATE VIEW seen AS SELECT {database.quote('Id')} FROM target")
    made(loading, SHADOW, [(2, "b", 2), (3, "c", 3)])
    loading.begin()
    loading.swap(SHADOW, TARGET)
    loading.commit()

    assert content(database) == [(2, "b", 2), (3, "c", 3)]
    assert content(database, "seen") == [(2,), (3,)]
    if database.kind == "postgresql":
        assert database.run("SELECT conname FROM pg_constraint WHERE contype = 'p' AND conrelid = 'target'::regclass") == [("target_pkey",)]
    assert loading.describe(SHADOW) is None
    assert loading.describe(TARGET).primary_key == ("Id",)
    assert loading.count(TARGET) == 2


def test_what_the_source_has_no_more_is_deleted_or_marked(loading: Any, database: Database) -> None:
    columns = made(loading, TARGET, [(1, "a", 1), (2, "b", 2), (3, "c", 3)])

    def kept(keys: list[int], mark: str = "") -> int:
        loading.begin()
        stage = loading.stage(TARGET, columns[:1])
        loading.fill(stage, columns[:1], [[(key,) for key in keys]])
        count: int = loading.keep(stage, TARGET, ["Id"], mark=mark)
        loading.commit()
        return count

    assert kept([1, 2]) == 1
    loading.add(TARGET, [loading.stored(Column("_deleted", Type.TIMESTAMP, has_zone=True))])
    assert (kept([1], "_deleted"), kept([1], "_deleted")) == (1, 0)
    marks = database.run(f"SELECT {database.quote('Id')}, _deleted IS NULL FROM target ORDER BY 1")
    assert [(row[0], bool(row[1])) for row in marks] == [(1, True), (2, False)]


def test_keys_of_a_large_table_are_compared_in_time(session: Any) -> None:
    loading = session.loading(15)
    try:
        rows = [(number, "x", number) for number in range(40_000)]
        columns = made(loading, TARGET, rows)
        loading.begin()
        stage = loading.stage(TARGET, columns[:1])
        loading.fill(stage, columns[:1], [[(number,) for number, _, _ in rows[:-3]]])

        assert loading.keep(stage, TARGET, ("Id",)) == 3
        loading.commit()
    finally:
        loading.close()


def test_columns_are_added_and_widened_without_a_loss(loading: Any, database: Database) -> None:
    made(loading, TARGET, [(1, "a", 2147483647)])
    loading.add(TARGET, stored(loading, (Column("More", Type.DOUBLE), Column("When", Type.DATE))))
    loading.widen(TARGET, loading.stored(Column(ODD, Type.INT64)))

    found = loading.describe(TARGET)
    assert [column.name for column in found.columns] == ["Id", "Name", ODD, "More", "When"]
    assert found.by_name[ODD].type == Type.INT64
    assert found.primary_key == ("Id",)
    assert content(database) == [(1, "a", 2147483647, None, None)]


def test_what_goes_wrong_while_rows_come_leaves_nothing(loading: Any, database: Database) -> None:
    columns = made(loading, TARGET, [(1, "a", 1)])

    def rows() -> Iterator[list[tuple[Any, ...]]]:
        yield [(2, "b", 2)]
        raise NotSupported("The source broke off.")

    loading.begin()
    with pytest.raises(NotSupported):
        loading.fill(TARGET, columns, rows())
    loading.rollback()
    loading.begin()
    with pytest.raises(ConnectorError):
        loading.fill(TARGET, columns, [[(1, "twice", 1)]])
    loading.rollback()

    assert content(database) == [(1, "a", 1)]
    assert merged(loading, columns, [(2, "b", 2)]) == Merged(1, 0, 0)


VALUES: list[tuple[Column, list[Any]]] = [
    (Column("bool", Type.BOOLEAN), [True, False]),
    (Column("byte", Type.BYTE), [0, 255]),
    (Column("sbyte", Type.SBYTE), [-128, 127]),
    (Column("int16", Type.INT16), [-32768, 32767]),
    (Column("int32", Type.INT32), [-(2**31), 2**31 - 1]),
    (Column("int64", Type.INT64), [-(2**63), 2**63 - 1]),
    (Column("short", Type.DECIMAL, precision=10, scale=2), [Decimal("-99999999.99"), Decimal("0.10")]),
    (Column("long", Type.DECIMAL, precision=38, scale=10), [Decimal("9" * 28 + ".0123456789"), Decimal("0E-10")]),
    (Column("free", Type.DECIMAL), [Decimal("1.5"), Decimal("123456789012345678901234567890.123456789")]),
    (Column("single", Type.SINGLE), [1.5, -0.25]),
    (Column("double", Type.DOUBLE), [0.1, -1.7976931348623157e308]),
    (Column("text"), ["", "日本語 '\"\\ \r\n\t 😀 %s"]),
    (Column("varchar", max_length=5), ["abcde", "ÄÖÜßé"]),
    (Column("json", is_json=True), ['{"a": [1, "b%"]}', "null"]),
    (Column("guid", Type.GUID), [UUID(int=1), UUID("c0ffee00-dead-4eef-8000-0123456789ab")]),
    (Column("date", Type.DATE), [date(1, 1, 1), date(9999, 12, 31)]),
    (Column("time", Type.TIME), [time(0, 0), time(23, 59, 59, 999999)]),
    (Column("instant", Type.TIMESTAMP, has_zone=True), [datetime(2024, 2, 29, 12, 0, 0, 123456, UTC), datetime(1901, 1, 1, tzinfo=UTC)]),
    (Column("local", Type.TIMESTAMP), [datetime(2040, 1, 1, 1, 2, 3, 4, UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]),
    (Column("span", Type.DURATION), [timedelta(days=3, seconds=4, microseconds=5), timedelta(days=-1)]),
    (Column("bytes", Type.BINARY), [b"", bytes(range(256))]),
]


@pytest.mark.parametrize(("column", "values"), VALUES, ids=[column.name for column, _ in VALUES])
def test_values_of_each_type_come_back_as_they_were(loading: Any, session: Any, column: Column, values: list[Any]) -> None:
    columns = [loading.stored(Column("n", Type.INT32)), loading.stored(column)]
    rows = [(number, value) for number, value in enumerate([*values, None])]
    loading.create(TARGET, columns, ["n"])
    found = loading.describe(TARGET).by_name[column.name]
    loading.begin()
    loading.fill(TARGET, [columns[0], found], [rows])
    loading.commit()

    assert (found.type, found.is_json) == (columns[1].type, columns[1].is_json)
    is_text = found.type == Type.STRING and column.type != Type.STRING
    assert rows_of(session, "n", column.name) == [(number, written(value) if is_text else value) for number, value in rows]


def rows_of(session: Any, *names: str) -> list[tuple[Any, ...]]:
    """Return the rows of the target in the order of the first column."""
    reader = session if session.dialect is None else SqlRows(session)
    offer = reader.offer(Scan(reader.describe([TARGET])[0], names, order=(Order(names[0]),)))
    return [row for batch in reader.read(offer) for row in batch.rows]


def test_texts_that_a_database_cannot_hold_are_repaired_and_counted(loading: Any, database: Database) -> None:
    columns = stored(loading)
    loading.create(TARGET, columns, ["Id"])
    loading.begin()
    filled = loading.fill(TARGET, columns, [[(1, "a\0b\0", 1), (2, "c", 2)]])
    loading.commit()

    assert (filled.rows, filled.repaired) == (2, 1 if database.kind == "postgresql" else 0)
    assert content(database)[0][1].replace("\0", "") == "ab"


def test_rows_longer_than_a_statement_may_be_go_in_parts(loading: Any, database: Database) -> None:
    columns = stored(loading)
    loading.create(TARGET, columns, ["Id"])
    loading.begin()
    assert loading.fill(TARGET, columns, [[(number, "x" * 200_000, 1) for number in range(150)]]).rows == 150
    loading.commit()

    assert loading.count(TARGET) == 150


def test_a_connection_that_only_reads_loads_nothing(database: Database) -> None:
    session = get_connector(database.connection["connector"]).open(database.connection["properties"], read_only=True)
    with pytest.raises(NotSupported, match="read-only"):
        session.loading(30)
    session.close()
