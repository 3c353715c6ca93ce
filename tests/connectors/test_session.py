"""Sessions in trouble: restarts, time limits, forbidden writes, broken statements, exhausted pools, abandoned streams."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from connections.contract import errors
from connections.contract.table import Column, Type
from tests.connectors.conftest import Source, rows_of

SLOW = {
    "postgresql": "SELECT pg_sleep(30)",
    "mysql": "SELECT SLEEP(30) FROM dual WHERE SLEEP(30) = 0",
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
}
NUMBERS = {
    "postgresql": "SELECT n FROM generate_series(1, {0}) AS n",
    "mysql": "SELECT seq FROM seq_1_to_{0}",
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {0}) SELECT x FROM n",
}


def end_all_connections(source: Source) -> None:
    """Do to the server's connections what a restart does."""
    if source.kind == "postgresql":
        source.database.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    if source.kind == "mysql":
        for (number,) in source.database.run(
            "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"
        ):
            source.database.run(f"KILL {number}")


@pytest.fixture
def table(source: Source) -> str:
    source.database.create("t", {"id": "integer PRIMARY KEY", "name": "varchar(10) NOT NULL", "owner": "integer"})
    source.database.insert("t", [(1, "one", None)])
    return source.name(source.table("t").ref)


def test_session_survives_a_restart(source: Source, table: str) -> None:
    streams = [source.session.query(f"SELECT id FROM {table}", (), stream=True) for _ in range(4)]
    assert [len(list(stream.batches)) for stream in streams] == [1] * 4
    source.session.write([(f"UPDATE {table} SET owner = 1", ())])

    end_all_connections(source)

    assert rows_of(source.session, f"SELECT id FROM {table}") == [(1,)]
    assert source.session.write([(f"UPDATE {table} SET owner = 2", ())])[0].row_count == 1
    end_all_connections(source)
    assert [info.ref.name for info in source.session.list_tables()] == ["t"]


@pytest.mark.parametrize("source", ["postgresql", "mysql"], indirect=True)  # a file does not hang up
def test_connection_that_breaks_in_a_transaction_fails_and_changes_nothing(source: Source, table: str) -> None:
    with pytest.raises(errors.ConnectionFailed), source.session.transaction() as transaction:
        transaction.execute(f"UPDATE {table} SET owner = 7", ())
        end_all_connections(source)
        transaction.execute(f"UPDATE {table} SET owner = 8", ())

    assert rows_of(source.session, f"SELECT owner FROM {table}") == [(None,)]


def test_statement_ends_at_the_timeout(source: Source) -> None:
    session = source.opened(Timeout=1)
    started = time.monotonic()

    with pytest.raises(errors.SourceTimeout):
        rows_of(session, SLOW[source.kind])

    assert time.monotonic() - started < 5
    assert rows_of(session, "SELECT 1") == [(1,)]
    session.close()


def test_reads_cannot_write(source: Source, table: str) -> None:
    with pytest.raises(errors.SourceRejected):
        rows_of(source.session, f"DELETE FROM {table}")

    assert rows_of(source.session, f"SELECT count(*) FROM {table}") == [(1,)]


def test_read_only_connection_refuses_transactions(source: Source, table: str) -> None:
    session = source.opened(read_only=True)

    with pytest.raises(errors.NotSupported):
        session.write([(f"DELETE FROM {table}", ())])
    session.close()


def test_failed_transaction_leaves_nothing(source: Source, table: str) -> None:
    mark = source.session.dialect.bind_mark
    insert = f"INSERT INTO {table} (id, name) VALUES ({mark}, {mark})"

    with pytest.raises(errors.ConstraintViolated):
        source.session.write([(insert, (2, "two")), (insert, (1, "again"))])
    with pytest.raises(LookupError), source.session.transaction() as transaction:
        transaction.execute(insert, (3, "three"))
        raise LookupError

    assert rows_of(source.session, f"SELECT id FROM {table}") == [(1,)]


def statements(source: Source) -> dict[str, tuple[str, tuple[Any, ...], type[Exception], str]]:
    return {
        "unique": ("INSERT INTO {t} (id, name) VALUES (1, 'secret')", (), errors.ConstraintViolated, "unique"),
        "not_null": ("INSERT INTO {t} (id, name) VALUES (5, NULL)", (), errors.ConstraintViolated, "not_null"),
        "foreign_key": ("INSERT INTO kid (id, t) VALUES (1, 99)", (), errors.ConstraintViolated, "foreign_key"),
        "check": ("INSERT INTO kid (id, age) VALUES (1, -1)", (), errors.ConstraintViolated, "check"),
        "table": ("SELECT secret FROM nowhere", (), errors.TableGone, ""),
        "column": ("SELECT secret FROM {t}", (), errors.TableGone, ""),
        "syntax": ("SELEC secret", (), errors.SourceRejected, ""),
    }


@pytest.mark.parametrize("case", ["unique", "not_null", "foreign_key", "check", "table", "column", "syntax"])
def test_errors_mean_the_same_everywhere_and_hold_no_sql(source: Source, table: str, case: str) -> None:
    source.database.run(
        "CREATE TABLE kid (id integer PRIMARY KEY, t integer, age integer CHECK (age >= 0), FOREIGN KEY (t) REFERENCES t (id))"
    )
    sql, binds, expected, kind = statements(source)[case]

    with pytest.raises(expected) as caught:
        source.session.write([(sql.format(t=table), binds)])

    assert type(caught.value) is expected
    assert getattr(caught.value, "kind", "") == kind
    assert "secret" not in caught.value.message + caught.value.hint


def test_stream_gives_batches_and_its_connection_back(source: Source) -> None:
    session = source.opened(MaxConnections=1, ConnectTimeout=1)
    sql = NUMBERS[source.kind].format(2500)

    result = session.query(sql, (), stream=True, batch_size=1000)
    sizes = [len(batch) for batch in result.batches]
    abandoned = session.query(sql, (), stream=True, batch_size=10)
    next(iter(abandoned.batches))
    abandoned.close()
    abandoned.close()

    assert sizes == [1000, 1000, 500]
    assert rows_of(session, "SELECT 1") == [(1,)]
    session.close()


def test_stream_gives_few_wide_rows_at_a_time(source: Source) -> None:
    wide = (
        NUMBERS[source.kind]
        .format(60)
        .replace("n FROM", "n, repeat('x', 1048576) FROM")
        .replace("seq FROM", "seq, repeat('x', 1048576) FROM")
    )
    wide = wide.replace("SELECT x FROM n", "SELECT x, hex(zeroblob(524288)) FROM n")
    result = source.session.query(wide, (), batch_size=1000, stream=True)

    sizes = [len(batch) for batch in result.batches]

    assert sum(sizes) == 60
    assert max(sizes) <= 25


def test_failing_statement_keeps_the_pool_whole(source: Source) -> None:
    session = source.opened(MaxConnections=1, ConnectTimeout=1)

    for _ in range(3):
        with pytest.raises(errors.TableGone):
            session.query("SELECT 1 FROM nowhere", (), stream=True)
        with pytest.raises(errors.TableGone):
            session.write([("DELETE FROM nowhere", ())])

    assert rows_of(session, "SELECT 1") == [(1,)]
    session.close()


def test_full_pool_fails_after_the_connect_timeout(source: Source) -> None:
    session = source.opened(MaxConnections=1, ConnectTimeout=1)
    held = session.query(NUMBERS[source.kind].format(5), (), stream=True)

    with pytest.raises(errors.ConnectionFailed, match="in use"):
        session.query("SELECT 1", ())

    held.close()
    session.close()


def test_threads_share_a_session(source: Source, table: str) -> None:
    found: list[Any] = []

    def work() -> None:
        for _ in range(5):
            found.extend(rows_of(source.session, f"SELECT id FROM {table}"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [(1,)] * 40


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_postgresql_plan_of_a_changed_table_is_made_anew(source: Source, table: str) -> None:
    for _ in range(8):  # psycopg prepares a statement that comes often
        rows_of(source.session, f"SELECT * FROM {table} WHERE id = %s", (1,))
    source.database.run("ALTER TABLE t ALTER COLUMN owner TYPE text")

    assert rows_of(source.session, f"SELECT * FROM {table} WHERE id = %s", (1,)) == [(1, "one", None)]


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
@pytest.mark.parametrize("text", ["'infinity'::date", "'20000-01-01'::timestamp", "'24:00'::time"])
def test_postgresql_dates_beyond_the_calendar_are_bad_values(source: Source, text: str) -> None:
    found = rows_of(source.session, f"SELECT {text}, 1")[0]
    decode = source.session.dialect.decode(Column("", Type.TIMESTAMP if "timestamp" in text else Type.DATE))

    assert found[1] == 1  # the rest of the row can be read
    assert decode is not None
    with pytest.raises(errors.BadValue, match="1 to 9999"):
        decode(found[0])


@pytest.mark.parametrize("source", ["mysql"], indirect=True)
def test_mysql_text_is_literal(source: Source) -> None:
    for text in ("a\\'b", "\\", "' OR 1=1 -- ", "%s"):
        assert rows_of(source.session, "SELECT %s", (text,)) == [(text,)]
    with pytest.raises(errors.ConnectorError):
        source.session.write([("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t", ())])


@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
def test_sqlite_file_that_was_replaced_is_opened_anew(source: Source, table: str, tmp_path: Path) -> None:
    assert rows_of(source.session, f"SELECT id FROM {table}") == [(1,)]
    path = Path(source.properties()["Database"])
    source.database.run("UPDATE t SET id = 2")
    source.database.run("VACUUM INTO '" + str(tmp_path / "copy.db") + "'")
    source.database.run("UPDATE t SET id = 1")
    (tmp_path / "copy.db").replace(path)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)

    assert rows_of(source.session, f"SELECT id FROM {table}") == [(2,)]


@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "sql", ["ATTACH '/tmp/other.db' AS other", "VACUUM INTO '/tmp/other.db'", "PRAGMA query_only = OFF", "SELECT load_extension('x')"]
)
def test_sqlite_reaches_no_other_file(source: Source, sql: str) -> None:
    with pytest.raises(errors.ConnectorError):
        rows_of(source.session, sql)
    assert not Path("/tmp/other.db").exists()


@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
def test_sqlite_missing_file_is_not_created(source: Source, tmp_path: Path) -> None:
    session = source.opened(Database=str(tmp_path / "none.db"))

    with pytest.raises(errors.ConnectionFailed):
        session.list_tables()

    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_no_statement_is_compiled(source: Source) -> None:
    assert rows_of(source.session, "SELECT current_setting('jit')") == [("off",)]


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_a_slow_reader_of_a_long_answer_is_not_a_slow_statement(source: Source) -> None:
    session = source.opened(Timeout=1)
    stream = session.query("SELECT n, repeat('x', 2000) FROM generate_series(1, 20000) n", (), stream=True)
    rows = len(next(iter(stream.batches)))

    time.sleep(1.5)
    rows += sum(len(batch) for batch in stream.batches)

    assert rows == 20000
    with pytest.raises(errors.SourceTimeout):
        rows_of(session, SLOW[source.kind])
    session.close()


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
@pytest.mark.parametrize("sql", ["SELECT pg_sleep(30)", "SELECT pg_sleep(0.04) FROM generate_series(1, 5000)"])
def test_a_long_answer_whose_rows_do_not_come_ends_at_the_timeout(source: Source, sql: str) -> None:
    session = source.opened(Timeout=1)
    started = time.monotonic()

    with pytest.raises(errors.SourceTimeout):
        rows_of(session, sql, stream=True)

    assert time.monotonic() - started < 15
    assert rows_of(session, "SELECT 1", stream=True) == [(1,)]
    session.close()


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_a_long_answer_that_is_left_gives_the_connection_its_timeout_back(source: Source) -> None:
    session = source.opened(Timeout=1, MaxConnections=1)
    stream = session.query("SELECT n FROM generate_series(1, 100000) n", (), stream=True)
    next(iter(stream.batches))
    stream.close()

    assert rows_of(session, "SELECT current_setting('statement_timeout')") == [("1s",)]
    session.close()
