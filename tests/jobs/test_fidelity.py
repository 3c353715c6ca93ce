"""Fifty tables of PostgreSQL go to MariaDB and back, and are the same by type and value: every type, extremes, odd names."""

from __future__ import annotations

from pathlib import Path

import pytest

from apiserver.jobs.moving import Order, Settings, move
from apiserver.jobs.replicate import replicate
from tests.databases import Database, make
from tests.jobs.moves import Counting, connected

# Type -> values as PostgreSQL writes them; each is a table with these rows and a null.
VALUES: dict[str, list[str]] = {
    "boolean": ["true", "false"],
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "numeric": ["NaN", "Infinity", "-1.50", "1" * 70 + "." + "2" * 40],
    "numeric(38,10)": ["1234567890123456789012345678.0123456789", "NaN"],
    "numeric(70,2)": ["9" * 68 + ".99"],
    "numeric(12,2)": ["-9999999999.99", "0.10", "0"],
    "numeric(3,-2)": ["12300"],
    "real": ["3.4028235e38", "1e-45", "1.1", "0.1", "NaN", "-Infinity"],
    "double precision": ["1.7976931348623157e308", "5e-324", "0.1", "-0", "NaN", "Infinity"],
    "money": ["$1,234.56"],
    "text": ["", " ", "日本語 😀 \t\n\\ '\" %s \\N", "é vs é", "x" * 70_000],
    "character varying(10)": ["abc  ", "ÄÖÜßé日本語😀x"],
    "character varying(9000)": ["long" * 2000],
    "character(5)": ["ab", "日本"],
    '"char"': ["a"],
    "name": ["some_name"],
    "bytea": ["", "\\x00ff0a5c27"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "c0ffee00-dead-4eef-8000-0123456789ab", "eccbc87e-4b5c-e2fe-2830-8fd9f2a7baf3"],
    "json": ['{"b": 1, "a": [1.10, 12345678901234567890.123], "b": 2}', "null", '"x"'],
    "jsonb": ['{"a": {"日": [1, null, 1e400]}}', "[]", "12345678901234567890.10"],
    "xml": ["<a b='1'>x</a>"],
    "date": ["0001-01-01", "9999-12-31", "2024-02-29"],
    "time(3) without time zone": ["00:00:00", "23:59:59.999"],
    "time without time zone": ["23:59:59.999999", "24:00:00"],
    "time with time zone": ["12:00:00+05:30", "23:59:59.999999-15:59"],
    "timestamp without time zone": ["2024-03-31 02:30:00.123456", "9999-12-31 23:59:59.999999", "0044-03-15 12:00:00 BC"],
    "timestamp(3) without time zone": ["2024-03-31 02:30:00.123"],
    "timestamp with time zone": ["2024-03-31 02:30:00.123456+09", "infinity", "-infinity", "12024-01-01 00:00:00+00"],
    "timestamp(0) with time zone": ["1969-12-31 23:59:59+00"],
    "interval": ["1 year 2 mons -3 days 04:05:06.789", "-178000000 years", "00:00:00"],
    "interval day to second(3)": ["3 days 04:05:06.789", "-1 days"],
    "inet": ["10.0.0.1/8", "::1"],
    "cidr": ["10.0.0.0/8"],
    "macaddr": ["08:00:2b:01:02:03"],
    "bit(5)": ["10101"],
    "bit varying(8)": ["1", "10101010"],
    "point": ["(1.5,-2.5)"],
    "polygon": ["((0,0),(1,1),(2,0))"],
    "tsvector": ["'a':1A 'fat':2 'cat'"],
    "int4range": ["[1,5)", "empty"],
    "tstzrange": ['["2024-01-01 00:00:00+00",)'],
    "integer[]": ["{1,NULL,-3}", "{}", "{{1,2},{3,4}}"],
    "text[]": ['{"a,b","q\\"x",NULL,"NULL","\\\\",""}'],
    "numeric(10,2)[]": ["{1.10,NaN}"],
    "timestamp with time zone[]": ['{"2024-01-01 00:00:00.5+00",infinity}'],
    "jsonb[]": ['{"{\\"a\\": [1, 2.50]}","[1]"}'],
    "interval[]": ['{"1 mon","2 days"}'],
}
ODD = "Wört \"100%\" 'x' `y` 日本 [b] a.b;--"


@pytest.fixture(scope="module")
def ends(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Database, Database, Database]:
    folder: Path = tmp_path_factory.mktemp("fidelity")
    first, last = (make("postgresql", name, request, folder) for name in ("fidelity_first", "fidelity_last"))
    return first, make("mysql", "fidelity_middle", request, folder), last


def filled(database: Database) -> list[str]:
    """Make the tables; return their names."""
    statements = ["SET lc_monetary = 'C'"]
    for number, (kind, values) in enumerate(VALUES.items()):
        statements.append(f"CREATE TABLE t{number} (id integer PRIMARY KEY, v {kind})")
        rows = ", ".join(f"({place}, {quoted(value)})" for place, value in enumerate([*values, None]))
        statements.append(f"INSERT INTO t{number} VALUES {rows}")
    odd = database.quote(ODD)
    statements += [
        f'CREATE TABLE {odd} ({odd} text, "select" text, b bytea, {database.quote("x" * 63)} date, PRIMARY KEY ({odd}, "select"))',
        f"INSERT INTO {odd} VALUES ('k%', '日', '\\x00', '2024-01-01'), ('K%', ' 日', NULL, NULL), ('k% ', '日', NULL, NULL)",
        "CREATE TABLE nothing (id bigint PRIMARY KEY, a text)",
        "CREATE TABLE guids (id uuid PRIMARY KEY, v uuid)",
        "INSERT INTO guids SELECT uuid(md5(text(n))), uuid(md5(text(-n))) FROM generate_series(1, 50) n",
        "CREATE TABLE keyless (a integer, b character varying(3))",
        "INSERT INTO keyless VALUES (1, 'a'), (1, 'a'), (NULL, NULL)",
        f"CREATE TABLE wide (id integer PRIMARY KEY, {', '.join(f'c{n} character varying(2000)' for n in range(60))})",
        f"INSERT INTO wide (id, c0, c59) VALUES (1, {quoted('é' * 2000)}, 'x')",
    ]
    database.run(";\n".join(statements))
    return [*(f"t{number}" for number in range(len(VALUES))), ODD, "nothing", "guids", "keyless", "wide"]


def quoted(text: str | None) -> str:
    return "NULL" if text is None else "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def shown(database: Database, table: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the columns with their types, and the rows as PostgreSQL writes them."""
    columns = database.run(
        "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped ORDER BY attnum",
        (database.quote(table),),
    )
    return columns, sorted(row[0] for row in database.run(f"SELECT CAST(t AS text) FROM {database.quote(table)} t"))


@pytest.mark.django_db
def test_all_types_go_to_mariadb_and_come_back_as_they_were(ends: tuple[Database, Database, Database]) -> None:
    first, _, last = ends
    tables = filled(first)
    ids = [connected(database, name).pk for database, name in zip(ends, ("first", "middle", "last"), strict=True)]

    for number, table in enumerate(tables):
        for source, destination in ((ids[0], ids[1]), (ids[1], ids[2])):
            name = table.replace("]", "]]")
            move(Order(f"{number}-{source}", replicate(f"REPLICATE [{name}]"), source, destination, settings=Settings()), Counting())

    assert len(tables) >= 50
    wrong = {table: (shown(first, table), shown(last, table)) for table in tables if shown(first, table) != shown(last, table)}
    assert wrong == {}
