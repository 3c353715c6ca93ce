"""Rows that PostgreSQL writes as JSON are, byte for byte, the rows that are made here."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from connections.connectors.sql.session import SqlSession
from connections.contract.errors import AnswerTooLarge
from tests import databases
from tests.databases import Database
from tests.odata.service_harness import Service, open_service

COLUMNS = {
    "id": "integer PRIMARY KEY",
    "r": "text",
    "short": "varchar(20)",
    "fixed": "char(5)",
    "exact": "numeric(12,2)",
    "yes": "boolean",
    "f8": "double precision",
    "f4": "real",
    "day": "date",
    "local": "timestamp",
    "at": "timestamptz",
    "milli": "timestamptz(3)",
    "clock": "time",
    "code": "uuid",
    "doc": "jsonb",
    "big": "bigint",
    'we%ird "é"': "text",
}
ROWS = """
(1, E'a"b\\\\c\\n\\u00e9\\u0001\\u2028</x>', 'x%s', 'ab', 1.50, true, 0.1, 0.1, '2024-02-29', '2024-02-29 12:00:00.5',
 '2024-02-29 12:00+09', '2024-02-29 12:00:00.120', '12:00:00.25', '84bf31a9-7f88-4959-be0f-653d107b3d21', '{"a": 1}',
 9007199254740993, '%'),
(2, null, null, null, null, null, 'Infinity', '-Infinity', null, null, null, null, null, null, null, null, null),
(3, '', '', '', 'NaN', false, 'NaN', 'NaN', '0001-01-01', '0001-01-01', '9999-12-31 23:59:59.999999+00', '0001-01-01', '23:59:59.999999',
 null, '"x"', -1, ''),
(4, 'null', 'x', 'x    ',
 -0.01, true, 0.25, 2.5, '9999-12-31', '9999-12-31 23:59:59.999999', '1970-01-01', now(), '00:00', null, '[]', 0, 'x')
"""
BEYOND = {"day": "'infinity'", "local": "'0044-03-15 BC'", "at": "'10000-01-01'", "milli": "'-infinity'", "clock": "'24:00'"}


NAME = f"build_json{os.environ.get('APISERVER_TEST_SUFFIX', '')}{os.environ.get('PYTEST_XDIST_WORKER', '')}_"
PAGES = ["odd", "odd?$orderby=f8 desc,r", "odd?$select=r,id", "odd?$filter=r ne null&$count=true", "odd?$top=1&$skip=1", "odd?$search=x"]
WRITTEN_HERE = ["odd(1)", "odd?$top=0", "odd?$compute=id add 1 as next", "plain?$select=raw", "plain?$select=any_number", "plain?$top=1"]


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    made = databases.make("postgresql", "build_json", request, tmp_path)
    made.run(f"CREATE TABLE odd ({', '.join(f'{made.quote(name)} {kind}' for name, kind in COLUMNS.items())})")
    made.run(f"INSERT INTO odd VALUES {ROWS}")
    made.run(f'CREATE TABLE plain (id integer PRIMARY KEY, raw bytea, any_number numeric, "{"é" * 31}x" text)')
    made.run("INSERT INTO plain SELECT n, '\\xff', 'NaN', 'x' FROM generate_series(1, 3000) n")
    return made


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that sessions run."""
    noted: list[str] = []
    query = SqlSession.query

    def noting(self: SqlSession, sql: str, *rest: object, **options: object) -> object:
        noted.append(sql)
        return query(self, sql, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlSession, "query", noting)
    return noted


def as_single(value: float) -> bytes:
    """Return the 32 bits: of two decimals equally near, each is right."""
    return struct.pack("<f", value)


def opened(database: Database, *, builds: bool, tables: tuple[str, ...] = ("odd", "plain")) -> Service:
    """Return the service of somebody who only reads, over a connection with or without BuildJSON."""
    connection = {**database.connection, "properties": {**database.connection["properties"], "BuildJSON": builds}}
    service = open_service(replace(database, connection=connection), tables)
    only_get = {name: replace(item, methods=frozenset({"GET"})) for name, item in service.catalog.resources.items()}
    return replace(service, catalog=replace(service.catalog, resources=only_get))


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_the_same_bytes(database: Database, statements: list[str], path: str) -> None:
    here, there = (opened(database, builds=builds).get(path) for builds in (False, True))

    assert (there.status, there.body) == (200, here.body)
    assert sum("row_to_json" in sql for sql in statements) == 1


def test_floats_are_the_same_numbers_however_they_are_written(database: Database) -> None:
    database.run("CREATE TABLE floats (id integer PRIMARY KEY, f8 double precision, f4 real)")
    database.run("INSERT INTO floats SELECT n, random() * 10.0 ^ (n - 300), random() * 10.0 ^ (n % 70 - 35) FROM generate_series(1, 600) n")
    here, there = (opened(database, builds=builds, tables=("floats",)).get("floats").rows for builds in (False, True))

    assert [(row["f8"], as_single(row["f4"])) for row in there] == [(row["f8"], as_single(row["f4"])) for row in here]


@pytest.mark.parametrize("path", WRITTEN_HERE)
def test_what_the_database_can_not_write_is_written_here(database: Database, statements: list[str], path: str) -> None:
    here, there = (opened(database, builds=builds).get(path) for builds in (False, True))

    assert (there.status, there.body) == (200, here.body)
    assert not any("row_to_json" in sql for sql in statements)


def test_rows_with_etags_are_written_here(database: Database, statements: list[str]) -> None:
    service = opened(database, builds=True).seen_with("odd", methods=frozenset({"GET", "PATCH"}))

    assert all("@odata.etag" in row for row in service.get("odd").rows)
    assert not any("row_to_json" in sql for sql in statements)


def test_next_links_lead_through_all_rows(database: Database, statements: list[str]) -> None:
    service = opened(database, builds=True).seen_with(page_size=2)
    first = service.get("odd?$orderby=short desc,at")
    second = service.follow(first.json["@odata.nextLink"])

    whole = opened(database, builds=False).get("odd?$orderby=short desc,at").rows
    assert [row["id"] for row in first.rows + second.rows] == [row["id"] for row in whole]
    assert "@odata.nextLink" not in second.json


def test_streams_are_the_same_bytes(database: Database, statements: list[str]) -> None:
    path = "plain?$select=id"
    here, there = (opened(database, builds=builds).seen_with(page_size=0, max_page_size=0).get(path) for builds in (False, True))

    assert there.body == here.body
    assert len(there.rows) == 3000


@pytest.mark.parametrize("name", BEYOND)
def test_values_that_odata_can_not_say_are_named_with_their_row(database: Database, name: str) -> None:
    database.run(f"UPDATE odd SET {name} = {BEYOND[name]} WHERE id = 3")
    here, there = (opened(database, builds=builds).get("odd") for builds in (False, True))

    assert (there.status, there.body) == (400, here.body)
    assert there.error["target"] == name


def test_page_that_is_too_large_for_one_text_is_read_row_by_row(database: Database, statements: list[str]) -> None:
    path = "odd?$select=id,r&$count=true&$orderby=id desc"
    whole = opened(database, builds=True).get(path)
    statements.clear()
    query = SqlSession.query

    def refusing(self: SqlSession, sql: str, *rest: object, **options: object) -> object:
        if "string_agg" in sql:
            raise AnswerTooLarge("The database can't hold the answer in one piece.")
        return query(self, sql, *rest, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlSession, "query", refusing)
        again = opened(database, builds=True).get(path)

    assert (again.status, again.body) == (200, whole.body)
    assert not any("string_agg" in sql for sql in statements)


def test_page_in_one_text_tells_its_rows_to_the_log(database: Database, statements: list[str]) -> None:
    service = opened(database, builds=True).seen_with(page_size=1000)

    found = service.get("plain?$select=id&$top=700&$orderby=id desc")

    assert [row["id"] for row in found.rows] == list(range(3000, 2300, -1))
    assert service.log["rows"] == 700
    assert sum("string_agg" in sql for sql in statements) == 1


@pytest.mark.parametrize("path", ["coins", "coins?$top=1", "coins?$filter=größe eq 'weiß'"])
@pytest.mark.parametrize("encoding", ["LATIN1", "EUC_JP", "SQL_ASCII"])
def test_databases_in_other_encodings(request: pytest.FixtureRequest, tmp_path: Path, encoding: str, path: str) -> None:
    made = databases.postgresql(f"{NAME}{encoding.lower()}", request, tmp_path, encoding=encoding)
    made.run('CREATE TABLE coins (id integer PRIMARY KEY, "größe" text)')
    made.run("INSERT INTO coins VALUES (1, 'weiß')")
    here, there = (opened(made, builds=builds, tables=("coins",)).get(path) for builds in (False, True))

    assert here.rows == [{"id": 1, "größe": "weiß"}]
    assert (there.status, there.body) == (200, here.body)


def test_bytes_that_are_no_text_are_refused(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    made = databases.postgresql(f"{NAME}ascii", request, tmp_path, encoding="SQL_ASCII")
    made.run("CREATE TABLE odd (id integer PRIMARY KEY, r text)")
    made.run("SET client_encoding = 'SQL_ASCII'; INSERT INTO odd VALUES (1, E'\\xff')")
    found = [opened(made, builds=builds, tables=("odd",)).get(path) for builds in (False, True) for path in ("odd", "odd(1)")]

    assert [(reply.status, reply.error["code"]) for reply in found] == [(400, "InvalidValue")] * 4


@pytest.mark.parametrize("columns", ["at integer, note text", "note json"])
@pytest.mark.parametrize("path", ["log", "log?$top=3", "log?$orderby=note", "log?$skip=1", "log?$count=true"])
def test_pages_of_tables_without_a_key(database: Database, statements: list[str], columns: str, path: str) -> None:
    database.run(f"CREATE TABLE log ({columns})")
    database.run(f"INSERT INTO log (note) SELECT CAST(to_json('é' || n) AS text)::{columns.split()[-1]} FROM generate_series(1, 30) n")
    services = [opened(database, builds=builds, tables=("log",)) for builds in (False, True)]
    here, there = ([service.get(path, Prefer=f"maxpagesize={size}") for size in (2, 50)] for service in services)

    assert [(reply.status, reply.body) for reply in there] == [(200, reply.body) for reply in here]
    assert sum("row_to_json" in sql for sql in statements) >= 2
